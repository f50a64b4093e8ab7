import math

import numpy as np
import pytest
from trackeval.datasets import Kitti2DBox

from drivesim.datasets.kitti import read_kitti
from drivesim.errors import UserError
from drivesim.exports import export
from drivesim.exports.kitti import OCCLUDED, TRUNCATED, level
from drivesim.exports.kitti_space import calibration, camera_of, center, location, wrapped
from scenarios.camera import box_corners, project_box, project_points
from scenarios.facts import Camera, ObjectFacts
from tests.dataset_fixtures import CAMERA, CLIPS, FRAMES, HEIGHT, WIDTH, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("native"))


@pytest.fixture(scope="module")
def out(dataset, tmp_path_factory):
    return export(dataset, "kitti", tmp_path_factory.mktemp("kitti") / "out")


def test_a_line_is_as_worked_out_by_hand(out):
    lines = [line.split() for line in (out / "training" / "label_02" / "0000.txt").read_text().splitlines()]
    assert len(lines) == 5 * FRAMES
    car = lines[0]
    assert car[:5] == ["0", "1", "Car", "0", "0"]
    # ahead by 21.6 - 1.6 m, left by 8.1 - 0.1 m, bottom 1.5 m below the camera; heading 0.5 rad to the left
    expected = [10.25, 30.5, 29.75, 44.0, 1.5, 1.8, 4.5, -8.0, 1.5, 20.0, -0.5 - math.pi / 2]
    assert [float(value) for value in car[6:]] == pytest.approx(expected, abs=1e-6)
    assert float(car[5]) == pytest.approx(-0.5 - math.pi / 2 + math.atan2(8, 20), abs=1e-6)  # alpha
    bicycle, van, bus = lines[2], lines[3], lines[4]
    assert (bicycle[2:5], van[2:5]) == (["Cyclist", "0", "1"], ["Van", "1", "0"])
    assert [float(value) for value in van[6:10]] == [100, 10, WIDTH - 1, HEIGHT - 1]
    assert [float(value) for value in van[10:]] == [-1, -1, -1, -1000, -1000, -1000, -10]
    assert bus[1:3] == ["-1", "DontCare"]  # KITTI has no class for it


def test_trackeval_finds_boxes_tracks_splits_and_what_to_ignore(dataset, out, tmp_path):
    numbers = {name: f"{number:04d}" for number, (name, _, _) in enumerate(CLIPS)}
    for split in ("train", "val", "test"):
        names = [name for name, _, of in CLIPS if of == split]
        for name in names:
            data = tmp_path / split / "same" / "data" / f"{numbers[name]}.txt"
            data.parent.mkdir(parents=True, exist_ok=True)
            data.write_text((out / "training" / "label_02" / data.name).read_text())
        reader = Kitti2DBox(
            {"GT_FOLDER": str(out / "training"), "TRACKERS_FOLDER": str(tmp_path / split), "SPLIT_TO_EVAL": split,
             "PRINT_CONFIG": False}
        )  # fmt: skip
        assert reader.seq_list == [numbers[name] for name in names]
        assert set(reader.seq_lengths.values()) == {FRAMES}
        for name in names:
            raw = reader._load_raw_file("same", numbers[name], is_gt=True)
            for index in range(FRAMES):
                doubted = (name, index) == ("b-rollout", 1)
                tracks = [1, 4, 5] if doubted else [1, 2, 4, 5]
                assert raw["gt_ids"][index].tolist() == tracks
                assert raw["gt_dets"][index][0].tolist() == [10.25 + index, 30.5, 29.75 + index, 44]
                ignored = raw["gt_crowd_ignore_regions"][index].tolist()
                bus, person = [40, 25, 47, 32], [60, 20, 67, 43]
                assert ignored == ([person, bus] if doubted else [bus])


def test_export_then_import_gives_the_facts_back(dataset, out):
    clips = {clip.name: clip for clip in read_kitti(out)}
    assert sorted(clips) == [name for name, _, _ in CLIPS]
    for row, clip in dataset.clips():
        found = clips[row.id]
        assert (found.rate, found.origin, found.provenance["split"]) == (clip.rate, row.source, row.split)
        assert np.array_equal(found.read([0, 2]), clip.read([0, 2]))  # PNG
        for facts, wanted in zip(found.facts, clip.facts, strict=True):
            same = ("index", "daylight", "weather", "crowdedness")
            assert [getattr(facts, key) for key in same] == [getattr(wanted, key) for key in same]
            doubted = (row.id, facts.index) == ("b-rollout", 1)
            known = [t for t in wanted.objects if t.track_id in ((1, 4, 5) if doubted else (1, 2, 4, 5))]
            assert [(t.track_id, t.category, t.box) for t in facts.objects] == [
                (t.track_id, t.category, pytest.approx(t.box, abs=1e-6)) for t in known
            ]
            for thing, other in zip(facts.objects, known, strict=True):
                assert level(thing.occlusion, OCCLUDED) == level(other.occlusion, OCCLUDED)
                assert level(thing.truncation, TRUNCATED) == level(other.truncation, TRUNCATED)
                assert (thing.size, thing.center is None) == (other.size, other.center is None)
                if other.center is not None:
                    assert thing.center == pytest.approx(other.center, abs=2e-6)
                    assert abs(wrapped(thing.heading - other.heading)) < 2e-6


def test_camera_comes_back(out):
    found = read_kitti(out)[0].facts[0].camera
    for name in Camera.__slots__:
        assert getattr(found, name) == pytest.approx(getattr(CAMERA, name), abs=1e-5), name


@pytest.mark.parametrize("pitch", [0.0, 0.15, -0.1])
def test_a_box_rebuilt_as_the_development_kit_does_it_projects_to_our_pixels(pitch):
    camera = Camera(x=1.2, y=-0.3, z=1.7, pitch=pitch, cx=500.0)
    thing = ObjectFacts(1, "car", (0, 0, 1, 1), center=(19.0, 3.0, 0.9), size=(4.5, 1.8, 1.6), heading=0.7)
    (x, y, z), turn = location(camera, thing)
    length, width, height = thing.size
    # computeBox3D.m: corners about the underside's middle, turned about y, then projected by P2
    corners = np.array(
        [[length / 2, length / 2, -length / 2, -length / 2] * 2, [0] * 4 + [-height] * 4,
         [width / 2, -width / 2, -width / 2, width / 2] * 2]
    )  # fmt: skip
    cos, sin = math.cos(turn), math.sin(turn)
    corners = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) @ corners + np.array([[x], [y], [z]])
    seen = calibration(camera)["P2"] @ np.vstack([corners, np.ones(8)])
    found = (seen[:2] / seen[2]).T + 0.5  # KITTI's pixel centres are whole numbers
    ours, _ = project_points(camera, box_corners(thing.center, thing.size, thing.heading))
    assert np.allclose(sorted(found.tolist()), sorted(ours.tolist()), atol=1e-6)
    box = project_box(camera, thing.center, thing.size, thing.heading).amodal_box
    assert [*found.min(axis=0), *found.max(axis=0)] == pytest.approx(box, abs=1e-3)
    assert center(camera, (x, y, z), thing.size, turn) == (pytest.approx(thing.center), pytest.approx(0.7))


def test_scanner_of_the_real_car_stands_where_kitti_says():
    matrices = {
        "P2": np.array([[721.5377, 0, 609.5593, 44.85728], [0, 721.5377, 172.854, 0.2163791], [0, 0, 1, 0.002745884]]),
        "Tr_velo_cam": np.array([[0, -1, 0, 0.0], [0, 0, -1, -0.08], [1, 0, 0, -0.27]]),
        "Tr_imu_velo": np.array([[1, 0, 0, -0.81], [0, 1, 0, 0.32], [0, 0, 1, -0.80]]),
    }
    camera, shift = camera_of(matrices, 1242, 375, imu_height=0.93)
    assert (camera.fx, camera.cx, camera.pitch) == (721.5377, 610.0593, 0.0)
    assert (camera.x, camera.y, camera.z) == pytest.approx((1.08, -0.32, 1.65))  # 1.65 m: the set-up's own figure
    assert shift == pytest.approx((0.0598, -0.0004, 0.0027), abs=1e-4)  # from the left grey to the left colour camera


def foreign(folder, line="0 3 Car 0 3 -1.5 10 10 19 19 1.5 1.8 4.5 1 1.6 20 -1.57"):
    import cv2

    (folder / "image_02" / "0007").mkdir(parents=True)
    (folder / "label_02").mkdir()
    cv2.imwrite(str(folder / "image_02" / "0007" / "000000.png"), np.zeros((20, 40, 3), np.uint8))
    (folder / "label_02" / "0007.txt").write_text(f"{line}\n0 -1 DontCare -1 -1 -10 1 1 2 2 -1 -1 -1 -1000 -10 -1 -1\n")
    return folder


def test_foreign_sequence_is_a_real_clip(tmp_path):
    (clip,) = read_kitti(foreign(tmp_path / "theirs"))
    facts = clip.facts[0]
    assert (clip.name, clip.origin, clip.fps, facts.daylight, facts.camera) == ("0007", "real", 10.0, None, None)
    (thing,) = facts.objects
    assert (thing.track_id, thing.box, thing.occlusion, thing.size) == (3, (10, 10, 20, 20), None, (4.5, 1.8, 1.5))
    assert (thing.center, thing.depth) == (None, None)  # no calibration says where it is


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 3 Car 0 0", r"0007.txt:1: 5 columns, expected 17"),
        ("9 3 Car 0 0 0 10 10 19 19 1 1 1 1 1 1 0", "frame is 9, expected 0 to 0"),
        ("0 3 Car 0 0 0 nan 10 19 19 1 1 1 1 1 1 0", "expected finite numbers"),
        ("0 3 Car 0 7 0 10 10 19 19 1 1 1 1 1 1 0", "7 not found"),
        ("0 x Car 0 0 0 10 10 19 19 1 1 1 1 1 1 0", "invalid literal"),
        ("0 3 Car 0 0 0 30 10 19 19 1 1 1 1 1 1 0", "expected x1 <= x2"),
    ],
)
def test_malformed_line_is_told_in_one_line(tmp_path, line, message):
    with pytest.raises(UserError, match=message) as error:
        read_kitti(foreign(tmp_path / "theirs", line))
    assert "\n" not in str(error.value)


def test_link_that_leads_outside_is_refused(tmp_path):
    folder = foreign(tmp_path / "theirs")
    (tmp_path / "secret.png").write_bytes((folder / "image_02" / "0007" / "000000.png").read_bytes())
    (folder / "image_02" / "0007" / "000001.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(UserError, match="leads outside"):
        read_kitti(folder)

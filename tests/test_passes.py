"""Passes that are stored with a clip: what is read is what the town drew."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from drivesim.cli import main
from drivesim.clips import read_clip
from drivesim.clips.passes import PASSES, from_picture, read_pass, to_picture
from drivesim.errors import UserError
from drivesim.exports import export
from drivesim.generate import generate, suite_of
from drivesim.town import CLASSES, Town, render
from scenarios import compile, load


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("semantic", np.array([[0, 17], [3, 255]], np.uint8)),
        ("instance", np.array([[0, 1], [70_000, 2**24 - 1]], np.int32)),
        ("depth", np.array([[0.0, 3.25], [16_000.25, np.inf]], np.float32)),
    ],
)
def test_a_picture_of_a_pass_tells_its_values(name, values):
    picture = to_picture(name, values)
    assert picture.dtype == np.uint8
    assert picture.shape == (2, 2, 3)
    found = from_picture(name, picture)
    assert found.dtype == values.dtype
    np.testing.assert_allclose(found, values, atol=0.001)


def test_what_has_no_place_in_three_bytes_is_refused():
    with pytest.raises(ValueError, match="expected 0 to 16777215"):
        to_picture("instance", np.array([[-1]]))
    with pytest.raises(ValueError, match="pass is 'flow'"):
        to_picture("flow", np.zeros((1, 1)))


def test_what_is_read_is_what_the_town_drew(tmp_path):
    timeline = compile(load("dense_traffic", {"clock.duration": 1.0}), fps=2)
    clip = render(timeline, tmp_path / "clip", size=(64, 128), passes=PASSES, overlay=True)
    assert sorted(path.name for path in clip.path.iterdir() if path.suffix in (".mp4", ".mkv")) == [
        "depth.mkv", "instance.mkv", "overlay.mp4", "semantic.mkv", "video.mp4"
    ]  # fmt: skip
    assert clip.provenance["passes"]["semantic"] == list(CLASSES)
    with Town(timeline.camera.resized(width=128, height=64)) as town:
        for k in range(2):
            drawn = town.render(timeline, k, PASSES)
            for name in PASSES:
                (found,) = read_pass(clip, name, [k])
                np.testing.assert_allclose(found, getattr(drawn, name), atol=0.001)
        assert len(np.unique(drawn.instance)) > 1
    assert render(timeline, tmp_path / "clip", size=(64, 128), passes=PASSES).path == clip.path  # found, not made


def test_a_clip_says_which_passes_it_has(tmp_path):
    timeline = compile(load("empty_road", {"clock.duration": 0.5}), fps=2)
    clip = render(timeline, tmp_path / "clip", size=(32, 64), passes=["depth"])
    with pytest.raises(UserError, match="found no pass 'semantic'; it has depth"):
        next(read_pass(clip, "semantic", [0]))


def test_the_command_stores_passes_and_names_those_there_are(tmp_path, capsys):
    wanted = ["render", "empty_road", "--set", "clock.duration=0.5", "--fps", "2", "--out", str(tmp_path / "out")]
    assert main([*wanted, "--pass", "semantic"]) == 0
    assert "semantic" in read_clip(tmp_path / "out").videos
    capsys.readouterr()
    assert main([*wanted[:-1], str(tmp_path / "other"), "--pass", "flow"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "drivesim: found the pass 'flow', expected some of semantic, instance, depth"
    ]
    assert not (tmp_path / "other").exists()


def test_passes_reach_the_formats_that_have_a_place_for_them(tmp_path):
    suite = {
        "name": "passes", "size": [64, 128], "fps": 2, "frames": 2, "passes": ["semantic", "depth"],
        "clips": [{"scenario": "lead_slower"}],
    }  # fmt: skip
    dataset = generate(suite_of(suite), tmp_path / "data", engine="inline", workers=1).dataset
    (row,) = dataset.rows
    clip = dataset.clip(row)
    kitti, bdd = export(dataset, "kitti", tmp_path / "kitti"), export(dataset, "bdd100k", tmp_path / "bdd")
    for k in range(2):
        (semantic,) = read_pass(clip, "semantic", [k])
        (depth,) = read_pass(clip, "depth", [k])
        ours = {name: semantic == number for number, name in enumerate(CLASSES)}
        ids = np.asarray(Image.open(kitti / f"training/semantic/0000/{k:06d}.png"))
        trained = np.asarray(
            Image.open(bdd / f"labels/sem_seg/masks/{row.split}/{row.id}/{row.id}-{k + 1:07d}.png")
        )  # fmt: skip
        for name, cityscapes_id, train_id in (("sky", 23, 10), ("building", 11, 2), ("sidewalk", 8, 1)):
            np.testing.assert_array_equal(ids == cityscapes_id, ours[name])
            np.testing.assert_array_equal(trained == train_id, ours[name])
        np.testing.assert_array_equal(ids == 7, ours["road"] | ours["marking"])
        metres = np.asarray(Image.open(kitti / f"training/proj_depth/groundtruth/image_02/0000/{k:06d}.png")) / 256
        near = depth < 255
        np.testing.assert_allclose(metres[near], depth[near], atol=1 / 256)
        assert (metres[~near] == 0).all()
        assert near.any()
        assert ours["sky"].any()

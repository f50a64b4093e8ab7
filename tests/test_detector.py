"""The reference detector: who answers for which box, the losses, training on coloured boxes, and its ONNX file."""

from __future__ import annotations

import hashlib
import json
from random import Random

import cv2
import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch

from drivesim.clips import ClipWriter
from drivesim.errors import UserError
from drivesim.networks.detector import Detector, DetectorConfig, cells
from drivesim.perception import load_detector, scene
from drivesim.perception.detectors.layouts import METADATA_KEY, layout_from
from drivesim.training import train_stage
from drivesim.training.detector import assign, daylight_loss, lane_loss, overlaps, quality_focal, weather_loss
from drivesim.training.detector_data import (
    ABSENT,
    IGNORED,
    UNKNOWN,
    DetectorData,
    Sample,
    augmented,
    lane_cells,
    read_frames,
    sample_of,
)
from drivesim.training.detector_run import LAYOUT_KEY, SCENE_KEY, Exported, export
from drivesim.training.plan import Plan, StagePlan
from scenarios.facts import (
    WEATHERS,
    Camera,
    FrameFacts,
    LaneLine,
    ObjectFacts,
    RoadFacts,
    categories,
)
from scenarios.lane_lines import lines_in_view

CAMERA = Camera(width=128, height=64, fx=100, fy=100, cx=64, cy=20, x=0.0)
TINY = DetectorConfig(size=(64, 128), widths=(8, 8, 16, 16, 16), blocks=(1, 1, 1, 1), head=16)


def test_the_network_is_small_enough_for_a_cpu() -> None:
    assert sum(p.numel() for p in Detector(DetectorConfig()).parameters()) <= 1_000_000


def test_every_cell_gives_one_box_around_itself_at_first() -> None:
    boxes, logits, daylight, weather, lanes = Detector(TINY).eval()(torch.zeros(2, 3, 64, 128))
    assert (daylight.shape, weather.shape) == ((2,), (2, len(WEATHERS)))
    assert lanes.shape == (2, 2, 8, 16)
    centres, strides = cells(TINY.size)
    assert boxes.shape == (2, 8 * 16 + 4 * 8 + 2 * 4, 4)
    assert logits.shape == (2, 168, len(categories()))
    assert ((boxes[0, :, :2] + boxes[0, :, 2:]) / 2 - centres).abs().amax() < strides.amax()
    assert logits.sigmoid().max() < 0.1


def place(stride: int, x: float, y: float) -> int:
    """The number of the cell of a map whose centre is at x, y."""
    centres, strides = cells((64, 128))
    (found,) = ((strides == stride) & (centres == torch.tensor([x, y])).all(-1)).nonzero()
    return int(found)


def assigned(boxes, labels):
    centres, strides = cells((64, 128))
    chosen, background = assign(torch.tensor([boxes]).float(), torch.tensor([labels]), centres, strides)
    return chosen[0], background[0]


def test_the_cells_around_the_centre_of_a_small_box_answer_for_it_on_the_finest_map() -> None:
    chosen, _ = assigned([[30, 20, 58, 36]], [0])  # centre (44, 28), a cell centre of stride 8; half sides 14 and 8
    expected = {place(8, x, y) for x in (36, 44, 52) for y in (20, 28, 36)}
    assert set((chosen == 0).nonzero().flatten().tolist()) == expected


def test_a_box_narrower_than_a_cell_still_has_one() -> None:
    chosen, _ = assigned([[39.0, 10, 41, 40]], [6])  # x = 40 is on the border of two columns of cells
    assert set((chosen == 0).nonzero().flatten().tolist()) >= {place(8, 36, 28), place(8, 44, 28)}


def test_the_smaller_of_two_boxes_gets_a_cell_that_both_want() -> None:
    chosen, _ = assigned([[20, 8, 68, 48], [36, 20, 52, 36]], [3, 0])  # both centred on (44, 28)
    assert chosen[place(8, 44, 28)] == 1


def test_a_large_box_is_answered_for_on_a_coarse_map_only() -> None:
    chosen, _ = assigned([[0, 0, 128, 64]], [3])
    _, strides = cells((64, 128))
    assert set(strides[chosen >= 0].tolist()) == {16.0, 32.0}  # 128 px: of the ranges 48 to 160 and 120 on


def test_an_ignored_box_is_neither_found_nor_background_and_padding_is_nothing() -> None:
    chosen, background = assigned([[32, 16, 64, 48], [0, 0, 0, 0]], [IGNORED, ABSENT])
    assert (chosen == -1).all()
    assert not background[place(8, 44, 28)]
    assert background[place(8, 4, 4)]
    assert int((~background).sum()) == 4 * 4 + 2 * 2 + 1


def test_a_frame_without_boxes_is_all_background() -> None:
    centres, strides = cells((64, 128))
    chosen, background = assign(torch.zeros(2, 0, 4), torch.zeros(2, 0, dtype=torch.long), centres, strides)
    assert (chosen == -1).all()
    assert background.all()


def test_overlaps_by_hand() -> None:
    box = torch.tensor([[0.0, 0, 10, 10]])
    iou, generalized = overlaps(box, torch.tensor([[5.0, 0, 15, 10]]))
    assert (iou.item(), generalized.item()) == pytest.approx((50 / 150, 50 / 150))  # the hull is full
    iou, generalized = overlaps(box, torch.tensor([[20.0, 0, 30, 10]]))
    assert (iou.item(), generalized.item()) == pytest.approx((0, -100 / 300))


def test_a_score_equal_to_the_overlap_has_no_loss() -> None:
    quality = torch.tensor([0.7, 0.0])
    logits = torch.tensor([0.7, 1e-6]).logit()
    assert quality_focal(logits, quality).max() < 1e-9
    assert quality_focal(torch.tensor([0.0]), torch.tensor([1.0])).item() == pytest.approx(0.25 * np.log(2))


def test_a_known_lane_line_in_its_cells_has_no_loss_and_unknown_cells_count_for_nothing() -> None:
    target = torch.tensor([[[[1.0, 0.0, UNKNOWN]], [[0.25, 0.0, 0.0]]]])  # one row of three cells
    lanes = torch.stack([torch.tensor([1 - 1e-6, 1e-6, 0.5]), torch.tensor([0.25, 0.9, 0.9])]).logit()[None, :, None]
    assert lane_loss(lanes, target).item() == pytest.approx(0, abs=1e-6)
    lanes[0, 1, 0, 0] = torch.tensor(0.75).logit()
    assert lane_loss(lanes, target).item() == pytest.approx(0.5, abs=1e-6)


def test_frames_of_unknown_weather_are_left_out_of_its_loss() -> None:
    logits = torch.tensor([[0.0, 0.0], [9.0, 0.0]])
    assert weather_loss(logits, torch.tensor([1, UNKNOWN])).item() == pytest.approx(np.log(2))
    assert weather_loss(logits, torch.tensor([UNKNOWN, UNKNOWN])).item() == 0


def test_frames_of_unknown_daylight_are_left_out_of_its_loss() -> None:
    seen = torch.tensor([0.5, 0.25], requires_grad=True)
    loss = daylight_loss(seen, torch.tensor([0.75, np.nan]))
    loss.backward()
    assert (loss.item(), seen.grad.tolist()) == (0.25, [-1.0, 0.0])
    assert daylight_loss(seen, torch.full((2,), np.nan)).item() == 0


def test_lane_lines_mark_the_cells_whose_middle_rows_they_cross() -> None:
    steep = [50.0, 0, 50, 20, 1]  # x = 50 is a quarter into column 6; the middle rows of cells are y = 4, 12, 20, ...
    covered = [100.0, 28, 100, 64, 0]  # a quarter... of column 12, hidden: neither a line nor none
    cells_ = lane_cells(np.array([steep, covered]), (64, 128))
    assert np.argwhere(cells_[0] == 1).tolist() == [[0, 6], [1, 6]]
    assert cells_[1, 0, 6] == 0.25
    assert np.argwhere(cells_[0] == UNKNOWN).tolist() == [[row, 12] for row in (3, 4, 5, 6, 7)]
    assert (lane_cells(None, (64, 128))[0] == UNKNOWN).all()


def coloured_clip(folder, number: int, *, frames: int = 16) -> None:
    """A clip of grey, dark by night, in which cars are red, pedestrians blue, and the one lane line is white."""
    random = np.random.default_rng(number)
    provenance = {"origin": "town", "seed": number}
    with ClipWriter(
        folder / f"clip{number}", fps=2, width=128, height=64, provenance=provenance, lossless=True
    ) as writer:
        for k in range(frames):
            night = bool(random.integers(2))
            frame = np.full((64, 128, 3), random.integers(10, 30) if night else random.integers(60, 120), np.uint8)
            middle = float(random.uniform(-2.0, 2.0))  # m to the left; 10 m ahead that is 25 px
            line = LaneLine("solid", "white", ((4.0, middle), (40.0, middle)))
            (seen,) = lines_in_view(
                FrameFacts(0, 0.0, camera=CAMERA, road=RoadFacts((line,), ()), objects=()), (64, 128)
            )
            cv2.polylines(frame, [seen[:, :2].round().astype(np.int32)], False, (255, 255, 255), 2)
            objects = []
            for name, size, colour in (("car", (28, 16), (220, 30, 30)), ("pedestrian", (8, 22), (30, 40, 220))):
                x, y = int(random.integers(0, 128 - size[0])), int(random.integers(0, 64 - size[1]))
                frame[y : y + size[1], x : x + size[0]] = colour
                objects.append(ObjectFacts(len(objects), name, (x, y, x + size[0], y + size[1]), occlusion=0.0))
            road = RoadFacts((line,), ())
            facts = FrameFacts(
                k,
                k / 2,
                daylight=0.0 if night else 1.0,
                weather="clear",
                camera=CAMERA,
                road=road,
                objects=tuple(objects),
            )
            writer.write(frame, facts)
        writer.finish()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny detector, trained by the stage as a user would, and a clip that it has not seen."""
    folder = tmp_path_factory.mktemp("detector")
    for number in range(3):
        coloured_clip(folder / "clips", number)
    coloured_clip(folder / "other", 99, frames=8)
    data = DetectorData([str(folder / "clips")], str(folder / "run" / "cache"), size=TINY.size)
    data.prepare_caches()
    # A plan that is settled beforehand: as many batches on a busy machine as on an idle one.
    planned = StagePlan(120, 4, data.fingerprint, budget_minutes=1.0, seconds_per_batch=0.1, preparation_seconds=1.0)
    Plan(folder / "run" / "plan.json", preset="tiny", seed=0).settle("detector", planned)
    weights = train_stage("detector", "tiny", [folder / "clips"], folder / "run", device="cpu")
    return folder, weights / "detector.onnx"


def test_training_on_coloured_boxes_finds_them_in_frames_it_has_not_seen(trained, tmp_path) -> None:
    from drivesim.clips import read_clip
    from drivesim.evaluation import benchmark

    folder, file = trained
    scores = benchmark(
        [read_clip(folder / "other" / "clip99")], load_detector(f"onnx:{file}"), tmp_path / "out", every=1
    )
    assert scores["scores"]["vehicle"]["total"]["AP50"] > 0.5


def test_a_run_goes_on_from_the_weights_of_another(trained, tmp_path) -> None:
    folder, file = trained
    weights = safetensors.torch.load_file(file.with_name("detector.safetensors"))
    data = DetectorData([str(folder / "clips")], str(tmp_path / "run" / "cache"), size=TINY.size)
    data.prepare_caches()
    planned = StagePlan(1, 4, data.fingerprint, budget_minutes=1.0, seconds_per_batch=0.1, preparation_seconds=1.0)
    Plan(tmp_path / "run" / "plan.json", preset="tiny", seed=0).settle("detector", planned)
    run = train_stage("detector", "tiny", [folder / "clips"], tmp_path / "run", device="cpu", init_from=file.parent)
    later = safetensors.torch.load_file(run / "detector.safetensors")
    steps = [(later[name] - weights[name]).abs().max().item() for name in weights if name.endswith("0.weight")]
    assert 0 < max(steps) < 0.01  # one small step away
    metadata = onnxruntime.InferenceSession(run / "detector.onnx").get_modelmeta().custom_metadata_map
    mark = hashlib.sha256(file.with_name("detector.safetensors").read_bytes()).hexdigest()
    assert json.loads(metadata["drivesim.card"])["init_from"] == mark


@pytest.mark.parametrize(("spoil", "reason"), [(None, "cannot be read"), (b"nothing", "not weights of a detector")])
def test_weights_that_do_not_fit_are_no_start(trained, tmp_path, spoil, reason) -> None:
    folder, _ = trained
    if spoil:
        (tmp_path / "detector.safetensors").write_bytes(spoil)
    with pytest.raises(UserError, match=reason):
        train_stage(
            "detector",
            "tiny",
            [folder / "clips"],
            tmp_path / "run",
            budget_minutes=0.01,
            device="cpu",
            init_from=tmp_path,
        )


def test_the_file_says_what_it_is_and_how_it_was_made(trained) -> None:
    _, file = trained
    metadata = onnxruntime.InferenceSession(file).get_modelmeta().custom_metadata_map
    assert METADATA_KEY == LAYOUT_KEY
    assert scene.SCENE_KEY == SCENE_KEY
    assert json.loads(metadata[SCENE_KEY])["weathers"] == list(WEATHERS)
    assert dict(layout_from(json.loads(metadata[LAYOUT_KEY]), "here").classes) == dict(enumerate(categories()))
    card = json.loads(metadata["drivesim.card"])
    assert (card["seed"], card["clips"], card["origins"], card["preset"]) == (0, 3, ["town"], "tiny")
    assert card["samples"] == card["batches"] * card["batch_size"]


def test_torch_and_onnxruntime_give_the_same_numbers(tmp_path) -> None:
    torch.manual_seed(0)
    network = Detector(TINY)
    network(torch.randn(4, 3, 64, 128))  # moves the running statistics of the norms, which the export folds in
    mark = export(network, tmp_path / "detector.onnx", card={"seed": 0})
    picture = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, 3, 64, 128)).astype(np.float32))
    with torch.no_grad():
        expected = Exported(network).eval()(picture)
    found = onnxruntime.InferenceSession(tmp_path / "detector.onnx").run(None, {"images": picture.numpy()})
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-3, atol=1e-3)
    assert hashlib.sha256((tmp_path / "detector.onnx").read_bytes()).hexdigest() == mark
    assert export(network, tmp_path / "again.onnx", card={"seed": 0}) == mark


def test_boxes_follow_their_pictures_through_zoom_and_mirror() -> None:
    frame = np.full((64, 128, 3), 100, np.uint8)
    frame[20:40, 30:70] = (250, 0, 0)
    for number in range(20):
        sample = Sample(
            frame, np.array([[30, 20, 70, 40]], np.float32), np.array([0]), np.array([[30, 20, 70, 40, 1.0]]), 0.7, 0
        )
        moved = augmented(sample, Random(number), zoom=1.3)
        rows, columns = np.nonzero(moved.colour[..., 0].astype(int) > 2 * moved.colour[..., 1].astype(int) + 10)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert moved.boxes[0] == pytest.approx(edges, abs=3.5)
        assert sorted(moved.lines[0, [0, 2]]) == pytest.approx(moved.boxes[0, [0, 2]])  # the box's diagonal
        assert moved.lines[0, [1, 3]] == pytest.approx(moved.boxes[0, [1, 3]])
        assert (moved.labels.tolist(), moved.daylight, moved.weather) == ([0], 0.7, 0)


def test_what_is_not_visible_is_read_as_ignored_and_other_shapes_are_padded(tmp_path) -> None:
    objects = (
        ObjectFacts(1, "bus", (10, 10, 50, 40), occlusion=0.1),
        ObjectFacts(2, "car", (10, 10, 50, 40), occlusion=0.9),
    )
    with ClipWriter(
        tmp_path / "c", fps=10, width=128, height=128, provenance={"origin": "real"}, lossless=True
    ) as writer:
        for k in range(10):
            known = objects if k != 5 else None
            writer.write(np.full((128, 128, 3), 200, np.uint8), FrameFacts(k, k / 10, objects=known))
        clip = writer.finish()
    arrays = read_frames(clip, (64, 128), rate=2.0)  # frames 0 and 5; nothing is known of frame 5
    assert arrays["colour"].shape == (1, 64, 128, 3)
    assert arrays["colour"][0, 0, 63].tolist() == pytest.approx([200] * 3, abs=2)
    assert arrays["colour"][0, 0, 64].tolist() == [114] * 3
    assert arrays["boxes"][0].tolist() == [5, 5, 25, 20]
    assert arrays["labels"].tolist() == [list(categories()).index("bus"), IGNORED]
    assert arrays["first"].tolist() == [0, 2]
    sample = sample_of(arrays, 0)
    assert (sample.lines, np.isnan(sample.daylight), sample.weather) == (None, True, UNKNOWN)  # nobody knows


def test_clips_without_labels_cannot_train_it(tmp_path) -> None:
    for name in ("a", "b"):
        with ClipWriter(tmp_path / name, fps=10, width=128, height=64, provenance={"origin": "real"}) as writer:
            writer.write(np.zeros((64, 128, 3), np.uint8), FrameFacts(0, 0.0))
            writer.finish()
    with pytest.raises(UserError, match="known objects"):
        train_stage("detector", "tiny", [tmp_path], tmp_path / "run", budget_minutes=0.1, device="cpu")

"""The ONNX adapter: layouts worked by hand, and tiny models built for the purpose."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from onnx import TensorProto

from drivesim.datasets import read_footage
from drivesim.errors import UserError
from drivesim.evaluation import benchmark
from drivesim.perception import Detections, Layout, load_detector
from drivesim.perception.detectors.layouts import class_map, guess, layout_from, prepare
from drivesim.perception.detectors.reading import suppress
from tests.constant_model import constant_model

BOXES = {"output": "boxes", "scale": 1 / 255, "classes": {"0": "car", "1": "pedestrian"}}
ANSWER = np.array([[[4, 8, 20, 24, 0.9, 0.1], [40, 0, 50, 30, 0.2, 0.6], [0, 0, 5, 5, 0.001, 0.002]]])


def test_a_model_described_by_its_metadata_runs_and_boxes_come_back_in_frame_pixels(tmp_path) -> None:
    detector = load_detector(f"onnx:{constant_model(tmp_path / 'm.onnx', ANSWER, metadata=BOXES)}")
    frame = np.zeros((64, 100, 3), np.uint8)  # input 32 x 64: letterbox zoom is min(64 / 100, 32 / 64) = 0.5
    (found,) = detector([frame])
    assert found.boxes.tolist() == [[8, 16, 40, 48], [80, 0, 100, 60]]
    assert found.scores == pytest.approx([0.9, 0.6])
    assert found.categories == ("car", "pedestrian")
    assert detector.categories == {"car", "pedestrian"}
    assert detector.fingerprint == hashlib.sha256((tmp_path / "m.onnx").read_bytes()).hexdigest()


def test_a_description_beside_the_model_comes_first(tmp_path) -> None:
    path = constant_model(tmp_path / "m.onnx", ANSWER, metadata=BOXES)
    path.with_suffix(".yaml").write_text("output: boxes\nresize: stretch\nclasses: {0: bus}\n")
    (found,) = load_detector(f"onnx:{path}")([np.zeros((64, 64, 3), np.uint8)])  # stretch: x unchanged, y doubled
    assert found.categories[0] == "bus"
    assert found.boxes[0].tolist() == [4, 16, 20, 48]


def test_an_unknown_layout_is_refused_with_the_shapes_and_the_remedy(tmp_path) -> None:
    path = constant_model(tmp_path / "odd.onnx", np.zeros((1, 7, 11)))
    with pytest.raises(UserError, match=r"\(1, 7, 11\).*odd\.yaml.*'boxes', 'yolox', 'fastestdet'"):
        load_detector(f"onnx:{path}")


@pytest.mark.parametrize(
    ("output", "shape", "expected"),
    [
        ("fastestdet", (1, 7, 11), "(1, 5 + classes, h, w)"),
        ("boxes", (1, 3, 4), "(1, n, 4 + classes)"),
        ("boxes", (2, 3, 6), "(1, n, 4 + classes)"),
        ("yolox", (1, 41, 85), "(1, 42, 5 + classes)"),
        ("nanodet", (1, 43, 32), "(1, 43, 32 + classes)"),
        ("detr", (1, 3, 6), "(1, n, 1 + classes) and (1, n, 4)"),
    ],
)
def test_a_layout_that_cannot_be_that_of_the_output_is_refused_at_once(tmp_path, output, shape, expected) -> None:
    path = constant_model(tmp_path / "m.onnx", np.zeros(shape), metadata={"output": output})
    with pytest.raises(UserError) as caught:
        load_detector(f"onnx:{path}")
    found = f"({', '.join(map(str, shape))})"
    assert str(caught.value) == f"{path}: found outputs {found}, expected {expected} by the layout {output!r}"


def test_boxes_before_logits_are_refused_and_not_taken_for_each_other(tmp_path) -> None:
    path = constant_model(tmp_path / "m.onnx", np.zeros((1, 3, 4)), np.zeros((1, 3, 9)), metadata={"output": "rtdetr"})
    with pytest.raises(UserError, match=r"found outputs \(1, 3, 4\) and \(1, 3, 9\), expected .* and \(1, n, 4\)"):
        load_detector(f"onnx:{path}")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"inputs": ((2, 3),)}, "tensor(float) (2, 3, 32, 64)"),
        ({"inputs": ((1, 1),)}, "tensor(float) (1, 1, 32, 64)"),
        ({"inputs": ((1, 3), (1, 1))}, "tensor(float) (1, 3, 32, 64) and tensor(float) (1, 1, 32, 64)"),
        ({"size": ("height", "width")}, "tensor(float) (1, 3, 'height', 'width')"),
        ({"kind": TensorProto.FLOAT16}, "tensor(float16) (1, 3, 32, 64)"),
    ],
)
def test_a_model_that_does_not_take_one_picture_is_refused(tmp_path, changes, found) -> None:
    path = constant_model(tmp_path / "m.onnx", ANSWER, metadata=BOXES, **changes)
    with pytest.raises(UserError) as caught:
        load_detector(f"onnx:{path}")
    expected = "expected one picture tensor(float) (1, 3, height, width)"
    assert str(caught.value) == f"{path}: found inputs {found}, {expected}"


def answered(tmp_path, boxes, **layout):
    """What a constant model of ``boxes`` (n, 4 + 2) finds in a frame of its own size."""
    path = constant_model(tmp_path / "m.onnx", np.array([boxes]), metadata={**BOXES, **layout})
    return load_detector(f"onnx:{path}")([np.zeros((32, 64, 3), np.uint8)])[0]


@pytest.mark.parametrize(
    ("boxes", "complaint"),
    [
        ([[4, 8, 20, 24, np.nan, 0.1]], "found scores that are not finite, expected numbers in [0, 1]"),
        ([[4, 8, np.nan, 24, 0.9, 0.1]], "found boxes that are not finite, expected pixels"),
        ([[4, 8, np.inf, 24, 0.9, 0.1]], "found boxes that are not finite, expected pixels"),
        ([[4, 8, 20, 24, 0.2, 7.3]], "found scores from 7.3 to 7.3, expected [0, 1]"),
        ([[20, 8, 4, 24, 0.9, 0.1]], "found a box with x2 < x1 or y2 < y1, expected x1 <= x2 and y1 <= y2"),
    ],
)
def test_numbers_that_are_no_boxes_or_scores_are_refused(tmp_path, boxes, complaint) -> None:
    with pytest.raises(UserError) as caught:
        answered(tmp_path, boxes)
    assert str(caught.value) == f"{tmp_path / 'm.onnx'}: {complaint}"


def test_numbers_that_do_not_matter_may_be_anything(tmp_path) -> None:
    found = answered(tmp_path, [[4, 8, 20, 24, 0.9, np.nan], [np.nan] * 4 + [0.001, 0.5]], classes={"0": "car"})
    assert found.boxes.tolist() == [[4, 8, 20, 24]]  # column 1 is no category, and the second score is too low


def test_a_class_that_the_model_does_not_have_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match=r"m\.onnx: found 2 classes, expected class 21 of its layout"):
        answered(tmp_path, [[4, 8, 20, 24, 0.9, 0.1]], classes="coco")


def test_metadata_that_is_not_json_is_refused_in_one_line(tmp_path) -> None:
    path = constant_model(tmp_path / "m.onnx", ANSWER, metadata="output: boxes")
    with pytest.raises(UserError, match=rf"^{path}, metadata drivesim\.detector: not JSON \(.*\)$"):
        load_detector(f"onnx:{path}")


def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(UserError, match=r"text\.onnx: not a model") as caught:
        load_detector(f"onnx:{tmp_path / 'text.onnx'}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"output": "ssd"}, "ssd"),
        ({"colour": "rgb"}, "'output'"),
        ({"output": "boxes", "classes": {0: "tram"}}, "tram"),
        ({"output": "boxes", "classes": "voc"}, "voc"),
        ({"output": "boxes", "size": 3}, "size"),
        (["boxes"], "list"),
        ({"output": "boxes", "classes": {-1: "car"}}, "-1"),
        ({"output": "boxes", "classes": {}}, "expected numbers from 0"),
        ({"output": "boxes", "classes": {"zero": "car"}}, "zero"),
        ({"output": "boxes", "mean": [0, 0]}, r"mean is \[0, 0\], expected 3 number"),
        ({"output": "boxes", "std": [1, 1, 0]}, r"std is \[1, 1, 0\], expected 3 number\(s\) above 0"),
        ({"output": "boxes", "scale": "1/255"}, "1/255"),
        ({"output": "boxes", "scale": 0}, "scale is 0"),
    ],
)
def test_a_wrong_description_is_refused_and_names_its_file(row, complaint) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        layout_from(row, "model.yaml")
    assert str(caught.value).startswith("model.yaml")


def test_letterbox_keeps_the_aspect_and_pads_with_grey() -> None:
    frame = np.full((10, 40, 3), (255, 0, 0), np.uint8)
    values, zoom = prepare(frame, (32, 32), Layout("boxes"))
    assert values.shape == (1, 3, 32, 32)
    assert zoom.tolist() == [0.8, 0.8]
    assert values[0, :, 7, 31].tolist() == [255, 0, 0]
    assert values[0, :, 8, 0].tolist() == [114, 114, 114]


def test_colour_order_and_scale_follow_the_layout() -> None:
    frame = np.full((8, 8, 3), (255, 0, 0), np.uint8)
    values, _ = prepare(frame, (8, 8), Layout("boxes", colour="bgr", scale=1 / 255, resize="stretch"))
    assert values[0, :, 0, 0] == pytest.approx([0, 0, 1])


def test_mean_and_deviation_are_those_of_the_layouts_own_order_of_colours() -> None:
    frame = np.full((8, 8, 3), (255, 0, 0), np.uint8)
    layout = Layout("boxes", colour="bgr", scale=1 / 255, mean=(0.1, 0.2, 0.5), std=(1, 1, 0.25), resize="stretch")
    values, _ = prepare(frame, (8, 8), layout)
    assert values[0, :, 0, 0] == pytest.approx([-0.1, -0.2, (1 - 0.5) / 0.25])  # blue, green, red


def test_well_known_networks_are_told_by_their_shapes() -> None:
    assert guess((416, 416), [(1, 3549, 85)]).output == "yolox"
    assert guess((352, 352), [(1, 85, 22, 22)]).output == "fastestdet"
    nano = guess((416, 416), [(1, 52**2 + 26**2 + 13**2 + 7**2, 80 + 32)])
    assert (nano.output, nano.resize, nano.colour) == ("nanodet", "stretch", "bgr")
    assert guess((416, 416), [(1, 3548, 85)]) is None


def test_suppression_works_by_group_so_that_a_van_is_found_once() -> None:
    found = Detections(
        [[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [50, 50, 60, 60]],
        [0.5, 0.9, 0.4, 0.1],
        ["car", "truck", "pedestrian", "car"],
    )
    kept = suppress(found)
    assert kept.categories == ("truck", "pedestrian", "car")
    assert kept.scores.tolist() == [0.9, 0.4, 0.1]


def test_coco_has_animals_and_traffic_lights_and_suppression_keeps_them_apart_from_road_users() -> None:
    assert {class_map("coco")[number] for number in (15, 16, 17, 18, 19, 21)} == {"animal"}
    assert class_map("coco")[9] == "traffic_light"
    found = Detections([[0, 0, 10, 10]] * 2, [0.5, 0.9], ["car", "traffic_light"])
    assert suppress(found).categories == ("traffic_light", "car")


def test_cocos_own_numbers_mean_the_same_as_the_numbers_without_gaps() -> None:
    unused = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    numbers = [number for number in range(1, 91) if number not in unused]
    assert len(numbers) == 80
    assert {numbers.index(number): name for number, name in class_map("coco91").items()} == class_map("coco")


def test_fastestdet_finds_the_vehicles_of_the_real_drive_as_measured(shared_data, tmp_path) -> None:
    detector = load_detector(f"onnx:{shared_data / 'fastestdet' / 'FastestDet.onnx'}")
    (clip,) = read_footage(shared_data / "pandaset_002" / "front_camera", fps=10)
    metrics = benchmark([clip], detector, tmp_path / "out", every=4)
    assert metrics["scores"]["vehicle"]["total"]["AP50"] == pytest.approx(0.706, abs=0.01)
    frame = next(iter(clip.frames()))
    first, second = detector([frame, frame])
    assert first.boxes.tolist() == second.boxes.tolist()
    assert (first.of("vehicle").scores > 0.5).sum() >= 2

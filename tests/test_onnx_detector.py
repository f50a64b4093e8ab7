"""The ONNX adapter: layouts worked by hand, and tiny models built for the purpose."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from drivesim.errors import UserError
from drivesim.perception import Detections, load_detector
from drivesim.perception.detectors.layouts import (
    METADATA_KEY,
    Layout,
    class_map,
    decode_fastestdet,
    decode_yolox,
    guess,
    layout_from,
    prepare,
)
from drivesim.perception.detectors.onnx import suppress


def constant_model(path, output: np.ndarray, size=(32, 64), metadata=None):
    """A model that answers ``output`` whatever it sees (the input is multiplied by zero, then added)."""
    nodes = [
        helper.make_node("ReduceSum", ["images"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["output"]),
    ]
    constants = [
        numpy_helper.from_array(output.astype(np.float32), "answer"),
        numpy_helper.from_array(np.float32(0), "zero"),
    ]
    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *size])
    result = helper.make_tensor_value_info("output", TensorProto.FLOAT, list(output.shape))
    graph = helper.make_graph(nodes, "constant", [picture], [result], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if metadata is not None:
        helper.set_model_props(model, {METADATA_KEY: json.dumps(metadata)})
    onnx.save(model, path)
    return path


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


def test_a_layout_that_cannot_be_that_of_the_output_is_refused(tmp_path) -> None:
    path = constant_model(tmp_path / "m.onnx", np.zeros((1, 7, 11)), metadata={"output": "fastestdet"})
    with pytest.raises(UserError, match=r"found output \(1, 7, 11\), expected 4 dimensions"):
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


def test_yolox_numbers_become_boxes_as_its_paper_says() -> None:
    # A 32 x 32 input has 16 + 4 + 1 cells. Cell 5 of stride 8 is column 1, row 1.
    raw = np.zeros((1, 21, 7))
    raw[0, 5] = [0.5, 0.25, np.log(2), np.log(4), 0.8, 0.5, 1.0]
    boxes, scores = decode_yolox(raw, (32, 32))
    assert boxes[5] == pytest.approx([12 - 8, 10 - 16, 12 + 8, 10 + 16])
    assert scores[5] == pytest.approx([0.4, 0.8])
    assert boxes[20] == pytest.approx([-16, -16, 16, 16])  # the one cell of stride 32: centre (0, 0), size 32


def test_fastestdet_numbers_become_boxes_as_its_authors_say() -> None:
    raw = np.zeros((1, 6, 2, 2))
    raw[0, :, 1, 0] = [0.5, 0.0, np.arctanh(0.5), 0.0, np.log(3), 0.25]  # tanh 0, 0.5; sigmoid 0.5, 0.75
    boxes, scores = decode_fastestdet(raw, (32, 64))
    centre, size = (0 / 2 * 64, 1.5 / 2 * 32), (0.5 * 64, 0.75 * 32)
    expected = [centre[0] - size[0] / 2, centre[1] - size[1] / 2, centre[0] + size[0] / 2, centre[1] + size[1] / 2]
    assert boxes[2] == pytest.approx(expected)
    assert scores[2, 0] == pytest.approx(0.5**0.6 * 0.25**0.4)


def test_well_known_networks_are_told_by_their_shapes() -> None:
    assert guess((416, 416), [(1, 3549, 85)]).output == "yolox"
    assert guess((352, 352), [(1, 85, 22, 22)]).output == "fastestdet"
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


def test_fastestdet_runs_through_the_same_adapter(shared_data) -> None:
    import cv2

    detector = load_detector(f"onnx:{shared_data / 'fastestdet' / 'FastestDet.onnx'}")
    frame = cv2.cvtColor(cv2.imread(str(shared_data / "pandaset_002" / "front_camera" / "00.jpg")), cv2.COLOR_BGR2RGB)
    first, second = detector([frame, frame])
    assert first.boxes.tolist() == second.boxes.tolist()
    assert (first.of("vehicle").scores > 0.5).sum() >= 2


def test_a_model_that_gives_no_numbers_is_refused(tmp_path) -> None:
    answer = ANSWER.copy()
    answer[0, 1, 4] = np.nan
    detector = load_detector(f"onnx:{constant_model(tmp_path / 'm.onnx', answer, metadata=BOXES)}")
    with pytest.raises(UserError, match="scores that are NaN, expected numbers"):
        detector([np.zeros((64, 100, 3), np.uint8)])

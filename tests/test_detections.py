"""Detections: what a detector found in one frame."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.errors import UserError
from drivesim.perception import Detections, load_detector


@pytest.mark.parametrize(
    ("boxes", "scores", "names", "complaint"),
    [
        ([[0, 0, 5, 5]], [0.5, 0.4], ["car"], r"\(1, 2, 1\)"),
        ([[5, 0, 0, 5]], [0.5], ["car"], "x1 <= x2"),
        ([[0, 0, np.nan, 5]], [0.5], ["car"], "not finite"),
        ([[0, 0, 5, 5]], [1.5], ["car"], "1.5"),
        ([[0, 0, 5, 5]], [0.5], ["tram"], "tram"),
    ],
)
def test_detections_that_do_not_fit_together_are_refused(boxes, scores, names, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        Detections(boxes, scores, names)


def test_no_detections_are_a_valid_frame() -> None:
    none = Detections([], [], [])
    assert none.boxes.shape == (0, 4)
    assert len(none.of("vehicle")) == 0
    assert none.objects() == ()


def test_detections_become_objects_of_which_only_category_and_box_are_known() -> None:
    (thing,) = Detections([[1, 2, 3, 4]], [0.5], ["bus"]).objects()
    assert (thing.category, thing.box, thing.occlusion, thing.depth) == ("bus", (1.0, 2.0, 3.0, 4.0), None, None)


def test_an_unknown_detector_is_named_with_what_is_possible() -> None:
    with pytest.raises(UserError, match=r"'yolo'.*reference.*onnx:FILE"):
        load_detector("yolo")


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UserError, match=r"nowhere\.onnx"):
        load_detector("onnx:nowhere.onnx")

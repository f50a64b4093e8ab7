"""Matching of detections with true boxes, worked by hand."""

from __future__ import annotations

import numpy as np

from drivesim.perception.detections import Detections
from drivesim.perception.matching import FALSE, HIT, IGNORED, Truth, match, overlaps, truth_of
from scenarios.crowdedness import VisibleRule
from scenarios.facts import ObjectFacts


def truth(boxes: list[list[float]], ignored: list[bool]) -> Truth:
    return Truth(np.array(boxes, float).reshape(-1, 4), np.array(ignored, bool), ())


def cars(boxes: list[list[float]], scores: list[float]) -> Detections:
    return Detections(boxes, scores, ["car"] * len(scores))


def test_overlap_of_two_shifted_squares() -> None:
    left, right = np.array([[0, 0, 10, 10.0]]), np.array([[5, 0, 15, 10.0]])
    assert overlaps(left, right)[0, 0] == 50 / 150
    assert overlaps(left, right, of_first=True)[0, 0] == 50 / 100


def test_boxes_that_only_touch_do_not_overlap() -> None:
    assert overlaps(np.array([[0, 0, 10, 10.0]]), np.array([[10, 0, 20, 10.0]]))[0, 0] == 0


def test_the_higher_score_gets_the_box_and_the_second_is_false() -> None:
    result = match(cars([[0, 0, 10, 9], [0, 0, 10, 10]], [0.8, 0.9]), truth([[0, 0, 10, 10]], [False]))
    assert result.outcomes == (FALSE, HIT)
    assert result.partner.tolist() == [-1, 0]
    assert result.found.tolist() == [True]


def test_a_detection_inside_an_ignored_box_does_not_count_however_small_it_is() -> None:
    result = match(
        cars([[0, 0, 10, 10], [1, 1, 4, 4], [90, 90, 99, 99]], [0.9, 0.8, 0.7]), truth([[0, 0, 50, 50]], [True])
    )
    assert result.outcomes == (IGNORED, IGNORED, FALSE)
    assert result.found.tolist() == [False]


def test_a_counting_box_is_preferred_to_an_ignored_one() -> None:
    # IoU with the ignored box is 1, with the counting one 0.5: COCO tries counting boxes first.
    result = match(cars([[0, 0, 10, 10]], [0.9]), truth([[0, 0, 10, 10], [0, 0, 10, 5]], [True, False]))
    assert result.outcomes == (HIT,)
    assert result.partner.tolist() == [1]


def test_too_little_overlap_is_both_a_miss_and_a_false_detection() -> None:
    result = match(cars([[0, 0, 10, 4.9]], [0.9]), truth([[0, 0, 10, 10]], [False]))
    assert result.outcomes == (FALSE,)
    assert result.found.tolist() == [False]


def test_frames_without_truth_or_without_detections_match() -> None:
    assert match(cars([[0, 0, 1, 1]], [0.5]), truth([], [])).outcomes == (FALSE,)
    assert match(cars([], []), truth([[0, 0, 1, 1]], [False])).found.tolist() == [False]


def test_truth_takes_the_group_and_ignores_what_is_not_visible_enough() -> None:
    objects = [
        ObjectFacts(1, "car", (0, 0, 50, 30)),
        ObjectFacts(2, "van", (0, 0, 50, 20)),  # too small for 0.05 of 512 = 25.6 px
        ObjectFacts(3, "bus", (0, 0, 50, 60), occlusion=0.6),
        ObjectFacts(4, "pedestrian", (0, 0, 20, 60)),
    ]
    vehicles = truth_of(objects, "vehicle", 512)
    assert vehicles.ignored.tolist() == [False, True, True]
    lenient = VisibleRule(min_height=40 / 1080, max_occlusion=0.5, max_truncation=0.6)
    assert truth_of(objects, "vehicle", 512, lenient).ignored.tolist() == [False, False, True]


def test_other_things_are_neither_truth_nor_false_detections_of_road_users() -> None:
    names, box = ["animal", "obstacle", "traffic_light"], (0.0, 0.0, 40.0, 60.0)
    things = [ObjectFacts(number, name, box) for number, name in enumerate(names)]
    found = Detections([box] * 3, [0.9] * 3, names)
    for group in ("vehicle", "person"):
        assert len(truth_of(things, group, 512).boxes) == 0
        assert len(found.of(group)) == 0
    assert match(found.of("animal"), truth_of(things, "animal", 512)).outcomes == (HIT,)


def test_a_rider_may_be_called_a_person() -> None:
    objects = [ObjectFacts(1, "bicycle", (0, 0, 30, 60)), ObjectFacts(2, "pedestrian", (100, 0, 120, 60))]
    people = truth_of(objects, "person", 512)
    found = Detections([[5, 0, 25, 40]], [0.9], ["pedestrian"])
    assert match(found, people).outcomes == (IGNORED,)
    assert people.ignored.tolist() == [False, True]

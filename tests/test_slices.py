"""Scores by slice: what falls into which slice by hand, sizes against COCO's own area ranges, the protocol's hash."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.scoring import Judged, evidence, judge, precision_of_draws, score_row
from drivesim.evaluation.slices import score_kind, slices
from drivesim.evaluation.watching import SeenClip, SeenFrame
from drivesim.metrics.detection import ScoredFrame, average_precision, coco_scores
from drivesim.perception import Detections
from drivesim.perception.matching import FALSE, HIT, IGNORED, Truth, match
from scenarios.crowdedness import VisibleRule
from scenarios.facts import FrameFacts, ObjectFacts

HEIGHT = 200  # px: 0.05 of it is 10 px, 0.1 is 20 px


def car(height: float, *, left=0.0, **known) -> ObjectFacts:
    return ObjectFacts(1, "car", (left, 0, left + 40, height), **known)


def seen(*frames: tuple[dict, tuple[ObjectFacts, ...], list[tuple]], scenario="street") -> SeenClip:
    """A clip of frames: facts, true objects, and found cars as (left, height, score)."""
    rows = []
    for number, (known, objects, found) in enumerate(frames):
        boxes = [(left, 0, left + 40, height) for left, height, _ in found]
        detections = Detections(boxes, [score for *_, score in found], ["car"] * len(found))
        rows.append(SeenFrame(number, FrameFacts(number, number / 10, objects=objects, **known), detections))
    return SeenClip(scenario, scenario, HEIGHT, tuple(rows))


def table(clips, by, protocol=None):
    rows = score_kind(clips, "vehicle", protocol or Protocol())["slices"][by]
    return {row["value"]: row for row in rows}


def test_each_size_is_scored_apart_and_what_is_too_small_not_at_all() -> None:
    # Heights 9 (too small), 12 (0.06), 30 (0.15), 90 (0.45) of 200; found are those of 9 and 30, and 12 px of nothing.
    objects = (car(9), car(12, left=100), car(30, left=200), car(90, left=300))
    rows = table([seen(({}, objects, [(0, 9, 0.9), (200, 30, 0.8), (500, 12, 0.7)]))], "size")
    assert {name: row["boxes"] for name, row in rows.items()} == {
        "0.05 to 0.1": 1, ">= 0.1": 2, "0.1 to 0.2": 1, "0.2 to 0.4": 0, ">= 0.4": 1
    }  # fmt: skip
    assert {name: row["recall"] for name, row in rows.items()} == {
        "0.05 to 0.1": 0.0, ">= 0.1": 0.5, "0.1 to 0.2": 1.0, "0.2 to 0.4": None, ">= 0.4": 0.0
    }  # fmt: skip
    assert {name: row["false_per_frame"] for name, row in rows.items()} == {
        "0.05 to 0.1": 1.0, ">= 0.1": 0.0, "0.1 to 0.2": 0.0, "0.2 to 0.4": 0.0, ">= 0.4": 0.0
    }  # fmt: skip
    assert rows["0.1 to 0.2"]["AP50"] == pytest.approx(1.0)  # neither the other boxes nor the false one harm it
    assert rows[">= 0.1"]["AP50"] == pytest.approx(51 / 101)  # half found, nothing false: levels 0 to 0.50 of 101
    assert (rows["0.05 to 0.1"]["AP50"], rows["0.2 to 0.4"]["AP50"]) == (0.0, None)
    assert (rows["0.05 to 0.1"]["low"], rows["0.05 to 0.1"]["high"], rows[">= 0.4"]["high"]) == (0.05, 0.1, None)


def test_distance_and_occlusion_tell_recall_but_no_precision() -> None:
    objects = (car(30, depth=8.0, occlusion=0.0), car(30, left=100, depth=30.0, occlusion=0.2), car(30, left=200))
    clips = [seen(({}, objects, [(0, 30, 0.9), (200, 30, 0.9), (400, 30, 0.9)]))]
    near, hidden = table(clips, "distance"), table(clips, "occlusion")
    assert {name: row["boxes"] for name, row in near.items()} == {
        "< 10": 1, "10 to 20": 0, "20 to 40": 1, ">= 40": 0, "unknown": 1
    }  # fmt: skip
    assert [near[name]["recall"] for name in near] == [1.0, None, 0.0, None, 1.0]
    assert {name: row["recall"] for name, row in hidden.items() if row["boxes"]} == {
        "< 0.1": 1.0, "0.1 to 0.3": 0.0, "unknown": 1.0
    }  # fmt: skip
    row = near["< 10"]
    assert row["AR"] == pytest.approx(1.0)
    assert {row[name] for name in ("AP", "AP50", "AP75", "AP50_interval", "false_per_frame")} == {None}


def test_a_slice_of_boxes_counts_the_clips_and_frames_that_hold_such_a_box() -> None:
    far = ({}, (car(30, depth=50.0),), [])
    near = ({}, (car(30, depth=5.0),), [])
    rows = table([seen(far, far, near), seen(near)], "distance")
    assert {name: (row["clips"], row["frames"]) for name, row in rows.items()} == {
        "< 10": (2, 2), "10 to 20": (0, 0), "20 to 40": (0, 0), ">= 40": (1, 2)
    }  # fmt: skip


def test_frames_are_sliced_by_time_of_day_weather_crowdedness_and_scenario() -> None:
    four = tuple(car(30, left=100 * k) for k in range(4))
    clips = [
        seen(({"daylight": 1.0, "weather": "snowy"}, four, [(0, 30, 0.9)]), ({"daylight": 0.5}, (), [])),
        seen(({"daylight": 0.0, "weather": "clear"}, four[:1], [(0, 30, 0.9)]), scenario="alley"),
    ]
    names = {by: list(table(clips, by)) for by in ("time_of_day", "weather", "crowdedness", "scenario")}
    assert names == {
        "time_of_day": ["night", "dawn_dusk", "day"],
        "weather": ["clear", "snowy", "unknown"],
        "crowdedness": ["empty", "low", "medium"],
        "scenario": ["alley", "street"],
    }
    row = table(clips, "crowdedness")["medium"]
    assert (row["clips"], row["frames"], row["boxes"], row["recall"]) == (1, 1, 4, 0.25)
    assert table(clips, "crowdedness")["empty"]["AP50"] is None


def test_only_the_hundred_best_detections_of_a_frame_count() -> None:
    clip = seen(({}, (car(30),), [(500, 30, 0.9)] * 100 + [(0, 30, 0.2)]))
    assert score_row([judge(clip, "vehicle", Protocol())], Protocol())["AP50"] == 0.0
    with pytest.raises(ValueError, match="most is 101"):
        Protocol(most=101)


def noisy_clip(seed: int, frames: int = 12) -> SeenClip:
    """True cars of all sizes, most of them found not quite, and clutter; some too hidden to count."""
    random, rows = np.random.default_rng(seed), []
    for _ in range(frames):
        heights, lefts = random.uniform(5, 100, 8), random.uniform(0, 400, 8)
        objects = tuple(
            car(h, left=x, occlusion=float(random.choice([0.0, 0.9], p=[0.8, 0.2])))
            for h, x in zip(heights, lefts, strict=True)
        )
        jitter = [
            (x + random.normal(0, 4), max(1, h * random.normal(1, 0.15))) for h, x in zip(heights, lefts, strict=True)
        ]
        clutter = list(zip(random.uniform(0, 400, 4), random.uniform(5, 100, 4), strict=True))
        found = [(x, h, random.random()) for x, h in (*jitter, *jitter[:3], *clutter)]
        rows.append(({}, objects, found))
    return seen(*rows)


@pytest.mark.parametrize("seed", range(3))
def test_sizes_agree_with_cocos_own_area_ranges(seed) -> None:
    """All boxes are 40 px wide, so COCO's areas are heights; its own ranges are then our sizes."""
    from faster_coco_eval import COCO, COCOeval_faster

    protocol = Protocol(sizes=((0.05, 0.2), (0.2, None)))
    clip = noisy_clip(seed)
    judged = judge(clip, "vehicle", protocol)
    truths, found, number = [], [], 0
    for image, row in enumerate(judged, start=1):
        for box, ignored in zip(row.truth.boxes, row.truth.ignored, strict=True):
            number += 1
            sides = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            named = {"id": number, "image_id": image, "category_id": 1, "iscrowd": int(ignored)}
            truths.append({**named, "bbox": sides, "area": sides[2] * sides[3]})
        for box, score in zip(row.found.boxes, row.found.scores, strict=True):
            sides = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
            found.append({"image_id": image, "category_id": 1, "score": score, "bbox": sides})
    images = [{"id": image + 1} for image in range(len(judged))]
    truth = COCO({"images": images, "annotations": truths, "categories": [{"id": 1, "name": "car"}]})
    limit = 0.2 * HEIGHT * 40
    ranges = {"small": [0.05 * HEIGHT * 40, limit - 1e-6], "large": [limit, 1e9]}
    run = COCOeval_faster(truth, truth.loadRes(found), "bbox", ranges=ranges)
    run.run()
    ours = table([clip], "size", protocol)
    for name, row in zip(("small", "large"), ours.values(), strict=True):
        assert 0.05 < row["AP"] < 0.95
        assert row["AP"] == pytest.approx(run.stats_as_dict[f"AP_{name}"], abs=1e-9)
        assert row["AR"] == pytest.approx(run.stats_as_dict[f"AR_{name}"], abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_our_curve_of_a_slice_is_cocos(seed) -> None:
    """The interval is drawn from our own matching: on all clips it must give the AP50 that COCO's evaluation gives."""
    protocol = Protocol()
    for part in slices([judge(noisy_clip(seed), "vehicle", protocol)], protocol):
        rows: list[Judged] = [row for clip in part.clips for row in clip]
        theirs = coco_scores([row.scored() for row in rows])["AP50"]
        if theirs is None:
            assert own_average(rows) is None
        else:
            assert own_average(rows) == pytest.approx(theirs, abs=1e-9), part.value


def own_average(rows: list[Judged]) -> float | None:
    part = evidence(rows)
    return average_precision(part.scores, part.hits, part.count)


def test_a_draw_of_clips_is_scored_as_those_clips_put_together() -> None:
    protocol = Protocol()
    clips = [judge(noisy_clip(seed), "vehicle", protocol) for seed in range(4)]
    statistic = precision_of_draws([evidence(clip) for clip in clips])
    for drawn in ([0, 1, 2, 3], [2, 2, 2, 0], [3, 3, 3, 3]):
        assert statistic(drawn) == pytest.approx(own_average([row for number in drawn for row in clips[number]]))
    assert precision_of_draws([evidence([]), evidence([])])([0, 1]) is None


def test_a_box_that_stands_aside_takes_one_detection_and_no_more() -> None:
    one = Truth(np.array([[0, 0, 10, 10.0]]), np.array([False]), ())
    twice = Detections([[0, 0, 10, 10], [0, 0, 10, 9]], [0.9, 0.8], ["car"] * 2)
    assert match(twice, one, aside=np.array([True])).outcomes == (IGNORED, FALSE)
    assert match(twice, one).outcomes == (HIT, FALSE)
    alone = [ScoredFrame(one.boxes, one.ignored, twice.boxes, twice.scores, np.array([True]))]
    assert coco_scores(alone)["AP"] is None


CHANGED = {
    "name": "another", "by": "category", "every": 7, "visible": VisibleRule(0.04, 0.5, 0.6), "iou": 0.6, "score": 0.4,
    "most": 50, "sizes": ((0.05, None),), "distances": ((None, None),), "occlusions": (),
    "crowdedness": (("empty", 0), ("full", 1)), "window": 3.0, "draws": 100, "seed": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Protocol)])
def test_changing_any_rule_of_the_protocol_changes_its_hash(name) -> None:
    assert dataclasses.replace(Protocol(), **{name: CHANGED[name]}).sha256() != Protocol().sha256()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(VisibleRule)])
def test_changing_what_is_visible_changes_the_hash(name) -> None:
    rule = dataclasses.replace(Protocol().visible, **{name: 0.123})
    assert Protocol(visible=rule).sha256() != Protocol().sha256()


def test_the_classes_of_crowdedness_are_those_of_the_protocol() -> None:
    clips = [seen(({}, (car(30),), []))]
    assert list(table(clips, "crowdedness", Protocol(crowdedness=(("empty", 0), ("full", 1))))) == ["full"]

"""The scene as the shipped detector sees it: time of day and lane lines in the town, and files that tell no scene."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.errors import UserError
from drivesim.evaluation.scenes import score_scenes, see_scenes
from drivesim.perception import load_detector
from drivesim.perception.scene import SceneDetector
from drivesim.town import render
from scenarios import compile, load


@pytest.fixture(scope="module")
def detector():
    return SceneDetector()


@pytest.fixture(scope="module")
def rows(detector, tmp_path_factory):
    """A free road by day and by night, four frames each."""
    folder = tmp_path_factory.mktemp("town")
    seen = []
    for name, daylight in (("day", 1.0), ("night", 0.0)):
        scenario = load(
            "day_free_ride", {"environment.initial.daylight": daylight, "environment.initial.weather": "clear"}
        )
        clip = render(compile(scenario, fps=0.5), folder / name)
        seen += see_scenes(clip, detector, every=2)
    return seen


def test_day_and_night_and_lane_lines_of_the_town_are_seen(rows) -> None:
    scores = score_scenes(rows)
    assert scores["frames"] == len(rows) >= 6
    assert scores["time_of_day"]["accuracy"] == 1
    assert scores["daylight"]["mean_error"] < 1 / 3
    assert set(scores["time_of_day"]["confusion"]) == {"day", "night"}
    assert scores["by_brightness"]["accuracy"] == scores["by_brightness"]["detector"] == 1
    assert scores["lanes"]["total"]["lines"] >= 10
    assert scores["lanes"]["total"]["found"] >= 0.7
    assert scores["lanes"]["total"]["right"] >= 0.5


def test_daylight_is_a_number_beliefs_are_shares_and_lanes_lie_in_the_frame(rows) -> None:
    for row in rows:
        assert row.scene.daylight == pytest.approx(row.facts.daylight, abs=1 / 3)
        assert sum(row.scene.weathers.values()) == pytest.approx(1, abs=1e-5)
        x, y, score = row.scene.lanes.T
        assert ((x >= 0) & (x <= 1024) & (y >= 0) & (y <= 512)).all()
        assert (score >= 0.3).all()
        assert np.isin(y, row.scene.rows).all()


def test_without_facts_nothing_is_scored() -> None:
    scores = score_scenes([])
    assert (scores["time_of_day"]["accuracy"], scores["by_brightness"]) == (None, None)
    assert scores["lanes"]["total"]["found"] is None


def test_a_detector_that_tells_no_scene_is_refused(shared_data) -> None:
    with pytest.raises(UserError, match="drivesim train detector"):
        SceneDetector(shared_data / "yolox_nano" / "yolox_nano.onnx")


def test_boxes_and_scene_of_one_run_are_those_of_two(detector, monkeypatch) -> None:
    frame = np.random.default_rng(0).integers(0, 255, (128, 256, 3), np.uint8)
    boxes, scene = detector([frame])[0], detector.scenes([frame])[0]
    runs, run = [], detector._run
    monkeypatch.setattr(detector, "_run", lambda picture: runs.append(1) or run(picture))
    found, seen = detector.see(frame)
    assert len(runs) == 1
    assert np.array_equal(found.boxes, boxes.boxes)
    assert np.array_equal(found.scores, boxes.scores)
    assert np.array_equal(seen.lanes, scene.lanes)
    assert (seen.time_of_day, seen.weather) == (scene.time_of_day, scene.weather)


def test_only_a_judge_that_is_the_same_network_shares_its_run(detector) -> None:
    assert detector.is_same(load_detector("reference"))
    other = load_detector("reference")
    other.fingerprint = "0" * 64
    assert not detector.is_same(other)
    assert not detector.is_same(lambda frames: [])

"""Scores of the scene: time of day, weather and lane lines as a detector sees them, against what is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivesim.clips import Clip
from drivesim.metrics.appearance import brightness
from drivesim.metrics.lanes import LaneScore, score_lanes
from drivesim.metrics.obedience import balanced_accuracy, best_threshold, day_and_night
from drivesim.perception.scene import Scene, SceneDetector
from scenarios.facts import TIMES_OF_DAY, WEATHERS, FrameFacts, time_of_day
from scenarios.lane_lines import lines_in_view


@dataclass(frozen=True, eq=False)
class SeenScene:
    """One frame: what is true, what the detector saw, how its lane lines fit (None if unknown), and its brightness."""

    facts: FrameFacts
    scene: Scene
    lanes: LaneScore | None
    brightness: float

    @property
    def time(self) -> str | None:
        """The true time of day."""
        return None if self.facts.daylight is None else time_of_day(self.facts.daylight)


def see_scenes(clip: Clip, detector: SceneDetector, *, every: int = 1) -> list[SeenScene]:
    """Every ``every``-th frame of a clip, of any origin, as the detector sees it."""
    rows = []
    for number, frame in zip(range(0, len(clip), every), clip.frames(step=every), strict=True):
        facts, (scene,) = clip.facts[number], detector.scenes([frame])
        rows.append(SeenScene(facts, scene, lanes_seen(scene, facts, frame.shape[:2]), brightness(frame)))
    return rows


def lanes_seen(scene: Scene, facts: FrameFacts, size: tuple[int, int]) -> LaneScore | None:
    """How the lane lines seen in a picture of ``size`` (height, width) fit the facts; None if these know none."""
    lines = lines_in_view(facts, size)
    return None if lines is None else score_lanes(lines, scene.lanes[:, :2], scene.rows, size[1])


def score_scenes(rows: Sequence[SeenScene]) -> dict[str, Any]:
    """All scores: the daylight's mean error, the share of times of day and weathers told rightly, of lane lines found.

    ``confusion[true][seen]``: frames. ``by_brightness``: days and nights told by the one threshold of brightness that
    suits these frames best, beside the detector's on the same frames; both are means over the two classes.
    Everything is None, or empty, where nothing is known. ``lanes`` comes in total, by time of day and by weather.
    """
    lined = [row for row in rows if row.lanes is not None]
    return {
        "frames": len(rows),
        "daylight": _daylight(rows),
        "time_of_day": _classes([(row.time, row.scene.time_of_day) for row in rows], TIMES_OF_DAY),
        "weather": _classes([(row.facts.weather, row.scene.weather) for row in rows], WEATHERS),
        "by_brightness": _by_brightness(rows),
        "lanes": {
            "total": _lanes(lined),
            "time_of_day": {
                name: _lanes([row for row in lined if row.time == name])
                for name in TIMES_OF_DAY
                if any(row.time == name for row in lined)
            },
            "weather": {
                name: _lanes([row for row in lined if row.facts.weather == name])
                for name in WEATHERS
                if any(row.facts.weather == name for row in lined)
            },
        },
    }


def _classes(pairs: Sequence[tuple[str | None, str]], names: Sequence[str]) -> dict[str, Any]:
    known = [(true, seen) for true, seen in pairs if true is not None]
    confusion: Mapping[str, Mapping[str, int]] = {
        true: {seen: known.count((true, seen)) for seen in names} for true in names if any(t == true for t, _ in known)
    }
    right = sum(true == seen for true, seen in known)
    return {"frames": len(known), "accuracy": right / len(known) if known else None, "confusion": confusion}


def _daylight(rows: Sequence[SeenScene]) -> dict[str, Any]:
    off = [abs(row.scene.daylight - row.facts.daylight) for row in rows if row.facts.daylight is not None]
    return {"frames": len(off), "mean_error": sum(off) / len(off) if off else None}


def _by_brightness(rows: Sequence[SeenScene]) -> dict[str, float] | None:
    chosen, by_day = day_and_night([row.facts for row in rows])
    values = [rows[k].brightness for k in chosen]
    threshold = best_threshold(values, by_day)
    if threshold is None:
        return None
    seen = [rows[k].scene.daylight for k in chosen]
    return {
        "threshold": threshold,
        "accuracy": balanced_accuracy(values, by_day, threshold),
        "detector": balanced_accuracy(seen, by_day, 0.5),
    }


def _lanes(rows: Sequence[SeenScene]) -> dict[str, Any]:
    total = LaneScore()
    for row in rows:
        assert row.lanes is not None
        total = total + row.lanes
    return {
        "frames": len(rows),
        "lines": total.lines,
        "found": total.found / total.lines if total.lines else None,
        "points": total.told,
        "right": total.right / total.told if total.told else None,
    }

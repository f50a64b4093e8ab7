"""What the judge of the scene says of each frame against what was asked for: the time of day and the lane lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from drivesim.evaluation.requests import median
from drivesim.metrics.lanes import LaneScore, line_distances, score_lanes
from drivesim.perception.scene import Scene
from scenarios.facts import TIME_BORDERS, FrameFacts, time_of_day
from scenarios.lane_lines import AHEAD, lines_in_view

CLEAR = 0.1  # of daylight from the nearest border between two times of day: nearer, either may be called right
BEND = 0.05  # rad by which a curved road turns over the next `AHEAD` m: a radius of 800 m
_HAIR = 1e-9  # of rounding, in differences of daylight


class TimeTold(NamedTuple):
    """The time of day of a frame, whether it is seen ``right``, and whether it lies ``clear`` of the borders."""

    asked: str
    right: bool
    clear: bool


class LanesTold(NamedTuple):
    """How the lane lines of a frame are seen: the ``score``, and the `line_distances`, px."""

    score: LaneScore
    distances: tuple[float, ...]


# --- what one frame says


def time_told(scene: Scene, facts: FrameFacts) -> TimeTold | None:
    """The time of day; None if the facts do not know it."""
    if facts.daylight is None:
        return None
    asked = time_of_day(facts.daylight)
    clear = min(abs(facts.daylight - border) for border in TIME_BORDERS) >= CLEAR - _HAIR
    return TimeTold(asked, scene.time_of_day == asked, clear)


def lanes_told(scene: Scene, facts: FrameFacts, size: tuple[int, int], *, curved: bool | None) -> LanesTold | None:
    """The lane lines in a picture of ``size`` (height, width), px; None if the facts know none.

    ``curved``: only of roads that bend, or only of those that do not; None: of all.
    """
    lines = lines_in_view(facts, size)
    if lines is None or curved not in (None, is_curved(facts)):
        return None
    told = lines, scene.lanes[:, :2], scene.rows, size[1]
    return LanesTold(score_lanes(*told), tuple(line_distances(*told)))


def is_curved(facts: FrameFacts) -> bool:
    """Whether the road ahead bends: half of its painted lines turn by `BEND` or more from here to `AHEAD` m.

    Kerbs are left out: those of a straight road turn at junctions.
    """
    turns = []
    for line in () if facts.road is None else facts.road.lines:
        points = np.array([point for point in line.points if 0 <= point[0] <= AHEAD])
        if line.kind in ("solid", "dashed") and len(points) >= 3:
            first, last = np.diff(points, axis=0)[[0, -1]]
            turns.append(abs(float(np.arctan2(first[0] * last[1] - first[1] * last[0], first @ last))))
    return bool(turns) and float(np.median(turns)) >= BEND


# --- what the frames of a clip say


def clear_times(rows: Sequence[TimeTold]) -> list[bool]:
    """Whether the time of day is right, of the frames clear of the borders."""
    return [row.right for row in rows if row.clear]


def changed_times(rows: Sequence[TimeTold]) -> list[bool]:
    """The same, of the frames from the first change of the time of day on.

    >>> day, dusk = TimeTold("day", True, True), TimeTold("dawn_dusk", False, True)
    >>> changed_times([day, day, dusk, day])
    [False, True]
    """
    first = next((k for k, row in enumerate(rows) if row.asked != rows[0].asked), len(rows))
    return clear_times(rows[first:])


# --- what all frames say


def share_of_lines(rows: Sequence[LanesTold]) -> float | None:
    """The share of lane lines that is found; None of none."""
    total = sum((row.score for row in rows), LaneScore())
    return total.found / total.lines if total.lines else None


def median_distance(rows: Sequence[LanesTold]) -> float | None:
    """The median distance of the points told from the lines found; None if none is."""
    return median([distance for row in rows for distance in row.distances])

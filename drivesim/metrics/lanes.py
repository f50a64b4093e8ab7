"""Lane lines found: how many of those in view a network tells, by the rules of TuSimple's benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scenarios.lane_lines import crossings, segments

NEAR_BY = 1 / 64  # of the picture's width: TuSimple's 20 px of 1280
SIZE = 1024  # px: the width of the pictures in which distances are told
WHOLE = 0.85  # share of a line's points that must be told for it to be found, as in TuSimple's benchmark
LEAST = 3  # rows that a line must cross to count


class LaneScore(NamedTuple):
    """``lines`` that count, those ``found``; points that were ``told`` where that can be judged, those ``right``."""

    lines: int = 0
    found: int = 0
    told: int = 0
    right: int = 0

    def __add__(self, other: LaneScore) -> LaneScore:  # type: ignore[override]  # of a tuple it would be joining
        """The score of both together."""
        return LaneScore(*(a + b for a, b in zip(self, other, strict=True)))


def score_lanes(lines: Sequence[np.ndarray], points: np.ndarray, rows: np.ndarray, width: int) -> LaneScore:
    """How the points that a network tells fit the lane lines of one frame.

    Args:
        lines: the true ones, each (n 3), as of `scenarios.lane_lines.lines_in_view`, px.
        points: (m 2) x, y in px; every y is one of ``rows``.
        rows: (r,) heights in px at which lines are looked for.
        width: of the picture, px.

    A line is found if a point lies near it on `WHOLE` of the rows where it counts. Near is `NEAR_BY` of the width, over
    the cosine of the line's angle to the vertical, so that flat lines get more. A point is right if it is near any
    line; one near a line only where that does not count is not judged.

    >>> line = np.array([[100.0, 0.0, 1.0], [100.0, 60.0, 1.0]])
    >>> points = np.array([[103.0, 10.0], [101.0, 30.0], [100.0, 50.0], [180.0, 50.0]])
    >>> score_lanes([line], points, np.array([10.0, 30.0, 50.0]), 256)
    LaneScore(lines=1, found=1, told=4, right=3)
    """
    right, unjudged = np.zeros(len(points), bool), np.zeros(len(points), bool)
    count = found = 0
    for line in lines:
        away, counts = _away(line, points, rows)
        near = away <= NEAR_BY * width
        right |= near[counts].any(axis=0)
        unjudged |= near[~counts].any(axis=0)
        if counts.sum() >= LEAST:
            count += 1
            found += _is_found(near[counts])
    judged = right | ~unjudged
    return LaneScore(count, found, int(judged.sum()), int(right.sum()))


def line_distances(lines: Sequence[np.ndarray], points: np.ndarray, rows: np.ndarray, width: int) -> list[float]:
    """How far the points told lie from the lines of one frame that are found (`score_lanes`, whose arguments it takes).

    For every row in which such a line counts the distance at right angles to its nearest point, in px of a picture
    `SIZE` px wide; rows without one near the line are left out.

    >>> line = np.array([[100.0, 0.0, 1.0], [100.0, 60.0, 1.0]])
    >>> points = np.array([[103.0, 10.0], [101.0, 30.0], [100.0, 50.0], [180.0, 50.0]])
    >>> line_distances([line], points, np.array([10.0, 30.0, 50.0]), 256)
    [12.0, 4.0, 0.0]
    """
    found: list[float] = []
    for line in lines:
        away, counts = _away(line, points, rows)
        near = away[counts] <= NEAR_BY * width
        if counts.sum() >= LEAST and _is_found(near):
            nearest = away[counts].min(axis=1, initial=np.inf)
            found += (nearest[near.any(axis=1)] * SIZE / width).tolist()
    return found


def _away(line: np.ndarray, points: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far (n m), px, each of m points lies from a line in each of the n rows that it crosses; where it counts (n).

    At right angles to the line: to the side, times the cosine of its angle to the vertical. Infinite in other rows.
    """
    pieces = segments([line])
    row, x, piece = crossings(pieces, rows)
    steps = pieces[piece, 2:4] - pieces[piece, :2]
    upright = np.abs(steps[:, 1]) / np.hypot(*steps.T)
    here = np.searchsorted(rows, points[:, 1]) == row[:, None]
    return np.where(here, np.abs(points[:, 0] - x[:, None]) * upright[:, None], np.inf), pieces[piece, 4] > 0


def _is_found(near: np.ndarray) -> bool:
    """Whether a line is, by which points (n m) lie near it in the rows where it counts."""
    return bool(near.any(axis=1).mean() >= WHOLE)

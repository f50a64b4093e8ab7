"""Lane lines: where they are in a picture, and how told points are scored against them."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.metrics.lanes import LaneScore, line_distances, score_lanes
from scenarios.facts import Camera, FrameFacts, LaneLine, ObjectFacts, RoadFacts
from scenarios.lane_lines import AHEAD, crossings, lines_in_view, segments

CAMERA = Camera(width=400, height=200, fx=100, fy=100, cx=200, cy=100, x=0.0, z=2.0)  # y = 100 + 200 / x
ROWS = np.arange(5.0, 200.0, 10.0)


def facts(*lines: LaneLine, objects: tuple[ObjectFacts, ...] | None = ()) -> FrameFacts:
    return FrameFacts(0, 0.0, camera=CAMERA, road=RoadFacts(lines, ()), objects=objects)


def straight(y: float, *, kind: str = "solid", end: float = 60.0) -> LaneLine:
    return LaneLine(kind, "white", ((-5.0, y), (end, y)))


def test_a_straight_line_crosses_the_rows_where_the_camera_sees_it() -> None:
    (line,) = lines_in_view(facts(straight(2.0)), (200, 400))
    row, x, _ = crossings(segments([line]), ROWS)
    # 2 m to the left and 2 m below the eye: it goes down to the left at 45 degrees from the vanishing point (200, 100).
    assert x == pytest.approx(200 - (ROWS[row] - 100), abs=1e-6)
    assert set(row.tolist()) == set(range(11, 20)) | {10}


def test_another_size_of_picture_scales_it() -> None:
    (line,) = lines_in_view(facts(straight(2.0)), (200, 400))
    (half,) = lines_in_view(facts(straight(2.0)), (100, 200))
    np.testing.assert_allclose(half[:, :2] * 2, line[:, :2])


def test_far_points_and_covered_ones_do_not_count_and_stop_lines_are_left_out() -> None:
    car = ObjectFacts(1, "car", (100.0, 110.0, 190.0, 150.0))
    (line,) = lines_in_view(facts(straight(2.0), straight(0.0, kind="stop"), objects=(car,)), (200, 400))
    x, y, counts = line[:, 0], line[:, 1], line[:, 2] > 0  # the line is at x = 200 - (y - 100)
    assert not counts[(x > 150) & (x < 190)].any()
    assert not counts[y < 100 + 200 / AHEAD - 1e-9].any()
    assert counts[(y > 150) & (y <= 200)].all()


def test_what_is_not_known_is_none() -> None:
    assert lines_in_view(facts(straight(0.0), objects=None), (200, 400)) is None
    assert lines_in_view(FrameFacts(0, 0.0), (200, 400)) is None


def told(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.column_stack([x, rows])


def test_a_line_that_is_told_row_by_row_is_found_and_one_told_beside_is_not() -> None:
    lines = lines_in_view(facts(straight(0.0)), (200, 400))
    rows = ROWS[ROWS > 105]
    exact = told(np.full(len(rows), 200.0), rows)
    assert score_lanes(lines, exact, ROWS, 400) == LaneScore(1, 1, len(rows), len(rows))
    aside = exact + np.array([6.0, 0.0])  # 400 / 64 = 6.25 px are near
    assert score_lanes(lines, aside, ROWS, 400).found == 1
    assert score_lanes(lines, aside + np.array([0.5, 0.0]), ROWS, 400) == LaneScore(1, 0, len(rows), 0)


def test_a_seventh_of_the_rows_may_be_missing_but_not_a_fifth() -> None:
    lines = [np.array([[100.0, 0.0, 1.0], [100.0, 200.0, 1.0]])]
    whole = told(np.full(20, 100.0), ROWS)
    assert score_lanes(lines, whole[3:], ROWS, 400).found == 1  # 17 of 20 are 0.85
    assert score_lanes(lines, whole[4:], ROWS, 400).found == 0


def test_flat_lines_get_more_room_by_their_angle() -> None:
    lines = [np.array([[0.0, 0.0, 1.0], [400.0, 200.0, 1.0]])]  # dx / dy = 2: reach = 6.25 * sqrt(5) = 13.98
    assert score_lanes(lines, told(2 * ROWS + 13.9, ROWS), ROWS, 400).found == 1
    assert score_lanes(lines, told(2 * ROWS + 14.1, ROWS), ROWS, 400).found == 0


def test_points_on_a_hidden_part_are_not_judged_and_short_lines_do_not_count() -> None:
    hidden = [np.array([[100.0, 0.0, 0.0], [100.0, 200.0, 0.0]])]
    assert score_lanes(hidden, told(np.full(20, 100.0), ROWS), ROWS, 400) == LaneScore(0, 0, 0, 0)
    short = [np.array([[100.0, 0.0, 1.0], [100.0, 20.0, 1.0]])]  # crosses two rows
    assert score_lanes(short, np.zeros((0, 2)), ROWS, 400) == LaneScore(0, 0, 0, 0)


def test_nothing_told_finds_nothing() -> None:
    lines = lines_in_view(facts(straight(0.0)), (200, 400))
    assert score_lanes(lines, np.zeros((0, 2)), ROWS, 400) == LaneScore(1, 0, 0, 0)


def test_distances_are_at_right_angles_and_of_found_lines_only() -> None:
    (slanted,) = lines_in_view(facts(straight(2.0)), (200, 400))  # at 45 degrees
    row, x, _ = crossings(segments([slanted]), ROWS)
    beside = told(x + 4.0, ROWS[row])
    # 4 px to the side are 4 / sqrt(2) px off the line, of 400 px; in a picture 1024 px wide 2.56 times that.
    away = line_distances([slanted], beside, ROWS, 400)
    assert away == pytest.approx([4 / 2**0.5 * 2.56] * len(away))
    assert 7 <= len(away) <= len(row)
    assert line_distances([slanted], beside[: len(beside) // 2], ROWS, 400) == []  # half told is not found

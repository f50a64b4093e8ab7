from itertools import pairwise

import pytest

from drivesim.errors import UserError
from drivesim.rollout import Plan


@pytest.mark.parametrize(
    ("fps", "step", "horizon", "rates"),
    [(30.0, 96, 113, (7.5, 30.0)), (7.5, 24, 29, (7.5,)), (1.875, 6, 8, ())],
)
def test_a_step_shows_the_frames_up_to_the_key_where_the_next_begins(fps, step, horizon, rates):
    plan = Plan(fps)  # 8 keys, of which the last 2 are the next step's context
    assert (plan.step, plan.horizon, plan.rates) == (step, horizon, rates)
    assert [key for key in plan.keys if key >= plan.step] == [plan.step, plan.step + plan.stride]


@pytest.mark.parametrize("fps", [30.0, 7.5, 1.875])
@pytest.mark.parametrize("frames", [1, 5, 6])
def test_the_ladder_makes_every_frame_once_from_ends_that_are_there(fps, frames):
    plan = Plan(fps)
    made = list(plan.keys)
    for rate in plan.rates:
        for gap in plan.gaps(rate, plan.filled(frames)):
            assert len(gap) == 5
            assert {gap[0], gap[-1]} <= set(made)
            made += gap[1:-1]
    assert len(made) == len(set(made))
    assert set(range(plan.filled(frames) + 1)) <= set(made)


@pytest.mark.parametrize("first", [0, -1])
@pytest.mark.parametrize("frames", [16, 96])
def test_the_decoder_shows_every_frame_once_with_a_neighbour_on_both_sides(first, frames):
    windows = Plan(30.0).windows(frames, first=first)
    assert [k for _, shown in windows for k in shown] == list(range(frames))
    for read, shown in windows:
        assert len(read) == 6
        assert first <= read[0] <= max(shown[0] - 1, first)
        assert shown[-1] + 1 <= read[-1] <= frames
    assert windows == Plan(30.0).windows(96, first=first)[: len(windows)]


def test_chunks_tile_the_frames():
    assert [len(chunk) for chunk in Plan(30.0).chunks(21)] == [4, 4, 4, 4, 4, 1]
    assert all(a.stop == b.start for a, b in pairwise(Plan(30.0).chunks(21)))


def test_rates_off_the_ladder_and_empty_windows_are_refused():
    with pytest.raises(UserError, match=r"15 frames/s.*1\.875, 7\.5, 30"):
        Plan(15.0)
    with pytest.raises(UserError, match="2 of 2 key frames are given, expected 1 to 1"):
        Plan(window=2, context=2)

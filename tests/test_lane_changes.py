"""When background drivers change lanes, by hand-placed bodies, and that it happens in traffic."""

import pytest

from scenarios import compile, load
from scenarios.behaviour import Body, following_acceleration
from scenarios.lane_changes import GAIN, better_lane
from scenarios.road import Road

ROAD = Road(3, 2)


def body(lane: int, s: float, speed: float, *, cruise: float | None = None, number: int = 100) -> Body:
    made = Body(number, "car", (4.0, 1.8, 1.5), (0, 0, 0), s, ROAD.lane_center(lane), speed, cruise or speed)
    made.direction = ROAD.direction(lane)
    made.lane = made.from_lane = lane
    return made


def wish(me: Body, *others: Body) -> int | None:
    """The lane that ``me`` would rather drive in, held up by whoever is ahead of it."""
    lanes: dict[int, list[Body]] = {}
    for one in (me, *others):
        lanes.setdefault(one.lane, []).append(one)
    leaders = [one for one in others if one.lane == me.lane and me.direction * (one.s - me.s) > 0]
    me.acceleration = min(
        (following_acceleration(me.speed, me.gap_to(one), one.speed, me.headway) for one in leaders), default=0.0
    )
    return better_lane(me, lanes, ROAD)


def test_driver_behind_a_slow_one_takes_the_free_lane_beside():
    assert wish(body(0, 0, 15.0), body(0, 25, 8.0)) == 1
    assert wish(body(0, 0, 15.0)) is None


def test_of_two_lanes_the_freer_one_is_taken():
    slow, slower = body(0, 60, 10.0), body(2, 25, 6.0)
    assert wish(body(1, 0, 15.0), body(1, 20, 8.0), slow, slower) == 0


def test_nobody_changes_in_front_of_one_who_would_have_to_brake_hard():
    me, slow = body(0, 0, 15.0), body(0, 25, 8.0)
    assert wish(me, slow, body(1, -40, 15.0)) == 1
    assert wish(me, slow, body(1, -12, 22.0)) is None
    assert wish(me, slow, body(1, 2.0, 15.0)) is None


def test_oncoming_lanes_and_strips_are_no_way_out():
    assert wish(body(2, 0, 15.0), body(2, 25, 8.0), body(1, 0.5, 15.0)) is None
    assert wish(body(3, 0, 15.0), body(3, -25, 8.0)) == 4


def test_small_gain_is_not_worth_it():
    far = body(0, 90, 14.5)
    me = body(0, 0, 15.0)
    assert -following_acceleration(15.0, me.gap_to(far), 14.5, me.headway) < GAIN
    assert wish(me, far) is None


def test_who_is_changing_already_or_crawls_stays():
    me = body(0, 0, 15.0)
    me.from_lane = 1
    assert wish(me, body(0, 25, 8.0)) is None
    assert wish(body(0, 0, 3.0, cruise=15.0), body(0, 8, 2.0)) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_lanes_are_changed_in_dense_traffic_with_the_indicator_on(seed):
    timeline = compile(load("dense_traffic"), fps=5, seed=seed)
    blinking = {
        state.track_id
        for k in range(len(timeline))
        for state in timeline.track(k)
        if state.lights is not None and state.lights.indicator in ("left", "right")
    }
    assert len(blinking) >= 2

import math
from itertools import pairwise

import pytest

from scenarios.actions import Brake, ChangeLane, Cross, Follow, FollowTrack, SetSpeed
from scenarios.behaviour import (
    COMFORT,
    HARDEST,
    Body,
    bend_speed,
    drive,
    following_acceleration,
    free_acceleration,
    look_at_bend,
)
from scenarios.road import Road

DT = 1 / 120


def body(**changes) -> Body:
    values = {"s": 0.0, "d": -1.75, "speed": 10.0, "cruise": 10.0, "lane": 0, "from_lane": 0} | changes
    return Body(1, "car", (4.0, 1.8, 1.5), (0, 0, 0), **values)


def run(thing: Body, action, *, limit: float) -> float:
    """Step ``action`` until it is complete; the seconds that took."""
    for n in range(round(limit / DT)):
        if action.step(thing, DT):
            return n * DT
        if action.channel != "path":
            thing.acceleration = free_acceleration(thing.speed, thing.cruise, thing.rate)
            drive(thing, DT)
    raise AssertionError(f"not complete after {limit} s")


def test_free_driver_at_cruise_speed_keeps_it_and_at_rest_accelerates_by_the_rate():
    assert free_acceleration(10.0, 10.0, 2.0) == 0.0
    assert free_acceleration(0.0, 10.0, 2.0) == 2.0
    assert free_acceleration(9.9, 10.0, 2.0) == pytest.approx(0.4)
    assert free_acceleration(20.0, 10.0, 3.0) == -3.0
    assert free_acceleration(0.0, 0.0, 2.0) == 0.0


def test_following_matches_the_formula_by_hand():
    # Equal speeds: wanted gap 2 + 10 * 1.3 = 15 m; at 15 m the term is -a, at 30 m -a / 4.
    assert following_acceleration(10.0, 15.0, 10.0, 1.3) == pytest.approx(-COMFORT)
    assert following_acceleration(10.0, 30.0, 10.0, 1.3) == pytest.approx(-COMFORT / 4)
    # Closing in at 5 m/s: 15 + 10 * 5 / (2 * 2) = 27.5 m.
    assert following_acceleration(10.0, 27.5, 5.0, 1.3) == pytest.approx(-COMFORT)
    assert following_acceleration(10.0, 0.0, 0.0, 1.3) == -HARDEST


def test_gap_is_between_the_ends_of_the_bodies_in_the_direction_of_travel():
    assert body().gap_to(body(s=24.0)) == 20.0
    assert body(direction=-1).gap_to(body(s=-24.0)) == 20.0
    assert body().gap_to(body(s=-24.0)) == -28.0


def test_bend_is_taken_at_the_speed_of_comfort():
    # v^2 / r = 3 m/s2 at r = 50 m.
    assert bend_speed(Road(1, 1, curvature=[(0.0, 0.02)]), body()) == pytest.approx(math.sqrt(150))
    assert bend_speed(Road(1, 1), body()) == math.inf


def test_outer_lane_of_a_bend_advances_slower_along_the_reference_line():
    # Left bend of 100 m radius, 10 m right of the line: the path has 110 m radius, so s grows by 1 / 1.1 per metre.
    road, thing = Road(3, 1, curvature=[(0.0, 0.01)]), body(d=-10.0, speed=12.0)
    for _ in range(120):
        look_at_bend(thing, road)
        drive(thing, DT)
    assert thing.travelled == pytest.approx(12.0, abs=0.01)
    assert thing.s == pytest.approx(12.0 / 1.1, abs=0.02)


def test_set_speed_reaches_its_speed_by_its_rate():
    thing = body()
    # From 10 to 4 m/s by 3 m/s2 takes 2 s, plus the soft landing.
    assert run(thing, SetSpeed(4.0, 3.0), limit=5.0) == pytest.approx(2.5, abs=0.3)
    assert thing.speed == pytest.approx(4.0, abs=0.11)
    assert thing.rate == COMFORT


def test_brake_holds_and_then_gives_the_cruise_speed_back():
    thing = body()
    assert run(thing, Brake(0.0, 5.0, 3.0, before=10.0), limit=9.0) == pytest.approx(2.0 + 3.0, abs=0.8)
    assert thing.cruise == 10.0
    # 10 m/s by 5 m/s2 is 10 m of way; the soft landing adds a little.
    assert 10.0 < thing.s < 12.0


def test_brake_without_hold_stays():
    thing = body()
    run(thing, Brake(0.0, 5.0, None, before=10.0), limit=5.0)
    assert thing.cruise == 0.0


def test_follow_takes_the_target_and_completes_at_once():
    thing, target = body(), body(s=40.0)
    assert Follow(target, 0.8).step(thing, DT)
    assert (thing.target, thing.headway, thing.cruise) == (target, 0.8, 13.0)


@pytest.mark.parametrize(("lane", "indicator", "sign"), [(1, "left", 1), (0, "right", -1)])
def test_lane_change_ends_in_the_middle_of_the_lane_in_its_time(lane, indicator, sign):
    road = Road(2, 0)
    start, end = road.lane_center(1 - lane), road.lane_center(lane)
    thing, action = body(d=start, lane=1 - lane, from_lane=1 - lane), ChangeLane(lane, start, end, 3.0)
    places, turns = [], []
    for _ in range(181):
        action.step(thing, DT)
        drive(thing, DT)
        places.append(thing.d)
        turns.append(thing.turn)
    assert (thing.lane, thing.from_lane, thing.indicator) == (lane, 1 - lane, indicator)
    # Half-way after half of the time, where the quintic's slope is 15/8 of the mean: 3.5 / 3 * 15/8 / 10 rad.
    assert thing.d == pytest.approx((start + end) / 2, abs=0.05)
    assert sign * turns[-1] == pytest.approx(math.atan(3.5 / 3 * 15 / 8 / 10), abs=0.01)
    assert all(sign * (b - a) >= 0 for a, b in pairwise(places))
    assert run(thing, action, limit=2.0) == pytest.approx(1.5, abs=0.05)
    assert (thing.d, thing.turn, thing.from_lane, thing.indicator) == (end, 0.0, lane, "off")


def test_standing_car_does_not_slide_sideways():
    thing = body(speed=0.0, cruise=0.0)
    action = ChangeLane(1, -1.75, 1.75, 3.0)
    assert not any(action.step(thing, DT) for _ in range(600))
    assert thing.d == -1.75


def test_crossing_walks_straight_over_and_then_on_along_the_road():
    walker = body(d=-6.0, speed=0.0, cruise=0.0, lane=None, from_lane=None)
    seconds = run(walker, Cross(6.0, 1.5), limit=10.0)
    assert seconds == pytest.approx(8.0, abs=0.05)
    assert (walker.s, walker.d, walker.turn, walker.cruise) == (0.0, 6.0, 0.0, 1.5)
    assert walker.travelled == pytest.approx(12.0, abs=1e-3)


def test_track_is_followed_point_by_point():
    thing = body(lane=None, from_lane=None)
    action = FollowTrack([(0.0, 0.0, 0.0), (2.0, 20.0, 0.0), (3.0, 20.0, 5.0)])
    for _ in range(120):
        action.step(thing, DT)
    assert (thing.s, thing.d, thing.speed, thing.turn) == pytest.approx((10.0, 0.0, 10.0, 0.0))
    for _ in range(180):
        action.step(thing, DT)
    assert (thing.s, thing.d, thing.speed) == pytest.approx((20.0, 2.5, 5.0))
    assert thing.turn == pytest.approx(math.pi / 2, abs=1e-4)
    assert run(thing, action, limit=1.0) == pytest.approx(0.5, abs=0.02)
    assert thing.speed == 0.0

"""Ways over junctions: their shape, who gives way to whom, and that background traffic gets along."""

import json
import math

import pytest

from scenarios import ScenarioError, compile, loads
from scenarios.behaviour import Body
from scenarios.junctions import Junction, Signals
from scenarios.road import Road
from scenarios.routes import route, way_out
from scenarios.simulation import Simulation
from scenarios.triggers import touch

ROAD = Road(2, 2, junctions=[Junction(100.0, 3.5)])
JUNCTION = ROAD.junctions[0]


def body(s: float, d: float, *, lane: int | None = None, speed: float = 8.0) -> Body:
    made = Body(1, "car", (4.5, 1.8, 1.5), (0, 0, 0), s, d, speed, speed)
    made.lane = made.from_lane = lane
    made.direction = 1 if lane is None or lane < 2 else -1
    return made


def play(duration: float = 12.0, **changes):
    text = {
        "schema": "drivesim.scenario/1",
        "name": "probe",
        "clock": {"duration": duration},
        "road": {"lanes": 1, "oncoming": 1, "junctions": [{"at": 60.0}]},
        "environment": {"initial": {"traffic_level": "none"}},
        "ego": {"initial": {"speed": 10.0}},
    }
    return compile(loads(json.dumps(text | changes)), fps=10)


def way(timeline, track_id: int) -> list:
    """The track's states on the frames on which it is there."""
    return [state for k in range(len(timeline)) for state in timeline.track(k) if state.track_id == track_id]


# Lanes are 3.5 m wide, so that those of the arms lie at s = 98.25 (towards the right) and 101.75 (towards the left).
@pytest.mark.parametrize(
    ("start", "turn", "end"),
    [
        (body(60.0, -5.25, lane=0), "right", (98.25, -90.0 - 8.6, -math.pi / 2)),
        (body(60.0, -1.75, lane=1), "left", (101.75, 90.0 + 8.6, math.pi / 2)),
        (body(140.0, 1.75, lane=2), "left", (98.25, -90.0 - 8.6, -math.pi / 2)),
        (body(140.0, 5.25, lane=3), "right", (101.75, 90.0 + 8.6, math.pi / 2)),
        (body(101.75, -40.0), "straight", (101.75, 98.6, math.pi / 2)),
        (body(98.25, 40.0), "straight", (98.25, -98.6, -math.pi / 2)),
        (body(101.75, -40.0), "right", (None, -5.25, 0.0)),
        (body(101.75, -40.0), "left", (None, 1.75, math.pi)),
        (body(98.25, 40.0), "right", (None, 5.25, math.pi)),
        (body(98.25, 40.0), "left", (None, -1.75, 0.0)),
    ],
)
def test_route_leads_from_lane_to_lane_without_a_kink(start, turn, end):
    way = route(ROAD, JUNCTION, start, turn)
    s, d, heading = way.at(way.length)
    assert math.cos(heading - end[2]) == pytest.approx(1.0)
    assert d == pytest.approx(end[1])
    assert end[0] is None or s == pytest.approx(end[0])
    assert way.at(0.0)[:2] == pytest.approx((start.s, start.d))
    before = way.at(0.0)
    for i in range(1, int(way.length * 10)):
        now = way.at(i / 10)
        assert math.hypot(now[0] - before[0], now[1] - before[1]) == pytest.approx(0.1, abs=1e-4)
        assert abs(now[2] - before[2]) < 0.1 / 5.9
        before = now


def test_those_who_turn_left_towards_each_other_do_not_meet():
    one, other = route(ROAD, JUNCTION, body(101.75, -40.0), "left"), route(ROAD, JUNCTION, body(98.25, 40.0), "left")
    gaps = [math.dist(one.at(u / 2)[:2], other.at(v / 2)[:2]) for u in range(50, 130) for v in range(50, 130)]
    assert min(gaps) > 1.8 + 1.0  # a car's width and room


def test_speed_limit_lets_a_body_brake_before_the_arc():
    way = route(ROAD, JUNCTION, body(60.0, -5.25, lane=0), "right")
    slow = math.sqrt(3.0 * 6.0)  # 3 m/s2 sideways on a radius of 6 m
    straight = way.pieces[0].length
    assert way.speed_limit(straight + 1.0) == pytest.approx(slow)
    assert way.speed_limit(straight - 10.0) == pytest.approx(math.sqrt(slow**2 + 2 * 2.0 * 10.0))
    assert way.speed_limit(way.length - 1.0) == math.inf


@pytest.mark.parametrize(
    ("arm", "direction", "turn", "told"),
    [
        (0, 1, "straight", "the way straight on along the main road"),
        (0, 1, "left", "the arm on the left, which is not there"),
        (-1, 1, "straight", "the arm on the left, which is not there"),
        (-1, 1, "left", "oncoming lanes, of which there are none"),
    ],
)
def test_ways_that_lead_nowhere(arm, direction, turn, told):
    with pytest.raises(ValueError, match=told):
        way_out(arm, direction, turn, (True, False), oncoming=0)


def test_whoever_comes_out_of_an_arm_gives_way_unless_it_is_told_not_to():
    def met(yields: bool) -> tuple[float, float]:
        """The least speed of the ego, and where the van is when the ego is at the junction."""
        actor = {"id": "van", "class": "van", "initial": {"arm": "right", "away": 45, "speed": 9, "yields": yields}}
        timeline = play(actors=[actor])
        k = next(k for k in range(len(timeline)) if timeline.ego(k).x > 55.0)
        return min(timeline.ego(k).speed for k in range(len(timeline))), way(timeline, 1)[k].y

    speed, y = met(True)
    assert speed > 9.5
    assert y < -5.1  # still before the kerb
    speed, y = met(False)
    assert speed < 7.0
    assert y > -2.0  # it went first


def test_oncoming_car_turns_left_across_the_ego_s_way():
    actor = {"id": "car", "class": "car", "initial": {"lane": 1, "ahead": 110.0, "speed": 9}}
    turn = {"id": "turn", "actor": "car", "when": {"time": 1}, "do": {"turn": {"to": "left", "yields": False}}}
    states = way(play(actors=[actor], events=[turn]), 1)
    assert states[0].y == pytest.approx(1.75)
    assert states[-1].y < -20.0
    assert states[-1].heading == pytest.approx(-math.pi / 2, abs=1e-3)
    assert any(state.lights.indicator == "left" for state in states)
    assert states[-1].lights.indicator == "off"


def test_turning_into_the_main_road_ends_in_its_lane():
    actor = {"id": "car", "class": "car", "initial": {"arm": "right", "away": 20, "speed": 6}}
    turn = {"id": "turn", "actor": "car", "when": {"time": 0}, "do": {"turn": {"to": "right"}}}
    last = way(play(actors=[actor], events=[turn], ego={"initial": {"speed": 1.0}}), 1)[-1]
    assert (last.y, last.heading) == pytest.approx((-1.75, 0.0), abs=1e-3)
    assert last.speed == pytest.approx(7.0, abs=0.5)  # the turn's own speed


@pytest.mark.parametrize(
    ("initial", "turn", "told"),
    [
        ({"arm": "right", "junction": 1}, {"to": "left"}, "found junction 1, expected one of the 1 of the road"),
        ({"arm": "right"}, {"to": "left", "junction": 3}, "found junction 3, expected one of the 1 of the road"),
        ({"arm": "right", "away": 300}, {"to": "left"}, "found 300 m, expected 6 .. 90 m from the kerb"),
        ({"arm": "left", "lane": 1}, {"to": "left"}, "expected no lane, side, parked and offset beside arm"),
        ({"lane": 0, "ahead": 20, "away": 5}, {"to": "left"}, "expected junction, away and yields only beside arm"),
        ({"lane": 0, "ahead": 20}, {"to": "straight"}, "found the way straight on along the main road"),
    ],
)
def test_impossible_places_and_turns_are_refused(initial, turn, told):
    actor = {"id": "car", "class": "car", "initial": initial}
    with pytest.raises(ScenarioError) as caught:
        play(actors=[actor], events=[{"id": "turn", "actor": "car", "when": {"time": 1}, "do": {"turn": turn}}])
    assert told in str(caught.value)


@pytest.mark.parametrize("signals", [None, {"green": 8, "amber": 3, "red": 16, "offset": 6}])
def test_nobody_drives_into_anybody_at_a_busy_junction(signals):
    text = {
        "schema": "drivesim.scenario/1",
        "name": "busy",
        "clock": {"duration": 30.0},
        "road": {"lanes": 2, "oncoming": 2, "junctions": [{"at": 70.0, "lanes": 2, "signals": signals}]},
        "environment": {"initial": {"traffic_level": "high"}},
    }
    scenario = loads(json.dumps(text))
    simulation = Simulation(scenario, scenario.geometry(), 4)
    came, went, walked = set(), set(), set()
    for step in range(30 * 120):
        simulation.decide(step)
        simulation.move()
        if step % 20:
            continue
        everybody = list(simulation.moment().everybody)
        came |= {body.track_id for body in simulation.crossing.vehicles}
        went |= {body.track_id for body in simulation.traffic.vehicles if "path" in body.actions}
        walked |= {body.track_id for body in simulation.traffic.people if "path" in body.actions}
        for i, one in enumerate(everybody):
            for other in everybody[i + 1 :]:
                both_walk = one.category == other.category == "pedestrian"
                assert both_walk or not touch(one, other), (step / 120, one, other)
    assert len(came) > 5
    assert went
    assert walked


def test_everybody_stops_at_red():
    road = {"lanes": 2, "oncoming": 1, "junctions": [{"at": 120.0, "signals": {"green": 5, "amber": 3, "red": 60}}]}
    text = {"environment": {"initial": {"traffic_level": "medium"}}, "traffic": {"turning": 0.0}}
    timeline = play(duration=40.0, road=road, **text)
    signals = Signals(5.0, 3.0, 60.0)
    near, far = 120.0 - 11.0, 120.0 + 11.0
    for k in range(1, len(timeline)):
        if signals.main(timeline[k].time) != "red":
            continue
        before = {state.track_id: state for state in timeline.track(k - 1)}
        for state in timeline.track(k):
            if state.track_id not in before or state.category == "pedestrian" or abs(state.y) > 7.0:
                continue
            for line, direction in ((near, 1), (far, -1)):
                was, now = direction * (before[state.track_id].x - line), direction * (state.x - line)
                assert not (was < -1.0 and now > 0.0 and math.cos(state.heading) * direction > 0.9), (k, state)
    assert timeline.ego(len(timeline) - 1).speed < 0.1

"""Crossing roads: lights, zebra crossings, lanes that change their width, and the road's facts there."""

import json
import math

import pytest
import shapely

from scenarios import ScenarioError, compile, loads
from scenarios.facts import EgoState
from scenarios.junctions import ALL_RED, CORNER, Junction, Signals
from scenarios.road import Road
from scenarios.road_facts import road_facts
from scenarios.scenery import World

SIGNALS = Signals(green=10.0, amber=3.0, red=20.0)
ROAD = Road(2, 1, junctions=[Junction(50.0, 3.5, zebra=True, signals=SIGNALS)])


def facts(road: Road, s: float = 20.0):
    x, y, heading = road.pose(s, -1.75)
    return road_facts(road, EgoState(x, y, heading, 10.0), s)


@pytest.mark.parametrize(
    ("time", "main", "crossing"),
    [
        (0.0, "green", "red"),
        (9.9, "green", "red"),
        (10.0, "amber", "red"),
        (13.0, "red", "red"),
        (13.0 + ALL_RED, "red", "green"),
        (27.9, "red", "green"),  # 33 - 2 of all red - 3 of amber = 28
        (28.0, "red", "amber"),
        (31.0, "red", "red"),
        (33.0, "green", "red"),
    ],
)
def test_phases_follow_each_other(time, main, crossing):
    assert (SIGNALS.main(time), SIGNALS.crossing(time)) == (main, crossing)
    later = Signals(10.0, 3.0, 20.0, offset=5.0)
    assert (later.main(time + 28.0), later.crossing(time + 28.0)) == (main, crossing)


def test_never_both_have_green_or_amber():
    for tenth in range(330):
        states = SIGNALS.main(tenth / 10), SIGNALS.crossing(tenth / 10)
        assert "red" in states, tenth


def test_red_that_is_left():
    assert [SIGNALS.red_left(time) for time in (5.0, 13.0, 30.0)] == [0.0, 20.0, 3.0]


def test_drivable_ground_reaches_into_the_arms():
    told = facts(ROAD)
    drivable = shapely.Polygon(told.drivable)
    assert drivable.is_valid
    # The ego is at s = 20, d = -1.75. The carriageway of the arms is 7 m wide around s = 50.
    for ahead, left, inside in ((30, 25, True), (30, -25, True), (33.4, 25, True), (33.6, 25, False), (22, 10, False)):
        assert drivable.contains(shapely.Point(ahead, left)) is inside, (ahead, left)
    # Half-way around the corner with a radius of 4 m: 1.66 m of diagonal are left between kerb and corner point.
    corner = 30 - 3.5, -ROAD.lanes * 3.5 - 1.6 + 1.75
    rest = CORNER * (math.sqrt(2) - 1) / math.sqrt(2)
    assert drivable.contains(shapely.Point(corner[0] - rest + 0.2, corner[1] - rest + 0.2))
    assert not drivable.contains(shapely.Point(corner[0] - rest - 0.2, corner[1] - rest - 0.2))


def test_an_arm_that_is_not_there_leaves_the_kerb_whole():
    told = facts(Road(1, 1, junctions=[Junction(50.0, 3.5, arms=(True, False))]))
    kerbs = [line for line in told.lines if line.kind == "edge"]
    assert len(kerbs) == 3  # two pieces on the right, one on the left
    assert not shapely.Polygon(told.drivable).contains(shapely.Point(30, 20))


def test_lines_end_at_stop_lines_and_zebras_lie_between_them_and_the_corner():
    told = facts(ROAD)
    stop = [line for line in told.lines if line.kind == "stop"]
    reach = ROAD.junctions[0].reach
    assert [line.points[0][0] for line in stop] == pytest.approx([30 - reach, 30 + reach], abs=1e-3)
    divider = [line for line in told.lines if line.colour == "yellow"]
    assert [line.points[-1][0] for line in divider] == pytest.approx([30 - reach, 100.0], abs=1e-3)
    assert len(told.crossings) == 2
    for zebra in told.crossings:
        xs = [abs(x - 30) for x, _ in zebra]
        assert CORNER + 3.5 < min(xs) < max(xs) < reach


def test_a_closed_lane_moves_the_kerb_and_keeps_what_is_beyond():
    road = Road(2, 1, changes=[(80.0, 40.0, 0, 0.0), (200.0, 20.0, None, 3.0)])
    assert road.across(60.0, -7.0) == -7.0
    assert road.across(100.0, -7.0) == pytest.approx(-5.25)  # half closed
    assert road.across(130.0, -7.0) == -3.5
    assert road.across(130.0, road.right_edge) == pytest.approx(-3.5 - 1.6)
    assert road.across(230.0, 3.5) == pytest.approx(3.0)
    # 3.5 m of width go over 40 m; narrower than 2.4 m it is closed.
    assert road.lane_end(0, 0.0, 1) == pytest.approx(80.0 + 40.0 * (3.5 - 2.4) / 3.5)
    assert road.lane_end(1, 0.0, 1) is None
    assert road.slope(100.0, -7.0) == pytest.approx(math.atan(3.5 / 40.0))


def test_things_stay_out_of_arms_and_tunnels():
    road = Road(2, 1, junctions=[Junction(80.0, 3.5)], tunnels=[(200.0, 300.0)])
    arm = shapely.box(80 - 3.5 - 3.4, -100.0, 80 + 3.5 + 3.4, 100.0)
    for seed in range(3):
        things = World(road, seed).scenery(-50.0, 400.0)
        houses = [thing for thing in things if thing.kind == "building"]
        assert not any(arm.intersects(thing.footprint()) for thing in things if thing.kind != "signal")
        assert {thing.kind for thing in things if 205 < thing.s < 295} == {"tunnel"}
        assert sum(thing.kind == "portal" for thing in things) == 2
        # Houses line the arms, too, and none stands in another.
        assert sum(abs(thing.s - 80.0) < 25.0 and abs(thing.y) > 35.0 for thing in houses) >= 8
        shapes = [thing.footprint() for thing in houses]
        tree = shapely.STRtree(shapes)
        pairs = tree.query(shapes, predicate="intersects").T
        assert not [1 for i, j in pairs if i < j and shapes[i].intersection(shapes[j]).area > 0.5]


def test_light_heads_show_the_phase_and_face_the_ego():
    text = {
        "schema": "drivesim.scenario/1",
        "name": "lights",
        "clock": {"duration": 20.0},
        "road": {"junctions": [{"at": 110.0, "signals": {"green": 5.0, "amber": 3.0, "red": 20.0}}]},
        "environment": {"initial": {"traffic_level": "none"}},
    }
    timeline = compile(loads(json.dumps(text)), fps=2)
    shown = [
        [state.appearance for state in timeline.track(k) if state.category == "traffic_light"] for k in (0, 12, 30)
    ]
    assert [len(heads) for heads in shown] == [2, 2, 2]
    greenest, reddest = shown[0][0], shown[2][0]
    assert greenest[1] > 2 * greenest[0]
    assert reddest[0] > 2 * reddest[1]
    assert shown[1][0] not in (greenest, reddest)
    head = next(thing for thing in timeline[0].objects if thing.category == "traffic_light")
    assert abs(head.heading) == pytest.approx(math.pi, abs=1e-3)
    assert head.center[2] > 2.5
    assert timeline.ego(39).x < 100.0  # it waits


@pytest.mark.parametrize(
    ("road", "told"),
    [
        ({"junctions": [{"at": 50}, {"at": 100}]}, "found 100 m after 50 m, expected at least 70 m more"),
        ({"junctions": [{"at": 40}], "curvature": [[0, 0], [60, 0], [90, 0.01]]}, None),
        ({"junctions": [{"at": 50}], "curvature": [[0, 0], [60, 0.01]]}, "found a bend within 20 m of the junction"),
        ({"junctions": [{"at": 50, "signals": {"amber": 6, "red": 11}}]}, "found 11 s, expected 12 s or more"),
        ({"junctions": [{"at": 50}], "crossings": [{"at": 60}]}, "expected 25 m or more from every junction"),
        ({"junctions": [{"at": 50}], "tunnels": [{"from": 70, "to": 120}]}, "found a junction or crossing within 30 m"),
        ({"tunnels": [{"from": 70, "to": 80}]}, "found 80 m, expected 94 m or more"),
        ({"changes": [{"at": 50, "lane": 1, "width": 0}]}, "found lane 1 closed, expected an outermost one"),
        ({"changes": [{"at": 50, "width": 1}]}, "expected a width of 0, which closes the lane, or of at least 2.5 m"),
        ({"changes": [{"at": 50, "width": 0}]}, "expected a lane beside the width 0"),
        ({"changes": [{"at": 50, "width": 3}, {"at": 60, "width": 4}]}, "found 60 m, expected 90 m or more"),
        ({"changes": [{"at": 50, "lane": 7, "width": 3}]}, "found lane 7, expected 0 .. 2"),
        ({"changes": [{"at": 50, "width": 3}], "junctions": [{"at": 60}]}, "found lanes that change at the junction"),
    ],
)
def test_impossible_roads_are_refused(road, told):
    text = {"schema": "drivesim.scenario/1", "name": "probe", "clock": {"duration": 1.0}, "road": road}
    if told is None:
        assert loads(json.dumps(text))
        return
    with pytest.raises(ScenarioError) as caught:
        loads(json.dumps(text))
    assert told in str(caught.value)

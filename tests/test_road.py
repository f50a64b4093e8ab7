import math

import pytest
import shapely

from scenarios.facts import EgoState
from scenarios.road import SIDEWALK_WIDTH, STRIP_WIDTH, Road
from scenarios.road_facts import road_facts
from scenarios.scenery import CHUNK, KINDS, World

WINDING = ((0.0, 0.0), (40.0, 0.02), (120.0, -0.02), (200.0, 0.01))


def test_straight_road_runs_along_the_x_axis():
    road = Road(2, 1)
    assert road.pose(12.5, 2.0) == pytest.approx((12.5, 2.0, 0.0))
    assert road.pose(-7.25, -1.0) == pytest.approx((-7.25, -1.0, 0.0))


def test_constant_curvature_makes_a_circle():
    # Radius 100 m: a quarter of the circle ends at (100, 100), heading north.
    road = Road(1, 1, curvature=[(0.0, 0.01)])
    assert road.pose(50 * math.pi) == pytest.approx((100.0, 100.0, math.pi / 2), abs=2e-3)


def test_heading_is_the_integral_of_the_curvature():
    # 0 -> 0.01 over 100 m turns by 0.5; then 50 m at 0.01 by another 0.5.
    road = Road(1, 1, curvature=[(0.0, 0.0), (100.0, 0.01)])
    assert road.curvature(50.0) == pytest.approx(0.005)
    assert road.heading(100.0) == pytest.approx(0.5)
    assert road.heading(150.0) == pytest.approx(1.0)


def test_heading_is_zero_at_the_origin_wherever_the_bend_is_given():
    road = Road(1, 1, curvature=[(-100.0, 0.01), (-20.0, 0.0), (30.0, -0.01)])
    assert road.pose(0.0) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("s", [-260.4, -0.5, 0.0, 33.3, 119.9, 512.25])
@pytest.mark.parametrize("d", [-9.0, 0.0, 7.5])
def test_projection_inverts_pose(s, d):
    road = Road(2, 1, curvature=WINDING)
    x, y, _ = road.pose(s, d)
    assert road.project(x, y, s + 6.0) == pytest.approx((s, d), abs=1e-5)


def test_pose_does_not_depend_on_what_was_asked_before():
    fresh, used = Road(1, 1, curvature=WINDING), Road(1, 1, curvature=WINDING)
    for s in range(0, 700, 3):
        used.pose(float(s))
    assert fresh.pose(654.3, 1.0) == used.pose(654.3, 1.0)


def test_arc_length_is_kept():
    road = Road(1, 1, curvature=WINDING)
    points = [road.pose(s / 10)[:2] for s in range(0, 3001)]
    assert shapely.LineString(points).length == pytest.approx(300.0, abs=0.01)


def test_lanes_are_numbered_from_right_to_left():
    road = Road(2, 1, lane_width=3.0)
    assert [road.lane_center(lane) for lane in range(-1, 4)] == pytest.approx(
        [-6.0 - STRIP_WIDTH / 2, -4.5, -1.5, 1.5, 3.0 + STRIP_WIDTH / 2]
    )
    assert [road.direction(lane) for lane in range(-1, 4)] == [1, 1, 1, -1, -1]
    with pytest.raises(ValueError, match="lane is 4, expected"):
        road.lane_center(4)


def test_one_way_road_ends_at_its_left_kerb():
    road = Road(3, 0)
    assert road.left_edge == 0.0
    assert road.last_lane == 2
    assert "yellow" not in {marking.colour for marking in road.markings()}


def test_markings_run_from_kerb_to_kerb_with_a_yellow_divider():
    road = Road(2, 2)
    markings = road.markings()
    assert [marking.d for marking in markings] == sorted(marking.d for marking in markings)
    assert (markings[0].kind, markings[-1].kind) == ("edge", "edge")
    assert [marking.d for marking in markings if marking.colour == "yellow"] == [0.0]
    assert [marking.d for marking in markings if marking.kind == "dashed"] == [-3.5, 3.5]


def test_road_facts_are_in_the_ego_frame():
    road = Road(2, 1, curvature=[(0.0, 0.01)])
    x, y, heading = road.pose(30.0, road.lane_center(0))
    facts = road_facts(road, EgoState(x, y, heading, 10.0), 30.0, behind=5.0, ahead=100.0)
    # Beside the ego, 5.25 m to its left, is the divider; the kerb is 1.75 + 1.6 m to its right.
    divider = next(line for line in facts.lines if line.colour == "yellow")
    assert shapely.LineString(divider.points).distance(shapely.Point(0, 0)) == pytest.approx(5.25, abs=0.05)
    assert shapely.LineString(facts.lines[0].points).distance(shapely.Point(0, 0)) == pytest.approx(3.35, abs=0.05)
    drivable = shapely.Polygon(facts.drivable)
    assert drivable.is_valid
    assert drivable.contains(shapely.Point(0, 0))
    assert not drivable.contains(shapely.Point(0, -3.6))


def test_curvature_must_be_given_at_increasing_places():
    with pytest.raises(ValueError, match="expected strictly increasing"):
        Road(1, 1, curvature=[(10.0, 0.0), (10.0, 0.01)])


@pytest.mark.parametrize("curvature", [((0.0, 0.0),), WINDING, ((0.0, -0.02),)])
def test_scenery_never_stands_on_the_road_and_houses_never_on_the_sidewalk(curvature):
    road = Road(2, 1, curvature=curvature)
    for thing in World(road, 5).scenery(-100.0, 900.0):
        margin = SIDEWALK_WIDTH if thing.kind == "building" else 0.0
        if thing.kind == "tree":
            trunk = shapely.Point(thing.x, thing.y).buffer(0.3)
            assert not road.area(thing.s - 20, thing.s + 20).intersects(trunk)
        else:
            assert not road.area(thing.s - 40, thing.s + 40, margin=margin).intersects(thing.footprint()), thing


def test_scenery_is_the_same_in_any_order_and_differs_by_seed():
    road = Road(2, 1)
    whole = World(road, 1).scenery(0.0, 600.0)
    backwards = World(road, 1)
    parts = [backwards.scenery(s, s + 100.0) for s in (500.0, 400.0, 300.0, 200.0, 100.0, 0.0)]
    assert sorted(whole, key=lambda thing: thing.id) == sorted(
        (t for p in parts for t in p), key=lambda thing: thing.id
    )
    assert whole != World(road, 2).scenery(0.0, 600.0)


def test_street_never_ends_and_its_memory_stays_flat():
    # Five minutes at 30 m/s.
    world = World(Road(2, 1, curvature=WINDING), 3)
    for s in range(0, 9000, 48):
        kinds = {thing.kind for thing in world.scenery(float(s), s + 2 * CHUNK)}
        assert kinds <= set(KINDS)
        assert "lamp" in kinds
    assert len(world._chunks) <= 64


def test_scenery_ids_are_unique():
    things = World(Road(1, 1), 9).scenery(-500.0, 2000.0)
    assert len({thing.id for thing in things}) == len(things)

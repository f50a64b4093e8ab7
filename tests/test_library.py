"""Every shipped scenario is a test item: it loads, compiles, and keeps what every timeline must keep."""

import dataclasses
import math
from functools import cache

import pytest
import shapely

from scenarios import Timeline, compile, load, shipped, validate
from scenarios.casting import EGO_SIZE, REAR_AXLE
from scenarios.crowdedness import crowdedness_class
from scenarios.facts import categories

NAMES = sorted(shipped())
EXPECTED = {
    "day_free_ride",
    "night_city",
    "day_to_night",
    "empty_road",
    "dense_traffic",
    "cut_in",
    "lead_brake",
    "pedestrian_crossing",
    "night_crossing",
    "curved_road",
    "two_minutes",
}


@cache
def timeline(name: str, fps: float = 7.5) -> Timeline:
    return compile(load(name), fps=fps)


def some(name: str, step: int) -> range:
    """Frame numbers of the 7.5 frames/s timeline, fewer of the long one."""
    frames = len(timeline(name))
    return range(0, frames, step * max(1, frames // 150))


def footprint(x: float, y: float, heading: float, length: float, width: float) -> shapely.Polygon:
    cos, sin = math.cos(heading), math.sin(heading)
    corners = ((0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5), (0.5, -0.5))
    return shapely.Polygon(
        [(x + cos * a * length - sin * b * width, y + sin * a * length + cos * b * width) for a, b in corners]
    )


def vehicles(line: Timeline, k: int) -> list[shapely.Polygon]:
    """The footprints of the ego and of all vehicles at frame k."""
    ego = line.ego(k)
    middle = ego.x + REAR_AXLE * math.cos(ego.heading), ego.y + REAR_AXLE * math.sin(ego.heading)
    others = [state for state in line.track(k) if categories()[state.category].group == "vehicle"]
    return [
        footprint(*middle, ego.heading, *EGO_SIZE[:2]),
        *(footprint(state.x, state.y, state.heading, *state.size[:2]) for state in others),
    ]


def overlaps(bodies: list[shapely.Polygon]) -> int:
    first, second = shapely.STRtree(bodies).query(bodies, predicate="intersects")
    return int((first < second).sum())


def test_overlap_check_sees_an_overlap():
    assert overlaps([footprint(0, 0, 0, 4, 2), footprint(3.9, 0, 0, 4, 2), footprint(9, 0, 0.5, 4, 2)]) == 1


def test_the_promised_scenarios_are_shipped():
    assert set(NAMES) >= EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_file_is_valid_described_and_named_as_its_file(name):
    path = shipped()[name]
    assert validate(path) == []
    scenario = load(path)
    assert scenario.name == path.stem
    assert 30 <= len(scenario.description) <= 120
    assert scenario.tags
    assert scenario.clock.duration == (120.0 if name == "two_minutes" else 20.0)


@pytest.mark.parametrize("name", NAMES)
def test_no_vehicle_overlaps_another(name):
    line = timeline(name)
    assert [k for k in some(name, 2) if overlaps(vehicles(line, k))] == []


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_driven_over(name):
    line = timeline(name)
    for k in some(name, 2):
        bodies = shapely.union_all(vehicles(line, k))
        people = [state for state in line.track(k) if state.category == "pedestrian"]
        assert not any(bodies.intersects(shapely.Point(state.x, state.y).buffer(0.25)) for state in people)


@pytest.mark.parametrize("name", NAMES)
def test_ego_stays_in_its_lane(name):
    line = timeline(name)
    center = line.world.road.lane_center(line.scenario.road.ego_lane)
    for k in some(name, 3):
        ego = line.ego(k)
        s, d = line.world.road.project(ego.x, ego.y, line.ego_s(k))
        assert (s, d) == pytest.approx((line.ego_s(k), center), abs=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_every_event_fires(name):
    line = timeline(name)
    assert {event.id for event in line.events} == {event.id for event in line.scenario.events}


@pytest.mark.parametrize("name", NAMES)
def test_boxes_lie_inside_the_image_and_crowdedness_is_the_recount(name):
    line = timeline(name)
    for k in some(name, 5):
        facts = line[k]
        count = {"vehicle": 0, "person": 0}
        for thing in facts.objects:
            x1, y1, x2, y2 = thing.box
            assert 0 <= x1 < x2 <= facts.camera.width
            assert 0 <= y1 < y2 <= facts.camera.height
            tall = y2 - y1 >= 0.05 * facts.camera.height
            count[thing.group] += tall and thing.occlusion <= 0.5 and thing.truncation <= 0.6
        assert (facts.crowdedness.vehicles, facts.crowdedness.people) == (count["vehicle"], count["person"])
        ids = [thing.track_id for thing in facts.objects]
        assert ids == sorted(set(ids))


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_gives_the_same_facts_and_another_seed_others(name):
    line, again = timeline(name), compile(load(name), fps=0.5)
    other = compile(load(name), fps=0.5, seed=line.seed + 1)
    frames = range(0, len(again), 3)
    assert [dataclasses.replace(again[k], index=15 * k) for k in frames] == [line[15 * k] for k in frames]
    if name == "empty_road":  # nobody differs, but the street does
        assert other.world.scenery(0, 100) != line.world.scenery(0, 100)
    else:
        assert [other[k] for k in frames] != [again[k] for k in frames]


@pytest.mark.parametrize("name", NAMES)
def test_frame_k_at_7_5_is_frame_4k_at_30(name):
    slow, fast = timeline(name), compile(load(name), fps=30)
    assert len(fast) == 4 * len(slow)
    for k in some(name, 15):
        assert dataclasses.replace(slow[k], index=0) == dataclasses.replace(fast[4 * k], index=0)
        assert slow.track(k) == fast.track(4 * k)


def share(name: str, *classes: str) -> float:
    line = timeline(name)
    seen = [crowdedness_class(line[k].crowdedness) for k in some(name, 5)]
    return sum(kind in classes for kind in seen) / len(seen)


def test_crowdedness_is_as_the_name_says():
    assert share("empty_road", "empty") == 1.0
    assert share("dense_traffic", "high") > 0.5
    assert share("night_city", "medium", "high") > 0.5
    assert share("lead_brake", "low") > 0.8


def seen(name: str, actor: int, event: str) -> dict[float, object]:
    """The object of an actor (numbered from 1) by seconds since its event, for 9 s, where it is seen unhidden."""
    line = timeline(name)
    fired = {fired.id: fired.time for fired in line.events}[event]
    first = round(fired * line.fps)
    return {
        facts.time - fired: thing
        for facts in (line[k] for k in range(first, first + round(9 * line.fps)))
        for thing in facts.objects
        if thing.track_id == actor and thing.occlusion <= 0.3
    }


@pytest.mark.parametrize("name", ["cut_in", "two_minutes"])
def test_cutting_car_moves_from_the_left_to_the_middle_of_the_view(name):
    track = seen(name, 1, "cut_in")
    before = next(iter(track.values()))
    after = next(thing for at, thing in track.items() if at >= 3.2)
    assert before.box[2] < 512
    assert after.box[0] < 512 < after.box[2]
    assert after.depth < 35
    assert after.box[3] - after.box[1] > 0.08 * 512
    assert any(thing.lights.indicator == "right" for thing in track.values())


@pytest.mark.parametrize(
    ("name", "actor", "event"),
    [
        ("pedestrian_crossing", 1, "cross"),
        ("night_crossing", 1, "first_crosses"),
        ("night_crossing", 2, "second_crosses"),
        ("two_minutes", 2, "cross"),
    ],
)
def test_crossing_person_walks_through_the_view_from_side_to_side(name, actor, event):
    track = list(seen(name, actor, event).values())
    places = [(thing.box[0] + thing.box[2]) / 2 for thing in track]
    assert min(places) < 512 < max(places)
    heights = [thing.box[3] - thing.box[1] for thing in track]
    assert max(heights) > 0.15 * 512
    assert len(track) > 20


def test_ego_brakes_for_the_crossing_person_and_for_the_braking_van():
    for name in ("pedestrian_crossing", "night_crossing", "lead_brake"):
        speeds = [timeline(name).ego(k).speed for k in range(150)]
        assert min(speeds) < 0.5 * speeds[0]
        assert speeds[-1] > 0.7 * speeds[0]

"""Every shipped scenario is a test item: it plays as its file says, and keeps what every timeline must keep."""

import dataclasses
import itertools
import math
from functools import cache, cached_property

import pytest
import shapely

from scenarios import Timeline, compile, load, shipped, template, validate
from scenarios.casting import EGO_SIZE, REAR_AXLE
from scenarios.crowdedness import crowdedness_class
from scenarios.facts import TIMES_OF_DAY, WEATHERS, FrameFacts, categories, time_of_day
from scenarios.loading import LIBRARY
from scenarios.variations import points
from scenarios.verify import outcomes

NAMES = sorted(shipped())
GROUPS = {
    *("lead", "cut_in", "oncoming", "pedestrian", "cyclist", "junction", "parking", "road", "obstacle", "traffic"),
    "environment",
}
LONG = {"two_minutes": 120.0, **dict.fromkeys(("five_minutes", "five_minutes_dawn", "five_minutes_dusk"), 300.0)}
# One of each kind of movement, for what every scenario keeps in the same way.
SOME = ["cut_in", "dense_traffic", "empty_road", "event_rain", "night_crossing", "oncoming_overtaker"]


class Played(Timeline):
    """A timeline that shows fewer of its frames to who goes through them: every third one, about 60 of a long one."""

    @cached_property
    def frames(self) -> list[FrameFacts]:
        return [self[k] for k in range(0, len(self), max(3, len(self) // 60))]

    def __iter__(self):
        return iter(self.frames)


@cache
def played(name: str) -> Played:
    scenario = load(name)
    return Played(scenario, fps=7.5, seed=scenario.seed)


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


def check_bodies(line: Timeline) -> None:
    """No vehicle overlaps another, nobody is driven over, and without a reason of its own the ego keeps its lane."""
    road, lane = line.world.road, line.scenario.road.ego_lane
    steers = {event.do.kind for event in line.scenario.events if event.actor == "ego"} & {"change_lane", "lane_offset"}
    merges = road.lane_end(lane, 0.0, 1) is not None
    center = road.lane_center(lane)
    for k in range(0, len(line), max(3, len(line) // 100)):
        bodies = vehicles(line, k)
        assert overlaps(bodies) == 0, k
        people = [shapely.Point(state.x, state.y) for state in line.track(k) if state.category == "pedestrian"]
        ground = shapely.union_all(bodies)
        assert not any(ground.intersects(person.buffer(0.25)) for person in people), k
        if not steers and not merges:
            ego, s = line.ego(k), line.ego_s(k)
            assert road.project(ego.x, ego.y, s) == pytest.approx((s, road.across(s, center)), abs=0.01), k


def check_boxes(facts: FrameFacts) -> None:
    """Boxes lie inside the image, ids increase, and crowdedness is the recount."""
    count = {"vehicle": 0, "person": 0, "other": 0}
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
def test_scenario_plays_as_its_file_says(name):
    assert validate(shipped()[name]) == []
    line = played(name)
    assert [outcome for outcome in outcomes(line) if not outcome.met] == []
    assert {event.id for event in line.events} == {event.id for event in line.scenario.events}
    in_view = {thing.track_id for facts in line for thing in facts.objects}
    assert in_view >= set(range(1, 1 + len(line.scenario.actors)))
    for facts in line.frames[::2]:
        check_boxes(facts)
    check_bodies(line)


@pytest.mark.parametrize("name", NAMES)
def test_file_is_described_and_can_be_varied(name):
    path, opened, scenario = shipped()[name], template(name), load(name)
    modeline, *_ = path.read_text(encoding="utf-8").splitlines()
    schema = modeline.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / schema).resolve() == LIBRARY.parent / "data" / "scenario.schema.json"
    assert scenario.name == path.stem
    assert 30 <= len(scenario.description) <= 120
    assert scenario.tags
    assert scenario.expect
    assert scenario.clock.duration == LONG.get(name, min(max(scenario.clock.duration, 10.0), 25.0))
    assert opened.parameters
    sweep = list(points(opened.variations, opened.defaults))
    assert 8 <= len(sweep) <= 64
    assert opened.scenario(sweep[-1].values) != scenario


def test_names_are_unique_and_folders_are_the_groups():
    paths = list(LIBRARY.rglob("*.yaml"))
    assert len(paths) == len(NAMES) >= 65
    assert {path.parent.name for path in paths} == GROUPS
    assert all(path.parent.parent == LIBRARY for path in paths)


def test_library_covers_weathers_times_of_day_and_road_users():
    scenarios = [load(name) for name in NAMES]
    states = [state for s in scenarios for state in (s.environment.initial, *s.environment.timeline)]
    assert {state.weather for state in states} >= set(WEATHERS)
    assert {time_of_day(state.daylight) for state in states if state.daylight is not None} == set(TIMES_OF_DAY)
    assert {actor.category for s in scenarios for actor in s.actors} == set(categories()) - {"traffic_light"}
    assert {s.road.lanes for s in scenarios} == {1, 2, 3}
    starts = {(time_of_day(s.environment.initial.daylight), s.environment.initial.weather) for s in scenarios}
    assert starts >= set(itertools.product(TIMES_OF_DAY, ["clear", "rainy", "foggy", "snowy"]))


def test_occluded_child_is_swept_over_speed_and_light():
    opened = template("child_occluded")
    sweep = [tuple(point.values.values()) for point in points(opened.variations, opened.defaults)]
    speeds = [pytest.approx(speed / 3.6, abs=1e-5) for speed in range(10, 61, 5)]
    assert sweep == [(speed, light) for speed in speeds for light in ("day", "night")]


@pytest.mark.parametrize("name", SOME)
def test_same_seed_gives_the_same_facts_and_another_seed_others(name):
    line, again = played(name), compile(load(name), fps=0.5)
    other = compile(load(name), fps=0.5, seed=line.seed + 1)
    frames = range(0, len(again), 3)
    assert [dataclasses.replace(again[k], index=15 * k) for k in frames] == [line[15 * k] for k in frames]
    if name == "empty_road":  # nobody differs, but the street does
        assert other.world.scenery(0, 100) != line.world.scenery(0, 100)
    else:
        assert [other[k] for k in frames] != [again[k] for k in frames]


@pytest.mark.parametrize("name", SOME)
def test_frame_k_at_7_5_is_frame_4k_at_30(name):
    slow, fast = played(name), compile(load(name), fps=30)
    assert len(fast) == 4 * len(slow)
    for k in range(0, len(slow), 15):
        assert dataclasses.replace(slow[k], index=0) == dataclasses.replace(fast[4 * k], index=0)
        assert slow.track(k) == fast.track(4 * k)


def test_crowdedness_is_as_the_name_says():
    names = ("empty_road", "lead_brake", "night_city", "dense_traffic")
    seen = {name: [crowdedness_class(facts.crowdedness) for facts in played(name)] for name in names}

    def share(name: str, *classes: str) -> float:
        return sum(kind in classes for kind in seen[name]) / len(seen[name])

    assert share("empty_road", "empty") == 1.0
    assert share("dense_traffic", "high") > 0.5
    assert share("night_city", "medium", "high") > 0.5
    assert share("lead_brake", "low") > 0.8
    assert {kind for kinds in seen.values() for kind in kinds} == {"empty", "low", "medium", "high"}


def seen(name: str, actor: int, event: str) -> dict[float, object]:
    """The object of an actor (numbered from 1) by seconds since its event, for 9 s, where it is seen unhidden."""
    line = played(name)
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
        speeds = [played(name).ego(k).speed for k in range(150)]
        assert min(speeds) < 0.5 * speeds[0]
        assert speeds[-1] > 0.7 * speeds[0]

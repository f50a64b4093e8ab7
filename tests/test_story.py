"""Conditions and actions of the scenario language, each played on an empty street."""

import json

import pytest

from scenarios import ScenarioError, Timeline, compile, loads
from scenarios.verify import outcomes

EMPTY = {
    "schema": "drivesim.scenario/1",
    "name": "probe",
    "clock": {"duration": 12.0},
    "road": {"lanes": 3, "oncoming": 1, "ego_lane": 1},
    "environment": {"initial": {"traffic_level": "none"}},
    "ego": {"initial": {"speed": 10.0}},
}
CAR = {"id": "car", "class": "car", "size": [4.0, 1.8, 1.5], "initial": {"ahead": 30.0}}
WALKER = {"id": "walker", "class": "pedestrian", "initial": {"side": "right", "ahead": 60.0}}


def play(*, when=None, do=None, actor="car", actors=(CAR,), fps=10, **changes) -> Timeline:
    events = [{"id": "it", "actor": actor, "when": when, "do": do}] if when is not None else []
    return compile(loads(json.dumps(EMPTY | {"actors": list(actors), "events": events} | changes)), fps=fps)


def fires(when, **changes) -> float | None:
    """When an event of the car fires, s."""
    events = play(when=when, do={"signal": {"indicator": "both"}}, **changes).events
    return events[0].time if events else None


def state(timeline: Timeline, k: int, track_id: int = 1):
    return next((body for body in timeline.track(k) if body.track_id == track_id), None)


def place(timeline: Timeline, k: int, track_id: int = 1) -> tuple[float, float]:
    """Road coordinates of a body on the straight street."""
    body = state(timeline, k, track_id)
    return body.x, body.y


# --- conditions ---

# Beside the ego's lane; the ego closes in by 5 m/s; 95.7 m between the bodies.
SLOW = CAR | {"initial": {"lane": 1, "ahead": 100.0, "speed": 5.0}}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"time": 2.5}, 2.5),
        ({"time": 2.5, "delay": 1.25}, 3.75),
        # gap 95.7 - 5 t < 60.7 after 7 s
        ({"distance": {"to": "ego", "below": 60.7}}, 7.0),
        # gap / 5 < 15 at 75 m, after 4.14 s
        ({"ttc": {"to": "ego", "below": 15.0}}, 4.14),
        # gap / 10 (the rear one is the ego) < 8 s at 80 m, after 3.14 s
        ({"headway": {"to": "ego", "below": 8.0}}, 3.14),
        ({"travelled": {"above": 20.0}}, 4.0),
        ({"travelled": {"of": "ego", "above": 20.0}}, 2.0),
        ({"position": {"of": "ego", "above": 31.35}}, 3.0),
        ({"speed": {"relative_to": "ego", "below": -4.0}}, 0.0),
        ({"speed": {"of": "ego", "above": 11.0}}, None),
        ({"all": [{"time": 1.0}, {"travelled": {"above": 20.0}}]}, 4.0),
        ({"any": [{"time": 1.0}, {"travelled": {"above": 20.0}}]}, 1.0),
        ({"not": {"distance": {"to": "ego", "above": 60.7}}}, 7.0),
        ({"all": [{"time": 1.0, "delay": 2.0}, {"not": {"time": 20.0}}]}, 3.0),
        ({"in_lane": {"lane": 2}}, 0.0),
        ({"in_lane": {"same_as": "ego"}}, None),
        ({"standstill": {"lasting": 1.0}}, None),
        ({"collision": "ego"}, None),
    ],
)
def test_condition_comes_true_when_it_should(when, expected):
    assert fires(when, actors=[SLOW]) == (None if expected is None else pytest.approx(expected, abs=0.03))


def test_daylight_is_a_condition():
    fading = {"initial": {"traffic_level": "none"}, "timeline": [{"at": 2.0, "daylight": "night", "over": 4.0}]}
    assert fires({"daylight": {"below": 0.5}}, environment=fading) == pytest.approx(4.0, abs=0.02)


def test_standing_counts_from_the_stop():
    stopped = {"id": "stop", "actor": "car", "when": {"time": 1.0}, "do": {"brake": {"rate": 5.0}}}
    wait = {"id": "wait", "actor": "car", "when": {"standstill": {"lasting": 2.0}}, "do": {"set_speed": {"to": 5.0}}}
    timeline = play(events=[stopped, wait], actors=[CAR | {"initial": {"ahead": 100.0}}])
    # 10 m/s by 5 m/s2: stands after 2 s, the last m/s more softly.
    assert timeline.events[1].time == pytest.approx(5.0, abs=0.5)
    assert timeline.events[1].time > 5.0


def test_collision_is_seen():
    wall = {"id": "wall", "class": "truck", "track": {"points": [[0, 60, -1.75], [1, 60, -1.75]]}}
    ghost = {"id": "ghost", "class": "car", "track": {"points": [[0, 20, -1.75], [4, 60, -1.75]]}}
    timeline = play(
        actors=[wall, ghost], road={"lanes": 1, "oncoming": 0}, stop={"collision": "ghost"},
        ego={"initial": {"speed": 0.0}},
    )  # fmt: skip
    # The ghost moves 10 m/s from 20 to 60; the truck's rear is at 55.75 or so, the ghost's front 2.3 m ahead of it.
    assert 3.0 < len(timeline) / 10 < 3.6


# --- actions ---


def test_speed_changes_by_rate_over_a_time_and_over_a_distance():
    far = [CAR | {"initial": {"ahead": 80.0}}]
    by_rate = play(when={"time": 1.0}, do={"set_speed": {"to": 14.0, "rate": 1.0}}, actors=far)
    assert state(by_rate, 30).speed == pytest.approx(12.0, abs=0.05)
    over = play(when={"time": 1.0}, do={"set_speed": {"to": 14.0, "over": 2.0}}, actors=far)
    assert (state(over, 20).speed, state(over, 31).speed) == pytest.approx((12.0, 13.9), abs=0.15)
    within = play(when={"time": 1.0}, do={"set_speed": {"to": 5.0, "distance": 30.0}}, actors=far)
    start = place(within, 10)[0]
    reached = next(k for k in range(len(within)) if state(within, k).speed < 5.3)
    assert place(within, reached)[0] - start == pytest.approx(30.0, abs=2.5)


def test_smooth_change_of_speed_begins_and_ends_gently():
    do = {"set_speed": {"to": 15.0, "over": 4.0, "shape": "smooth"}}
    timeline = play(when={"time": 1.0}, do=do, actors=[CAR | {"initial": {"ahead": 80.0}}])
    gains = [state(timeline, k + 5).speed - state(timeline, k).speed for k in (10, 28, 46)]
    assert gains[1] > 2.0 * gains[0]
    assert gains[1] > 2.0 * gains[2]
    assert state(timeline, 60).speed == pytest.approx(15.0, abs=0.15)


def test_speed_relative_to_another():
    do = {"set_speed": {"to": {"relative_to": "ego", "factor": 0.5, "delta": 1.0}}}
    timeline = play(when={"time": 1.0}, do=do, actors=[CAR | {"initial": {"ahead": 80.0}}])
    assert state(timeline, 60).speed == pytest.approx(6.0, abs=0.1)


def test_stop_within_a_distance_and_go_on():
    timeline = play(
        when={"time": 1.0}, do={"stop": {"within": 25.0, "hold": 2.0}}, actors=[CAR | {"initial": {"ahead": 80.0}}]
    )
    start = place(timeline, 10)[0]
    standing = [k for k in range(len(timeline)) if state(timeline, k).speed < 0.15]
    assert place(timeline, standing[0])[0] - start == pytest.approx(25.0, abs=1.5)
    assert (standing[-1] - standing[0]) / 10 == pytest.approx(2.0, abs=0.8)
    assert state(timeline, len(timeline) - 1).speed > 5.0


def test_lane_change_by_and_offset_within_the_lane():
    by = play(when={"time": 1.0}, do={"change_lane": {"by": -1, "over": 2.0}})
    assert place(by, 40)[1] == pytest.approx(-8.75)
    offset = play(when={"time": 1.0}, do={"lane_offset": {"to": 0.6, "over": 2.0}})
    assert place(offset, 40)[1] == pytest.approx(-5.25 + 0.6)
    assert state(offset, 20).lights.indicator == "off"


def test_lane_change_to_where_there_is_no_lane_never_begins():
    assert play(when={"time": 1.0}, do={"change_lane": {"by": 2, "over": 2.0}}).events == ()


def test_ego_changes_lanes_and_its_rear_axle_follows_its_nose():
    timeline = play(when={"time": 1.0}, do={"change_lane": {"by": 1, "over": 3.0}}, actor="ego", actors=[])
    assert timeline.ego(0).y == pytest.approx(-5.25)
    assert timeline.ego(60).y == pytest.approx(-1.75)
    middle = timeline.ego(25)
    assert middle.heading > 0.1
    # yaw rate is the rate of the heading
    turned = (timeline.ego(22).heading - timeline.ego(18).heading) / 0.4
    assert timeline.ego(20).yaw_rate == pytest.approx(turned, abs=0.03)


def test_track_from_where_the_actor_is():
    do = {"follow_track": {"points": [[1.0, 10.0, 0.0], [3.0, 30.0, 3.5]]}}
    timeline = play(when={"time": 1.0}, do=do)
    before, after = place(timeline, 10), place(timeline, 40)
    assert after[0] - before[0] == pytest.approx(30.0, abs=0.2)
    assert after[1] - before[1] == pytest.approx(3.5, abs=0.01)
    # It goes on in the lane that it has come to, at its last speed.
    assert place(timeline, 60)[1] == pytest.approx(-1.75, abs=0.01)
    assert state(timeline, 60).speed == pytest.approx(10.15, abs=0.3)


def test_actor_appears_where_it_is_told_and_disappears():
    events = [
        {"id": "come", "actor": "car", "when": {"time": 2.0}, "do": {"appear": {"ahead": 50.0, "lane": 1}}},
        {"id": "go", "actor": "car", "when": {"after": "come", "delay": 3.0}, "do": {"disappear": {}}},
    ]
    timeline = play(events=events)
    assert state(timeline, 19) is None
    here = place(timeline, 20)
    assert here == pytest.approx((timeline.ego(20).x + 1.35 + 50.0, -1.75), abs=0.2)
    assert state(timeline, 49) is not None
    assert state(timeline, 51) is None


def test_hazard_lights():
    timeline = play(when={"time": 2.0}, do={"signal": {"indicator": "both"}})
    assert [state(timeline, k).lights.indicator for k in (19, 21)] == ["off", "both"]


def test_bicycle_rides_towards_us_and_across():
    start = {"side": "left", "facing": "against", "ahead": 60.0, "speed": 2.0}
    rider = {"id": "rider", "class": "bicycle", "initial": start}
    timeline = play(when={"time": 2.0}, do={"cross": {"speed": 5.0}}, actor="rider", actors=[rider])
    assert place(timeline, 10)[0] == pytest.approx(61.35 - 2.0, abs=0.1)
    assert place(timeline, 20)[1] > 4.0
    assert place(timeline, 70)[1] < -12.0


def test_walker_walks_along_when_told_a_speed():
    timeline = play(when={"time": 1.0}, do={"set_speed": {"to": 1.5}}, actor="walker", actors=[WALKER])
    assert place(timeline, 0)[0] == place(timeline, 9)[0]
    assert state(timeline, 60).speed == pytest.approx(1.5, abs=0.1)


def test_environment_changes_at_an_event_and_the_timeline_goes_on():
    changes = [{"at": 8.0, "weather": "foggy"}]
    timeline = play(
        when={"travelled": {"of": "ego", "above": 20.0}}, actor="ego", actors=[],
        do={"set_environment": {"daylight": "night", "weather": "rainy", "over": 2.0}},
        environment={"initial": {"traffic_level": "none"}, "timeline": changes},
    )  # fmt: skip
    told = [(timeline[k].weather, timeline[k].daylight) for k in (19, 45, 85)]
    assert told == [("clear", 1.0), ("rainy", 0.0), ("foggy", 0.0)]
    assert timeline[30].daylight == pytest.approx(0.5, abs=0.05)


def test_actor_is_placed_relative_to_another_actor():
    start = {"relative_to": "car", "ahead": 15.0, "lane": -1, "offset": 0.4}
    second = {"id": "second", "class": "van", "initial": start}
    timeline = play(actors=[CAR, second])
    assert place(timeline, 0, 2) == pytest.approx((1.35 + 30.0 + 15.0, -8.75 + 0.4), abs=1e-3)


def test_stop_ends_the_clip():
    timeline = play(stop={"travelled": {"above": 30.0}})
    assert len(timeline) == 31  # frames at 0.0 .. 3.0 s
    assert timeline[30].time == 3.0


# --- expectations ---


@pytest.mark.parametrize(
    ("check", "met", "told"),
    [
        ({"always": {"speed": {"above": 5.0}}}, True, "always so"),
        ({"always": {"travelled": {"below": 30.0}}}, False, "not so at 3"),
        ({"always": {"travelled": {"below": 30.0}}, "within": [0, 2]}, True, "always so"),
        ({"eventually": {"travelled": {"above": 30.0}}}, True, "so at 3"),
        ({"eventually": {"travelled": {"above": 30.0}}, "within": [0, 2]}, False, "at no time so"),
        ({"never": {"collision": "ego"}}, True, "at no time so"),
        ({"never": {"travelled": {"above": 30.0}}}, False, "so at 3"),
        ({"visible": {"actor": "car", "min_height_px": 20}}, True, "so on 100%"),
        ({"visible": {"actor": "car", "min_height_px": 200}}, False, "so on 0%"),
        ({"seen": {"vehicles": {"at_least": 1, "at_most": 1}, "people": {"at_most": 0}, "share": 1.0}}, True, "100%"),
        ({"seen": {"people": {"at_least": 1}}}, False, "so on 0%"),
    ],
)
def test_expectation(check, met, told):
    timeline = play(expect=[{"id": "check", **check}])
    (outcome,) = outcomes(timeline)
    assert outcome.met is met
    assert told in outcome.told


def test_expectation_that_no_time_is_left_for_is_not_met():
    timeline = play(expect=[{"id": "late", "never": {"collision": "ego"}, "within": [6, 9]}], stop={"time": 3.0})
    assert outcomes(timeline)[0][1:] == (False, "the scenario ended before that time")


# --- what cannot be asked for ---


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"when": {"distance": {"to": "egg", "below": 1}}}, "found 'egg', expected one of car, ego"),
        ({"when": {"any": [{"after": "that"}]}}, "found 'that', expected one of it"),
        ({"when": {"not": {"after": "it"}}}, "found 'it' waiting for itself"),
        ({"when": {"speed": {"above": 3, "below": 2}}}, "expected above to be less than below"),
        ({"do": {"cross": {}}}, "found cross for 'car', a car, expected one of appear"),
        ({"do": {"set_speed": {"to": 3, "over": 2, "rate": 1}}}, "expected at most one of rate, over, distance"),
        ({"do": {"set_speed": {"to": 3, "rate": 1, "shape": "smooth"}}}, "expected over beside the shape smooth"),
        ({"do": {"change_lane": {"by": 3}}}, "found +3 lanes, expected fewer than 3"),
        ({"do": {"set_environment": {"weather": "rainy"}}}, "expected an event without an actor"),
        ({"do": {"appear": {"lane": 4}}}, "found lane +4, expected -1 .. +2"),
        ({"actor": "ego", "do": {"disappear": {}}}, "found disappear for the ego"),
        ({"stop": {"collision": "nobody"}}, "found 'nobody', expected one of car, ego"),
        ({"expect": [{"id": "a", "visible": {"actor": "ego"}}]}, "found 'ego', expected one of car"),
        ({"expect": [{"id": "a", "never": {"time": 1}, "within": [3, 2]}]}, "expected within to be a span"),
        ({"actors": [CAR | {"initial": {"relative_to": "late"}}]}, "found 'late', expected one before it: one of ego"),
    ],
)
def test_wrong_story_is_told_in_one_line(changes, told):
    usual = {"when": {"time": 1.0}, "do": {"brake": {}}}
    with pytest.raises(ScenarioError) as caught:
        play(**(usual | changes))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)

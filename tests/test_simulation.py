import json
import time

import pytest

from scenarios import compile, loads
from scenarios.environment import EnvironmentCourse
from scenarios.schema import Scenario

EMPTY = {
    "schema": "drivesim.scenario/1",
    "name": "probe",
    "clock": {"duration": 12.0},
    "environment": {"initial": {"traffic_level": "none"}},
    "ego": {"initial": {"speed": 10.0}},
}


def scenario(**changes) -> Scenario:
    return loads(json.dumps(EMPTY | changes))


def car(name: str = "car", **initial) -> dict:
    return {"id": name, "class": "car", "initial": initial}


def states(timeline, track_id: int) -> list:
    """The track's state on every frame."""
    return [next(state for state in timeline.track(k) if state.track_id == track_id) for k in range(len(timeline))]


def test_free_ego_keeps_its_speed_and_lane():
    timeline = compile(scenario(road={"lanes": 2, "oncoming": 1, "ego_lane": 0}), fps=10)
    ego = timeline.ego(100)
    # 10 s at 10 m/s from s = 0, in the middle of the right lane: 5.25 m right of the divider.
    assert (ego.x, ego.y, ego.heading, ego.speed) == pytest.approx((100.0, -5.25, 0.0, 10.0), abs=0.1)


def test_ego_cruises_at_its_own_speed_where_it_can():
    timeline = compile(scenario(ego={"initial": {"speed": 5.0}, "cruise": 12.0}), fps=10)
    assert timeline.ego(0).speed == 5.0
    assert timeline.ego(0).acceleration > 1.5
    assert timeline.ego(119).speed == pytest.approx(12.0, abs=0.5)


def test_yaw_rate_is_speed_times_curvature_of_the_lane():
    bend = {"lanes": 1, "oncoming": 1, "curvature": [[0.0, 0.01]]}
    timeline = compile(scenario(road=bend), fps=10)
    # Left bend: the lane's middle, 1.75 m right of the line, has a radius of 101.75 m.
    assert timeline.ego(50).yaw_rate == pytest.approx(timeline.ego(50).speed / 101.75, rel=1e-3)
    turned = timeline.ego(60).heading - timeline.ego(50).heading
    assert turned == pytest.approx(timeline.ego(50).yaw_rate, abs=2e-3)


@pytest.mark.parametrize("speed", [0.0, 3.0])
def test_ego_never_drives_through_the_car_ahead(speed):
    timeline = compile(scenario(ego={"initial": {"speed": 20.0}}, actors=[car(ahead=70.0, speed=speed)]), fps=10)
    gaps = [
        state.x - (timeline.ego(k).x + 1.35) - (4.6 + state.size[0]) / 2 for k, state in enumerate(states(timeline, 1))
    ]
    assert min(gaps) > 1.0
    assert timeline.ego(119).speed == pytest.approx(speed, abs=0.6)


def test_ego_stops_for_a_crossing_person_and_drives_on():
    walker = {"id": "walker", "class": "pedestrian", "initial": {"side": "right", "ahead": 50.0}}
    cross = {"id": "cross", "actor": "walker", "when": {"distance": {"to": "ego", "below": 25.0}}, "do": {"cross": {}}}
    timeline = compile(scenario(clock={"duration": 20.0}, actors=[walker], events=[cross]), fps=10)
    in_lane = [k for k, state in enumerate(states(timeline, 1)) if abs(state.y - timeline.ego(k).y) < 1.75]
    assert in_lane
    assert all(50.0 + 1.35 - timeline.ego(k).x - 1.35 > 2.3 for k in in_lane)
    assert min(timeline.ego(k).speed for k in range(200)) < 4.0
    assert timeline.ego(199).x > 60.0


def test_events_fire_when_their_triggers_hold():
    events = [
        {"id": "at", "actor": "car", "when": {"time": 2.0}, "do": {"set_speed": {"to": 14.0, "rate": 4.0}}},
        {
            "id": "apart",
            "actor": "car",
            "when": {"distance": {"to": "ego", "above": 30.0}},
            "do": {"brake": {"to": 5.0}},
        },
        {"id": "late", "actor": "ego", "when": {"after": "at", "delay": 1.5}, "do": {"set_speed": {"to": 6.0}}},
        {
            "id": "close",
            "actor": "car",
            "when": {"headway": {"to": "ego", "below": 1.0}},
            "do": {"brake": {"hold": 1.0}},
        },
    ]
    timeline = compile(scenario(clock={"duration": 20.0}, actors=[car(lane=1, ahead=20.0)], events=events), fps=10)
    fired = {event.id: event.time for event in timeline.events}
    assert fired["at"] == 2.0
    # 14 m/s is reached about a second after 2 s (4 m/s2, then the soft end), the delay is 1.5 s.
    assert 4.5 < fired["late"] < 5.5
    k = round(fired["apart"] * 10)
    gap = states(timeline, 1)[k].x - timeline.ego(k).x - 1.35 - (4.6 + states(timeline, 1)[k].size[0]) / 2
    assert gap == pytest.approx(30.0, abs=1.5)
    assert [event.time for event in timeline.events] == sorted(fired.values())


def test_lane_change_waits_until_nobody_is_beside():
    events = [{"id": "in", "actor": "car", "when": {"time": 1.0}, "do": {"change_lane": {"to_lane_of": "ego"}}}]
    beside = compile(scenario(actors=[car(lane=1, ahead=1.0, speed=12.0)], events=events), fps=10)
    # 2 m/s faster, it must gain 4.6 m and a margin before the ego's lane is free beside it.
    assert 2.5 < beside.events[0].time < 5.0
    assert beside.track(119)[0].y == pytest.approx(beside.ego(119).y)


def test_indicator_and_brake_lights_follow_what_the_driver_does():
    events = [
        {"id": "in", "actor": "car", "when": {"time": 1.0}, "do": {"change_lane": {"to_lane_of": "ego", "over": 2.0}}},
        {"id": "stop", "actor": "car", "when": {"time": 5.0}, "do": {"brake": {}}},
    ]
    track = states(compile(scenario(actors=[car(lane=1, ahead=25.0)], events=events), fps=10), 1)
    assert [track[k].lights.indicator for k in (9, 15, 35)] == ["off", "right", "off"]
    assert [track[k].lights.brake for k in (40, 52, 110)] == [False, True, True]
    assert not track[0].lights.head


def test_followed_actor_keeps_its_headway():
    events = [
        {"id": "tail", "actor": "car", "when": {"time": 0.0}, "do": {"follow": {"target": "ego", "headway": 1.0}}}
    ]
    timeline = compile(scenario(clock={"duration": 40.0}, actors=[car(ahead=-40.0)], events=events), fps=5)
    state = states(timeline, 1)[-1]
    gap = timeline.ego(199).x + 1.35 - state.x - (4.6 + state.size[0]) / 2
    # The wanted gap is that at a standstill, 2 m, and 1 s at 10 m/s.
    assert gap == pytest.approx(12.0, abs=0.5)


def test_oncoming_actor_comes_towards_the_ego():
    road = {"lanes": 1, "oncoming": 1}
    track = states(compile(scenario(road=road, actors=[car(lane=1, ahead=100.0, speed=8.0)]), fps=10), 1)
    assert track[100].x == pytest.approx(101.35 - 80.0, abs=0.5)
    assert abs(track[0].heading) == pytest.approx(3.1416)


def test_tracked_actor_is_where_its_points_say():
    actor = {"id": "car", "class": "car", "track": {"points": [[0, 30, -1.75], [10, 130, -1.75]]}}
    track = states(compile(scenario(actors=[actor]), fps=10), 1)
    assert (track[50].x, track[50].y, track[50].speed) == pytest.approx((80.0, -1.75, 10.0), abs=1e-3)


def test_environment_ramps_between_its_values():
    changes = [
        {"at": 2.0, "daylight": "night", "over": 4.0},
        {"at": 8.0, "daylight": "day", "over": 2.0, "shape": "smooth", "weather": "rainy"},
        {"at": 10.0, "traffic_level": "high", "over": 3.0},
    ]
    course = EnvironmentCourse(
        scenario(environment={"initial": {"traffic_level": "none"}, "timeline": changes}).environment
    )
    assert [course.at(t).daylight for t in (0.0, 2.0, 3.0, 6.0, 8.5, 9.0, 12.0)] == [
        1.0,
        1.0,
        0.75,
        0.0,
        0.1562,
        0.5,
        1.0,
    ]
    assert [course.at(t).weather for t in (8.9, 9.0)] == ["clear", "rainy"]
    assert [course.at(t).traffic_level for t in (9.9, 11.0, 13.0)] == [0.0, 1.0, 3.0]


def test_ramp_that_cuts_another_short_starts_from_the_value_reached():
    changes = [{"at": 0.0, "daylight": "night", "over": 10.0}, {"at": 5.0, "daylight": "day", "over": 5.0}]
    course = EnvironmentCourse(scenario(environment={"timeline": changes}).environment)
    assert [course.at(t).daylight for t in (5.0, 7.5, 10.0)] == [0.5, 0.75, 1.0]


def near(timeline, k: int) -> int:
    return sum(-15.0 < state.x - timeline.ego(k).x < 110.0 for state in timeline.track(k))


def test_background_follows_the_traffic_level_up_and_down():
    rise = {"initial": {"traffic_level": "low"}, "timeline": [{"at": 5.0, "traffic_level": "high", "over": 5.0}]}
    timeline = compile(scenario(clock={"duration": 40.0}, environment=rise), fps=2)
    assert near(timeline, 79) > 3 * near(timeline, 5)
    fall = {"initial": {"traffic_level": "high"}, "timeline": [{"at": 5.0, "traffic_level": "none", "over": 5.0}]}
    timeline = compile(scenario(clock={"duration": 40.0}, environment=fall), fps=2)
    assert near(timeline, 79) < 0.2 * near(timeline, 5)


def test_counts_are_kept_as_the_ego_drives_on():
    traffic = {"vehicles": {"count": 7}, "pedestrians": {"count": 5}}
    timeline = compile(scenario(clock={"duration": 60.0}, traffic=traffic), fps=2)
    for k in (0, 60, 119):
        people = [state for state in timeline.track(k) if state.category == "pedestrian"]
        assert len(people) == 5
        assert 5 <= len(timeline.track(k)) - len(people) <= 7


def test_only_the_asked_classes_drive():
    traffic = {"vehicles": {"count": 10}, "pedestrians": {"count": 0}, "classes": {"bus": 1.0, "bicycle": 1.0}}
    timeline = compile(scenario(traffic=traffic), fps=1)
    assert {state.category for state in timeline.track(0)} == {"bus", "bicycle"}


def test_an_expectation_is_not_looked_at_once_it_is_decided():
    early = {"id": "early", "eventually": {"time": 0}}
    late = {"id": "late", "eventually": {"not": {"speed": {"above": 100}}}, "within": [3, 5]}
    watched = compile(scenario(expect=[early, late, {"id": "always", "always": {"time": 0}}]), fps=1).watched
    assert (watched["early"].true_at, watched["early"].false_at) == (0.0, None)
    assert (watched["late"].true_at, watched["late"].false_at) == (3.0, None)
    assert (watched["always"].true_at, watched["always"].false_at) == (0.0, None)


def test_simulation_is_twenty_times_faster_than_real_time():
    medium = scenario(clock={"duration": 20.0}, environment={"initial": {"traffic_level": "medium"}})
    start = time.process_time()
    compile(medium, fps=30)
    assert time.process_time() - start < 1.0

from collections import Counter

import pytest

from scenarios import compile
from scenarios.crowdedness import crowdedness_class
from scenarios.facts import WEATHERS, time_of_day
from scenarios.sampling import sample

MANY = [sample(0, index) for index in range(240)]


def test_scenario_depends_on_seed_and_index_alone():
    assert sample(0, 17) == MANY[17]
    assert sample(0, 17).fingerprint == MANY[17].fingerprint
    assert sample(1, 17) != MANY[17]
    assert len({scenario.fingerprint for scenario in MANY}) == len(MANY)


def test_daylight_weather_and_event_are_even():
    daylight = Counter(time_of_day(scenario.environment.initial.daylight) for scenario in MANY)
    assert {name: abs(count - 80) <= 3 for name, count in daylight.items()} == dict.fromkeys(
        ("night", "dawn_dusk", "day"), True
    )
    weather = Counter(scenario.environment.initial.weather for scenario in MANY)
    assert all(abs(weather[name] - 48) <= 4 for name in WEATHERS)
    events = Counter(scenario.tags[1] for scenario in MANY)
    assert all(abs(events[name] - 40) <= 5 for name in ("cut_in", "brake", "cross", "thing"))


def test_every_traffic_level_road_and_camera_is_covered():
    levels = Counter(scenario.environment.initial.traffic_level for scenario in MANY)
    assert min(levels[name] for name in ("none", "low", "medium", "high")) > 40
    assert len({(scenario.road.lanes, scenario.road.oncoming) for scenario in MANY}) == 6
    bends = [max(scenario.road.curvature, key=lambda point: abs(point[1]))[1] for scenario in MANY]
    assert min(sum(bend < 0 for bend in bends), sum(bend > 0 for bend in bends), bends.count(0.0)) > 60
    focal = sorted(scenario.camera_facts().fx for scenario in MANY)
    assert (focal[0], focal[120], focal[-1]) == pytest.approx((650, 800, 950), abs=6)
    assert sum(bool(scenario.environment.timeline) for scenario in MANY) == pytest.approx(48, abs=4)


def test_every_feature_of_a_road_comes():
    keys = ("junctions", "crossings", "tunnels", "changes")
    counts = {key: sum(bool(getattr(scenario.road, key)) for scenario in MANY) for key in keys}
    # Of ten kinds of road two have a junction, one each a crossing, a tunnel and changing lanes.
    assert counts == {key: pytest.approx(48 if key == "junctions" else 24, abs=3) for key in keys}
    assert sum(junction.signals is not None for s in MANY for junction in s.road.junctions) == pytest.approx(24, abs=3)
    assert {scenario.road.parking for scenario in MANY} == {"none", "left", "right", "both"}
    assert {actor.category for scenario in MANY for actor in scenario.actors} >= {"animal", "obstacle"}


def test_any_run_of_indices_is_spread_evenly():
    speeds = [scenario.ego.initial.speed for scenario in MANY[100:126]]
    # 26 consecutive points in base 13: two in each thirteenth of the range 5 .. 18 m/s.
    assert Counter(min(12, int(speed - 5.0)) for speed in speeds).most_common(1)[0][1] <= 3


def test_samples_compile_and_their_events_fire():
    for scenario in MANY[:24]:
        timeline = compile(scenario, fps=2)
        assert len(timeline) == 16
        assert len(timeline.events) == len(scenario.events), scenario.name


def test_traffic_level_orders_what_is_seen():
    seen = {"none": [], "low": [], "medium": [], "high": []}
    # Parked cars are seen, too, whatever the level.
    for scenario in [scenario for scenario in MANY if scenario.road.parking == "none"][:40]:
        timeline = compile(scenario, fps=1)
        seen[scenario.environment.initial.traffic_level] += [timeline[0].crowdedness, timeline[3].crowdedness]
    mean = {level: sum(c.vehicles + c.people for c in counts) / len(counts) for level, counts in seen.items()}
    assert mean["none"] < mean["low"] < 4 <= mean["medium"] < 9 <= mean["high"]
    assert {crowdedness_class(count) for count in seen["high"]} <= {"medium", "high"}


def test_negative_index_is_refused():
    with pytest.raises(ValueError, match="index is -1"):
        sample(0, -1)

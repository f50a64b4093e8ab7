import hashlib
import json
import math
import os
import subprocess
import sys

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from scenarios import compile, load, loads
from scenarios.crowdedness import crowdedness
from scenarios.schema import Scenario

BASE = {
    "schema": "drivesim.scenario/1",
    "name": "probe",
    "clock": {"duration": 4.0},
    "environment": {"initial": {"traffic_level": "none"}},
    "ego": {"initial": {"speed": 10.0}},
}


def scenario(**changes) -> Scenario:
    return loads(json.dumps(BASE | changes))


def digest(timeline, every: int = 1) -> str:
    rows = (json.dumps(timeline[k].to_dict(), sort_keys=True) for k in range(0, len(timeline), every))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


@pytest.mark.parametrize(("fps", "frames"), [(30.0, 120), (7.5, 30), (1.875, 7), (120.0, 480), (25.0, 100), (0.1, 1)])
def test_frames_are_duration_times_rate_rounded_down(fps, frames):
    assert len(compile(scenario(), fps=fps)) == frames


def test_frame_times_are_those_of_the_nearest_step():
    assert [facts.time for facts in compile(scenario(), fps=7.5)[:3]] == [0.0, 0.1333, 0.2667]
    # 25 frames/s: 4.8 steps per frame, so steps 0, 5, 10, 14, 19.
    assert [facts.time for facts in compile(scenario(), fps=25)[:5]] == [0.0, 0.0417, 0.0833, 0.1167, 0.1583]


@pytest.mark.parametrize("fps", [0.0, -1.0, 121.0, math.nan])
def test_rate_outside_the_simulation_is_refused(fps):
    with pytest.raises(ValueError, match="expected a number above 0 and at most 120"):
        compile(scenario(), fps=fps)


def test_contradicting_scenario_built_in_code_is_refused():
    broken = Scenario.model_validate(BASE | {"road": {"lanes": 1, "ego_lane": 3}})
    with pytest.raises(ValueError, match=r"road\.ego_lane: found lane 3, expected less than lanes"):
        compile(broken)


def test_frame_can_be_asked_for_in_any_order():
    timeline = compile(load("night_city"), fps=7.5)
    last = timeline[-1]
    assert timeline[140:150][-1] == last == timeline[149]
    assert last.index == 149
    with pytest.raises(IndexError):
        timeline[150]


def test_the_beginning_of_a_drive_is_the_drive_until_it_ends():
    timeline = compile(load("night_crossing"), fps=7.5)
    begun = timeline.first(16)
    assert list(begun) == timeline[:16]
    assert [begun.ego_s(k) for k in range(16)] == [timeline.ego_s(k) for k in range(16)]
    assert len(timeline) == len(timeline.first(10**6)) == 150
    with pytest.raises(ValueError, match="found 0 frames"):
        timeline.first(0)


def test_seed_argument_replaces_the_scenarios_own():
    night = load("night_city")
    assert digest(compile(night, fps=2), 5) == digest(compile(night, fps=2, seed=night.seed), 5)
    assert digest(compile(night, fps=2), 5) != digest(compile(night, fps=2, seed=99), 5)


def test_other_process_computes_the_same_bytes_without_wide_vectors():
    code = (
        "import hashlib, json; from scenarios import compile, load; t = compile(load('curved_road'), fps=7.5);"
        "rows = [json.dumps(t[k].to_dict(), sort_keys=True) for k in range(149, -1, -10)][::-1];"
        "print(hashlib.sha256('\\n'.join(rows).encode()).hexdigest())"
    )
    wide = " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))  # AVX2 and AVX-512, if here
    environment = {**os.environ, "PYTHONHASHSEED": "77", "NPY_DISABLE_CPU_FEATURES": wide, "PYTHONWARNINGS": "error"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    timeline = compile(load("curved_road"), fps=7.5)
    rows = [json.dumps(timeline[k].to_dict(), sort_keys=True) for k in range(9, 150, 10)]
    assert told.stdout.strip() == hashlib.sha256("\n".join(rows).encode()).hexdigest()


def test_box_of_a_car_ahead_is_the_projection_worked_by_hand():
    actor = {"id": "car", "class": "car", "size": [4.0, 2.0, 1.5], "initial": {"ahead": 20.0, "speed": 10.0}}
    (car,) = compile(scenario(actors=[actor]), fps=1)[0].objects
    # Ego's rear axle at 0, its centre at 1.35; the car's centre at 21.35, its rear face at 19.35 and so 17.75 m from
    # the camera at x = 1.6. Half a width of 1 m there is 780 / 17.75 = 43.94 px; the roof is at the camera's height.
    assert car.center == (21.35, 0.0, 0.75)
    assert car.box == pytest.approx((512 - 43.94, 256.0, 512 + 43.94, 256 + 1.5 * 43.94), abs=0.01)
    assert (car.occlusion, car.truncation) == (0.0, 0.0)
    assert car.depth == pytest.approx(19.75)


def test_nearer_car_hides_the_one_ahead_of_it():
    actors = [
        {"id": "near", "class": "truck", "initial": {"ahead": 20.0, "speed": 10.0}},
        {"id": "far", "class": "car", "initial": {"ahead": 40.0, "speed": 10.0}},
    ]
    near, far = compile(scenario(actors=actors), fps=1)[0].objects
    assert (near.occlusion, far.occlusion) == (0.0, 1.0)


def test_house_hides_who_stands_behind_it():
    # A bend of 83 m radius to the left: some 80 m on, people stand behind the houses on its inner side.
    # (With seed 1; with others there is a park.)
    bend = {"lanes": 1, "oncoming": 1, "curvature": [[0.0, 0.012]]}
    hidden = []
    for ahead in range(20, 100, 5):
        walker = {"id": "walker", "class": "pedestrian", "initial": {"side": "left", "ahead": float(ahead)}}
        objects = compile(scenario(road=bend, actors=[walker], seed=1), fps=1)[0].objects
        hidden.extend(thing.occlusion for thing in objects)
    assert hidden[0] == 0.0
    assert hidden[-1] == 1.0


def test_track_tells_everybody_also_outside_the_image():
    actor = {"id": "car", "class": "car", "initial": {"ahead": -40.0, "speed": 10.0}}
    timeline = compile(scenario(actors=[actor]), fps=1)
    assert timeline[0].objects == ()
    (car,) = timeline.track(0)
    assert (car.x, car.y) == pytest.approx((1.35 - 40.0, -5.25))
    assert timeline.track(3)[0].travelled == pytest.approx(30.0, abs=0.5)


def test_head_lights_come_on_as_night_falls():
    actor = {"id": "car", "class": "car", "initial": {"ahead": 20.0}}
    dusk = {"initial": {"traffic_level": "none"}, "timeline": [{"at": 0.0, "daylight": "night", "over": 4.0}]}
    timeline = compile(scenario(actors=[actor], environment=dusk), fps=10)
    lit = [timeline[k].objects[0].lights.head for k in range(40)]
    # Daylight falls below 0.4 after 2.4 s.
    assert lit == [False] * 25 + [True] * 15
    assert [timeline.daylight(k) for k in (0, 20)] == [1.0, 0.5]


def test_people_have_no_lights_and_vehicles_have():
    facts = compile(load("dense_traffic"), fps=1)[5]
    assert {thing.group: thing.lights is None for thing in facts.objects} == {"vehicle": False, "person": True}


def test_facts_survive_their_own_json():
    facts = compile(load("dense_traffic"), fps=1)[3]
    assert type(facts).from_dict(json.loads(json.dumps(facts.to_dict()))) == facts


def test_states_kept_for_a_frame_do_not_grow_when_frames_are_read():
    timeline = compile(load("night_city"), fps=7.5)
    before = sum(rows.nbytes for rows in timeline._recording.bodies)
    for facts in timeline:
        assert facts.crowdedness == crowdedness(facts.objects, 512)
    assert sum(rows.nbytes for rows in timeline._recording.bodies) == before
    assert before < 64 * 80 * len(timeline)

"""Parking lanes and those who park in them."""

import json
from itertools import pairwise

import pytest

from scenarios import ScenarioError, compile, loads
from scenarios.parked import FIRST_ID, PLACE, ParkedCars
from scenarios.road import PARKING_WIDTH, STRIP_WIDTH, Road
from tests.test_story import EMPTY

STREET = EMPTY | {"road": {"lanes": 1, "oncoming": 1, "parking": "both"}}


def play(fps=5, seed=None, **changes):
    return compile(loads(json.dumps(STREET | changes)), fps=fps, seed=seed)


def parked(timeline, k):
    return {body.track_id: body for body in timeline.track(k) if body.track_id >= FIRST_ID}


def test_parking_lane_lies_between_strip_and_kerb():
    road = Road(1, 1, parking=(True, False))
    assert road.right_edge == pytest.approx(-3.5 - STRIP_WIDTH - PARKING_WIDTH)
    assert road.left_edge == Road(1, 1).left_edge
    assert road.lane_center(-1) == Road(1, 1).lane_center(-1)
    assert road.parking_center(-1) == pytest.approx(-3.5 - STRIP_WIDTH - PARKING_WIDTH / 2)
    marks = [mark.d for mark in road.markings()]
    assert marks == sorted(marks)
    assert marks[1] == pytest.approx(-3.5 - STRIP_WIDTH)


def test_share_of_the_places_is_taken():
    road = Road(1, 1, parking=(True, True))
    for share in (0.0, 0.3, 1.0):
        found = len(ParkedCars(road, 5, share, []).near(5000.0))
        places = 2 * 190 / PLACE
        assert found == pytest.approx(share * places, abs=0.18 * places if 0 < share < 1 else 2.1)


def test_parked_cars_stand_still_with_their_lights_off_and_face_their_side():
    timeline = play(environment={"initial": {"traffic_level": "none", "daylight": "night"}})
    early, late = parked(timeline, 0), parked(timeline, 40)
    both = early.keys() & late.keys()
    assert len(both) > 15
    for number in both:
        assert (early[number].x, early[number].y) == (late[number].x, late[number].y)
        assert early[number].lights.head is early[number].lights.brake is False
    right = [body for body in early.values() if body.y < 0]
    assert {body.heading for body in right} == {0.0}
    assert {round(abs(body.heading), 2) for body in early.values() if body.y > 0} == {3.14}
    bumpers = sorted((body.x - body.size[0] / 2, body.x + body.size[0] / 2) for body in right)
    assert all(front[1] < rear[0] for front, rear in pairwise(bumpers))


def test_another_seed_parks_others_and_the_frame_rate_changes_nothing():
    assert parked(play(), 0) == parked(play(fps=10), 0)
    assert parked(play(), 25) == parked(play(fps=10), 50)
    assert parked(play(), 0) != parked(play(seed=9), 0)


def test_driver_passes_parked_cars_without_braking():
    timeline = play()
    assert min(timeline.ego(k).speed for k in range(len(timeline))) == pytest.approx(10.0, abs=0.01)


def test_parked_actor_pulls_out_in_front_of_the_ego():
    puller = {"id": "puller", "class": "car", "initial": {"parked": "right", "ahead": 50.0}}
    near = {"distance": {"to": "ego", "below": 35.0}}
    events = [
        {"id": "out", "actor": "puller", "when": near, "do": {"change_lane": {"to_lane_of": "ego", "over": 3.0}}},
        {"id": "go", "actor": "puller", "when": near, "do": {"set_speed": {"to": 8.0}}},
    ]
    expect = [
        {"id": "safe", "never": {"collision": "puller"}},
        {"id": "ahead", "eventually": {"in_lane": {"of": "puller", "same_as": "ego"}}},
    ]
    from scenarios.verify import outcomes

    timeline = play(actors=[puller], events=events, expect=expect)
    assert all(outcome.met for outcome in outcomes(timeline)), outcomes(timeline)
    body = next(body for body in timeline.track(0) if body.track_id == 1)
    assert body.lights.head is False
    assert body.y == pytest.approx(-3.5 - STRIP_WIDTH - PARKING_WIDTH / 2)
    last = next(body for body in timeline.track(len(timeline) - 1) if body.track_id == 1)
    assert last.y == pytest.approx(-1.75, abs=0.01)
    assert last.speed > 7.0


def test_child_between_parked_cars_has_room_and_is_hidden_at_first():
    child = {"id": "child", "class": "pedestrian", "size": [0.4, 0.4, 1.1], "initial": {"side": "right", "ahead": 60.0}}
    run = {"id": "run", "actor": "child", "when": {"distance": {"to": "ego", "below": 30.0}}, "do": {"cross": {}}}
    timeline = play(actors=[child], events=[run], traffic={"parked": 1.0})
    place = next(body for body in timeline.track(0) if body.track_id == 1)
    beside = [abs(body.x - place.x) - body.size[0] / 2 for body in parked(timeline, 0).values() if body.y < 0]
    assert 0.5 < min(beside) < 7.0
    seen = {facts.index: thing for facts in timeline for thing in facts.objects if thing.track_id == 1}
    hidden = [k for k, thing in seen.items() if thing.occlusion > 0.5]
    assert hidden


@pytest.mark.parametrize(
    ("initial", "told"),
    [
        ({"parked": "left", "ahead": 30.0}, None),
        ({"parked": "left", "ahead": 30.0, "speed": 3.0}, "expected no lane, side and speed beside parked"),
        ({"parked": "middle"}, "expected 'left' or 'right'"),
    ],
)
def test_place_to_park(initial, told):
    actor = {"id": "car", "class": "car", "initial": initial}
    if told is None:
        assert play(actors=[actor]).track(0)
        with pytest.raises(ScenarioError, match=r"no parking lane, expected one \(road.parking\)"):
            play(actors=[actor], road={"lanes": 1, "parking": "right"})
    else:
        with pytest.raises(ScenarioError, match=told):
            play(actors=[actor])

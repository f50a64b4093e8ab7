"""Facts: unknown is not none, values are checked at birth, JSON round trips."""

from __future__ import annotations

import json

import pytest

from scenarios.crowdedness import crowdedness, crowdedness_class, is_visible
from scenarios.facts import (
    Camera,
    Crowdedness,
    EgoState,
    FrameFacts,
    LaneLine,
    Lights,
    ObjectFacts,
    RoadFacts,
    categories,
    time_of_day,
)


def full_frame() -> FrameFacts:
    car = ObjectFacts(
        track_id=4, category="van", box=(10.0, 20.0, 60.0, 70.0), amodal_box=(0.0, 20.0, 60.0, 70.0), occlusion=0.25,
        truncation=0.1, center=(12.0, 1.0, 1.1), size=(5.2, 2.0, 2.2), heading=0.1, speed=8.0, depth=10.4,
        lights=Lights(head=True, brake=True, indicator="left"), appearance=(200, 10, 10),
    )  # fmt: skip
    line = LaneLine("dashed", "white", ((0.0, 1.75), (50.0, 1.9)))
    return FrameFacts(
        index=7, time=0.25, daylight=0.4, weather="rainy", crowdedness=Crowdedness(1, 0), ego=EgoState(1, 2, 0.3, 12.0),
        camera=Camera(), road=RoadFacts((line,), ((0, 5), (0, -5), (80, 0)), (((9, -5), (12, -5), (12, 5)),)),
        objects=(car,),
    )  # fmt: skip


def test_json_round_trip_keeps_every_fact():
    frame = full_frame()
    assert FrameFacts.from_dict(json.loads(json.dumps(frame.to_dict()))) == frame


def test_unknown_objects_and_no_objects_stay_apart():
    unknown, none = FrameFacts(0, 0.0), FrameFacts(0, 0.0, objects=())
    assert FrameFacts.from_dict(unknown.to_dict()).objects is None
    assert FrameFacts.from_dict(none.to_dict()).objects == ()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FrameFacts(0, 0.0, daylight=1.2), "daylight is 1.2"),
        (lambda: FrameFacts(0, 0.0, weather="hail"), "weather is 'hail'"),
        (lambda: FrameFacts(-1, 0.0), "frame index is -1"),
        (lambda: ObjectFacts(1, "tank", (0, 0, 1, 1)), "category is 'tank'"),
        (lambda: ObjectFacts(1, "car", (5, 0, 1, 1)), "expected x1 <= x2"),
        (lambda: ObjectFacts(1, "car", (0, 0, 1, 1), occlusion=1.5), "occlusion is 1.5"),
        (lambda: Lights(indicator="up"), "indicator is 'up'"),
        (lambda: FrameFacts.from_dict({"index": 0, "time": 0.0, "dayligth": 1}), "dayligth"),
    ],
)
def test_value_out_of_range_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("daylight", "name"),
    [(0.0, "night"), (0.333, "night"), (1 / 3, "dawn_dusk"), (0.66, "dawn_dusk"), (2 / 3, "day"), (1.0, "day")],
)
def test_times_of_day_split_at_thirds(daylight, name):
    assert time_of_day(daylight) == name


@pytest.mark.parametrize(
    ("height", "occlusion", "truncation", "seen"),
    [
        (26, 0.0, 0.0, True),
        (25, 0.0, 0.0, False),
        (100, 0.51, 0.0, False),
        (100, 0.5, 0.61, False),
        (100, 0.5, 0.6, True),
    ],
)
def test_visible_means_tall_enough_and_little_hidden(height, occlusion, truncation, seen):
    thing = ObjectFacts(1, "car", (0, 0, 50, height), occlusion=occlusion, truncation=truncation)
    assert is_visible(thing, image_height=512) is seen


def test_crowdedness_counts_people_apart_from_vehicles():
    box = (0.0, 0.0, 50.0, 100.0)
    objects = [ObjectFacts(1, "car", box), ObjectFacts(2, "bicycle", box), ObjectFacts(3, "pedestrian", box)]
    assert crowdedness(objects, image_height=512) == Crowdedness(vehicles=2, people=1)


@pytest.mark.parametrize(
    ("count", "name"), [(0, "empty"), (1, "low"), (3, "low"), (4, "medium"), (8, "medium"), (9, "high")]
)
def test_crowdedness_classes_have_their_edges(count, name):
    assert crowdedness_class(Crowdedness(count, 0)) == name


def test_what_is_neither_vehicle_nor_person_counts_for_no_crowdedness():
    box = (0.0, 0.0, 50.0, 100.0)
    others = [name for name, category in categories().items() if category.group == "other"]
    assert others == ["animal", "obstacle", "traffic_light"]
    objects = [ObjectFacts(number, name, box) for number, name in enumerate(["car", *others])]
    assert crowdedness(objects, image_height=512) == Crowdedness(vehicles=1, people=0)


def test_every_category_is_of_a_known_group():
    assert {row.group for row in categories().values()} == {"vehicle", "person", "other"}


def test_resized_camera_scales_all_its_pixels():
    small = Camera(width=1024, height=512, fx=800, fy=780, cx=500, cy=250).resized(256, 128)
    assert (small.width, small.height, small.fx, small.fy, small.cx, small.cy) == (256, 128, 200, 195, 125, 62.5)

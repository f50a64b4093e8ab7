"""The plain view through the camera."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from drivesim.overlay import sketch
from drivesim.overlay.ground import beside, s_of, to_ego
from scenarios import compile, load, loads
from scenarios.camera import project_points
from scenarios.facts import Camera

CAMERA = Camera()


@pytest.fixture(scope="module")
def timeline():
    return compile(load("cut_in"), fps=2)


def test_the_sketch_is_darker_at_night_and_shows_road_and_sky():
    pictures = []
    for name in ("day_free_ride", "night_city"):
        ride = compile(load(name), fps=1)
        pictures.append(sketch(ride, ride[0]))
    day, night = pictures
    assert day.shape == (512, 1024, 3)
    assert day.mean() > 2 * night.mean()
    assert day[60, 500, 2] > day[60, 500, 0]  # the sky is blue
    assert np.ptp(day[480, 505].astype(int)) < 12  # the road is grey


def test_a_body_of_the_sketch_has_the_colour_of_its_appearance(timeline):
    facts = next(f for f in timeline if any(t.track_id == 1 and (t.truncation or 0) == 0 for t in f.objects))
    thing = next(t for t in facts.objects if t.track_id == 1)
    picture = sketch(timeline, facts)
    x1, y1, x2, y2 = (round(v) for v in thing.box)
    middle = picture[(y1 + y2) // 2, (x1 + x2) // 2].astype(float)
    assert thing.appearance == (176, 30, 32)
    assert middle[0] > 3 * middle[1:].max()


def test_the_sketch_paints_dashes_where_the_road_has_them(timeline):
    facts, s = timeline[9], timeline.ego_s(9)
    picture = sketch(timeline, facts)
    line = next(line for line in facts.road.lines if line.kind == "dashed")
    first = 9.0 * np.ceil((s + 6.0) / 9.0) - s  # a dash of 3 m and a gap of 6 m begin here, ahead of the ego
    places = np.array([[first + along, line.points[0][1], 0.0] for along in (1.5, 6.0)])
    (on, off), _ = project_points(CAMERA, places)
    brightness = [int(picture[round(y), round(x)].min()) for x, y in (on, off)]
    assert brightness[0] > brightness[1] + 80


@pytest.fixture(scope="module")
def red_light():
    """Twenty metres before a junction with a zebra crossing, by night."""
    text = """
schema: drivesim.scenario/1
name: junction
clock: {duration: 1 s}
road: {lanes: 1, oncoming: 1, junctions: [{at: 30 m, signals: {green: 1 s, amber: 1 s, red: 60 s, offset: 30 s}}]}
environment: {initial: {daylight: night, weather: snowy, traffic_level: none}}
ego: {initial: {speed: 0.0}}
"""
    return compile(loads(text), fps=1)


def test_the_sketch_paints_stop_lines_and_the_stripes_of_zebra_crossings(red_light):
    facts, picture = red_light[0], sketch(red_light, red_light[0]).max(axis=2).astype(int)
    line = next(line for line in facts.road.lines if line.kind == "stop")
    middle = np.array(line.points).mean(axis=0)
    (on, before), _ = project_points(CAMERA, np.array([[*middle, 0.0], [middle[0] - 1.5, middle[1], 0.0]]))
    assert picture[round(on[1]), round(on[0])] > picture[round(before[1]), round(before[0])] + 20
    zebra = np.array(min(facts.road.crossings))
    across = np.linspace(zebra[0, 1] + 0.5, zebra[3, 1] - 0.5, 200)
    pixels, _ = project_points(CAMERA, np.column_stack([np.full(200, zebra[:, 0].mean()), across, np.zeros(200)]))
    row = picture[np.rint(pixels[:, 1]).astype(int), np.rint(pixels[:, 0]).astype(int)]
    is_paint = row > 0.5 * (row.min() + row.max())
    assert is_paint.mean() == pytest.approx(0.5, abs=0.12)
    stripes = (zebra[3, 1] - zebra[0, 1]) / 1.0
    assert np.diff(is_paint.astype(int)).astype(bool).sum() == pytest.approx(2 * stripes, abs=3)


def test_dashes_keep_their_place_on_the_road_beyond_a_junction(red_light):
    ego, road = red_light.ego(0), red_light.world.road
    for s, d in ((3.0, -1.0), (80.0, 3.0)):
        x, y, _ = road.pose(s, d)
        point = to_ego(ego, np.array([[x, y]]))[0]
        assert s_of(tuple(point), ego, road, red_light.ego_s(0)) == pytest.approx(s, abs=1e-3)


def test_a_traffic_light_of_the_sketch_shines_by_night(red_light):
    facts = red_light[0]
    light = next(thing for thing in facts.objects if thing.category == "traffic_light" and thing.occlusion == 0.0)
    x1, y1, x2, y2 = light.box
    colour = sketch(red_light, facts)[round((y1 + y2) / 2), round((x1 + x2) / 2)].astype(int)
    assert light.appearance == (226, 44, 36)
    assert colour[0] > 150 > 3 * colour[1]


def test_the_sidewalks_go_around_the_corners_of_a_junction(red_light):
    road = red_light[0].road
    wide, drivable = (shapely.polygons(points) for points in (beside(road, 2.0), road.drivable))
    assert wide.is_valid
    assert wide.contains(drivable)
    assert wide.boundary.distance(drivable) == pytest.approx(2.0)

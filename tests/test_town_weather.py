"""Weather in the town: each one is seen by day and by night, moves steadily, and leaves the labels alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from drivesim.town import Town
from drivesim.town.looks import Surface, look
from drivesim.town.precipitation import SNOW, Precipitation
from drivesim.town.view import View
from drivesim.town.weather import covered, film, mirrored, under
from scenarios import Timeline, compile, load
from scenarios.facts import WEATHERS

WIDTH, HEIGHT = 256, 128
K = 5
ROAD = slice(96, 124), slice(60, 196)
SKY = slice(0, 24), slice(104, 150)
FAR = slice(52, 62), slice(100, 156)


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    return compile(load("cut_in"), fps=7.5)


@pytest.fixture(scope="module")
def town(timeline: Timeline) -> Iterator[Town]:
    with Town(timeline.camera, width=WIDTH, height=HEIGHT) as made:
        yield made


@pytest.fixture(scope="module")
def picture(town: Town, timeline: Timeline):
    """A picture (h w 3) of frame ``k`` in a weather, as floats; each is drawn once."""

    @cache
    def drawn(weather: str, daylight: float, k: int = K) -> np.ndarray:
        return frame(town, timeline, k, weather, daylight).astype(np.float32)

    return drawn


def frame(town: Town, timeline: Timeline, k: int, weather: str, daylight: float, name: str = "colour") -> np.ndarray:
    facts = dataclasses.replace(timeline[k], weather=weather, daylight=daylight)
    return getattr(town.draw(facts, timeline.track(k), timeline.world, timeline.ego_s(k), (name,)), name)


def view(weather: str, daylight: float, **changes: object) -> View:
    eye, still = np.array([1.6, 0.0, 1.5], np.float32), np.eye(3, dtype=np.float32)
    given = {"x": 0.0, "y": 0.0, "heading": 0.0, "speed": 10.0, "time": 2.0, **changes}
    return View(eye=eye, to_ego=still, look=look(daylight, weather), beams=np.zeros((0, 8), np.float32), **given)


@pytest.mark.parametrize("daylight", [1.0, 0.5, 0.0])
def test_any_two_weathers_differ_by_day_dusk_and_night(picture, daylight: float) -> None:
    for i, one in enumerate(WEATHERS):
        for other in WEATHERS[i + 1 :]:
            assert np.abs(picture(one, daylight) - picture(other, daylight)).mean() > 4, (one, other)


def test_the_labels_are_the_same_in_all_weathers(town: Town, timeline: Timeline) -> None:
    for name in ("instance", "semantic"):
        clear = frame(town, timeline, K, "clear", 1.0, name)
        for weather in WEATHERS[1:]:
            assert np.array_equal(clear, frame(town, timeline, K, weather, 0.0, name))
    depth = [frame(town, timeline, K, weather, 0.0, "depth") for weather in ("clear", "snowy")]
    assert np.array_equal(*depth)


def test_a_frame_alone_has_the_bytes_it_has_in_a_sequence(town: Town, timeline: Timeline) -> None:
    with Town(timeline.camera, width=WIDTH, height=HEIGHT) as fresh:
        for weather in ("rainy", "snowy"):
            alone = frame(fresh, timeline, K, weather, 0.2)
            for k in (K - 2, K - 1):
                assert not np.array_equal(alone, frame(town, timeline, k, weather, 0.2))
            assert np.array_equal(alone, frame(town, timeline, K, weather, 0.2))


@pytest.mark.parametrize("daylight", [1.0, 0.5, 0.0])
def test_snow_brightens_the_ground(picture, daylight: float) -> None:
    assert picture("snowy", daylight)[ROAD].mean() > 1.8 * picture("overcast", daylight)[ROAD].mean()


def test_overcast_skies_are_grey_and_clear_ones_blue(picture) -> None:
    def blue(weather: str) -> float:
        sky = picture(weather, 1.0)[SKY]
        return float((sky[..., 2] - sky[..., 0]).mean())

    assert blue("clear") > 50
    assert all(blue(weather) < 35 for weather in WEATHERS[1:])


def test_dusk_is_warmer_than_day_and_night(picture) -> None:
    warmth = [float(np.diff(picture("clear", d)[SKY].mean((0, 1))[[2, 0]])[0]) for d in (1.0, 0.5, 0.0)]
    assert warmth[1] > 20 > max(warmth[0], warmth[2])


@pytest.mark.parametrize("daylight", [1.0, 0.0])
def test_fog_lowers_the_contrast_of_far_things(picture, daylight: float) -> None:
    assert picture("foggy", daylight)[FAR].std() < 0.5 * picture("clear", daylight)[FAR].std()


def test_fog_glows_at_night(picture) -> None:
    assert picture("foggy", 0.0)[SKY].mean() > 2 * picture("clear", 0.0)[SKY].mean()


@pytest.mark.parametrize("daylight", [1.0, 0.0])
def test_rain_and_snow_fall_while_all_else_stands_still(town: Town, timeline: Timeline, daylight: float) -> None:
    def moved(weather: str) -> float:
        now = dataclasses.replace(timeline[K], weather=weather, daylight=daylight)
        pictures = []
        for time in (now.time, now.time + 0.05):
            facts = dataclasses.replace(now, time=time)
            passes = town.draw(facts, (), timeline.world, timeline.ego_s(K), ("colour",))
            pictures.append(passes.colour.astype(int))
        return float(np.abs(pictures[1] - pictures[0]).mean())

    assert moved("overcast") < 0.1
    assert moved("rainy") > 0.4
    assert moved("snowy") > 0.4


def test_a_wet_road_mirrors_lamps_at_night(picture) -> None:
    """Streaks stand upright: columns of the road differ, as they do not on a dry road."""

    def columns(weather: str) -> float:
        warm = picture(weather, 0.0)[ROAD][..., 0] / picture(weather, 0.0)[ROAD][..., 0].mean()
        return float(np.percentile(warm.mean(0), 98) - np.median(warm.mean(0)))

    assert columns("rainy") > 0.5 + columns("clear")


def test_a_wet_road_is_a_darker_road_and_a_mirror_of_the_sky_ahead() -> None:
    points = np.array([(30, 0, 0), (30, 8, 0), (4, 0, 0)], np.float32)
    up = np.tile(np.array([0, 0, 1], np.float32), (3, 1))
    road = Surface(points, up, np.full((3, 3), 0.28, np.float32), 0 * up, up[:, 0])
    now = view("rainy", 1.0)
    assert (covered(road, "road", now.look, (0, 0), None).albedo < 0.7 * road.albedo).all()
    ahead, aside, near = mirrored(points, np.ones(3, np.float32), now).sum(1)
    assert ahead > 1.5 * aside
    assert ahead > 5 * near
    assert film(points, "road", now.look, (0, 0), np.array([True, False, True])).astype(bool).tolist() == [1, 0, 1]


def test_snow_lies_on_what_faces_up_and_less_in_the_tracks_of_wheels() -> None:
    now = look(1.0, "snowy")

    def white(kind: str, normal: tuple[float, float, float], albedo: float, is_open: bool = True) -> float:
        one = np.zeros((1, 3), np.float32)
        bare = Surface(one, np.array([normal], np.float32), one + np.float32(albedo), one, one[:, 0])
        return float(covered(bare, kind, now, (0, 0), np.array([is_open])).albedo.mean())

    assert white("building", (0, 0, 1), 0.3) > 0.85
    assert white("building", (1, 0, 0), 0.3) == pytest.approx(0.3)
    assert white("road", (0, 0, 1), 0.27) > white("road", (0, 0, 1), 0.30) + 0.15
    assert white("road", (0, 0, 1), 0.27, is_open=False) == pytest.approx(0.27)


def test_patches_of_snow_and_water_do_not_depend_on_where_a_stretch_begins() -> None:
    points = np.array([(3, 1, 0), (14, -2, 0)], np.float32)
    now = look(1.0, "rainy")
    shifted = film(points - np.array([2, 1, 0], np.float32), "road", now, (2, 1), None)
    assert film(points, "road", now, (0, 0), None) == pytest.approx(shifted, abs=1e-5)


def flakes(town: Town, now: View) -> np.ndarray:
    """Where the pieces of one swarm are seen from the camera (n, 3), m; NaN for those that have faded."""
    _, swarm, _ = next(row for row in Precipitation(town._colour, town._camera)._swarms if row[0] == SNOW[1])
    places, left = swarm._places(now)
    return np.where(left[:, None] > 0, places, np.nan)


def test_a_flake_of_one_frame_is_a_moved_flake_of_the_frame_before(town: Town) -> None:
    step = 1 / 30
    before = flakes(town, view("snowy", 1.0))
    after = flakes(town, view("snowy", 1.0, time=2.0 + step, x=10.0 * step))
    both = ~np.isnan(before + after).any(1)
    assert both.sum() > 0.8 * (~np.isnan(before).any(1)).sum()
    moved = after[both] - before[both] + (10.0 * step, 0, 0)
    assert np.abs(moved).max() < 0.1  # they fall and sway; the ego's own way is no movement of theirs
    assert moved[:, 2].mean() == pytest.approx(SNOW[1].drift[2] * step, rel=0.05)


def test_under_a_roof_is_within_its_walls_and_below_its_height() -> None:
    roof = np.array([(10.0, 5.0, np.pi / 2, 20.0, 8.0, 5.0)])
    points = np.array([(10, 14, 1), (10, 16, 1), (13.9, 5, 1), (15, 5, 1), (10, 5, 6)])
    assert under(points, roof).tolist() == [True, False, True, False, False]

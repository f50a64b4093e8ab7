"""What is seen against what was asked for: colours of road users, the ego's speed and yaw rate."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from drivesim.evaluation.looks import Look, measures
from drivesim.evaluation.requests import PICTURE, Motion, motion_of
from drivesim.evaluation.rows import row
from drivesim.metrics.ego_motion import EgoMotion
from drivesim.perception.scene import Scene
from scenarios.facts import Camera, EgoState, FrameFacts, ObjectFacts

RED, BLUE = (200, 30, 30), (30, 30, 200)
CAMERA = Camera(fx=190.0, fy=190.0, cx=128.0, cy=64.0, width=256, height=128, x=1.5, y=0.0, z=1.5, pitch=0.0)


def told(*cars: tuple[int, tuple[int, int, int]], daylight: float = 1.0, **more) -> FrameFacts:
    """Cars (track, colour) side by side in a picture of 256 x 512."""
    things = tuple(
        ObjectFacts(k, "car", (100.0 * k, 60, 100.0 * k + 80, 120), occlusion=0.0, truncation=0.0, appearance=colour)
        for k, colour in cars
    )
    return FrameFacts(0, 0.0, daylight=daylight, objects=things, **more)


def look(*cars: tuple[int, tuple[int, int, int]], motion: Motion | None = None) -> Look:
    """The picture of such cars, half as large."""
    picture = np.full((*PICTURE, 3), 90, np.uint8)
    for k, colour in cars:
        picture[30:60, 50 * k : 50 * k + 40] = colour
    scene = Scene(1.0, {"clear": 1.0}, np.zeros((0, 3)), np.arange(4.0))
    return Look({}, scene, 100.0, (256, 512), picture, motion)


def of(name: str, looks: list[Look], facts: list[FrameFacts]) -> dict:
    """The measure's row of one clip in one arm."""
    found = row(measures([])[name], {"rollout": ([dict(enumerate(looks))], [facts])}, seed=0, draws=50)
    return found["arms"]["rollout"]


def test_the_share_of_tracks_with_the_colour_asked_for_by_hand() -> None:
    asked = told((0, RED), (1, RED), (2, BLUE))
    cell = of("colour of road users", [look((0, RED), (1, BLUE), (2, BLUE))] * 3, [asked] * 3)
    assert cell["value"] == pytest.approx(2 / 3)  # three tracks, not nine sightings
    assert cell["median"] == pytest.approx(0, abs=1e-9)
    assert cell["frames"] == 3


def test_what_was_made_for_another_drive_has_other_colours() -> None:
    asked, other = told((0, RED), (1, BLUE)), look((0, BLUE), (1, RED))
    cell = of("colour of road users", [other], [asked])
    assert cell["value"] == 0
    assert cell["median"] > 40


def test_how_much_colours_change_over_the_life_of_a_track_by_hand() -> None:
    asked = told((0, RED), (1, BLUE), (2, RED))
    looks = [look((0, RED), (1, BLUE)), look((0, RED), (1, RED)), look((0, RED), (1, RED))]
    cell = of("steady colour of road users", looks, [asked, asked, told((0, RED), (1, BLUE))])
    # Track 0 stays red and track 1 turns from blue to red, whatever was asked for; track 2 is grey, where it is drawn
    # at all, in the first two frames. So two of three are steady.
    assert (cell["value"], cell["count"], cell["clips"]) == (pytest.approx(2 / 3), 3, 1)
    assert cell["median"] == pytest.approx(0, abs=1e-9)
    assert of("steady colour of road users", looks[:1], [asked])["value"] is None  # nobody is seen twice


def test_colours_are_not_judged_by_night_nor_where_nobody_is_seen_well() -> None:
    assert of("colour of road users", [look((0, RED))], [told((0, RED), daylight=0.0)])["value"] is None
    hidden = dataclasses.replace(told((0, RED)).objects[0], occlusion=0.9)
    assert (
        of("colour of road users", [look((0, RED))], [FrameFacts(0, 0.0, daylight=1.0, objects=(hidden,))])["frames"]
        == 0
    )


def seen(speed: float, yaw_rate: float) -> Motion:
    return Motion(0.2, EgoMotion(speed, yaw_rate, 0.0, 0.0, 1.0))


def test_speed_and_yaw_rate_against_the_request_by_hand() -> None:
    ego = EgoState(0, 0, 0, speed=10.0, acceleration=-4.0, yaw_rate=0.05)  # 9.6 m/s on the way to the next frame
    motions = [seen(9.5, 0.06), seen(8.5, 0.05), Motion(0.2, None), None]
    looks = [look(motion=motion) for motion in motions]
    speed = of("ego speed", looks, [FrameFacts(0, 0.0, ego=ego)] * 4)
    assert (speed["value"], speed["frames"]) == (pytest.approx(1 / 3), 3)  # the last one was not looked for
    assert speed["median"] == pytest.approx(1.1)
    yaw = of("ego yaw rate", looks, [FrameFacts(0, 0.0, ego=ego)] * 4)
    assert (yaw["value"], yaw["median"]) == (pytest.approx(2 / 3), pytest.approx(0.01))


def test_the_error_of_the_speed_as_a_share_of_the_request_by_hand() -> None:
    fast, slow = (FrameFacts(0, 0.0, ego=EgoState(0, 0, 0, speed=speed)) for speed in (10.0, 2.0))
    looks = [look(motion=seen(speed, 0)) for speed in (9.0, 12.1, 13.0, 5.0)]
    cell = of("ego speed, relative", looks, [fast, fast, fast, slow])
    assert (cell["value"], cell["count"]) == (pytest.approx(1 / 3), 3)  # 0.1, 0.21 and 0.3; of 2 m/s it is not asked
    assert cell["median"] == pytest.approx(0.21)


def test_where_half_of_the_pairs_show_no_motion_there_is_no_median() -> None:
    ego = EgoState(0, 0, 0, speed=10.0)
    cell = of(
        "ego speed", [look(motion=seen(10, 0)), look(motion=Motion(0.2, None))], [FrameFacts(0, 0.0, ego=ego)] * 2
    )
    assert (cell["value"], cell["median"], cell["median_interval"]) == (0.5, None, None)


@pytest.mark.parametrize("weather", ["clear", "foggy"])
def test_a_frozen_rollout_of_a_moving_ego_is_told_by_its_speed(weather) -> None:
    road = np.random.default_rng(0).integers(0, 255, (128, 256, 3), np.uint8)
    facts = FrameFacts(0, 0.0, ego=EgoState(0, 0, 0, speed=10.0), camera=CAMERA, weather=weather)
    motion = motion_of(road, road, facts, seconds=1 / 7.5)
    assert motion is not None
    assert motion.seen is not None
    assert motion.seen.speed == pytest.approx(0, abs=0.1)
    assert of("ego speed", [look(motion=motion)], [facts])["value"] == 0


@pytest.mark.parametrize("weather", ["rainy", "snowy"])
def test_on_wet_and_snowed_over_roads_no_motion_is_looked_for(weather) -> None:
    frame = np.zeros((128, 256, 3), np.uint8)
    assert motion_of(frame, frame, FrameFacts(0, 0.0, camera=CAMERA, weather=weather), seconds=0.1) is None
    assert motion_of(frame, frame, FrameFacts(0, 0.0, weather="clear"), seconds=0.1) is None

"""The ego's motion from two frames: a drawn plane with known motion, and clips of the town whose facts know it."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from drivesim.metrics.ego_motion import ego_motion
from drivesim.town import Town
from scenarios import compile, load
from scenarios.facts import Camera

CAMERA = Camera(width=256, height=128, fx=195.0, fy=195.0, cx=128.0, cy=64.0, z=1.4, pitch=0.02)


def plane(seed: int, x: float, y: float, heading: float, camera: Camera = CAMERA) -> np.ndarray:
    """A textured ground, grey above the horizon, seen from an ego at (x, y) m, ray by ray."""
    noise = np.random.default_rng(seed).normal(size=(800, 800)).astype(np.float32)  # 10 px a metre, from -20 m
    texture = np.clip(110 + 60 * cv2.GaussianBlur(noise, (0, 0), 1.5) / 0.19, 0, 255)
    frame = np.full((camera.height, camera.width), 120, np.float32)
    for row in range(camera.height):
        angle = camera.pitch + math.atan((row + 0.5 - camera.cy) / camera.fy)
        if angle > 0.03:
            ahead = camera.z / math.tan(angle)
            depth = math.hypot(ahead, camera.z) * math.cos(angle - camera.pitch)
            left = -(np.arange(camera.width) + 0.5 - camera.cx) / camera.fx * depth
            ahead += camera.x
            world_x = x + math.cos(heading) * ahead - math.sin(heading) * left
            world_y = y + math.sin(heading) * ahead + math.cos(heading) * left
            places = (np.stack([world_x, world_y]) + 20) * 10
            frame[row] = cv2.remap(texture, *places.astype(np.float32)[:, None], cv2.INTER_LINEAR)[0]
    return np.repeat(frame.round().astype(np.uint8)[..., None], 3, 2)


@pytest.mark.parametrize(("speed", "yaw_rate"), [(0.0, 0.0), (1.0, 0.2), (13.0, 0.0), (14.0, -0.3), (30.0, 0.1)])
@pytest.mark.parametrize("fps", [7.5, 30.0])
def test_the_motion_over_a_drawn_plane_is_found(speed, yaw_rate, fps) -> None:
    turn = yaw_rate / fps
    # The way along an arc from heading 0 to ``turn``: the sine and versine of its radius.
    radius = speed / yaw_rate if yaw_rate else math.inf
    x, y = (radius * math.sin(turn), radius * (1 - math.cos(turn))) if yaw_rate else (speed / fps, 0.0)
    found = ego_motion(plane(1, 0, 0, 0), plane(1, x, y, turn), CAMERA, seconds=1 / fps)
    assert found.speed == pytest.approx(speed, abs=0.15)
    assert found.yaw_rate == pytest.approx(yaw_rate, abs=0.01)
    assert found.likeness > 0.8


def test_a_camera_of_another_size_is_the_same_camera() -> None:
    frames = plane(1, 0, 0, 0), plane(1, 1.0, 0, 0)
    large = ego_motion(*frames, CAMERA.resized(1024, 512), seconds=0.1)
    assert large == ego_motion(*frames, CAMERA, seconds=0.1)


def test_a_road_user_in_its_box_is_left_out() -> None:
    frames = [plane(1, 0, 0, 0), plane(1, 1.0, 0, 0)]
    for frame in frames:  # a checked wall that goes with the ego, over most of the ground
        frame[70:, 40:220] = np.kron(np.indices((15, 45)).sum(0) % 2, np.ones((4, 4)))[:58, :180, None] * 200
    misled = ego_motion(*frames, CAMERA, seconds=0.1)
    told = ego_motion(*frames, CAMERA, seconds=0.1, boxes=[(40, 70, 220, 128)])
    assert told.speed == pytest.approx(10, abs=0.3)
    assert misled is None or abs(misled.speed - 10) > 1


def test_no_texture_and_no_common_ground_tell_nothing() -> None:
    plain = np.full((128, 256, 3), 90, np.uint8)
    assert ego_motion(plain, plain, CAMERA, seconds=0.1) is None
    assert ego_motion(plane(1, 0, 0, 0), plane(2, 1, 0, 0), CAMERA, seconds=0.1) is None
    with pytest.raises(ValueError, match=r"at most 0\.25"):
        ego_motion(plain, plain, CAMERA, seconds=0.5)
    with pytest.raises(ValueError, match="same size"):
        ego_motion(plain, plain[::2], CAMERA, seconds=0.1)


@pytest.mark.parametrize(("name", "k"), [("cut_in", 30), ("curved_road", 150)])
def test_the_egos_motion_in_the_town_is_found_as_well_as_the_docstring_says(name, k) -> None:
    timeline = compile(load(name), fps=30.0)
    with Town(timeline.camera) as town:
        first, *others = (town.render(timeline, at, ("colour",)).colour for at in (k, k + 1, k + 4))
    start, boxes = timeline[k].ego, [thing.box for thing in timeline[k].objects]
    for step, second in zip((1, 4), others, strict=True):
        end, seconds = timeline[k + step].ego, step / 30
        speed = math.hypot(end.x - start.x, end.y - start.y) / seconds
        yaw_rate = (end.heading - start.heading) / seconds
        found = ego_motion(first, second, timeline.camera, seconds=seconds, boxes=boxes)
        assert speed > 10
        assert found.speed == pytest.approx(speed, abs=0.25)
        assert found.yaw_rate == pytest.approx(yaw_rate, abs=0.005)
        small = [cv2.resize(frame, (256, 128), interpolation=cv2.INTER_AREA) for frame in (first, second)]
        rough = ego_motion(*small, timeline.camera, seconds=seconds, boxes=[np.array(box) / 4 for box in boxes])
        assert rough.speed == pytest.approx(speed, abs={1: 1.5, 4: 0.7}[step])
        assert rough.yaw_rate == pytest.approx(yaw_rate, abs=0.02)
    if name == "curved_road":
        assert yaw_rate > 0.1

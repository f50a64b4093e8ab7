"""What is left out before it is drawn cannot be seen, and nothing that can be seen is left out."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.town.culling import Bounds, Frustum, compact
from drivesim.town.looks import look
from drivesim.town.meshes import box, rotation
from drivesim.town.view import View
from scenarios.camera import to_camera
from scenarios.facts import Camera

CAMERA = Camera(width=256, height=128, fx=170.0, fy=210.0, cx=110.0, cy=75.0, x=1.2, y=0.3, z=1.7, pitch=0.08)


def view(heading: float) -> View:
    to_ego = rotation(-heading)
    eye = to_ego.T @ np.array([CAMERA.x, CAMERA.y, CAMERA.z], np.float32)
    now, no_beams = look(1.0, "clear"), np.zeros((0, 8), np.float32)
    return View(
        x=0.0, y=0.0, heading=heading, eye=eye, to_ego=to_ego, look=now, beams=no_beams, time=0.0, speed=0.0
    )  # fmt: skip


def small_triangles(count: int) -> np.ndarray:
    """Corners (n 3 3), m, all around the ego and turned any way."""
    dice = np.random.default_rng(3)
    middles = dice.uniform(-30, 30, (count, 1, 3))
    return (middles + dice.uniform(-0.02, 0.02, (count, 3, 3))).astype(np.float32)


@pytest.mark.parametrize("heading", [0.0, 2.2])
def test_seen_is_what_projects_into_the_picture_and_turns_its_front(heading: float) -> None:
    corners, now = small_triangles(20_000), view(heading)
    bounds = Bounds(corners.reshape(-1, 3), np.arange(60_000).reshape(-1, 3))
    kept = np.zeros(len(corners), bool)
    kept[bounds.seen(now.eye, Frustum(CAMERA).in_world(heading))] = True

    a, b, c = (corners[:, corner].astype(float) for corner in range(3))
    is_front = np.einsum("nc,nc->n", np.cross(b - a, c - a), now.eye - a) > 0
    local = to_camera(CAMERA, corners.reshape(-1, 3).astype(float) @ now.to_ego.T)
    flat = np.stack([CAMERA.fx * local[:, 0], CAMERA.fy * local[:, 1]], 1) / local[:, 2:] + (CAMERA.cx, CAMERA.cy)
    is_inside = ((flat >= 0) & (flat <= (CAMERA.width, CAMERA.height))).all(1) & (local[:, 2] > 0)
    is_inside = is_inside.reshape(-1, 3).any(1)
    assert (is_front & is_inside).sum() > 200
    assert kept[is_front & is_inside].all()
    assert not kept[~is_front].any()
    assert kept.sum() < 1.5 * (is_front & is_inside).sum()  # the margin lets few others pass


def test_a_wall_that_reaches_beyond_both_sides_of_the_picture_is_seen_from_one_side() -> None:
    wall = box((20, -500, -5), (21, 500, 5), 0)
    bounds, now = Bounds(wall.points, wall.faces), view(0.0)
    assert len(bounds.seen(now.eye, Frustum(CAMERA).in_world(0.0))) == 2


def test_compacted_faces_are_the_same_triangles() -> None:
    points = np.random.default_rng(4).normal(size=(9, 3))
    faces = np.array([(8, 2, 5), (2, 3, 8)], np.int32)
    rows, fewer = compact(faces, len(points))
    assert rows.tolist() == [2, 3, 5, 8]
    np.testing.assert_array_equal(points[rows][fewer], points[faces])

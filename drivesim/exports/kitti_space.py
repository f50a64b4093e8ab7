"""KITTI's spaces and ours, both ways.

KITTI's rectified camera space has x right, y down, z forward, m, and lies level: a camera that looks down has its tilt
in its projection matrix ``P2``, so that whoever projects a point by P2 gets the right pixel. A pixel's centre is a
whole number, where ours is half of one more: a box from x1 up to x2 of ours has the pixels x1 .. x2 - 1, and the
principal point is ours - 0.5. (Development kits of KITTI tracking and object, readme.txt; Geiger et al., "Are we ready
for autonomous driving?", 2012.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from scenarios.facts import Box, Camera, ObjectFacts

Vector = tuple[float, float, float]


def pixels(box: Box) -> Box:
    """Left, top, right and bottom pixel of a half-open box.

    >>> pixels((0.0, 0.0, 1242.0, 375.0))
    (0.0, 0.0, 1241.0, 374.0)
    """
    return box[0], box[1], box[2] - 1, box[3] - 1


def from_pixels(box: Box) -> Box:
    """The inverse of `pixels`."""
    return box[0], box[1], box[2] + 1, box[3] + 1


def calibration(camera: Camera) -> dict[str, np.ndarray]:
    """The matrices of a camera by KITTI's names: P0 .. P3, all alike (3 4), R_rect (3 3), Tr_velo_cam, Tr_imu_velo.

    The laser scanner stands where the camera does, and the inertial unit at the ego's origin.
    """
    inner = np.array([[camera.fx, 0, camera.cx - 0.5], [0, camera.fy, camera.cy - 0.5], [0, 0, 1]])
    projection = np.hstack([inner @ _tilt(camera.pitch), np.zeros((3, 1))])
    axes = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])  # forward, left, up -> right, down, forward
    place = np.array([[-camera.x], [-camera.y], [-camera.z]])
    return {
        **{f"P{number}": projection for number in range(4)},
        "R_rect": np.eye(3),
        "Tr_velo_cam": np.hstack([axes, np.zeros((3, 1))]),
        "Tr_imu_velo": np.hstack([np.eye(3), place]),
    }


def camera_of(
    matrices: Mapping[str, np.ndarray], width: int, height: int, *, imu_height: float
) -> tuple[Camera, Vector]:
    """The camera of P2, and the vector from its place to that of KITTI's space (the left grey camera's, m).

    ``imu_height``: of the inertial unit over the ground, m. Raises ``ValueError`` where P2 is no such matrix.
    """
    projection = matrices["P2"]
    pitch = math.atan2(projection[2, 1], projection[2, 2])
    inner = projection[:, :3] @ _tilt(pitch).T
    if not (inner[0, 0] > 0 and inner[1, 1] > 0 and np.allclose(inner[2], (0, 0, 1), atol=1e-6)):
        raise ValueError(f"P2 is {projection.round(3).tolist()}, expected a projection")
    shift = _tilt(pitch).T @ np.linalg.solve(inner, projection[:, 3])
    scanner = np.linalg.solve(matrices["Tr_velo_cam"][:, :3], -matrices["Tr_velo_cam"][:, 3])
    place = np.linalg.solve(matrices["Tr_imu_velo"][:, :3], scanner - matrices["Tr_imu_velo"][:, 3])
    x, y, z = (round(float(value), 6) for value in place + np.array([0, 0, imu_height]))
    camera = Camera(
        width=width, height=height, fx=float(inner[0, 0]), fy=float(inner[1, 1]), cx=float(inner[0, 2]) + 0.5,
        cy=float(inner[1, 2]) + 0.5, x=x, y=y, z=z, pitch=pitch,
    )  # fmt: skip
    return camera, (float(shift[0]), float(shift[1]), float(shift[2]))


def location(camera: Camera, thing: ObjectFacts) -> tuple[Vector, float] | None:
    """The middle of a thing's underside in KITTI's space, m, and its rotation_y, rad; None where it is unknown.

    rotation_y is the turn about y from x, the camera's right: ahead is -pi/2.
    """
    if thing.center is None or thing.size is None or thing.heading is None:
        return None
    x, y, z = thing.center
    bottom = (camera.y - y, camera.z - (z - thing.size[2] / 2), x - camera.x)
    return bottom, wrapped(-thing.heading - math.pi / 2)


def center(camera: Camera, bottom: Vector, size: Vector, turn: float) -> tuple[Vector, float]:
    """The inverse of `location`: a thing's centre in the ego frame, m, and its heading, rad."""
    right, down, ahead = bottom
    middle = (ahead + camera.x, camera.y - right, camera.z - down + size[2] / 2)
    return middle, wrapped(-turn - math.pi / 2)


def depth(camera: Camera, place: Vector) -> float:
    """How far a point of the ego frame is along the optical axis, m."""
    x, _, z = place
    return math.cos(camera.pitch) * (x - camera.x) - math.sin(camera.pitch) * (z - camera.z)


def wrapped(angle: float) -> float:
    """The angle in [-pi, pi).

    >>> round(wrapped(3 * math.pi / 2), 4)
    -1.5708
    """
    return (angle + math.pi) % (2 * math.pi) - math.pi


def _tilt(pitch: float) -> np.ndarray:
    """From the level space to that of a camera that looks down by ``pitch`` rad."""
    cos, sin = math.cos(pitch), math.sin(pitch)
    return np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])

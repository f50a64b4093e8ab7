"""Which triangles can be in the picture: those that turn their front to the camera, within its field of view."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drivesim.town.meshes import rotation
from scenarios.facts import Camera

Floats = NDArray[np.floating]
MARGIN = 0.05  # m around a triangle
SLACK = 8.0  # px of the camera's own picture around it, as a pixel of a small picture that an edge touches is drawn


class Frustum:
    """The field of view of a camera: four planes through it, whose normals point inward."""

    def __init__(self, camera: Camera) -> None:
        """Of a ``camera`` fixed to the ego."""
        c, s = math.cos(camera.pitch), math.sin(camera.pitch)
        axes = np.array([(0, -1, 0), (-s, 0, -c), (c, 0, -s)])  # right, down, ahead
        sides = np.array([
            (camera.fx, 0, camera.cx + SLACK), (-camera.fx, 0, camera.width - camera.cx + SLACK),
            (0, camera.fy, camera.cy + SLACK), (0, -camera.fy, camera.height - camera.cy + SLACK),
        ])  # fmt: skip
        normals = sides @ axes
        self._normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)

    def in_world(self, heading: float) -> Floats:
        """The normals (4, 3) in world axes if the ego has a ``heading``, rad."""
        return np.asarray(self._normals @ rotation(-heading))


class Bounds:
    """What of triangles decides whether they are seen, as tables of one row per quantity."""

    def __init__(self, points: Floats, faces: NDArray[np.int32]) -> None:
        """Of ``faces`` (m, 3) over ``points`` (n, 3), m."""
        a, b, c = corners = [points.T.take(corner, axis=1) for corner in faces.T]  # (3, m) each
        self._planes = planes(points, faces)
        self._lengths = np.sqrt(np.square(self._planes[:3]).sum(0))
        low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
        self._middles = (low + high) / 2
        self._radii = np.sqrt(np.max([np.square(corner - self._middles).sum(0) for corner in corners], axis=0)) + MARGIN

    def seen(self, eye: Floats, normals: Floats, shift: float = 0.0, turn: float = 0.0) -> NDArray[np.intp]:
        """The triangles of which something may be seen from ``eye`` (3,) between planes of ``normals`` (k, 3).

        Also from wherever the eye is moved by up to ``shift`` m and its planes are turned by up to ``turn`` rad.
        """
        found = np.append(eye, 1).astype(np.float32) @ self._planes > -np.float32(shift) * self._lengths
        chosen = np.flatnonzero(found)
        least = -(self._radii[chosen] + np.float32(shift) + np.float32(turn) * self.far(eye, chosen))
        is_inside = np.ones(len(chosen), bool)
        for distance in normals @ self._middles[:, chosen] - (normals @ eye)[:, None]:
            is_inside &= distance > least
        return chosen[is_inside]

    def far(self, eye: Floats, chosen: NDArray[np.intp]) -> Floats:
        """How far the ``chosen`` triangles are from ``eye``, m."""
        way = self._middles[:, chosen] - eye[:, None]
        return np.asarray(np.sqrt(np.square(way).sum(0)))


def planes(points: Floats, faces: NDArray[np.int32]) -> Floats:
    """The planes (4, m) of ``faces`` (m, 3): their product with an eye (x, y, z, 1) is above 0 if it sees the front."""
    a, b, c = (points.T.take(corner, axis=1) for corner in faces.T)
    u, v = b - a, c - a
    normal = np.stack([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
    return np.concatenate([normal, -(normal * a).sum(0, keepdims=True)])


def compact(faces: NDArray[np.int32], count: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Which of ``count`` points ``faces`` (m, 3) use, and the same faces over those points alone."""
    is_used = np.zeros(count, bool)
    is_used[faces] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used, dtype=np.int32) - 1).take(faces)

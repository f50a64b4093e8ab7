"""Which triangles can be in the picture: those that turn their front to the camera, within its field of view."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drivesim.town.view import View
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

    def in_world(self, view: View) -> Floats:
        """The normals (4, 3) in world axes."""
        return self._normals @ view.to_ego


class Bounds:
    """What of triangles decides whether they are seen, as tables of one row per quantity."""

    def __init__(self, points: Floats, faces: NDArray[np.int32]) -> None:
        """Of ``faces`` (m, 3) over ``points`` (n, 3), m."""
        a, b, c = corners = [points.T.take(corner, axis=1) for corner in faces.T]  # (3, m) each
        u, v = b - a, c - a
        normal = np.stack([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
        self._planes = np.concatenate([normal, -(normal * a).sum(0, keepdims=True)])
        low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
        self._middles = (low + high) / 2
        self._radii = np.sqrt(np.max([np.square(corner - self._middles).sum(0) for corner in corners], axis=0)) + MARGIN

    def seen(self, eye: Floats, normals: Floats) -> NDArray[np.intp]:
        """The triangles of which something may be seen from ``eye`` (3,) between planes of ``normals`` (k, 3)."""
        found = self._fronts(eye)
        for distance in normals @ self._middles - (normals @ eye)[:, None]:
            found &= distance > -self._radii
        return np.flatnonzero(found)

    def facing(self, eye: Floats) -> NDArray[np.intp]:
        """The triangles that turn their front to ``eye`` (3,)."""
        return np.flatnonzero(self._fronts(eye))

    def _fronts(self, eye: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.append(eye, 1).astype(np.float32) @ self._planes > 0)

    def far(self, eye: Floats, chosen: NDArray[np.intp]) -> Floats:
        """How far the ``chosen`` triangles are from ``eye``, m."""
        way = self._middles[:, chosen] - eye[:, None]
        return np.asarray(np.sqrt(np.square(way).sum(0)))


def compact(faces: NDArray[np.int32], count: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Which of ``count`` points ``faces`` (m, 3) use, and the same faces over those points alone."""
    is_used = np.zeros(count, bool)
    is_used[faces] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used, dtype=np.int32) - 1).take(faces)

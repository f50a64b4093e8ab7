"""Meshes made in code: points, normals, triangles and, per point, the slot of a palette that paints it.

Frame of a mesh: x forward, y left, z up, metres, standing on z = 0. Triangles are counter-clockwise seen from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Mesh:
    """``points, normals`` (n, 3) float32; ``faces`` (m, 3) int32 into them; ``slots`` (n,) uint8 into a palette."""

    points: Floats
    normals: Floats
    faces: Ints
    slots: NDArray[np.uint8]

    def moved(self, offset: ArrayLike) -> Mesh:
        """The mesh shifted by ``offset`` (3,), metres."""
        return replace(self, points=self.points + np.asarray(offset, np.float32))

    def turned(self, angle: float, axis: str = "z") -> Mesh:
        """The mesh turned by ``angle`` (rad, right-handed) about one axis through the origin."""
        turn = rotation(angle, axis)
        return replace(self, points=self.points @ turn.T, normals=self.normals @ turn.T)

    def scaled(self, factors: ArrayLike) -> Mesh:
        """The mesh stretched by ``factors`` (3,) along its axes; normals stay perpendicular to the faces."""
        factors = np.asarray(factors, np.float32)
        return replace(self, points=self.points * factors, normals=unit(self.normals / factors))

    def renumbered(self, order: NDArray[np.integer]) -> Mesh:
        """The same triangles over the points in another ``order`` (n,)."""
        faces = np.argsort(order)[self.faces].astype(np.int32)
        return Mesh(self.points[order], self.normals[order], faces, self.slots[order])

    def only(self, chosen: NDArray[np.bool_]) -> Mesh:
        """The triangles ``chosen`` (m,) and their points."""
        faces = self.faces[chosen]
        used, rows = np.unique(faces, return_inverse=True)
        return Mesh(self.points[used], self.normals[used], rows.reshape(-1, 3).astype(np.int32), self.slots[used])

    def fitted(self, size: ArrayLike) -> Mesh:
        """The mesh stretched and shifted so that its extents are the box ``size`` (l, w, h) standing on the origin."""
        low, high = self.points.min(0), self.points.max(0)
        size = np.asarray(size, np.float32)
        foot = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
        return self.moved(-foot).scaled(size / (high - low))


def rotation(angle: float, axis: str = "z") -> Floats:
    """The (3, 3) matrix of a right-handed turn by ``angle`` rad about ``"x"``, ``"y"`` or ``"z"``."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix.astype(np.float32)


def unit(vectors: NDArray) -> Floats:
    """Vectors (n, 3) scaled to length 1; null vectors stay null."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32)


def cross(a: ArrayLike, b: ArrayLike) -> NDArray:
    """Cross products (..., 3); for small arrays several times as fast as numpy's."""
    a, b = np.asarray(a), np.asarray(b)
    return a[..., [1, 2, 0]] * b[..., [2, 0, 1]] - a[..., [2, 0, 1]] * b[..., [1, 2, 0]]


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of many, in their order."""
    starts = np.cumsum([0] + [len(mesh.points) for mesh in meshes])
    return Mesh(
        np.concatenate([mesh.points for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]).astype(np.int32),
        np.concatenate([mesh.slots for mesh in meshes]),
    )


def quads(corners: ArrayLike, slots: ArrayLike) -> Mesh:
    """Separate flat quads. ``corners`` (k, 4, 3), counter-clockwise from outside; ``slots`` (k,) or one for all."""
    corners = np.asarray(corners, np.float32)
    count = len(corners)
    normals = unit(cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]))
    faces = 4 * np.arange(count)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    return Mesh(
        corners.reshape(-1, 3),
        np.repeat(normals, 4, axis=0),
        faces.reshape(-1, 3).astype(np.int32),
        np.repeat(np.broadcast_to(np.asarray(slots, np.uint8), count), 4),
    )


def box(low: ArrayLike, high: ArrayLike, slot: int, *, taper: float = 1.0) -> Mesh:
    """A box between two corners; its top is ``taper`` times as long and wide as its bottom."""
    (x0, y0, z0), (x1, y1, z1) = np.asarray(low, float), np.asarray(high, float)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    bottom = np.array([(x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)], np.float32)
    top = bottom.copy()
    top[:, 0], top[:, 1], top[:, 2] = cx + (bottom[:, 0] - cx) * taper, cy + (bottom[:, 1] - cy) * taper, z1
    sides = [(bottom[i], bottom[(i + 1) % 4], top[(i + 1) % 4], top[i]) for i in range(4)]
    return quads(np.array([*sides, top, bottom[::-1]]), slot)


def patch(corners: ArrayLike, us: ArrayLike, vs: ArrayLike, slots: ArrayLike) -> Mesh:
    """A bilinear surface cut into painted cells.

    ``corners``: (4, 3) counter-clockwise from outside, from (u, v) = (0, 0) by (1, 0), (1, 1) to (0, 1).
    ``us, vs``: rising cuts from 0 to 1. ``slots``: (rows, columns), row 0 at v = 0; 255 leaves a hole.
    """
    a, b, c, d = np.asarray(corners, np.float32)
    u, v = np.meshgrid(np.asarray(us, np.float32), np.asarray(vs, np.float32))
    u, v = u[..., None], v[..., None]
    grid = (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)
    cells = np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]], axis=2).reshape(-1, 4, 3)
    painted = np.broadcast_to(np.asarray(slots, np.uint8), (u.shape[0] - 1, u.shape[1] - 1)).reshape(-1)
    return quads(cells[painted != 255], painted[painted != 255])


def loft(rings: ArrayLike, slot: int, *, caps: bool = True) -> Mesh:
    """A smooth skin over closed rings (s, r, 3), each counter-clockwise seen from the end to which the rings go."""
    rings = np.asarray(rings, np.float32)
    points, faces = rings.reshape(-1, 3), _skin_faces(*rings.shape[:2])
    skin = Mesh(points, smooth_normals(points, faces), faces, np.full(len(points), slot, np.uint8))
    if not caps:
        return skin
    return merge([skin, fan(rings[0][::-1], slot), fan(rings[-1], slot)])


@cache
def _skin_faces(count: int, size: int) -> Ints:
    """The triangles between ``count`` rings of ``size`` points."""
    index = np.arange(count * size, dtype=np.int32).reshape(count, size)
    a, b = index[:-1], np.roll(index, -1, axis=1)[:-1]
    c, d = np.roll(index, -1, axis=1)[1:], index[1:]
    return np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3)


def fan(ring: ArrayLike, slot: int) -> Mesh:
    """A flat convex polygon (r, 3), counter-clockwise seen from outside."""
    ring = np.asarray(ring, np.float32)
    count = len(ring)
    normal = unit(cross(ring - ring.mean(0), np.roll(ring, -1, 0) - ring.mean(0)).sum(0)[None])
    return Mesh(ring, np.repeat(normal, count, 0), _fan_faces(count), np.full(count, slot, np.uint8))


@cache
def _fan_faces(count: int) -> Ints:
    return np.array([(0, i, i + 1) for i in range(1, count - 1)], np.int32)


def smooth_normals(points: NDArray, faces: NDArray) -> Floats:
    """Normals (n, 3): area-weighted means over the faces that share a point."""
    a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
    across = np.repeat(cross(b - a, c - a), 3, axis=0).T
    return unit(np.stack([np.bincount(faces.reshape(-1), axis, len(points)) for axis in across], -1))


def tube(
    start: ArrayLike, end: ArrayLike, radii: tuple[float, float], slot: int, *, sides: int = 6, caps: bool = True
) -> Mesh:
    """A (tapered) round bar from ``start`` to ``end`` (3,), closed at both ends unless it has no ``caps``."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    along = unit((end - start)[None])[0].astype(float)
    side = cross(along, (0, 0, 1) if abs(along[2]) < 0.9 else (1, 0, 0))
    side /= np.linalg.norm(side)
    angles = 2 * np.pi * np.arange(sides) / sides
    circle = np.cos(angles)[:, None] * side + np.sin(angles)[:, None] * cross(along, side)
    return loft([start + radii[0] * circle, end + radii[1] * circle], slot, caps=caps)


def ellipsoid(center: ArrayLike, radii: ArrayLike, slot: int, *, sides: int = 8, rings: int = 6) -> Mesh:
    """A faceted ball stretched to ``radii`` (3,)."""
    heights = np.linspace(-np.pi / 2, np.pi / 2, rings + 1)
    heights[0], heights[-1] = heights[0] + 0.15, heights[-1] - 0.15
    angles = 2 * np.pi * np.arange(sides) / sides
    ring = np.stack([np.cos(angles), np.sin(angles)], -1)
    shape = [np.c_[np.cos(h) * ring, np.full(sides, np.sin(h))] for h in heights]
    return loft(np.asarray(shape) * np.asarray(radii) + np.asarray(center), slot)


def wheel(center: ArrayLike, radius: float, width: float, tyre: int, hub: int, *, sides: int = 12) -> Mesh:
    """A wheel that rolls along x: a dark tyre with a lighter hub on both sides."""
    center = np.asarray(center, np.float32)
    half = np.array([0, width / 2, 0], np.float32)
    parts = [tube(center + half, center - half, (radius, radius), tyre, sides=sides)]
    for sign in (1, -1):
        rim = half + np.array([0, 0.012, 0], np.float32)
        inner, outer = center + sign * half * 0.9, center + sign * rim
        parts.append(tube(inner, outer, (0.62 * radius, 0.56 * radius), hub, sides=max(6, sides - 4)))
        parts.append(tube(outer, outer + sign * np.array([0, 0.01, 0]), (0.2 * radius, 0.2 * radius), tyre, sides=5))
    return merge(parts)

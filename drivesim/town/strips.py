"""Pieces of ground along a road: ribbons and grids of triangles that follow `Road.pose`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.road import Road

Floats = NDArray[np.floating]
Albedo = tuple[float, float, float]
ROW = 1.5  # m between the rows of the mesh along the road
COARSE_ROW = 6.0  # m between those far away, where 6 m of ground are less than a pixel high
KERB = 0.22  # m
GRASS, PAVING, KERBSTONE, GUTTER = (0.27, 0.37, 0.16), (0.50, 0.49, 0.47), (0.66, 0.66, 0.64), (0.30, 0.30, 0.30)
ASPHALT = (0.285, 0.285, 0.295)
PAINTS = {"white": (0.80, 0.80, 0.78), "yellow": (0.86, 0.62, 0.10)}
LINE_WIDTH = 0.14  # m
STOP_WIDTH = 0.4  # m


@dataclass(frozen=True, slots=True)
class Strip:
    """A piece of ground: ``points`` (n, 3) in the frame of the stretch, ``faces``, ``albedo`` (n, 3), ``uv`` (n, 2)."""

    points: Floats
    faces: NDArray[np.int32]
    albedo: Floats
    uv: Floats


@dataclass(frozen=True, slots=True)
class Spine:
    """The reference line at ``s`` (r,), m.

    ``line`` (r, 2): its points in the frame of the stretch, m. ``left`` (r, 2): unit vectors to its left.
    """

    road: Road
    s: Floats
    line: Floats
    left: Floats

    def points(self, d: Floats) -> Floats:
        """The places (r, n, 2) at all of ``d`` (n,) of every row, in the frame of the stretch, m."""
        metres = np.broadcast_to(d, (len(self.s), len(d)))
        if self.road.widths:
            metres = np.array([[self.road.across(float(s), float(x)) for x in d] for s in self.s])
        return self.line[:, None] + metres[..., None] * self.left[:, None]


def spine(road: Road, stations: Sequence[float] | Floats, origin: tuple[float, float]) -> Spine:
    """The reference line at ``stations``, seen from the world point ``origin``."""
    poses = np.array([road.pose(float(s)) for s in stations])
    left = np.stack([-np.sin(poses[:, 2]), np.cos(poses[:, 2])], -1)
    return Spine(road, np.asarray(stations, np.float64), poses[:, :2] - origin, left)


def rows_between(road: Road, low: float, high: float, origin: tuple[float, float], step: float = ROW) -> Spine:
    """The reference line from ``low`` to ``high`` m in steps of about ``step`` m."""
    return spine(road, np.linspace(low, high, max(1, round((high - low) / step)) + 1), origin)


def strip(rows: Spine, across: NDArray, albedo: Albedo | Floats, tile: float) -> Strip:
    """A ribbon over the values ``across`` of d; ``tile``: metres that the texture spans."""
    across = np.sort(across)
    s, d = np.meshgrid(rows.s, across, indexing="ij")
    return grid(rows.points(across), s, d, albedo, tile)


def grid(flat: Floats, s: Floats, d: Floats, albedo: Albedo | Floats, tile: float) -> Strip:
    """A grid (r, c, 2) of points whose ``s`` and ``d`` (r, c), m, lay the texture; seen from above if both grow."""
    count, size = s.shape
    points = np.concatenate([flat, np.zeros((count, size, 1))], -1).reshape(-1, 3)
    i = np.arange(count * size).reshape(count, size)
    a, b, c, e = i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, e], -1)], 2).reshape(-1, 3)
    start = np.floor(s.flat[0] / tile)  # texture coordinates stay small, whole turns do not show
    uv = np.stack([d / tile, s / tile - start], -1).reshape(-1, 2)
    colour = np.broadcast_to(np.asarray(albedo, np.float32), (count, size, 3)).reshape(-1, 3)
    return Strip(points.astype(np.float32), faces.astype(np.int32), colour.astype(np.float32), uv.astype(np.float32))


def joined(strips: Sequence[Strip]) -> Strip:
    """Several pieces as one."""
    starts = np.cumsum([0] + [len(strip.points) for strip in strips])
    return Strip(
        np.concatenate([strip.points for strip in strips]),
        np.concatenate([strip.faces + start for strip, start in zip(strips, starts, strict=False)]).astype(np.int32),
        np.concatenate([strip.albedo for strip in strips]),
        np.concatenate([strip.uv for strip in strips]),
    )


def sidewalk(width: float) -> tuple[tuple[Floats, Albedo], ...]:
    """The ribbons of a sidewalk as (metres from the kerb's outer edge, albedo), in the order of drawing."""
    return (
        (np.linspace(KERB, width, 4), PAVING),
        (np.array([0, KERB]), KERBSTONE),
        (np.array([-0.04, 0.05]), GUTTER),
        (np.array([width - 0.12, width]), (0.40, 0.40, 0.38)),
    )

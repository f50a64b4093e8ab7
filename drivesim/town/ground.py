"""The ground of a stretch of street: carriageway, kerbs, sidewalks, grass and lane markings, following `Road.pose`.

The ground is flat (z = 0), so it is drawn in fixed order without a depth test: nothing flickers, and boxes stand
exactly on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.road import DASH, DASH_PERIOD, Road

Floats = NDArray[np.floating]
ROW = 1.5  # m between the rows of the mesh along the road
LINE_WIDTH = 0.14  # m
KERB = 0.22  # m
PAINTS = {"white": (0.80, 0.80, 0.78), "yellow": (0.86, 0.62, 0.10)}


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

    s: Floats
    line: Floats
    left: Floats


def spine(road: Road, stations: Sequence[float] | Floats, origin: tuple[float, float]) -> Spine:
    """The reference line at ``stations``, seen from the world point ``origin``."""
    poses = np.array([road.pose(float(s)) for s in stations])
    left = np.stack([-np.sin(poses[:, 2]), np.cos(poses[:, 2])], -1)
    return Spine(np.asarray(stations, np.float64), poses[:, :2] - origin, left)


def surfaces(road: Road, s_from: float, s_to: float, origin: tuple[float, float]) -> dict[str, Strip]:
    """The ground from ``s_from`` to ``s_to`` by name, in the order in which it is drawn."""
    rows = spine(road, np.linspace(s_from, s_to, round((s_to - s_from) / ROW) + 1), origin)
    right, left, walk = road.right_edge, road.left_edge, road.sidewalk_width
    grass, paving = [], []
    for edge, side in ((right, -1), (left, 1)):
        grass.append(
            _strip(rows, edge + side * np.array([walk - 0.3, walk + 4, walk + 14, walk + 45]), (0.27, 0.37, 0.16), 6.0)
        )
        paving.append(_strip(rows, edge + side * np.linspace(KERB, walk, 4), (0.50, 0.49, 0.47), 3.2))
        paving.append(_strip(rows, edge + side * np.array([0, KERB]), (0.66, 0.66, 0.64), 3.2))
        paving.append(_strip(rows, edge + side * np.array([-0.04, 0.05]), (0.30, 0.30, 0.30), 3.2))
        paving.append(_strip(rows, edge + side * np.array([walk - 0.12, walk]), (0.40, 0.40, 0.38), 3.2))
    asphalt = [_carriageway(road, rows)]
    return {
        "grass": _join(grass),
        "asphalt": _join(asphalt),
        "paving": _join(paving),
        "paint": _join(_markings(road, s_from, s_to, origin)),
    }


def _strip(rows: Spine, across: NDArray, albedo: tuple[float, float, float] | Floats, tile: float) -> Strip:
    """A ribbon over the values ``across`` of d; ``tile``: metres that the texture spans."""
    across = np.sort(across)
    count, size = len(rows.s), len(across)
    flat = rows.line[:, None] + across[None, :, None] * rows.left[:, None]
    points = np.concatenate([flat, np.zeros((count, size, 1))], -1).reshape(-1, 3)
    i = np.arange(count * size).reshape(count, size)
    a, b, c, d = i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], 2).reshape(-1, 3)
    s, d = np.meshgrid(rows.s, across, indexing="ij")
    start = np.floor(rows.s[0] / tile)  # texture coordinates stay small, whole turns do not show
    uv = np.stack([d / tile, s / tile - start], -1).reshape(-1, 2)
    colour = np.broadcast_to(np.asarray(albedo, np.float32), (count, size, 3)).reshape(-1, 3)
    return Strip(points.astype(np.float32), faces.astype(np.int32), colour.astype(np.float32), uv.astype(np.float32))


def _carriageway(road: Road, rows: Spine) -> Strip:
    """Asphalt, lighter where wheels polish it and darker in the middle of a lane, patched here and there."""
    across = np.linspace(road.right_edge, road.left_edge, round((road.left_edge - road.right_edge) / 0.7) + 1)
    place = np.where(
        (across > -road.lanes * road.lane_width) & (across < road.oncoming * road.lane_width),
        np.mod(across, road.lane_width) / road.lane_width,
        0.0,
    )
    wear = 1 - 0.055 * np.cos(4 * np.pi * place)
    wear[[0, -1]] = 0.72
    tone = wear[None] + 0.02 * np.sin(rows.s * 0.045)[:, None] * np.cos(across * 0.5 + 0.02 * rows.s[:, None])
    return _strip(rows, across, tone[..., None] * np.array([0.285, 0.285, 0.295]), 7.0)


def _markings(road: Road, s_from: float, s_to: float, origin: tuple[float, float]) -> list[Strip]:
    """Painted lines; the kerbs ("edge") are built, not painted."""
    strips = []
    full = spine(road, np.linspace(s_from, s_to, round((s_to - s_from) / ROW) + 1), origin)
    for marking in road.markings():
        paint = PAINTS[marking.colour]
        if marking.kind == "solid":
            for d in (marking.d - 0.14, marking.d + 0.14) if marking.colour == "yellow" else (marking.d,):
                strips.append(_strip(full, d + np.array([-0.5, 0.5]) * LINE_WIDTH, paint, 7.0))
        elif marking.kind == "dashed":
            first = int(np.ceil((s_from - DASH) / DASH_PERIOD))
            for number in range(first, int(np.ceil(s_to / DASH_PERIOD))):
                low, high = max(s_from, number * DASH_PERIOD), min(s_to, number * DASH_PERIOD + DASH)
                if high > low:
                    strips.append(
                        _strip(
                            spine(road, np.linspace(low, high, 3), origin),
                            marking.d + np.array([-0.5, 0.5]) * LINE_WIDTH,
                            paint,
                            7.0,
                        )
                    )
    return strips


def _join(strips: Sequence[Strip]) -> Strip:
    starts = np.cumsum([0] + [len(strip.points) for strip in strips])
    return Strip(
        np.concatenate([strip.points for strip in strips]),
        np.concatenate([strip.faces + start for strip, start in zip(strips, starts, strict=False)]).astype(np.int32),
        np.concatenate([strip.albedo for strip in strips]),
        np.concatenate([strip.uv for strip in strips]),
    )

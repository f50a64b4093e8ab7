"""Tunnels: tubes of two walls and a ceiling under lamps, and the rock faces at their ends."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drivesim.town.meshes import Floats, Mesh, box, ellipsoid, merge, patch, quads

CONCRETE, DARK_WALL, TILES, CEILING, LAMP, LEAVES, ROCK = range(7)
ROCKS, GRASSES = 4, 2  # shades: slots ROCK .. ROCK + 3, then the grass
GRASS = ROCK + ROCKS
SLOT_COUNT = GRASS + GRASSES
LAMP_EVERY, CELL = 12.0, 6.0  # m along a tunnel: between lamps, of pieces that have a colour of their own
FRAME = 1.0  # m of concrete around the mouth


def tunnel(size: tuple[float, float, float]) -> Mesh:
    """A segment seen from inside: ``size`` is its length along x, its inner width and its inner height, m."""
    length, width, height = size
    x, y = length / 2, width / 2
    along = np.linspace(0, 1, max(2, round(length / CELL)) + 1)
    stripes = (0, 0.5 / height, 1.0 / height, 2.9 / height, 3.1 / height, 1)
    slots = np.array([[CONCRETE], [DARK_WALL], [TILES], [DARK_WALL], [CONCRETE]])
    left = [(-x, y, 0), (x, y, 0), (x, y, height), (-x, y, height)]
    right = [(x, -y, 0), (-x, -y, 0), (-x, -y, height), (x, -y, height)]
    above = [(x, -y, height), (-x, -y, height), (-x, y, height), (x, y, height)]
    parts = [patch(wall, along, stripes, slots) for wall in (left, right)]
    parts.append(patch(above, along, (0, 0.28, 0.72, 1), CEILING))
    lamps = [(px - 1.3, py - 0.4, px + 1.3, py + 0.4) for px, py, _ in lamp_places(size)]
    z = height - 0.05
    parts.append(quads([[(x0, y0, z), (x0, y1, z), (x1, y1, z), (x1, y0, z)] for x0, y0, x1, y1 in lamps], LAMP))
    return merge(parts)


def lamp_places(size: tuple[float, float, float]) -> list[tuple[float, float, float]]:
    """Where the lamps of a segment are: in a row under its ceiling, in its frame, m."""
    length, _, height = size
    count = max(1, round(length / LAMP_EVERY))
    return [(float((i + 0.5) * length / count - length / 2), 0.0, height - 0.1) for i in range(count)]


def portal(size: tuple[float, float, float], opening: tuple[float, float], variant: int) -> Mesh:
    """A tunnel's end: a rock face that fills the box ``size`` (l, w, h), m, under grass and bushes.

    ``opening``: width and height of the mouth, m, which stands in its middle.
    """
    dice = np.random.default_rng(variant)
    length, width, height = size
    half, mouth, top = width / 2, opening[0] / 2, opening[1]
    x, frame = length / 2, FRAME
    parts = [
        box((-x, mouth, 0), (x, mouth + frame, top + frame), CONCRETE),
        box((-x, -mouth - frame, 0), (x, -mouth, top + frame), CONCRETE),
        box((-x, -mouth, top), (x, mouth, top + frame), CONCRETE),
    ]
    aside = np.linspace(mouth, half, max(2, round((half - mouth) / 2.2)) + 1)
    over = np.linspace(-mouth, mouth, max(2, round(mouth / 1.5)) + 1)
    low = np.linspace(0, top, 4)
    high = np.linspace(top, height, max(3, round((height - top) / 1.8)) + 1)
    for ys, zs in ((aside, low), (-aside[::-1], low), (np.concatenate([-aside[:0:-1], over, aside[1:]]), high)):
        parts.append(_face(ys, zs, size, top, dice))
    bushes = [ellipsoid((0, 0, height - 0.6), (0.8 * x, 1.5, 0.6 / math.sin(1.42)), LEAVES, sides=7, rings=4)]
    for _ in range(8):
        y, tall, wide = dice.uniform(-0.8, 0.8) * half, dice.uniform(0.7, 1.0), dice.uniform(1.0, 2.2)
        bushes.append(ellipsoid((0, y, _crest(y, half, top, height)), (0.8 * x, wide, tall), LEAVES, sides=7, rings=4))
    return merge([*parts, *bushes])


def _crest(y: float, half: float, top: float, height: float) -> float:
    """How high the face is at ``y``: a bush lower than the box in the middle, lower aside, not below the mouth."""
    return top + (height - 1.0 - top) * (1 - 0.55 * (abs(y) / half) ** 1.5)


def _face(ys: Floats, zs: Floats, size: tuple[float, float, float], top: float, dice: np.random.Generator) -> Mesh:
    """Rough rock towards -x and a plain back over a grid; above the mouth it ends in grass at the crest."""
    length, width, height = size

    def corner(y: float, z: float) -> tuple[float, float, float]:
        rough = math.sin(2.3 * y + 1.7 * z) * math.cos(1.9 * z - 0.8 * y)
        up = z if z <= top else top + (z - top) / (height - top) * (_crest(y, width / 2, top, height) - top)
        return (0.3 * length * rough - 0.15 * length, y, up)

    cells, slots = [], []
    for z0, z1 in pairwise(zs):
        for y0, y1 in pairwise(ys):
            cells.append([corner(y1, z0), corner(y0, z0), corner(y0, z1), corner(y1, z1)])
            is_grass = z1 > height - 0.26 * (height - top)
            slots.append(GRASS + dice.integers(GRASSES) if is_grass else ROCK + dice.integers(ROCKS))
    back = [[(0.2 * length, y, z) for _, y, z in cell[::-1]] for cell in cells]
    return merge([quads(cells, slots), quads(back, CONCRETE)])


def palette(variant: int) -> NDArray[np.float32]:
    """The paint (SLOT_COUNT, 7): albedo, glow at night by the tunnel's own lamps, gloss."""
    dice = np.random.default_rng(variant + 5)
    paint = np.zeros((SLOT_COUNT, 7), np.float32)
    paint[CONCRETE, :3] = (0.50, 0.49, 0.47)
    for slot, albedo, lit in ((DARK_WALL, 0.20, 0.10), (TILES, 0.66, 0.40), (CEILING, 0.24, 0.13)):
        paint[slot, :3], paint[slot, 3:6] = albedo, np.array((1.0, 0.86, 0.62)) * lit
    # Lamps shine by day too, when own light counts for nothing: an albedo above 1 makes daylight do their work.
    paint[LAMP] = (2.4, 2.2, 1.8, 1.0, 0.92, 0.72, 0)
    paint[LEAVES, :3] = (0.22, 0.36, 0.14)
    rock = np.array(((0.46, 0.42, 0.37), (0.40, 0.40, 0.41), (0.52, 0.43, 0.33))[dice.integers(3)])
    paint[ROCK:GRASS, :3] = rock * dice.uniform(0.9, 1.08, (ROCKS, 1))
    paint[GRASS:, :3] = np.array((0.28, 0.42, 0.16)) * dice.uniform(0.85, 1.1, (GRASSES, 1))
    return paint

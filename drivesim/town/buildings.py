"""Houses: walls cut into windows, shop fronts, cornices and roofs, all inside the box that the scenery gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivesim.town.meshes import Mesh, box, merge, patch, quads

WALL, TRIM, ROOF, BASE, DOOR, SIGN, AWNING, SHOP, PANE = range(9)
PANES = 8  # slots PANE .. PANE + PANES - 1: windows that are lit or dark on their own
SLOT_COUNT = PANE + PANES
EAVES = 0.22  # m that cornices and awnings stand out of the walls

# Wall, trim and roof colours of common facades.
WALLS = (
    (.66, .33, .25), (.60, .40, .30), (.72, .62, .48), (.78, .72, .60), (.70, .70, .68), (.56, .58, .60),
    (.80, .66, .42), (.62, .66, .58), (.52, .36, .30), (.84, .80, .74), (.58, .50, .44), (.74, .50, .40),
)  # fmt: skip
SIGNS = (
    (0.75, 0.15, 0.12),
    (0.10, 0.30, 0.62),
    (0.08, 0.42, 0.26),
    (0.85, 0.65, 0.10),
    (0.16, 0.16, 0.18),
    (0.55, 0.15, 0.40),
    (0.9, 0.9, 0.88),
)


def building(size: tuple[float, float, float], variant: int, *, front: float) -> Mesh:
    """A house that fills the box ``size`` (l, w, h), m, standing on the origin.

    ``variant`` chooses its style. ``front``: +1 if its left side (+y) faces the road, -1 if its right side does; the
    opposite wall, which nobody sees, is plain.
    """
    dice = np.random.default_rng(variant)
    length, width, height = size
    style = "house" if height < 9.5 and variant % 3 else ("office" if height > 15 and variant % 3 == 1 else "flat")
    eaves = height - (min(3.2, 0.34 * height) if style == "house" else 0.0)
    shop = variant % 5 < 3 and style != "house"
    corners = _footprint(length - 2 * EAVES, width - 2 * EAVES)
    parts = []
    for side in range(4):
        start, end = corners[side], corners[(side + 1) % 4]
        if side == (0 if front > 0 else 2):
            parts.append(quads([_wall(start, end, 0, eaves)], WALL))
        else:
            parts.append(_facade(start, end, eaves, style, shop and side % 2 == 0, dice))
    parts += (
        _gable_roof(length, width, eaves, height) if style == "house" else _flat_roof(length, width, height, variant)
    )
    if shop:
        side = 2 if front > 0 else 0
        parts.append(_awning(corners[side], corners[side + 1], dice))
    return merge(parts)


def palette(variant: int) -> NDArray[np.float32]:
    """The paint (SLOT_COUNT, 7) of a house: albedo, glow at night, gloss."""
    dice = np.random.default_rng(variant + 7)
    paint = np.zeros((SLOT_COUNT, 7), np.float32)
    wall = np.array(WALLS[dice.integers(len(WALLS))]) * dice.uniform(0.85, 1.08) + dice.normal(0, 0.012, 3)
    sign = np.array(SIGNS[dice.integers(len(SIGNS))])
    paint[WALL, :3] = wall
    paint[TRIM, :3] = wall * 0.35 + np.array((0.52, 0.51, 0.48))
    paint[ROOF, :3] = ((0.45, 0.22, 0.17), (0.30, 0.31, 0.34), (0.38, 0.30, 0.26))[dice.integers(3)]
    paint[BASE, :3] = wall * 0.55 + 0.08
    paint[DOOR, :3] = ((0.25, 0.16, 0.10), (0.12, 0.22, 0.18), (0.30, 0.10, 0.10), (0.18, 0.19, 0.22))[dice.integers(4)]
    paint[SIGN, :3], paint[SIGN, 3:6] = sign, sign * 0.75 + 0.12
    paint[AWNING, :3] = SIGNS[dice.integers(len(SIGNS))]
    paint[SHOP] = (
        (0.16, 0.19, 0.22, 0.86, 0.70, 0.46, 0.45)
        if dice.random() < 0.7
        else (0.16, 0.19, 0.22, 0.09, 0.09, 0.08, 0.45)
    )
    for pane in range(PANE, SLOT_COUNT):
        tone = dice.uniform(0.75, 1.2)
        paint[pane] = (0.15 * tone, 0.19 * tone, 0.23 * tone, 0.03, 0.03, 0.04, 0.5)
        if dice.random() < 0.36:
            paint[pane, 3:6] = np.array(
                ((0.95, 0.74, 0.40), (0.85, 0.66, 0.36), (0.80, 0.82, 0.78), (0.62, 0.44, 0.22))[dice.integers(4)]
            )
    return np.clip(paint, 0, 1)


def _footprint(length: float, width: float) -> list[tuple[float, float]]:
    """Corners counter-clockwise; the sides 0 and 2 run along the road."""
    return [(-length / 2, -width / 2), (length / 2, -width / 2), (length / 2, width / 2), (-length / 2, width / 2)]


def _wall(
    start: tuple[float, float], end: tuple[float, float], z0: float, z1: float
) -> list[tuple[float, float, float]]:
    return [(*start, z0), (*end, z0), (*end, z1), (*start, z1)]


def _facade(
    start: tuple[float, float], end: tuple[float, float], top: float, style: str, shop: bool, dice: np.random.Generator
) -> Mesh:
    """One wall: a ground floor, then storeys of windows between bands of wall."""
    run = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    ground = min(3.6 if shop else 2.9, top * 0.6)
    parts = [_ground_floor(start, end, run, ground, shop, dice)]
    storeys = max(1, round((top - ground) / (3.3 if style == "office" else 3.0)))
    columns = max(1, round(run / (2.2 if style == "office" else 2.7)))
    tall = (top - ground) / storeys
    share, sill, lintel = (0.88, 0.14, 0.92) if style == "office" else (0.46, 0.28, 0.82)
    cuts = _framed_cuts(columns, share, 0.07 * columns / run)
    wide = 0.3 if style == "office" else 0.12
    for storey in range(storeys):
        z0 = ground + storey * tall
        row = np.full(6 * columns + 1, WALL)
        row[1::6] = row[3::6] = row[5::6] = TRIM
        row[2::6] = row[4::6] = PANE + dice.integers(0, PANES, columns)
        band = [TRIM if wide > 0.2 or (style == "flat" and storey == 0) else WALL]
        ledge = np.where(row == WALL, WALL, TRIM)
        parts.append(patch(_wall(start, end, z0 + sill * tall, z0 + lintel * tall), cuts, (0, 1), row[None]))
        parts.append(patch(_wall(start, end, z0 + (sill - 0.045) * tall, z0 + sill * tall), cuts, (0, 1), ledge[None]))
        parts.append(patch(_wall(start, end, z0, z0 + (sill - 0.045) * tall), (0, 1), (0, 0.3, 1), [band, [WALL]]))
        parts.append(patch(_wall(start, end, z0 + lintel * tall, z0 + tall), (0, 1), (0, 1), [[WALL]]))
    return merge(parts)


def _framed_cuts(columns: int, share: float, bar: float) -> np.ndarray:
    """Cuts in 0..1 that leave ``columns`` windows of two panes in frames whose bars are ``bar`` of a column wide."""
    half = share / 2
    offsets = np.array([-half, -half + bar, -bar / 2, bar / 2, half - bar, half]) + 0.5
    return np.concatenate([[0], ((np.arange(columns)[:, None] + offsets) / columns).reshape(-1), [1]])


def _column_cuts(columns: int, share: float) -> np.ndarray:
    """Cuts in 0..1 that leave ``columns`` windows, each ``share`` of its column wide."""
    left = (np.arange(columns) + 0.5 - share / 2) / columns
    return np.concatenate([[0], np.stack([left, left + share / columns], 1).reshape(-1), [1]])


def _ground_floor(
    start: tuple[float, float],
    end: tuple[float, float],
    run: float,
    ground: float,
    shop: bool,
    dice: np.random.Generator,
) -> Mesh:
    if shop:
        columns = max(1, round(run / 4.0))
        row = np.full(2 * columns + 1, BASE)
        row[1::2] = SHOP
        row[1 + 2 * int(dice.integers(columns))] = DOOR
        slots = np.stack([np.full_like(row, BASE), row, np.full_like(row, SIGN), np.full_like(row, TRIM)])
        return patch(_wall(start, end, 0, ground), _column_cuts(columns, 0.84), (0, 0.1, 0.72, 0.92, 1), slots)
    columns = max(1, round(run / 3.2))
    row = np.full(2 * columns + 1, WALL)
    row[1::2] = PANE + dice.integers(0, PANES, columns)
    below = np.full_like(row, BASE)
    door = 1 + 2 * int(dice.integers(columns))
    row[door], below[door] = DOOR, DOOR
    return patch(
        _wall(start, end, 0, ground),
        _column_cuts(columns, 0.42),
        (0, 0.3, 0.8, 1),
        np.stack([below, row, np.full_like(row, WALL)]),
    )


def _flat_roof(length: float, width: float, height: float, variant: int) -> list[Mesh]:
    """A cornice, a roof and now and then a stair house, none higher than the box."""
    band = 0.5
    parts = [box((-length / 2, -width / 2, height - band), (length / 2, width / 2, height), TRIM)]
    if variant % 2:
        inset, z = EAVES * 0.6, height * 0.55
        parts.append(
            box((-length / 2 + inset, -width / 2 + inset, z), (length / 2 - inset, width / 2 - inset, z + 0.25), TRIM)
        )
    return parts


def _gable_roof(length: float, width: float, eaves: float, height: float) -> list[Mesh]:
    """A ridge along the road; the gables are walls."""
    x, y = length / 2, width / 2
    slopes = [
        [(-x, -y, eaves), (x, -y, eaves), (x, 0, height), (-x, 0, height)],
        [(x, y, eaves), (-x, y, eaves), (-x, 0, height), (x, 0, height)],
    ]
    gables = [
        [(x, -y, eaves), (x, y, eaves), (x, 0, height), (x, 0, height)],
        [(-x, y, eaves), (-x, -y, eaves), (-x, 0, height), (-x, 0, height)],
    ]
    chimney = box((x * 0.3, -0.4, height - 1.2), (x * 0.3 + 0.7, 0.3, height), BASE)
    under = box((-x, -y, eaves - 0.15), (x, y, eaves), TRIM)
    return [quads(slopes, ROOF), quads(gables, WALL), chimney, under]


def _awning(start: tuple[float, float], end: tuple[float, float], dice: np.random.Generator) -> Mesh:
    """A sloping cloth over part of a shop front, as deep as the eaves."""
    a, b = np.asarray(start), np.asarray(end)
    along = (b - a) / np.linalg.norm(b - a)
    out = np.array([along[1], -along[0]]) * EAVES
    near = a + (b - a) * dice.uniform(0.05, 0.3)
    far = a + (b - a) * dice.uniform(0.6, 0.95)
    return quads([[(*(near + out), 2.35), (*(far + out), 2.35), (*far, 2.65), (*near, 2.65)]], AWNING)

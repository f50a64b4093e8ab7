"""Houses: which style of walls under which roof, alone or in rows, all inside the box that the scenery gives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drivesim.town.facades import (
    AWNING,
    BASE,
    DOOR,
    EAVES,
    FINE,
    METAL,
    PANE,
    ROOF,
    SHOP,
    SIGN,
    SLOT_COUNT,
    TRIM,
    WALL,
    WALL_2,
    WALL_3,
    Point,
    Style,
    awning,
    balconies,
    facade,
    wall,
)
from drivesim.town.meshes import Mesh, merge, quads
from drivesim.town.roofs import eaves_of, roof_of

BALCONY = 1.1  # m
LOW, HIGH = 9.5, 15.0  # m of height: below and above, other kinds of houses are built


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of house: its walls, the roofs and ground floors it may have, how often it has balconies.

    ``row``: m of street that each house of a row takes; None for a house that stands alone.
    """

    style: Style
    roofs: tuple[str, ...]
    grounds: tuple[str, ...] = ("door",)
    balconies: float = 0.0
    row: float | None = None


_BRICK = Style()
_PLASTER = Style(pitch=2.9, share=0.38, sill=0.25, lintel=0.84, window="single", band=True)
_NARROW = Style(pitch=2.0, storey=3.3, share=0.44, sill=0.16, lintel=0.86, window="single")
_SHUTTERS = Style(pitch=3.1, share=0.34, sill=0.26, lintel=0.84, window="shutters")
_WIDE = Style(pitch=3.6, share=0.66, sill=0.2, lintel=0.86, window="double")
_OFFICE = Style(pitch=2.2, storey=3.3, share=0.88, sill=0.14, lintel=0.92, band=True)
_RIBBON = Style(pitch=1.9, storey=3.4, share=0.96, sill=0.36, lintel=0.90, window="plain", band=True)
_GLASS = Style(pitch=1.6, storey=3.6, share=0.93, sill=0.08, lintel=0.98, window="plain", band=True)
_SHED = Style(pitch=4.6, storey=4.5, share=0.6, sill=0.55, lintel=0.85, window="plain")
_LOW_KINDS = (
    Kind(_BRICK, ("gable", "hip")),
    Kind(_SHUTTERS, ("gable", "hip", "gable across")),
    Kind(_PLASTER, ("gable", "hip", "flat"), ("door", "shop")),
    Kind(_NARROW, ("gable across", "gable"), ("door", "shop"), row=7.0),
    Kind(_WIDE, ("flat", "terrace"), ("door", "gates")),
    Kind(_SHED, ("sheds", "flat"), ("gates",)),
    Kind(_BRICK, ("flat",), ("shop",)),
)
_MIDDLE_KINDS = (
    Kind(_BRICK, ("flat", "mansard", "gable"), ("shop", "door")),
    Kind(_PLASTER, ("flat", "mansard", "hip"), ("shop", "door"), balconies=0.4),
    Kind(_NARROW, ("mansard", "gable across", "flat"), ("shop", "door"), row=8.5),
    Kind(_SHUTTERS, ("hip", "gable", "mansard"), ("shop", "door")),
    Kind(_WIDE, ("terrace", "flat"), ("door", "shop"), balconies=0.8),
    Kind(_RIBBON, ("flat", "terrace"), ("shop", "gates")),
    Kind(_BRICK, ("mansard", "flat"), ("shop",), row=11.0),
)
_HIGH_KINDS = (
    Kind(_OFFICE, ("flat", "terrace"), ("shop", "door")),
    Kind(_RIBBON, ("flat", "terrace"), ("shop", "door")),
    Kind(_GLASS, ("flat",), ("shop",)),
    Kind(_BRICK, ("flat", "mansard"), ("shop", "door")),
    Kind(_WIDE, ("flat", "terrace"), ("door", "shop"), balconies=0.9),
    Kind(_PLASTER, ("mansard", "flat"), ("shop", "door"), balconies=0.4),
)
# Colours of common walls, and those of roofs, doors and signs.
WALLS = (
    (.66, .33, .25), (.60, .40, .30), (.72, .62, .48), (.78, .72, .60), (.70, .70, .68), (.56, .58, .60),
    (.80, .66, .42), (.62, .66, .58), (.52, .36, .30), (.84, .80, .74), (.58, .50, .44), (.74, .50, .40),
    (.86, .85, .82), (.78, .60, .54), (.64, .70, .76), (.70, .74, .62), (.40, .40, .43), (.84, .74, .54),
    (.47, .30, .26), (.72, .42, .30),
)  # fmt: skip
ROOFS = (
    (.45, .22, .17), (.30, .31, .34), (.38, .30, .26), (.54, .30, .20), (.24, .26, .30), (.36, .42, .40),
)  # fmt: skip
DOORS = (
    (.25, .16, .10), (.12, .22, .18), (.30, .10, .10), (.18, .19, .22), (.14, .24, .38), (.44, .42, .38),
)  # fmt: skip
METALS = ((0.30, 0.31, 0.33), (0.55, 0.56, 0.57), (0.72, 0.72, 0.70), (0.34, 0.30, 0.26))
SIGNS = (
    (0.75, 0.15, 0.12),
    (0.10, 0.30, 0.62),
    (0.08, 0.42, 0.26),
    (0.85, 0.65, 0.10),
    (0.16, 0.16, 0.18),
    (0.55, 0.15, 0.40),
    (0.9, 0.9, 0.88),
)
LIT = ((0.95, 0.74, 0.40), (0.85, 0.66, 0.36), (0.80, 0.82, 0.78), (0.62, 0.44, 0.22))


def building(size: tuple[float, float, float], variant: int, *, front: float, detail: int = FINE) -> Mesh:
    """A house or a row of them that fills the box ``size`` (l, w, h), m, standing on the origin.

    ``variant`` chooses kind and style. ``front``: +1 if its left side (+y) faces the road, -1 if its right side does;
    the opposite wall, which nobody sees, is plain. ``detail``: of the walls, see `facades`.
    """
    dice = np.random.default_rng(variant)
    length, width, height = size
    kinds = _LOW_KINDS if height < LOW else _MIDDLE_KINDS if height < HIGH else _HIGH_KINDS
    kind = kinds[dice.integers(len(kinds))]
    count = 1 if kind.row is None else max(1, round(length / kind.row))
    heights = height * np.where(np.arange(count) == dice.integers(count), 1.0, dice.uniform(0.82, 1.0, count))
    parts = []
    for i, tall in enumerate(heights):
        ends = (i == 0, i == count - 1)
        house = _house((length / count, width, float(tall)), kind, ends, dice, detail)
        slots = np.where(house.slots == WALL, (WALL, WALL_2, WALL_3)[i % 3], house.slots).astype(np.uint8)
        parts.append(replace(house, slots=slots).moved(((i + 0.5) * length / count - length / 2, 0, 0)))
    whole = merge(parts)
    return whole if front > 0 else whole.turned(np.pi)


def _house(
    size: tuple[float, float, float],
    kind: Kind,
    ends: tuple[bool, bool],
    dice: np.random.Generator,
    detail: int,
) -> Mesh:
    """A house whose front looks to +y; ``ends``: whether its walls at -x and +x stand free."""
    length, width, height = size
    roof, ground = kind.roofs[dice.integers(len(kind.roofs))], kind.grounds[dice.integers(len(kind.grounds))]
    eaves = eaves_of(roof, height)
    has_balconies = dice.random() < kind.balconies and eaves > 6.0
    x0, x1 = -length / 2 + EAVES * ends[0], length / 2 - EAVES * ends[1]
    y0, y1 = EAVES - width / 2, width / 2 - (BALCONY if has_balconies else EAVES)

    def end(a: Point, b: Point, *, stands_free: bool) -> Mesh:
        """A wall at right angles to the street; that to a neighbour has no windows."""
        if stands_free:
            return facade(a, b, eaves, kind.style, "door", dice, detail)
        return quads([wall(a, b, 0, eaves)], WALL)

    parts = [
        quads([wall((x0, y0), (x1, y0), 0, eaves)], WALL),
        end((x1, y0), (x1, y1), stands_free=ends[1]),
        facade((x1, y1), (x0, y1), eaves, kind.style, "door" if has_balconies else ground, dice, detail),
        end((x0, y1), (x0, y0), stands_free=ends[0]),
        *roof_of(roof, length, width, eaves, height, dice),
    ]
    if has_balconies:
        parts += balconies(x0, x1, y1, BALCONY - 0.05, eaves, kind.style, int(dice.integers(1, 4)))
    elif ground == "shop" and dice.random() < 0.7:
        parts.append(awning((x1, y1), (x0, y1), dice))
    return merge(parts)


def palette(variant: int) -> NDArray[np.float32]:
    """The paint (SLOT_COUNT, 7) of a house: albedo, glow at night, gloss."""
    dice = np.random.default_rng(variant + 7)
    paint = np.zeros((SLOT_COUNT, 7), np.float32)
    walls = np.array(WALLS)[dice.permutation(len(WALLS))[:3]] * dice.uniform(0.85, 1.08, (3, 1))
    tint = walls[0] + dice.normal(0, 0.012, 3)
    paint[[WALL, WALL_2, WALL_3], :3] = np.stack([tint, walls[1], walls[2]])
    paint[TRIM, :3] = (
        tint * 0.35 + np.array(((0.52, 0.51, 0.48), (0.30, 0.30, 0.30), (0.58, 0.57, 0.55)))[dice.integers(3)]
    )
    paint[ROOF, :3] = np.array(ROOFS[dice.integers(len(ROOFS))]) * dice.uniform(0.85, 1.1)
    paint[BASE, :3] = tint * 0.55 + 0.08
    paint[DOOR, :3] = DOORS[dice.integers(len(DOORS))]
    paint[METAL, :3] = METALS[dice.integers(len(METALS))]
    sign = np.array(SIGNS[dice.integers(len(SIGNS))])
    paint[SIGN, :3], paint[SIGN, 3:6] = sign, sign * 0.75 + 0.12
    paint[AWNING, :3] = SIGNS[dice.integers(len(SIGNS))]
    paint[SHOP] = (0.16, 0.19, 0.22, *((0.86, 0.70, 0.46) if dice.random() < 0.7 else (0.09, 0.09, 0.08)), 0.45)
    glass = np.array(((0.15, 0.19, 0.23), (0.12, 0.20, 0.28), (0.16, 0.21, 0.20), (0.20, 0.19, 0.18))[dice.integers(4)])
    lit = dice.uniform(0.2, 0.55)
    for pane in range(PANE, SLOT_COUNT):
        paint[pane, :3], paint[pane, 3:] = glass * dice.uniform(0.75, 1.2), (0.03, 0.03, 0.04, 0.5)
        if dice.random() < lit:
            paint[pane, 3:6] = LIT[dice.integers(len(LIT))]
    return np.clip(paint, 0, 1)

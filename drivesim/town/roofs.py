"""Roofs of houses; each reaches the top of its box and no further than its sides.

``length, width``: of the box around the origin, m; ``eaves, height``: where the walls end and the roof ends, m. The
street lies on the +y side.
"""

from __future__ import annotations

import numpy as np

from drivesim.town.facades import BASE, EAVES, METAL, PANE, PANES, ROOF, TRIM, WALL
from drivesim.town.meshes import Mesh, box, quads, tube

RISE = {"gable": 0.34, "hip": 0.30, "gable across": 0.40, "mansard": 0.24, "sheds": 0.22, "terrace": 0.0, "flat": 0.0}
TALLEST = 3.4  # m of a roof
TERRACE = 1.6  # m by which a top storey stands back


def eaves_of(roof: str, height: float) -> float:
    """Where the walls of a house of ``height`` m end under a kind of roof, m."""
    if roof == "terrace":
        return height - 2.9
    return height - min(TALLEST, RISE[roof] * height)


def roof_of(
    roof: str, length: float, width: float, eaves: float, height: float, dice: np.random.Generator
) -> list[Mesh]:
    """A roof of a kind of `RISE`."""
    if roof == "flat":
        return _flat(length, width, height, dice)
    if roof == "terrace":
        return _terrace(length, width, eaves, height, dice)
    if roof == "sheds":
        return _sheds(length, width, eaves, height)
    under = box((-length / 2, -width / 2, eaves - 0.15), (length / 2, width / 2, eaves), TRIM)
    if roof == "mansard":
        return [under, *_mansard(length, width, eaves, height, dice)]
    if roof == "hip":
        return [under, _hip(length, width, eaves, height)]
    if roof == "gable across":
        turned = [mesh.turned(np.pi / 2) for mesh in _gable(width, length, eaves, height)]
        return [under, *turned, _gable_window(width, eaves, height, dice)]
    chimney = box((length * 0.15, -0.4, height - 1.2), (length * 0.15 + 0.7, 0.3, height), BASE)
    return [under, *_gable(length, width, eaves, height), chimney]


def _gable(length: float, width: float, eaves: float, height: float) -> list[Mesh]:
    """A ridge along x; the gables are walls."""
    x, y = length / 2, width / 2
    slopes = [
        [(-x, -y, eaves), (x, -y, eaves), (x, 0, height), (-x, 0, height)],
        [(x, y, eaves), (-x, y, eaves), (-x, 0, height), (x, 0, height)],
    ]
    gables = [
        [(x, -y, eaves), (x, y, eaves), (x, 0, height), (x, 0, height)],
        [(-x, y, eaves), (-x, -y, eaves), (-x, 0, height), (-x, 0, height)],
    ]
    return [quads(slopes, ROOF), quads(gables, WALL)]


def _gable_window(width: float, eaves: float, height: float, dice: np.random.Generator) -> Mesh:
    """An attic window in the gable over the street."""
    y, z0, z1 = width / 2 + 0.0, eaves + 0.25 * (height - eaves), eaves + 0.6 * (height - eaves)
    return quads([[(0.5, y, z0), (-0.5, y, z0), (-0.5, y, z1), (0.5, y, z1)]], PANE + dice.integers(PANES))


def _hip(length: float, width: float, eaves: float, height: float) -> Mesh:
    """Four slopes; the ridge runs along the longer side."""
    x, y = length / 2, width / 2
    along, across = max(0.0, x - y), max(0.0, y - x)
    a, b, c, d = ((sx * x, sy * y, eaves) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    e, f, g, h = ((sx * along, sy * across, height) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1)))
    return quads([(a, b, f, e), (b, c, g, f), (c, d, h, g), (d, a, e, h)], ROOF)


def _mansard(length: float, width: float, eaves: float, height: float, dice: np.random.Generator) -> list[Mesh]:
    """Steep slopes with dormers under a flat top."""
    lean = 0.45 * (height - eaves)
    rings = [
        [(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)]
        for x, y, z in ((length / 2, width / 2, eaves), (length / 2 - lean, width / 2 - lean, height))
    ]
    low, high = rings
    slopes = [(low[i], low[(i + 1) % 4], high[(i + 1) % 4], high[i]) for i in range(4)]
    count = max(1, round(length / 4.5))
    y, z0, z1 = width / 2 - 0.12 * lean, eaves + 0.12 * (height - eaves), eaves + 0.75 * (height - eaves)
    dormers = []
    for x in (np.arange(count) + 0.5) * length / count - length / 2:
        dormers.append(box((x - 0.65, y - lean, z0), (x + 0.65, y, z1), TRIM))
        pane = [
            (x + 0.45, y + 0.01, z0 + 0.15),
            (x - 0.45, y + 0.01, z0 + 0.15),
            (x - 0.45, y + 0.01, z1 - 0.2),
            (x + 0.45, y + 0.01, z1 - 0.2),
        ]
        dormers.append(quads([pane], PANE + dice.integers(PANES)))
    return [quads([*slopes, high], ROOF), *dormers]


def _flat(length: float, width: float, height: float, dice: np.random.Generator) -> list[Mesh]:
    """A cornice of some height and colour, perhaps a second one lower down."""
    band = dice.choice((0.25, 0.5, 0.9))
    parts = [
        box(
            (-length / 2, -width / 2, height - band),
            (length / 2, width / 2, height),
            (TRIM, TRIM, METAL)[dice.integers(3)],
        )
    ]
    if dice.random() < 0.4:
        inset, z = EAVES * 0.6, height * dice.choice((0.45, 0.55, 0.7))
        parts.append(
            box((-length / 2 + inset, -width / 2 + inset, z), (length / 2 - inset, width / 2 - inset, z + 0.25), TRIM)
        )
    return parts


def _terrace(length: float, width: float, eaves: float, height: float, dice: np.random.Generator) -> list[Mesh]:
    """A glazed top storey that stands back behind a parapet, under a thin roof."""
    x, y = length / 2 - min(TERRACE, 0.2 * length), width / 2 - min(TERRACE, 0.2 * width)
    panes = [
        [
            (sx * x * share, sy * (y + 0.01), z)
            for share, z in ((0.94, eaves), (-0.94, eaves), (-0.94, height - 0.5), (0.94, height - 0.5))
        ]
        for sx, sy in ((1, 1), (-1, -1))
    ]
    return [
        box((-length / 2, -width / 2, eaves - 0.7), (length / 2, width / 2, eaves), TRIM),
        box((-x, -y, eaves), (x, y, height - 0.2), WALL),
        box((-x - 0.5, -y - 0.5, height - 0.3), (x + 0.5, y + 0.5, height), METAL),
        quads(panes, PANE + dice.integers(PANES, size=2)),
    ]


def _sheds(length: float, width: float, eaves: float, height: float) -> list[Mesh]:
    """The saw-teeth of a workshop: slopes with upright panes between them."""
    count = max(2, round(length / 6))
    y, step = width / 2, length / count
    teeth, glass, ends = [], [], []
    for i in range(count):
        x0, x1 = -length / 2 + i * step, -length / 2 + (i + 1) * step
        teeth.append([(x0, -y, height), (x1, -y, eaves), (x1, y, eaves), (x0, y, height)])
        glass.append([(x0, y, eaves), (x0, -y, eaves), (x0, -y, height), (x0, y, height)])
        ends += [
            [(x0, -y, eaves), (x1, -y, eaves), (x0, -y, height), (x0, -y, height)],
            [(x1, y, eaves), (x0, y, eaves), (x0, y, height), (x0, y, height)],
        ]
    stack = tube((length * 0.3, -width * 0.2, eaves), (length * 0.3, -width * 0.2, height), (0.35, 0.3), METAL, sides=8)
    return [quads(teeth, ROOF), quads(glass, PANE), quads(ends, METAL), stack]

"""Bodies of vans, trucks and buses: shells with what they carry and how their owners paint them.

Shapes are in metres at a usual size; `Mesh.fitted` stretches them to the track's own box.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from drivesim.town.bodywork import bands, bumpers, glazing, lamps, rear_screen, screen, shell, wheels
from drivesim.town.meshes import Mesh, box, loft, merge, quads
from drivesim.town.slots import ACCENT, BODY, DARK, GLASS, SLOT, TRIM

CARGO, HUB = SLOT["cargo"], SLOT["hub"]


def van(variant: int) -> Mesh:
    """A delivery van, plain or lettered, a minibus, a craftsman's van with a ladder or a van with a cargo box."""
    kind, half, top = variant % 6, 0.95, 2.3
    has_box = kind == 4
    parts = [shell(0.2 if has_box else -2.6, 1.35, half, 0.35, top)]
    nose = ((1.30, 1.0, 0.35, 2.27), (1.75, 0.98, 0.35, 1.65), (2.35, 0.95, 0.35, 1.18), (2.6, 0.85, 0.42, 0.95))
    parts.append(loft([[(x, y, z) for y, z in _ring(half * wide, z0, z1)] for x, wide, z0, z1 in nose], BODY))
    parts.append(quads([[(1.80, -0.83, 1.62), (1.80, 0.83, 1.62), (1.36, 0.78, 2.2), (1.36, -0.78, 2.2)]], GLASS))
    if has_box:
        parts.append(box((-2.6, -half - 0.04, 0.55), (0.25, half + 0.04, 2.55), CARGO))
        parts.append(box((-2.6, -0.5 * half, 0.4), (0.25, 0.5 * half, 0.55), DARK))
        parts += bands(-2.4, 0.1, half + 0.04, 1.3, 1.8)
    side = {0: [(-2.3, -1.2), (-1.05, 0.35)], 3: [(-2.3, -1.5), (-1.4, -0.55), (-0.45, 0.4)]}.get(kind, [])
    parts += glazing(half, [*side, (0.55, 1.3)], 1.3, 1.95)
    rear = SLOT["cargo"] if has_box else GLASS
    parts += [rear_screen(-2.615, 0.38, 1.35, 1.95, rear).moved((0, y, 0)) for y in (0.42, -0.42)]
    parts.append(rear_screen(-2.612, 0.012, 0.6, 2.2, DARK))
    parts += {1: bands(-2.55, 1.3, half, 0.8, 1.0), 2: bands(-2.5, 0.35, half, 0.8, 1.95)}.get(kind, [])
    if kind == 5:
        parts += bands(-2.2, 0.2, half, 1.25, 1.6)
        parts += [box((-2.3, y - 0.03, 2.3), (0.9, y + 0.03, 2.4), HUB) for y in (-0.5, -0.15)]
        parts += [box((x, -0.5, 2.33), (x + 0.05, -0.15, 2.37), HUB) for x in np.linspace(-2.1, 0.7, 6)]
    parts += wheels((-1.7, 1.7), half, 0.35)
    parts += lamps(-2.56, 2.5, half, 0.95, 0.98, high=0.3, wide=0.2)
    parts += bumpers(-2.6, 2.55, half, 0.38)
    return merge(parts)


def _ring(half: float, z0: float, z1: float) -> list[tuple[float, float]]:
    side = [(half, z0), (half, z0 + 0.75 * (z1 - z0)), (0.96 * half, z0 + 0.92 * (z1 - z0)), (0.86 * half, z1)]
    return side + [(-y, z) for y, z in reversed(side)]


def truck(variant: int) -> Mesh:
    """A cab with one of `_LOADS` behind it."""
    half = 1.22
    parts = [shell(2.15, 4.0, half * 0.97, 0.55, 2.9, nose=0.12), *_LOADS[variant % len(_LOADS)](half)]
    parts.append(box((-4.0, -0.45, 0.55), (2.5, 0.45, 0.95), DARK))
    parts.append(screen(4.02, half * 0.86, 1.72, 2.55, lean=0.10))
    parts += glazing(half * 0.97, [(2.75, 3.75)], 1.72, 2.5)
    parts.append(box((3.98, -0.8, 1.15), (4.03, 0.8, 1.55), DARK))
    parts += wheels((-2.9, -1.9, 3.1), half, 0.48, 0.3)
    parts += lamps(-3.97, 3.97, half, 0.70, 0.98, high=0.2, wide=0.3)
    parts += bumpers(-4.0, 3.98, half, 0.5)
    return merge(parts)


def _boxed(half: float, slot: int, *, band: tuple[float, float] | None = None) -> list[Mesh]:
    """A cargo box with rear doors; ``band``: where an accent runs along its sides (z, z)."""
    parts = [box((-4.0, -half, 0.95), (2.0, half, 3.4), slot)]
    for z0, z1 in ((0.95, 1.05), (3.32, 3.4)):
        parts.append(box((-4.03, -half - 0.012, z0), (2.0, half + 0.012, z1), TRIM))
    doors = ((0.0, DARK), (0.55, TRIM), (-0.55, TRIM))
    parts += [rear_screen(-4.02, 0.02, 1.05, 3.3, bar).moved((0, y, 0)) for y, bar in doors]
    return parts if band is None else [*parts, *bands(-3.9, 1.9, half, *band)]


def _container(half: float) -> list[Mesh]:
    """A freight container: its sides are ribbed."""
    parts = [box((-4.0, -half, 1.0), (2.0, half, 3.4), ACCENT), *_deck(half)]
    ribs = np.linspace(-3.8, 1.7, 12)
    for y in (half, -half):
        parts += [box((x, y - 0.02, 1.1), (x + 0.14, y + 0.02, 3.3), ACCENT) for x in ribs]
    return [*parts, *(rear_screen(-4.02, 0.025, 1.1, 3.3, HUB).moved((0, y, 0)) for y in (-0.7, -0.2, 0.2, 0.7))]


def _deck(half: float) -> list[Mesh]:
    return [box((-4.0, -half, 0.92), (2.05, half, 1.05), TRIM)]


def _flatbed(half: float) -> list[Mesh]:
    """Low boards around stacks of goods, and a board behind the cab."""
    boards = [box((-4.0, y - 0.03, 1.0), (2.05, y + 0.03, 1.5), BODY) for y in (half - 0.03, 0.03 - half)]
    boards += [box((x, -half, 1.0), (x + 0.06, half, high), BODY) for x, high in ((-4.0, 1.5), (2.0, 3.4))]
    goods = ((-3.6, -1.9, 2.6), (-1.7, -0.2, 2.1), (0.0, 1.7, 2.85))
    stacks = [box((x0, -1.0, 1.05), (x1, 1.0, top), CARGO) for x0, x1, top in goods]
    straps = [box((x0 + 0.7, -1.015, 1.05), (x0 + 0.8, 1.015, top + 0.015), DARK) for x0, _, top in goods]
    return [*_deck(half), *boards, *stacks, *straps]


def _tanker(half: float) -> list[Mesh]:
    angles = 2 * np.pi * (np.arange(12) + 0.5) / 12
    ends = ((-4.0, 0.82), (-3.8, 1.0), (1.75, 1.0), (2.0, 0.82))
    rings = [[(x, half * wide * np.cos(a), 2.15 + 1.15 * wide * np.sin(a)) for a in angles] for x, wide in ends]
    round_ring = np.array(rings[1]) * (0, 1, 1) + (0, 0, -2.15)
    belts = [
        loft([1.012 * round_ring + (x + end, 0, 2.15) for end in (-0.12, 0.12)], ACCENT, caps=False)
        for x in (-2.6, -0.9, 0.8)
    ]
    return [*_deck(half), loft(rings, HUB), *belts, box((-3.2, -0.25, 3.2), (1.4, 0.25, 3.4), TRIM)]


def _tipper(half: float) -> list[Mesh]:
    """A tub whose walls lean out, heaped with earth, under a shield over the cab."""
    low, high = [(-3.6, 0.85 * half), (1.9, 0.85 * half)], [(-4.0, half), (2.0, half)]
    rings = [
        [(row[0][0], -row[0][1], z), (row[1][0], -row[1][1], z), (row[1][0], row[1][1], z), (row[0][0], row[0][1], z)]
        for row, z in ((low, 1.0), (high, 2.75))
    ]
    ribs = [box((x, -half * 1.005, 2.3), (x + 0.12, half * 1.005, 2.7), TRIM) for x in (-3.2, -1.9, -0.6, 0.7)]
    heap = box((-3.7, -0.9 * half, 2.7), (1.8, 0.9 * half, 3.3), SLOT["paws"], taper=0.35)
    return [*_deck(half), loft(rings, BODY), *ribs, heap, box((1.9, -half, 2.7), (3.2, half, 2.98), BODY)]


_LOADS = (
    lambda half: _boxed(half, BODY),
    lambda half: _boxed(half, CARGO, band=(1.7, 2.4)),
    _flatbed,
    _tanker,
    lambda half: _boxed(half, CARGO),
    _tipper,
    lambda half: _boxed(half, ACCENT),
    _container,
)


def bus(variant: int) -> Mesh:
    """A city bus, plain, with a band or a painted rear, with or without a unit on its roof, or a dark-glazed coach."""
    kind, half, x0, x1 = variant % 5, 1.25, -5.75, 5.75
    parts = [shell(x0, x1, half, 0.35, 3.1, nose=0.08)]
    is_coach = kind == 4
    cuts = np.linspace(x0 + 0.35, x1 - 0.9, 5 if is_coach else 8)
    gap = 0.01 if is_coach else 0.05
    parts += glazing(half, [(a + gap, b - gap) for a, b in pairwise(cuts)], 1.55 if is_coach else 1.35, 2.5)
    parts += glazing(half, [(x1 - 0.8, x1 - 0.15)], 0.7 if kind == 0 else 1.25, 2.4)
    parts += [screen(x1 + 0.02, half * 0.9, 1.2, 2.5, lean=0.04), rear_screen(x0 - 0.015, half * 0.8, 1.6, 2.5)]
    parts.append(box((x1 - 0.1, -0.85, 2.62), (x1 + 0.02, 0.85, 2.9), DARK))
    parts.append(box((x1, -0.6, 2.68), (x1 + 0.035, 0.6, 2.84), SLOT["taxi"]))
    parts.append(box((x0 - 0.02, -0.5, 0.75), (x0, 0.5, 1.3), TRIM))
    low = 1.06  # above the wheels
    parts += {
        2: bands(x0 + 0.1, x1 - 0.1, half, low, 1.3),
        3: bands(x0 + 0.1, -1.5, half, low, 3.0),
        4: bands(x0 + 0.1, x1 - 0.1, half, low, 1.5),
    }.get(kind, bands(x0 + 0.1, x1 - 0.1, half, low, 1.14, TRIM))
    if kind in (1, 3):
        parts.append(box((-3.5, -0.7, 3.08), (-0.5, 0.7, 3.25), TRIM))
    parts += wheels((-3.6, 3.0), half, 0.48, 0.3)
    parts += lamps(x0 + 0.05, x1 - 0.05, half, 1.0, 0.95, high=0.28, wide=0.26)
    parts += bumpers(x0, x1 - 0.03, half, 0.36)
    return merge(parts)

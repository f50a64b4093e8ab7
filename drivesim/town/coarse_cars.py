"""Cars far away: the builds of `cars` with few triangles, none of which shows what is finer than a pixel there."""

from __future__ import annotations

import numpy as np

from drivesim.town.cars import Build, build_of, extras
from drivesim.town.meshes import Mesh, box, fan, loft, merge, patch, quads, tube
from drivesim.town.slots import BODY, DARK, GLASS, SLOT, TRIM

SECTION = ((0.88, 0.0), (1.0, 0.5), (0.88, 1.0))  # of the lower body: share of half width, share of height
STATIONS = slice(0, None, 2)  # of the hull that are kept
SIDES = 8  # of a wheel; one of its corners touches the ground
HOLE = 255  # a cell of a patch that is left out


def coarse_car(variant: int) -> Mesh:
    """The car that `cars.car` makes of ``variant``, as long, wide and tall."""
    build = build_of(variant)
    stations = build.hull
    rear, front = stations[0][0], stations[-1][0]
    half = max(row[1] for row in stations)
    rings = []
    for x, wide, low, high in stations[STATIONS]:
        side = [(x, wide * out, low + (high - low) * up) for out, up in SECTION]
        rings.append(side + [(x, -y, z) for x, y, z in reversed(side)])
    parts = [loft(rings, BODY), *_cabin(build, half - 0.06)]
    radius = stations[4][2] + 0.13
    parts += [_wheel(x, side, half, radius) for x in (rear + 0.80, front - 0.86) for side in (1, -1)]
    parts += _ends(rear, front, half, (stations[0][2] - 0.22, stations[1][3] - 0.16, stations[-1][3] + 0.02))
    return merge([*parts, *extras(build, half)])


def _cabin(build: Build, half: float) -> list[Mesh]:
    """The glass house; ``half``: half width at the shoulder."""
    (x0, z0), (x1, z1), (x2, z2), (x3, z3) = build.cabin
    top, z0, z3 = half - 0.17, z0 - 0.05, z3 - 0.05
    roof, pillar = build.paint
    cells = [BODY, *([GLASS, pillar] * (len(build.pillars) // 2))[:-1], BODY]
    cuts = [0, *build.pillars, 1]
    right = [(x0, -half, z0), (x3, -half, z3), (x2, -top, z2), (x1, -top, z1)]
    left = [(x3, half, z3), (x0, half, z0), (x1, top, z1), (x2, top, z2)]
    back = [(x0, half, z0), (x0, -half, z0), (x1, -top, z1), (x1, top, z1)]
    front = [(x3, -half, z3), (x3, half, z3), (x2, top, z2), (x2, -top, z2)]
    screen, ridge = [BODY, GLASS, BODY], max(z1 + 0.07, z2 + 0.05)
    return [
        *_framed(right, cuts, (0.14, 0.90), cells),
        *_framed(left, [1 - cut for cut in cuts[::-1]], (0.14, 0.90), cells[::-1]),
        *_framed(back, [0, 0.07, 0.93, 1], (0.10, 0.92), screen),
        *_framed(front, [0, 0.07, 0.93, 1], (0.10, 0.92), screen),
        loft([[(x, -top, z), (x, 0, ridge), (x, top, z)] for x, z in ((x1, z1), (x2, z2))], roof),
    ]


def _framed(
    corners: list[tuple[float, float, float]], us: list[float], vs: tuple[float, float], cells: list[int]
) -> list[Mesh]:
    """A row of ``cells`` between a lower and an upper strip of body."""
    rows = (0, *vs, 1)
    return [
        patch(corners, (0, 1), rows, [[BODY], [HOLE], [BODY]]),
        patch(corners, us, rows, [[HOLE] * len(cells), cells, [HOLE] * len(cells)]),
    ]


def _wheel(x: float, side: int, half: float, radius: float) -> Mesh:
    """A tyre and its hub, which stands out, in a dark arch."""
    arc = np.linspace(-0.25, np.pi + 0.25, 6)[::-side]
    arch = np.c_[x + 1.17 * radius * np.cos(arc), np.full(6, side * (half - 0.004)), radius * (1 + 1.17 * np.sin(arc))]
    outer, inner = (x, side * half, radius), (x, side * (half - 0.2), radius)
    angles = 2 * np.pi * np.arange(SIDES) / SIDES * -side
    circle = np.c_[np.cos(angles), np.zeros(SIDES), np.sin(angles)]
    return merge([
        tube(outer, inner, (radius, radius), SLOT["tyre"], sides=SIDES, caps=False),
        fan(outer + radius * circle, SLOT["tyre"]),
        fan(outer + 0.55 * radius * circle + (0, side * 0.022, 0), SLOT["hub"]),
        fan(arch, DARK),
    ])  # fmt: skip


def _ends(rear: float, front: float, half: float, heights: tuple[float, float, float]) -> list[Mesh]:
    """Bumpers, plates and lamps; ``heights``: of the bumpers' feet, the tail lamps, the head lamps' tops, m."""
    foot, tail, head = heights
    parts = []
    for x, sign in ((rear, -1), (front, 1)):
        near, far = sorted((x - sign * 0.25, x + sign * 0.05))
        parts.append(box((near, -half * 0.985, foot), (far, half * 0.985, foot + 0.24), TRIM))
        parts.append(box((near, -half * 0.9, foot + 0.23), (far, half * 0.9, foot + 0.38), BODY))
        parts.append(_plate(x + sign * 0.065, -0.26, 0.26, foot + 0.14, foot + 0.25, SLOT["plate"], sign))
    for side, indicator in ((1, SLOT["left"]), (-1, SLOT["right"])):
        outer, inner = side * (half - 0.05), side * (half - 0.39)
        split = outer + (inner - outer) * 0.3
        parts.append(_plate(rear - 0.04, outer, inner, tail, tail + 0.08, SLOT["tail"], -1))
        parts.append(_plate(rear - 0.04, outer, split, tail - 0.07, tail, indicator, -1))
        parts.append(_plate(rear - 0.04, split, inner, tail - 0.07, tail, SLOT["brake"], -1))
        outer, inner = side * (half - 0.07), side * (half - 0.41)
        split = outer + (inner - outer) * 0.22
        parts.append(_plate(front - 0.01, split, inner, head - 0.13, head, SLOT["head"], 1))
        parts.append(_plate(front - 0.01, outer, split, head - 0.13, head, indicator, 1))
    parts.append(_plate(front - 0.01, -half * 0.5, half * 0.5, head - 0.13, head - 0.02, DARK, 1))
    return parts


def _plate(x: float, y0: float, y1: float, z0: float, z1: float, slot: int, sign: int) -> Mesh:
    """An upright rectangle at ``x`` that looks forward (``sign`` +1) or back (-1)."""
    right, left = sorted((y0, y1))
    corners = [(x, right, z0), (x, left, z0), (x, left, z1), (x, right, z1)]
    return quads([corners if sign > 0 else [corners[i] for i in (1, 0, 3, 2)]], slot)

"""Parts that bodies of vehicles share: wheels, lamps, bumpers, shells and windows.

Lengths in metres; x forward, y left, z up.
"""

from __future__ import annotations

import numpy as np

from drivesim.town.meshes import Mesh, box, fan, loft, merge, quads, tube
from drivesim.town.slots import ACCENT, BODY, DARK, GLASS, SLOT, TRIM


def wheels(axles: tuple[float, ...], half: float, radius: float, width: float = 0.2) -> list[Mesh]:
    """Wheels at both sides, each in a dark arch; hubs stand 2 cm out, to win against the body in depth."""
    parts = []
    for x in axles:
        for side in (1, -1):
            parts.append(_wheel(x, side, half, radius, width))
            angles = np.linspace(-0.25, np.pi + 0.25, 10)
            arch = np.c_[
                x + 1.17 * radius * np.cos(angles),
                np.full(10, side * (half - 0.004)),
                radius + 1.17 * radius * np.sin(angles),
            ]
            middle = np.broadcast_to((x, side * (half - 0.004), radius), (9, 3))
            corners = np.stack([middle, arch[:-1], arch[1:], middle], 1)
            parts.append(quads(corners if side < 0 else corners[:, ::-1], DARK))
    return parts


def _wheel(x: float, side: int, half: float, radius: float, width: float) -> Mesh:
    """A wheel whose outside alone is seen: its hub is a flat disc."""
    inner, outer = side * (half - width), side * half
    rows = [(8, 0.60 * radius, 0.014, SLOT["hub"]), (5, 0.2 * radius, 0.022, SLOT["tyre"])]
    parts = [tube((x, outer, radius), (x, inner, radius), (radius, radius), SLOT["tyre"], sides=12)]
    for sides, wide, out, slot in rows:
        angles = 2 * np.pi * np.arange(sides) / sides * -side
        y = np.full(sides, outer + side * out)
        parts.append(fan(np.c_[x + wide * np.cos(angles), y, radius + wide * np.sin(angles)], slot))
    return merge(parts)


def lamps(
    rear: float, front: float, half: float, tail_z: float, head_z: float, *, high: float = 0.15, wide: float = 0.34
) -> list[Mesh]:
    """Tail, brake, head lamps and indicators as thin boxes that stand out of the body."""
    parts = []
    for side, indicator in ((1, SLOT["left"]), (-1, SLOT["right"])):
        outer, inner = side * (half - 0.05), side * (half - 0.05 - wide)
        split = outer + (inner - outer) * 0.3
        for slot, y0, y1, z0 in (
            (SLOT["tail"], outer, inner, tail_z),
            (indicator, outer, split, tail_z - 0.07),
            (SLOT["brake"], split, inner, tail_z - 0.07),
        ):
            tall = high - 0.07 if slot == SLOT["tail"] else 0.07
            parts.append(box((rear - 0.10, min(y0, y1), z0), (rear + 0.12, max(y0, y1), z0 + tall), slot))
        outer, inner = side * (half - 0.07), side * (half - 0.07 - wide)
        split = outer + (inner - outer) * 0.22
        parts.append(
            box(
                (front - 0.12, min(split, inner), head_z - high + 0.02),
                (front + 0.09, max(split, inner), head_z),
                SLOT["head"],
            )
        )
        parts.append(
            box(
                (front - 0.2, min(outer, split), head_z - high + 0.02),
                (front + 0.05, max(outer, split), head_z),
                indicator,
            )
        )
    parts.append(
        box((rear - 0.055, -0.46, tail_z + high + 0.02), (rear + 0.1, 0.46, tail_z + high + 0.05), SLOT["brake"])
    )
    parts.append(box((front, -half * 0.5, head_z - 0.13), (front + 0.08, half * 0.5, head_z - 0.02), DARK))
    return parts


def bumpers(rear: float, front: float, half: float, z: float) -> list[Mesh]:
    """A dark bumper with a number plate at both ends, ``z`` m above the ground, and the body above it."""
    parts = []
    for x, sign in ((rear, -1), (front, 1)):
        near, far = sorted((x - sign * 0.25, x + sign * 0.05))
        parts.append(box((near, -half * 0.985, z), (far, half * 0.985, z + 0.24), TRIM))
        edge = x + sign * 0.05
        parts.append(
            box(
                (min(edge, edge + sign * 0.015), -0.26, z + 0.14),
                (max(edge, edge + sign * 0.015), 0.26, z + 0.25),
                SLOT["plate"],
            )
        )
        parts.append(box((near, -half * 0.9, z + 0.23), (far, half * 0.9, z + 0.38), BODY))
    return parts


def shell(
    x0: float,
    x1: float,
    half: float,
    z0: float,
    z1: float,
    *,
    round_top: float = 0.12,
    nose: float = 0.0,
    slot: int = BODY,
) -> Mesh:
    """A long body with rounded roof edges; ``nose`` leans its front face back at the top (m)."""
    section = [
        (half, z0),
        (half, z1 - 2 * round_top),
        (half - 0.3 * round_top, z1 - 0.7 * round_top),
        (half - round_top, z1),
    ]
    ring = section + [(-y, z) for y, z in reversed(section)]
    rows = []
    for x, lean in ((x0, 0.0), (x0 + 0.05, 0.0), (x1 - 0.05, nose), (x1, nose)):
        rows.append([(x - lean * max(0.0, (z - (z0 + z1) / 2)) / (z1 - z0) * 2, y, z) for y, z in ring])
    return loft(rows, slot)


def glazing(half: float, spans: list[tuple[float, float]], z0: float, z1: float) -> list[Mesh]:
    """Side windows on both sides, 1.5 cm out of the body."""
    parts = []
    for x0, x1 in spans:
        for y in (half + 0.015, -half - 0.015):
            corners = [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)]
            parts.append(quads([corners if y < 0 else corners[::-1]], GLASS))
    return parts


def screen(x: float, half: float, z0: float, z1: float, *, lean: float = 0.0, slot: int = GLASS) -> Mesh:
    """A front (lean >= 0) window at ``x`` whose top stands ``lean`` m further back."""
    return quads([[(x, -half, z0), (x, half, z0), (x - lean, half * 0.94, z1), (x - lean, -half * 0.94, z1)]], slot)


def rear_screen(x: float, half: float, z0: float, z1: float, slot: int = GLASS) -> Mesh:
    """A rear window at ``x``."""
    return quads([[(x, half, z0), (x, -half, z0), (x, -half, z1), (x, half, z1)]], slot)


def bands(x0: float, x1: float, half: float, z0: float, z1: float, slot: int = ACCENT) -> list[Mesh]:
    """A painted band along both sides, 8 mm out of the body, below `glazing`."""
    parts = []
    for y in (half + 0.008, -half - 0.008):
        corners = [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)]
        parts.append(quads([corners if y < 0 else corners[::-1]], slot))
    return parts

"""Bodies of motorcycles and bicycles with their riders.

Shapes are in metres at a usual size; `Mesh.fitted` stretches them to the track's own box.
"""

from __future__ import annotations

from drivesim.town.meshes import Mesh, box, loft, merge, tube, wheel
from drivesim.town.people import rider
from drivesim.town.slots import ACCENT, BODY, DARK, SLOT, TRIM


def motorcycle(variant: int, *, is_coarse: bool = False) -> Mesh:
    """A ridden motorcycle; some carry a top box, some a wind shield. ``is_coarse``: of few triangles, for far away."""
    tyre, hub = SLOT["tyre"], SLOT["hub"]
    parts = [wheel((x, 0, 0.31), 0.31, 0.15, tyre, hub, sides=8 if is_coarse else 12) for x in (-0.72, 0.72)]
    section = ((0.5, 0), (0.9, 0.5), (0.5, 1), (-0.5, 1), (-0.9, 0.5), (-0.5, 0))
    tank = (
        (-1.0, 0.08, 0.72, 0.82),
        (-0.6, 0.16, 0.62, 0.84),
        (0.0, 0.18, 0.45, 0.86),
        (0.35, 0.2, 0.5, 1.0),
        (0.6, 0.12, 0.7, 0.98),
    )
    rings = [[(x, y * wide, z0 + (z1 - z0) * up) for y, up in section] for x, wide, z0, z1 in tank]
    parts.append(loft(rings, BODY))
    parts.append(box((-0.35, -0.16, 0.25), (0.35, 0.16, 0.6), DARK))
    parts += [tube((0.45, y, 0.95), (0.72, y, 0.31), (0.035, 0.03), TRIM) for y in (0.1, -0.1)]
    parts.append(tube((0.42, -0.38, 1.02), (0.42, 0.38, 1.02), (0.03, 0.03), DARK))
    parts += [
        box((0.6, -0.1, 0.8), (0.72, 0.1, 0.98), SLOT["head"]),
        box((-1.04, -0.1, 0.72), (-0.98, 0.1, 0.8), SLOT["tail"]),
    ]
    parts += [
        box((-1.045, -0.1, 0.66), (-0.98, 0.1, 0.72), SLOT["brake"]),
        box((-1.02, -0.09, 0.5), (-0.99, 0.09, 0.64), SLOT["plate"]),
    ]
    for side, slot in ((1, SLOT["left"]), (-1, SLOT["right"])):
        y = side * 0.2
        parts += [
            box((-1.0, y - 0.05, 0.7), (-0.92, y + 0.05, 0.77), slot),
            box((0.55, y - 0.05, 0.85), (0.62, y + 0.05, 0.92), slot),
        ]
    if variant % 3 == 1:
        parts.append(box((-1.04, -0.24, 0.86), (-0.62, 0.24, 1.26), ACCENT))
    if variant % 4 >= 2:
        parts.append(box((0.5, -0.16, 0.98), (0.66, 0.16, 1.3), SLOT["glass"], taper=0.6))
    parts.append(rider(seat=(-0.25, 0.86), hands=(0.4, 1.02), feet=(0.05, 0.32), helmet=True, is_coarse=is_coarse))
    return merge(parts)


def bicycle(variant: int, *, is_coarse: bool = False) -> Mesh:
    """A ridden bicycle; some carry bags, some a basket in front. ``is_coarse``: of few triangles, for far away."""
    tyre = SLOT["tyre"]
    parts = [wheel((x, 0, 0.34), 0.34, 0.05, tyre, SLOT["hub"], sides=8 if is_coarse else 12) for x in (-0.52, 0.52)]
    joints = [
        ((-0.52, 0.34), (-0.05, 0.3)),
        ((-0.05, 0.3), (-0.2, 0.88)),
        ((-0.52, 0.34), (-0.18, 0.8)),
        ((-0.18, 0.8), (0.38, 0.84)),
        ((-0.05, 0.3), (0.38, 0.8)),
        ((0.38, 0.95), (0.52, 0.34)),
    ]
    sides = 3 if is_coarse else 5
    parts += [tube((x0, 0, z0), (x1, 0, z1), (0.026, 0.026), BODY, sides=sides) for (x0, z0), (x1, z1) in joints]
    parts.append(tube((0.36, -0.28, 1.0), (0.36, 0.28, 1.0), (0.022, 0.022), DARK, sides=sides))
    parts.append(box((-0.32, -0.09, 0.87), (-0.06, 0.09, 0.93), DARK))
    parts += [
        box((0.42, -0.05, 0.86), (0.48, 0.05, 0.94), SLOT["head"]),
        box((-0.62, -0.05, 0.7), (-0.56, 0.05, 0.78), SLOT["tail"]),
    ]
    if variant % 3 == 1:
        parts += [box((-0.72, y - 0.07, 0.36), (-0.36, y + 0.07, 0.72), ACCENT) for y in (0.12, -0.12)]
    if variant % 3 == 2:
        parts.append(box((0.46, -0.19, 0.74), (0.76, 0.19, 0.98), TRIM))
    parts.append(
        rider(seat=(-0.19, 0.92), hands=(0.36, 1.0), feet=(-0.02, 0.22), helmet=variant % 2 == 0, is_coarse=is_coarse)
    )
    return merge(parts)

"""Bodies of cars, vans, trucks, buses, motorcycles and bicycles: profiled hulls with windows, wheels and lamps.

Every function returns a `Mesh` with its front towards +x whose slots are the names of `SLOTS`; `looks.py` paints them.
Shapes are given in metres at a usual size; `Mesh.fitted` stretches them to the track's own box.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from drivesim.town.meshes import Mesh, box, loft, merge, patch, quads, tube, wheel
from drivesim.town.people import rider

SLOTS = (
    "body", "trim", "glass", "tyre", "hub", "plate", "head", "tail", "brake", "left", "right", "dark",
    "skin", "hair", "shirt", "trousers", "shoes", "cargo",
)  # fmt: skip
SLOT = {name: index for index, name in enumerate(SLOTS)}
BODY, TRIM, GLASS, DARK = SLOT["body"], SLOT["trim"], SLOT["glass"], SLOT["dark"]


@cache
def vehicle(category: str, variant: int) -> Mesh:
    """The body of a vehicle category (not ``"pedestrian"``) in one of its variants (any number >= 0)."""
    if category == "car":
        return _car(*(_SEDAN, _HATCHBACK, _SUV)[variant % 3])
    build = {"van": _van, "truck": _truck, "bus": _bus, "motorcycle": _motorcycle, "bicycle": _bicycle}[category]
    return build(variant)


# The hull: (x, half width, bottom z, shoulder z) from rear to front. The cabin: (x, half width, z) of its rear and
# front
# edges at the shoulder and at the roof.
_SEDAN = (
    [(-2.22, .80, .38, .80), (-2.12, .87, .28, .94), (-1.9, .88, .24, 1.0), (-1.0, .90, .20, .97), (0.2, .90, .20, .95),
     (1.0, .89, .21, .93), (1.6, .88, .22, .86), (2.0, .86, .26, .77), (2.2, .79, .34, .66)],
    ((-1.75, 1.0), (-1.05, 1.46), (0.15, 1.45), (1.12, 0.92)),
)  # fmt: skip
_HATCHBACK = (
    [(-2.02, .81, .38, .88), (-1.95, .86, .28, .98), (-1.75, .87, .24, 1.02), (-0.9, .89, .20, 1.0),
     (0.2, .89, .20, .98), (0.9, .88, .21, .95), (1.5, .87, .22, .88), (1.85, .85, .26, .78), (2.02, .78, .34, .66)],
    ((-1.93, 1.0), (-1.5, 1.5), (0.1, 1.5), (1.1, 0.94)),
)  # fmt: skip
_SUV = (
    [(-2.3, .85, .44, .98), (-2.22, .92, .34, 1.08), (-2.0, .93, .30, 1.12), (-1.0, .95, .27, 1.1),
     (0.2, .95, .27, 1.08), (1.0, .94, .28, 1.07), (1.7, .92, .30, 1.02), (2.1, .90, .34, .94), (2.28, .83, .42, .82)],
    ((-2.15, 1.1), (-1.85, 1.7), (0.2, 1.7), (1.15, 1.07)),
)  # fmt: skip


def _car(stations: list[tuple[float, float, float, float]], cabin: tuple) -> Mesh:
    rear, front = stations[0][0], stations[-1][0]
    low = stations[4][2]
    radius, half = low + 0.13, max(row[1] for row in stations)
    axles = (rear + 0.80, front - 0.86)
    parts = [_hull(stations), _cabin(cabin, half - 0.06), *_wheels(axles, half, radius)]
    parts += _lamps(rear + 0.06, front - 0.10, half, stations[1][3] - 0.16, stations[-1][3] + 0.02)
    parts += _bumpers(rear, front, half, stations[0][2] - 0.22)
    mirror_x, mirror_z = cabin[3][0] - 0.28, cabin[3][1] + 0.06
    for side in (1, -1):
        inner, outer = side * (half - 0.14), side * (half + 0.015)  # not wider than the wheels: the box is the body's
        near, far = (mirror_x, min(inner, outer), mirror_z), (mirror_x + 0.12, max(inner, outer), mirror_z + 0.13)
        parts.append(box(near, far, BODY))
    return merge(parts)


def _hull(stations: list[tuple[float, float, float, float]]) -> Mesh:
    """The lower body: an eight-cornered section that swells and shrinks along x."""
    section = [
        (0.80, 0.0),
        (0.97, 0.14),
        (1.0, 0.52),
        (0.975, 0.88),
        (0.86, 1.0),
    ]  # (share of half width, share of height)
    rings = []
    for x, half, low, high in stations:
        side = [(x, half * wide, low + (high - low) * up) for wide, up in section]
        rings.append(side + [(x, -y, z) for x, y, z in reversed(side)])
    return loft(rings, BODY)


def _cabin(edges: tuple, half: float) -> Mesh:
    """The glass house: painted roof and pillars, dark windows.

    ``edges`` (x, z): rear shoulder, rear roof, front roof, front shoulder; ``half``: half width at the shoulder.
    """
    (x0, z0), (x1, z1), (x2, z2), (x3, z3) = edges
    top = half - 0.17
    z0, z3 = z0 - 0.05, z3 - 0.05
    window = [[BODY, BODY, BODY, BODY, BODY], [BODY, GLASS, BODY, GLASS, BODY], [BODY] * 5]
    cuts = ([0, 0.09, 0.47, 0.51, 0.93, 1], [0, 0.14, 0.90, 1])
    screen = [[BODY] * 3, [BODY, GLASS, BODY], [BODY] * 3]
    screen_cuts = ([0, 0.07, 0.93, 1], [0, 0.10, 0.92, 1])
    right = [(x0, -half, z0), (x3, -half, z3), (x2, -top, z2), (x1, -top, z1)]
    left = [(x3, half, z3), (x0, half, z0), (x1, top, z1), (x2, top, z2)]
    mirrored = ([1 - cut for cut in cuts[0]][::-1], cuts[1])
    back = [(x0, half, z0), (x0, -half, z0), (x1, -top, z1), (x1, top, z1)]
    front = [(x3, -half, z3), (x3, half, z3), (x2, top, z2), (x2, -top, z2)]
    crown = 0.05
    arc = [(-1, 0), (-0.8, 0.7 * crown), (0, crown), (0.8, 0.7 * crown), (1, 0), (0.5, -0.01), (-0.5, -0.01)]
    ends = ((x1, z1), ((x1 + x2) / 2, z1 + 0.02), (x2, z2))
    roof = loft([[(x, top * wide, z + rise) for wide, rise in arc] for x, z in ends], BODY)
    return merge(
        [patch(right, *cuts, window), patch(left, *mirrored, [row[::-1] for row in window]),
         patch(back, *screen_cuts, screen), patch(front, *screen_cuts, screen), roof]
    )  # fmt: skip


def _wheels(axles: tuple[float, ...], half: float, radius: float, width: float = 0.2) -> list[Mesh]:
    """Wheels at both sides, each in a dark arch; hubs stand 2 cm out, to win against the body in depth."""
    parts = []
    for x in axles:
        for side in (1, -1):
            parts.append(wheel((x, side * (half - width / 2), radius), radius, width, SLOT["tyre"], SLOT["hub"]))
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


def _lamps(
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


def _bumpers(rear: float, front: float, half: float, z: float) -> list[Mesh]:
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


def _shell(
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


def _glazing(half: float, spans: list[tuple[float, float]], z0: float, z1: float) -> list[Mesh]:
    """Side windows on both sides, 1.5 cm out of the body."""
    parts = []
    for x0, x1 in spans:
        for y in (half + 0.015, -half - 0.015):
            corners = [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)]
            parts.append(quads([corners if y < 0 else corners[::-1]], GLASS))
    return parts


def _screen(x: float, half: float, z0: float, z1: float, *, lean: float = 0.0, slot: int = GLASS) -> Mesh:
    """A front (lean >= 0) window at ``x`` whose top stands ``lean`` m further back."""
    return quads([[(x, -half, z0), (x, half, z0), (x - lean, half * 0.94, z1), (x - lean, -half * 0.94, z1)]], slot)


def _rear_screen(x: float, half: float, z0: float, z1: float, slot: int = GLASS) -> Mesh:
    return quads([[(x, half, z0), (x, -half, z0), (x, -half, z1), (x, half, z1)]], slot)


def _van(variant: int) -> Mesh:
    half, top = 0.95, 2.3
    parts = [_shell(-2.6, 1.35, half, 0.35, top)]
    nose = ((1.30, 1.0, 0.35, 2.27), (1.75, 0.98, 0.35, 1.65), (2.35, 0.95, 0.35, 1.18), (2.6, 0.85, 0.42, 0.95))
    parts.append(loft([[(x, y, z) for y, z in _ring(half * wide, z0, z1)] for x, wide, z0, z1 in nose], BODY))
    parts.append(quads([[(1.80, -0.83, 1.62), (1.80, 0.83, 1.62), (1.36, 0.78, 2.2), (1.36, -0.78, 2.2)]], GLASS))
    side = [(0.55, 1.3)] if variant % 2 else [(-2.3, -1.2), (-1.05, 0.35), (0.55, 1.3)]
    parts += _glazing(half, side, 1.3, 1.95)
    parts += [_rear_screen(-2.615, 0.38, 1.35, 1.95).moved((0, y, 0)) for y in (0.42, -0.42)]
    parts.append(_rear_screen(-2.612, 0.012, 0.5, 2.2, DARK))
    parts += _wheels((-1.7, 1.7), half, 0.35)
    parts += _lamps(-2.56, 2.5, half, 0.95, 0.98, high=0.3, wide=0.2)
    parts += _bumpers(-2.6, 2.55, half, 0.38)
    return merge(parts)


def _ring(half: float, z0: float, z1: float) -> list[tuple[float, float]]:
    side = [(half, z0), (half, z0 + 0.75 * (z1 - z0)), (0.96 * half, z0 + 0.92 * (z1 - z0)), (0.86 * half, z1)]
    return side + [(-y, z) for y, z in reversed(side)]


def _truck(variant: int) -> Mesh:
    half = 1.22
    cargo = SLOT["cargo"] if variant % 3 else BODY
    parts = [box((-4.0, -half, 0.95), (2.0, half, 3.4), cargo), _shell(2.15, 4.0, half * 0.97, 0.55, 2.9, nose=0.12)]
    parts.append(box((-4.0, -0.45, 0.55), (2.5, 0.45, 0.95), DARK))
    parts.append(_screen(4.02, half * 0.86, 1.72, 2.55, lean=0.10))
    parts += _glazing(half * 0.97, [(2.75, 3.75)], 1.72, 2.5)
    parts += _glazing(half, [], 0, 0)
    for z0, z1 in ((0.95, 1.05), (3.32, 3.4)):
        parts.append(box((-4.03, -half - 0.012, z0), (2.0, half + 0.012, z1), TRIM))
    parts += [
        _rear_screen(-4.02, 0.02, 1.05, 3.3, DARK),
        _rear_screen(-4.02, 0.02, 1.05, 3.3, TRIM).moved((0, 0.55, 0)),
        _rear_screen(-4.02, 0.02, 1.05, 3.3, TRIM).moved((0, -0.55, 0)),
    ]
    parts.append(box((3.98, -0.8, 1.15), (4.03, 0.8, 1.55), DARK))
    parts += _wheels((-2.9, -1.9, 3.1), half, 0.48, 0.3)
    parts += _lamps(-3.97, 3.97, half, 0.70, 0.98, high=0.2, wide=0.3)
    parts += _bumpers(-4.0, 3.98, half, 0.5)
    return merge(parts)


def _bus(variant: int) -> Mesh:
    half, x0, x1 = 1.25, -5.75, 5.75
    parts = [_shell(x0, x1, half, 0.35, 3.1, nose=0.08)]
    cuts = np.linspace(x0 + 0.35, x1 - 0.9, 8)
    parts += _glazing(half, [(a + 0.05, b - 0.05) for a, b in pairwise(cuts)], 1.35, 2.35)
    parts += _glazing(half, [(x1 - 0.8, x1 - 0.15)], 1.25, 2.4)
    parts += [_screen(x1 + 0.02, half * 0.9, 1.2, 2.5, lean=0.04), _rear_screen(x0 - 0.015, half * 0.8, 1.6, 2.5)]
    parts.append(box((x1 - 0.1, -0.85, 2.62), (x1 + 0.02, 0.85, 2.9), DARK))
    parts.append(box((x1, -0.6, 2.68), (x1 + 0.035, 0.6, 2.84), SLOT["plate"]))
    parts.append(box((x0 - 0.02, -0.5, 0.75), (x0, 0.5, 1.3), TRIM))
    for side in (1, -1):
        y = side * (half + 0.01)
        parts.append(box((x0 + 0.1, min(y, y - side * 0.02), 0.62), (x1 - 0.1, max(y, y - side * 0.02), 0.8), TRIM))
    if variant % 2:
        parts.append(box((-3.5, -0.7, 3.08), (-0.5, 0.7, 3.25), TRIM))
    parts += _wheels((-3.6, 3.0), half, 0.48, 0.3)
    parts += _lamps(x0 + 0.05, x1 - 0.05, half, 1.0, 0.95, high=0.28, wide=0.26)
    parts += _bumpers(x0, x1 - 0.03, half, 0.36)
    return merge(parts)


def _motorcycle(variant: int) -> Mesh:
    tyre, hub = SLOT["tyre"], SLOT["hub"]
    parts = [wheel((x, 0, 0.31), 0.31, 0.15, tyre, hub) for x in (-0.72, 0.72)]
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
    parts.append(rider(seat=(-0.25, 0.86), hands=(0.4, 1.02), feet=(0.05, 0.32), helmet=True, slots=SLOT))
    return merge(parts)


def _bicycle(variant: int) -> Mesh:
    tyre = SLOT["tyre"]
    parts = [wheel((x, 0, 0.34), 0.34, 0.05, tyre, SLOT["hub"]) for x in (-0.52, 0.52)]
    joints = [
        ((-0.52, 0.34), (-0.05, 0.3)),
        ((-0.05, 0.3), (-0.2, 0.88)),
        ((-0.52, 0.34), (-0.18, 0.8)),
        ((-0.18, 0.8), (0.38, 0.84)),
        ((-0.05, 0.3), (0.38, 0.8)),
        ((0.38, 0.95), (0.52, 0.34)),
    ]
    parts += [tube((x0, 0, z0), (x1, 0, z1), (0.026, 0.026), BODY, sides=5) for (x0, z0), (x1, z1) in joints]
    parts.append(tube((0.36, -0.28, 1.0), (0.36, 0.28, 1.0), (0.022, 0.022), DARK, sides=5))
    parts.append(box((-0.32, -0.09, 0.87), (-0.06, 0.09, 0.93), DARK))
    parts += [
        box((0.42, -0.05, 0.86), (0.48, 0.05, 0.94), SLOT["head"]),
        box((-0.62, -0.05, 0.7), (-0.56, 0.05, 0.78), SLOT["tail"]),
    ]
    parts.append(rider(seat=(-0.19, 0.92), hands=(0.36, 1.0), feet=(-0.02, 0.22), helmet=variant % 2 == 0, slots=SLOT))
    return merge(parts)

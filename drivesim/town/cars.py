"""Bodies of cars: profiled hulls under a glass house, in several builds and with what people put on their roofs.

Shapes are in metres at a usual size; `Mesh.fitted` stretches them to the track's own box.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from drivesim.town.bodywork import bumpers, lamps, wheels
from drivesim.town.meshes import Mesh, box, loft, merge, patch
from drivesim.town.slots import ACCENT, BODY, DARK, GLASS, SLOT, TRIM

Station = tuple[float, float, float, float]  # x, half width, bottom z, shoulder z
Edge = tuple[float, float]  # x, z


@dataclass(frozen=True, slots=True)
class Build:
    """One build of car.

    ``hull``: stations from rear to front. ``cabin``: rear shoulder, rear roof, front roof, front shoulder.
    ``pillars``: shares of the cabin's length where its side windows begin and end, in pairs. ``roof``: what stands on
    the roof, of `_EXTRAS`. ``bed``: (x, x) of an open load bed. ``paint``: slots of the roof, of the pillars.
    """

    hull: tuple[Station, ...]
    cabin: tuple[Edge, Edge, Edge, Edge]
    pillars: tuple[float, ...] = (0.09, 0.47, 0.51, 0.93)
    roof: str = ""
    bed: tuple[float, float] | None = None
    paint: tuple[int, int] = (BODY, BODY)


_SEDAN = Build(
    ((-2.22, .80, .38, .80), (-2.12, .87, .28, .94), (-1.9, .88, .24, 1.0), (-1.0, .90, .20, .97), (0.2, .90, .20, .95),
     (1.0, .89, .21, .93), (1.6, .88, .22, .86), (2.0, .86, .26, .77), (2.2, .79, .34, .66)),
    ((-1.75, 1.0), (-1.05, 1.46), (0.15, 1.45), (1.12, 0.92)),
)  # fmt: skip
_HATCHBACK = Build(
    ((-2.02, .81, .38, .88), (-1.95, .86, .28, .98), (-1.75, .87, .24, 1.02), (-0.9, .89, .20, 1.0),
     (0.2, .89, .20, .98), (0.9, .88, .21, .95), (1.5, .87, .22, .88), (1.85, .85, .26, .78), (2.02, .78, .34, .66)),
    ((-1.93, 1.0), (-1.5, 1.5), (0.1, 1.5), (1.1, 0.94)),
)  # fmt: skip
_SUV = Build(
    ((-2.3, .85, .44, .98), (-2.22, .92, .34, 1.08), (-2.0, .93, .30, 1.12), (-1.0, .95, .27, 1.1),
     (0.2, .95, .27, 1.08), (1.0, .94, .28, 1.07), (1.7, .92, .30, 1.02), (2.1, .90, .34, .94), (2.28, .83, .42, .82)),
    ((-2.15, 1.1), (-1.85, 1.7), (0.2, 1.7), (1.15, 1.07)),
)  # fmt: skip
_ESTATE = Build(
    ((-2.32, .82, .38, .86), (-2.24, .87, .28, .96), (-2.0, .88, .24, 1.0), (-1.0, .90, .20, .98), (0.2, .90, .20, .96),
     (1.0, .89, .21, .93), (1.6, .88, .22, .86), (2.0, .86, .26, .77), (2.24, .79, .34, .66)),
    ((-2.22, 0.98), (-1.9, 1.44), (0.15, 1.46), (1.12, 0.93)),
    pillars=(0.06, 0.30, 0.33, 0.61, 0.64, 0.94),
)  # fmt: skip
_CITY = Build(
    ((-1.72, .76, .38, .92), (-1.66, .81, .28, 1.02), (-1.5, .82, .24, 1.05), (-0.8, .83, .20, 1.04),
     (0.2, .83, .20, 1.02), (0.9, .82, .21, 1.0), (1.35, .81, .22, .94), (1.6, .79, .26, .84), (1.73, .72, .34, .70)),
    ((-1.66, 1.04), (-1.5, 1.56), (0.35, 1.58), (1.2, 1.0)),
    pillars=(0.10, 0.42, 0.46, 0.93),
)  # fmt: skip
_COUPE = Build(
    ((-2.18, .80, .38, .78), (-2.08, .88, .26, .88), (-1.8, .90, .22, .92), (-1.0, .92, .18, .90), (0.2, .91, .18, .88),
     (1.0, .90, .19, .84), (1.6, .89, .20, .77), (2.0, .87, .24, .67), (2.22, .78, .32, .56)),
    ((-1.95, 0.9), (-0.75, 1.28), (0.05, 1.29), (1.05, 0.84)),
    pillars=(0.26, 0.46, 0.48, 0.93),
)  # fmt: skip
_PICKUP = Build(
    ((-2.6, .88, .50, 1.04), (-2.52, .92, .42, 1.08), (-2.3, .93, .36, 1.08), (-1.0, .95, .30, 1.08),
     (0.2, .95, .30, 1.08), (1.1, .94, .30, 1.07), (1.9, .93, .32, 1.04), (2.4, .91, .36, .98), (2.58, .84, .44, .84)),
    ((-0.85, 1.08), (-0.7, 1.74), (0.45, 1.74), (1.3, 1.06)),
    pillars=(0.10, 0.44, 0.48, 0.92),
    bed=(-2.45, -0.95),
)  # fmt: skip
_BUILDS = (
    _SEDAN,
    _HATCHBACK,
    _SUV,
    _ESTATE,
    _CITY,
    _COUPE,
    _PICKUP,
    replace(_SEDAN, roof="taxi", paint=(BODY, TRIM)),
    replace(_ESTATE, roof="box", paint=(BODY, DARK)),
    replace(_HATCHBACK, paint=(TRIM, DARK)),
    replace(_SUV, roof="rails", paint=(TRIM, BODY)),
    replace(_CITY, paint=(ACCENT, DARK)),
    replace(_ESTATE, roof="rails", paint=(BODY, DARK)),
    replace(_SUV, paint=(BODY, DARK)),
)


def car(variant: int) -> Mesh:
    """A car in one of `_BUILDS`."""
    build = build_of(variant)
    stations = build.hull
    rear, front = stations[0][0], stations[-1][0]
    low = stations[4][2]
    radius, half = low + 0.13, max(row[1] for row in stations)
    axles = (rear + 0.80, front - 0.86)
    parts = [_hull(stations), *_cabin(build, half - 0.06), *wheels(axles, half, radius)]
    parts += lamps(rear + 0.06, front - 0.10, half, stations[1][3] - 0.16, stations[-1][3] + 0.02)
    parts += bumpers(rear, front, half, stations[0][2] - 0.22)
    mirror_x, mirror_z = build.cabin[3][0] - 0.28, build.cabin[3][1] + 0.06
    for side in (1, -1):
        inner, outer = side * (half - 0.14), side * (half + 0.015)  # not wider than the wheels: the box is the body's
        near, far = (mirror_x, min(inner, outer), mirror_z), (mirror_x + 0.12, max(inner, outer), mirror_z + 0.13)
        parts.append(box(near, far, BODY))
    return merge([*parts, *extras(build, half)])


def build_of(variant: int) -> Build:
    """The build that ``variant`` has."""
    return _BUILDS[variant % len(_BUILDS)]


def extras(build: Build, half: float) -> list[Mesh]:
    """The load bed and what stands on the roof, if there is any; ``half``: half width of the car, m."""
    parts = [] if build.bed is None else _bed(*build.bed, half, build.hull[2][3])
    if build.roof:
        parts += _EXTRAS[build.roof](build.cabin[1], build.cabin[2], half - 0.23)
    return parts


def _hull(stations: tuple[Station, ...]) -> Mesh:
    """The lower body: an eight-cornered section that swells and shrinks along x."""
    # (share of half width, share of height)
    section = ((0.80, 0.0), (0.97, 0.14), (1.0, 0.52), (0.975, 0.88), (0.86, 1.0))
    rings = []
    for x, half, low, high in stations:
        side = [(x, half * wide, low + (high - low) * up) for wide, up in section]
        rings.append(side + [(x, -y, z) for x, y, z in reversed(side)])
    return loft(rings, BODY)


def _cabin(build: Build, half: float) -> list[Mesh]:
    """The glass house: painted roof and pillars, dark windows; ``half``: half width at the shoulder."""
    (x0, z0), (x1, z1), (x2, z2), (x3, z3) = build.cabin
    top = half - 0.17
    z0, z3 = z0 - 0.05, z3 - 0.05
    roof_slot, pillar = build.paint
    count = len(build.pillars) // 2
    window = [[BODY] * (2 * count + 1), [BODY, *([GLASS, pillar] * count)[:-1], BODY], [BODY] * (2 * count + 1)]
    cuts = ([0, *build.pillars, 1], [0, 0.14, 0.90, 1])
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
    roof = loft([[(x, top * wide, z + rise) for wide, rise in arc] for x, z in ends], roof_slot)
    return [
        patch(right, *cuts, window), patch(left, *mirrored, [row[::-1] for row in window]),
        patch(back, *screen_cuts, screen), patch(front, *screen_cuts, screen), roof,
    ]  # fmt: skip


def _bed(x0: float, x1: float, half: float, z: float) -> list[Mesh]:
    """The load bed of a pick-up: a dark floor between low boards, and something under a cover."""
    wide = half * 0.82
    return [
        box((x0, -wide, z - 0.05), (x1, wide, z + 0.02), DARK),
        *(box((x0 - 0.1, y - 0.05, z - 0.1), (x1 + 0.1, y + 0.05, z + 0.1), BODY) for y in (wide, -wide)),
        box((x0 - 0.12, -wide, z - 0.1), (x0, wide, z + 0.1), BODY),
        box((x1 - 0.7, -0.6 * wide, z), (x1 - 0.05, 0.5 * wide, z + 0.28), SLOT["cargo"]),
    ]


def _taxi_sign(rear: Edge, front: Edge, half: float) -> list[Mesh]:
    x, z = 0.25 * rear[0] + 0.75 * front[0], front[1] + 0.05
    return [box((x - 0.09, -0.34, z), (x + 0.09, 0.34, z + 0.15), SLOT["taxi"], taper=0.8)]


def _roof_box(rear: Edge, front: Edge, half: float) -> list[Mesh]:
    x0, x1, z = rear[0] + 0.15, front[0] - 0.1, front[1] + 0.09
    ends = ((x0, 0.9, 0.9), (x0 + 0.15, 1.0, 1.0), (x1 - 0.5, 1.0, 1.0), (x1, 0.75, 0.45))
    ring = [(-0.40, 0.0), (0.40, 0.0), (0.42, 0.12), (0.34, 0.26), (-0.34, 0.26), (-0.42, 0.12)]
    hull = loft([[(x, y * wide, z + up * tall) for y, up in ring] for x, wide, tall in ends], DARK)
    bars = [box((x - 0.03, -half, z - 0.06), (x + 0.03, half, z), TRIM) for x in (x0 + 0.3, x1 - 0.4)]
    return [hull, *bars]


def _rails(rear: Edge, front: Edge, half: float) -> list[Mesh]:
    z = front[1] + 0.02
    return [
        box((rear[0], y - 0.025, z), (front[0], y + 0.025, z + 0.07), SLOT["hub"]) for y in (half - 0.08, 0.08 - half)
    ]


_EXTRAS = {"taxi": _taxi_sign, "box": _roof_box, "rails": _rails}

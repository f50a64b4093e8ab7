"""The ground of a stretch of street: carriageway, kerbs, sidewalks, grass and markings.

The ground is flat (z = 0), so it is drawn in fixed order without a depth test: nothing flickers, and boxes stand
exactly on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drivesim.town import crossroads
from drivesim.town.strips import (
    ASPHALT,
    COARSE_ROW,
    GRASS,
    KERB,
    LINE_WIDTH,
    PAINTS,
    ROW,
    STOP_WIDTH,
    Spine,
    Strip,
    joined,
    rows_between,
    sidewalk,
    spine,
    strip,
)
from scenarios.junctions import Crossing
from scenarios.road import DASH, DASH_PERIOD, Marking, Road

ZEBRA_STRIPE = 0.5  # m, and as much between two


def surfaces(
    road: Road, s_from: float, s_to: float, origin: tuple[float, float], *, is_coarse: bool = False
) -> dict[str, Strip]:
    """The ground from ``s_from`` to ``s_to`` by name, in the order in which it is drawn.

    ``is_coarse``: of fewer triangles, for far away.
    """
    step = COARSE_ROW if is_coarse else ROW
    rows = rows_between(road, s_from, s_to, origin, step)
    walk = road.sidewalk_width
    grass, paving, asphalt = [], [], [_carriageway(road, rows)]
    paint = list(_markings(road, s_from, s_to, origin, step))
    for edge, side in ((road.right_edge, -1), (road.left_edge, 1)):
        grass.append(strip(rows, edge + side * np.array([walk - 0.3, walk + 4, walk + 14, walk + 45]), GRASS, 6.0))
        mouths = [(j.s - j.mouth, j.s + j.mouth) for j in road.junctions if j.arm(side)]
        for low, high in without(mouths, s_from, s_to):
            piece = rows_between(road, low, high, origin, step)
            for across, albedo in sidewalk(walk):
                paving.append(strip(piece, edge + side * across, albedo, 3.2))
    for junction in road.junctions:
        if s_from <= junction.s < s_to:
            more = crossroads.surfaces(road, junction, origin)
            asphalt += more["asphalt"]
            paving += more["paving"]
            paint += more["paint"]
    for zebra in road.crossings:
        if s_from <= zebra.s < s_to:
            paint += _zebra(road, zebra, origin)
    named = {"grass": grass, "asphalt": asphalt, "paving": paving, "paint": paint}
    return {name: joined(strips) for name, strips in named.items() if strips}


def without(cuts: Sequence[tuple[float, float]], low: float, high: float) -> Iterator[tuple[float, float]]:
    """What is left of ``low`` .. ``high`` m without the stretches ``cuts``, which are in order."""
    for start, end in cuts:
        if start > low and start < high:
            yield low, start
        low = max(low, end) if start < high else low
    if high - low > 1e-6:
        yield low, high


def _carriageway(road: Road, rows: Spine) -> Strip:
    """Asphalt, lighter where wheels polish it and darker in the middle of a lane, patched here and there.

    It reaches under the kerbs: as it is drawn in smaller pixels than they are, a gap would be left.
    """
    across = np.linspace(road.right_edge, road.left_edge, round((road.left_edge - road.right_edge) / 0.7) + 1)
    across = np.concatenate([[road.right_edge - KERB], across, [road.left_edge + KERB]])
    place = np.where(
        (across > -road.lanes * road.lane_width) & (across < road.oncoming * road.lane_width),
        np.mod(across, road.lane_width) / road.lane_width,
        0.0,
    )
    wear = 1 - 0.055 * np.cos(4 * np.pi * place)
    wear[[0, 1, -2, -1]] = 0.72
    tone = wear[None] + 0.02 * np.sin(rows.s * 0.045)[:, None] * np.cos(across * 0.5 + 0.02 * rows.s[:, None])
    return strip(rows, across, tone[..., None] * np.array(ASPHALT), 7.0)


def _markings(road: Road, s_from: float, s_to: float, origin: tuple[float, float], step: float) -> Iterator[Strip]:
    """Painted lines; the kerbs ("edge") are built, not painted."""
    cuts = [(junction.s - junction.reach, junction.s + junction.reach) for junction in road.junctions]
    cuts = sorted([*cuts, *((zebra.low - 0.5, zebra.high + 0.5) for zebra in road.crossings)])
    for marking in road.markings():
        for low, high in without(cuts, s_from, s_to):
            yield from _line(road, marking, low, high, origin, step)
    for junction in road.junctions:
        lanes = (-1, -road.lanes, 0), (1, 0, road.oncoming)
        for side, right, left in lanes:
            s = junction.s + side * junction.reach
            if s_from <= s < s_to and left > right:
                rows = spine(road, [s - STOP_WIDTH / 2, s + STOP_WIDTH / 2], origin)
                yield strip(rows, np.array([right, left]) * road.lane_width, PAINTS["white"], 7.0)


def _line(
    road: Road, marking: Marking, low: float, high: float, origin: tuple[float, float], step: float
) -> Iterator[Strip]:
    paint, width = PAINTS[marking.colour], np.array([-0.5, 0.5]) * LINE_WIDTH
    if marking.kind == "solid":
        rows = rows_between(road, low, high, origin, step)
        for d in (marking.d - 0.14, marking.d + 0.14) if marking.colour == "yellow" else (marking.d,):
            yield strip(rows, d + width, paint, 7.0)
    elif marking.kind == "dashed":
        first = int(np.ceil((low - DASH) / DASH_PERIOD))
        for number in range(first, int(np.ceil(high / DASH_PERIOD))):
            start, end = max(low, number * DASH_PERIOD), min(high, number * DASH_PERIOD + DASH)
            if end > start:
                yield strip(spine(road, np.linspace(start, end, 3), origin), marking.d + width, paint, 7.0)


def _zebra(road: Road, zebra: Crossing, origin: tuple[float, float]) -> list[Strip]:
    """Stripes along the road from kerb to kerb."""
    rows = spine(road, np.linspace(zebra.low, zebra.high, 3), origin)
    starts = np.arange(road.right_edge + 0.3, road.left_edge - ZEBRA_STRIPE, 2 * ZEBRA_STRIPE)
    return [strip(rows, np.array([d, d + ZEBRA_STRIPE]), PAINTS["white"], 7.0) for d in starts]

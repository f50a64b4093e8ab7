"""The paint of road users: what a track's colour, its lamps and its number make of the slots of a body."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drivesim.town.vehicles import SLOT, SLOTS
from scenarios.facts import Lights
from scenarios.timeline import ObjectState

BLINKS = 1.5  # indicator flashes per second
SKINS = ((0.88, 0.70, 0.58), (0.76, 0.57, 0.44), (0.55, 0.38, 0.27), (0.38, 0.26, 0.19))
HAIRS = ((0.10, 0.08, 0.07), (0.22, 0.15, 0.10), (0.42, 0.30, 0.18), (0.55, 0.53, 0.50))
TROUSERS = ((0.13, 0.16, 0.25), (0.10, 0.10, 0.12), (0.34, 0.31, 0.26), (0.22, 0.24, 0.27), (0.40, 0.38, 0.36))
CARGOES = ((0.86, 0.86, 0.84), (0.72, 0.74, 0.76), (0.80, 0.76, 0.66))
FRAMES = ((0.12, 0.12, 0.13), (0.55, 0.10, 0.10), (0.12, 0.25, 0.45), (0.75, 0.75, 0.72))


def paint_of(state: ObjectState, time: float) -> NDArray[np.float32]:
    """The palette (slots, 7) of a track at ``time`` s: albedo, own light, gloss. Read-only: it is kept for later."""
    lights = state.lights or Lights()
    flashing = flashes(lights, "left", time), flashes(lights, "right", time)
    return _paint(state.track_id, state.category in ("motorcycle", "bicycle"), state.appearance, lights, flashing)


@lru_cache(maxsize=1024)
def _paint(
    pick: int, ridden: bool, appearance: tuple[int, int, int], lights: Lights, flashing: tuple[bool, bool]
) -> NDArray[np.float32]:
    paint = np.zeros((len(SLOTS), 7), np.float32)
    colour = np.array(appearance, np.float32) / 255
    flat = {
        "body": FRAMES[pick % len(FRAMES)] if ridden else colour,
        "trim": (.12, .12, .13), "glass": (.055, .07, .085), "tyre": (.055, .055, .06), "hub": (.52, .53, .55),
        "plate": (.90, .90, .86), "dark": (.05, .05, .055), "cargo": CARGOES[pick % len(CARGOES)],
        "skin": SKINS[pick * 7 % 4], "hair": HAIRS[pick * 5 % 4], "shirt": colour,
        "trousers": TROUSERS[pick * 3 % 5], "shoes": (.12, .10, .09),
    }  # fmt: skip
    for name, albedo in flat.items():
        paint[SLOT[name], :3] = albedo
    for name, gloss in (("body", 0.20), ("glass", 0.62), ("hub", 0.25), ("trim", 0.08), ("cargo", 0.05)):
        paint[SLOT[name], 6] = gloss
    _lamps(paint, lights, flashing)
    paint.setflags(write=False)
    return paint


def _lamps(paint: NDArray[np.float32], lights: Lights, flashing: tuple[bool, bool]) -> None:
    paint[SLOT["head"]] = (0.80, 0.82, 0.84, *((1.0, 0.98, 0.88) if lights.head else (0, 0, 0)), 0.5)
    paint[SLOT["tail"]] = (0.42, 0.03, 0.035, *((0.55, 0.02, 0.02) if lights.head else (0.04, 0, 0)), 0.25)
    paint[SLOT["brake"]] = (
        0.46,
        0.04,
        0.04,
        *((1.0, 0.12, 0.08) if lights.brake else (0.30, 0.01, 0.01) if lights.head else (0.03, 0, 0)),
        0.2,
    )
    for side, shines in zip(("left", "right"), flashing, strict=True):
        paint[SLOT[side]] = (0.70, 0.38, 0.10, *((1.0, 0.62, 0.08) if shines else (0, 0, 0)), 0.25)


def flashes(lights: Lights, side: str, time: float) -> bool:
    """Whether the indicators of ``side`` ("left" or "right") are bright at ``time`` s."""
    return lights.indicator in (side, "both") and (time * BLINKS) % 1.0 < 0.5

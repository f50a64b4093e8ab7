"""The paint of road users: what a track's colour, its lamps and its number make of the slots of a body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivesim.town.vehicles import SLOT, SLOTS
from scenarios.facts import Lights
from scenarios.timeline import ObjectState

BLINKS = 1.5  # indicator flashes per second
SKINS = ((.88, .70, .58), (.76, .57, .44), (.55, .38, .27), (.38, .26, .19))
HAIRS = ((.10, .08, .07), (.22, .15, .10), (.42, .30, .18), (.55, .53, .50))
TROUSERS = ((.13, .16, .25), (.10, .10, .12), (.34, .31, .26), (.22, .24, .27), (.40, .38, .36))
CARGOES = ((.86, .86, .84), (.72, .74, .76), (.80, .76, .66))
FRAMES = ((.12, .12, .13), (.55, .10, .10), (.12, .25, .45), (.75, .75, .72))


def paint_of(state: ObjectState, time: float) -> NDArray[np.float32]:
    """The palette (slots, 7) of a track at ``time`` s: albedo, own light, gloss."""
    paint = np.zeros((len(SLOTS), 7), np.float32)
    colour = np.array(state.appearance, np.float32) / 255
    pick = state.track_id
    ridden = state.category in ("motorcycle", "bicycle")
    flat = {
        "body": FRAMES[pick % len(FRAMES)] if ridden else colour,
        "trim": (.12, .12, .13), "glass": (.055, .07, .085), "tyre": (.055, .055, .06), "hub": (.52, .53, .55),
        "plate": (.90, .90, .86), "dark": (.05, .05, .055), "cargo": CARGOES[pick % len(CARGOES)],
        "skin": SKINS[pick * 7 % 4], "hair": HAIRS[pick * 5 % 4], "shirt": colour,
        "trousers": TROUSERS[pick * 3 % 5], "shoes": (.12, .10, .09),
    }  # fmt: skip
    for name, albedo in flat.items():
        paint[SLOT[name], :3] = albedo
    for name, gloss in (("body", .20), ("glass", .62), ("hub", .25), ("trim", .08), ("cargo", .05)):
        paint[SLOT[name], 6] = gloss
    _lamps(paint, state.lights or Lights(), time)
    return paint


def _lamps(paint: NDArray[np.float32], lights: Lights, time: float) -> None:
    paint[SLOT["head"]] = (.80, .82, .84, *((1.0, .98, .88) if lights.head else (0, 0, 0)), .5)
    paint[SLOT["tail"]] = (.42, .03, .035, *((.55, .02, .02) if lights.head else (.04, 0, 0)), .25)
    paint[SLOT["brake"]] = (.46, .04, .04, *((1.0, .12, .08) if lights.brake else (.30, .01, .01) if lights.head else (.03, 0, 0)), .2)
    for side in ("left", "right"):
        shines = flashes(lights, side, time)
        paint[SLOT[side]] = (.70, .38, .10, *((1.0, .62, .08) if shines else (0, 0, 0)), .25)


def flashes(lights: Lights, side: str, time: float) -> bool:
    """Whether the indicators of ``side`` ("left" or "right") are bright at ``time`` s."""
    return lights.indicator in (side, "both") and (time * BLINKS) % 1.0 < 0.5

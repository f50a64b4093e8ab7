"""The paint of road users: what a track's colour, its lamps and its number make of the slots of a body."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drivesim.town.props import kind_of
from drivesim.town.signals import LAMPS, lit_lamp
from drivesim.town.slots import SLOT, SLOTS
from scenarios.facts import Lights
from scenarios.object_state import ObjectState

Floats = NDArray[np.floating]
Colour = Sequence[float] | Floats
BLINKS = 1.5  # indicator flashes per second
SKINS = ((0.88, 0.70, 0.58), (0.76, 0.57, 0.44), (0.55, 0.38, 0.27), (0.38, 0.26, 0.19))
HAIRS = ((0.10, 0.08, 0.07), (0.22, 0.15, 0.10), (0.42, 0.30, 0.18), (0.55, 0.53, 0.50), (0.62, 0.46, 0.24))
TROUSERS = (
    (0.13, 0.16, 0.25), (0.10, 0.10, 0.12), (0.34, 0.31, 0.26), (0.22, 0.24, 0.27), (0.40, 0.38, 0.36),
    (0.24, 0.32, 0.46), (0.36, 0.22, 0.18),
)  # fmt: skip
SHOES = ((0.12, 0.10, 0.09), (0.75, 0.75, 0.73), (0.32, 0.20, 0.12))
BAGS = ((0.16, 0.15, 0.16), (0.42, 0.25, 0.14), (0.62, 0.14, 0.14), (0.12, 0.26, 0.42), (0.66, 0.56, 0.30))
CARGOES = ((0.86, 0.86, 0.84), (0.72, 0.74, 0.76), (0.80, 0.76, 0.66), (0.60, 0.44, 0.28))
ACCENTS = (
    (0.78, 0.14, 0.12), (0.10, 0.28, 0.60), (0.92, 0.72, 0.12), (0.10, 0.42, 0.26), (0.88, 0.42, 0.10),
    (0.88, 0.88, 0.86), (0.20, 0.22, 0.26),
)  # fmt: skip
FRAMES = ((0.12, 0.12, 0.13), (0.55, 0.10, 0.10), (0.12, 0.25, 0.45), (0.75, 0.75, 0.72), (0.14, 0.38, 0.28))
FURS = (
    (0.46, 0.30, 0.17), (0.58, 0.42, 0.25), (0.17, 0.14, 0.12), (0.62, 0.30, 0.12), (0.74, 0.70, 0.62),
    (0.40, 0.38, 0.36),
)  # fmt: skip
BOXES = ((0.66, 0.49, 0.31), (0.52, 0.38, 0.23), (0.78, 0.72, 0.62), (0.42, 0.44, 0.46))
GLOSS = {"body": 0.20, "accent": 0.15, "glass": 0.62, "hub": 0.25, "trim": 0.08, "cargo": 0.05}
UNLIT = 0.16  # brightness of a traffic light's lamp that is off, as a share of one that is lit


def seed_of(state: ObjectState) -> int:
    """A number that stays with a track. Its colour has a part in it, lest the first tracks of all clips look alike."""
    red, green, blue = state.appearance
    return state.track_id * 31 + red * 7 + green * 3 + blue


def paint_of(state: ObjectState, time: float) -> NDArray[np.float32]:
    """The palette (slots, 7) of a track at ``time`` s: albedo, own light, gloss. Read-only: it is kept for later."""
    lights = state.lights or Lights()
    flashing = flashes(lights, "left", time), flashes(lights, "right", time)
    ridden = state.category in ("motorcycle", "bicycle")
    is_box = state.category == "obstacle" and kind_of(state.size) == "box"
    return _paint(seed_of(state), ridden, is_box, state.appearance, lights, flashing)


@lru_cache(maxsize=1024)
def _paint(
    pick: int,
    ridden: bool,
    is_box: bool,
    appearance: tuple[int, int, int],
    lights: Lights,
    flashing: tuple[bool, bool],
) -> NDArray[np.float32]:
    paint = np.zeros((len(SLOTS), 7), np.float32)
    colour: Floats = np.array(appearance, np.float32) / 255
    if ridden:
        body: Floats = np.array(FRAMES[pick % len(FRAMES)])
    else:
        body = _nearest(BOXES, colour) if is_box else colour
    fur = _nearest(FURS, colour)
    flat: dict[str, Colour] = {
        "body": body, "accent": _contrast(body, pick),
        "trim": (.12, .12, .13), "glass": (.055, .07, .085), "tyre": (.055, .055, .06), "hub": (.52, .53, .55),
        "plate": (.90, .90, .86), "dark": (.05, .05, .055), "cargo": CARGOES[pick % len(CARGOES)],
        "skin": SKINS[pick * 7 % 4], "hair": HAIRS[pick // 3 % 5], "shirt": colour,
        "trousers": TROUSERS[pick * 3 % 7], "shoes": SHOES[pick // 5 % 3], "bag": BAGS[pick // 7 % 5],
        "hat": (BAGS + ACCENTS)[pick // 2 % 12], "fur": fur, "paws": fur * 0.62, "white": (.88, .88, .86),
        "orange": (.92, .34, .06),
    }  # fmt: skip
    for name, albedo in flat.items():
        paint[SLOT[name], :3] = albedo
    for name, gloss in GLOSS.items():
        paint[SLOT[name], 6] = gloss
    paint[SLOT["taxi"]] = (0.90, 0.72, 0.16, 0.35, 0.26, 0.04, 0.1)
    _lamps(paint, lights, flashing)
    for name, (_, light) in LAMPS.items():
        if name == lit_lamp(appearance):
            paint[SLOT[name], 3:6] = light
        else:
            paint[SLOT[name], :3] = np.array(light) * UNLIT + 0.02
    paint.setflags(write=False)
    return paint


def _nearest(choices: Sequence[tuple[float, float, float]], colour: Floats) -> Floats:
    """The one of ``choices`` that is most like ``colour`` (3,)."""
    table = np.array(choices)
    return table[np.square(table - colour).sum(1).argmin()]


def _contrast(body: Floats, pick: int) -> Floats:
    """One of `ACCENTS` that can be told from the ``body`` it is painted on."""
    turned = np.roll(np.array(ACCENTS), pick, axis=0)
    return turned[np.square(turned - body).sum(1) > 0.15][0]


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

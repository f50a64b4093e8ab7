"""Traffic signs on poles, and the masts that carry traffic lights over the lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from drivesim.town.meshes import Mesh, fan, merge, quads, tube

POLE, BACK, WHITE, RED, BLUE, YELLOW, BLACK = range(7)
STEP = 0.008  # m between the layers of a plate, so that the upper one wins in depth
ARM_HEIGHT = 5.6  # m of the arm of a signal mast
# The strokes of a glyph in a cell 0..1 wide and 0..1 high (left, bottom, right, top), as on a pocket calculator.
_THICK = 0.2
_STROKES = {
    "top": (0, 1 - _THICK, 1, 1), "middle": (0, 0.4, 1, 0.6), "bottom": (0, 0, 1, _THICK),
    "upper left": (0, 0.5, 0.28, 1), "upper right": (0.72, 0.5, 1, 1), "lower left": (0, 0, 0.28, 0.5),
    "lower right": (0.72, 0, 1, 0.5), "stem": (0.36, 0, 0.64, 1),
}  # fmt: skip
_RING = ("top", "bottom", "upper left", "upper right", "lower left", "lower right")
_GLYPHS = {
    "0": _RING,
    "O": _RING,
    "3": ("top", "middle", "bottom", "upper right", "lower right"),
    "5": ("top", "middle", "bottom", "upper left", "lower right"),
    "S": ("top", "middle", "bottom", "upper left", "lower right"),
    "6": ("top", "middle", "bottom", "upper left", "lower left", "lower right"),
    "7": ("top", "upper right", "lower right"),
    "8": (*_RING, "middle"),
    "P": ("top", "middle", "upper left", "upper right", "lower left"),
    "T": ("top", "stem"),
}


def sign(size: tuple[float, float, float], variant: int) -> Mesh:
    """A plate on a pole that shows its face to -x; ``size`` (l, w, h), m: w is the plate's. ``variant`` picks which."""
    _, wide, height = size
    half = wide / 2
    plate = SIGNS[variant % len(SIGNS)](variant // len(SIGNS)).scaled((1, half, half)).moved((-0.03, 0, height - half))
    pole = tube((0, 0, 0), (0, 0, height - 0.1), (0.035, 0.035), POLE, sides=6)
    return merge([pole, plate])


def _layer(outline: Sequence[tuple[float, float]], layer: int, slot: int) -> Mesh:
    """A flat convex polygon that faces -x, (to the right, up) as its reader sees it; higher layers lie in front."""
    return fan([(-layer * STEP, -right, up) for right, up in outline], slot)


def _plate(outline: Sequence[tuple[float, float]], rim: int, face: int, inner: float = 0.82) -> list[Mesh]:
    """A polygon around the origin with a rim, a face and a grey back."""
    back = fan([(0.0, -right, up) for right, up in outline[::-1]], BACK)
    return [back, _layer(outline, 1, rim), _layer([(inner * x, inner * z) for x, z in outline], 2, face)]


def _polygon(corners: int, turn: float = 0.0, radius: float = 1.0) -> list[tuple[float, float]]:
    angles = turn + 2 * np.pi * np.arange(corners) / corners
    return [(radius * float(np.cos(a)), radius * float(np.sin(a))) for a in angles]


def _text(text: str, x: float, z: float, width: float, height: float, slot: int) -> Mesh:
    """Glyphs in a row centred on (x, z), ``width`` each."""
    pitch = 1.3 * width
    left = x - 0.5 * (pitch * len(text) - 0.3 * width)
    bars = []
    for i, glyph in enumerate(text):
        for stroke in _GLYPHS[glyph]:
            x0, z0, x1, z1 = _STROKES[stroke]
            low, high = z + (z0 - 0.5) * height, z + (z1 - 0.5) * height
            near, far = left + i * pitch + x0 * width, left + i * pitch + x1 * width
            bars.append([(-3 * STEP, -right, up) for right, up in ((near, low), (far, low), (far, high), (near, high))])
    return quads(bars, slot)


def _speed_limit(pick: int) -> Mesh:
    number = ("30", "50", "60", "70", "80")[pick % 5]
    return merge([*_plate(_polygon(14), RED, WHITE, 0.76), _text(number, 0, 0, 0.36, 0.72, BLACK)])


def _warning(_: int) -> Mesh:
    triangle = [(-1.0, -0.8), (1.0, -0.8), (0.0, 1.0)]
    back = fan([(0.0, -x, z) for x, z in triangle[::-1]], BACK)
    inner = [(0.62 * x, 0.62 * z - 0.08) for x, z in triangle]
    mark = [
        [(-0.08, -0.1), (0.08, -0.1), (0.12, 0.3), (-0.12, 0.3)],
        [(-0.09, -0.4), (0.09, -0.4), (0.09, -0.22), (-0.09, -0.22)],
    ]
    return merge([back, _layer(triangle, 1, RED), _layer(inner, 2, WHITE), *(_layer(part, 3, BLACK) for part in mark)])


def _direction(pick: int) -> Mesh:
    """A white arrow on blue: straight on, or to the lower right past an island."""
    shaft = [(-0.12, -0.6), (0.12, -0.6), (0.12, 0.15), (-0.12, 0.15)]
    tip = [(-0.42, 0.12), (0.42, 0.12), (0.0, 0.66)]
    angle = (0.0, -2.36)[pick % 2]
    c, s = np.cos(angle), np.sin(angle)
    turned = [[(float(c * x - s * z), float(s * x + c * z)) for x, z in part] for part in (shaft, tip)]
    return merge([*_plate(_polygon(14), WHITE, BLUE, 0.93), *(_layer(part, 3, WHITE) for part in turned)])


def _stop(_: int) -> Mesh:
    octagon = _polygon(8, np.pi / 8, 1 / np.cos(np.pi / 8))
    return merge([*_plate(octagon, WHITE, RED, 0.92), _text("STOP", 0, 0, 0.3, 0.56, WHITE)])


def _place_name(_: int) -> Mesh:
    """A yellow board with bars where the words are."""
    board = [(-1.0, -0.62), (1.0, -0.62), (1.0, 0.62), (-1.0, 0.62)]
    words = [(-0.7, 0.12, 0.6, 0.3), (-0.7, -0.3, 0.1, -0.12), (0.2, -0.3, 0.7, -0.12)]
    bars = [_layer([(x0, z0), (x1, z0), (x1, z1), (x0, z1)], 3, BLACK) for x0, z0, x1, z1 in words]
    return merge([*_plate(board, BLACK, YELLOW, 0.93), *bars]).moved((0, 0, 0.38))


def _parking(_: int) -> Mesh:
    square = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
    return merge([*_plate(square, WHITE, BLUE, 0.92), _text("P", 0, 0, 0.75, 1.25, WHITE)])


SIGNS: tuple[Callable[[int], Mesh], ...] = (_speed_limit, _warning, _direction, _stop, _place_name, _parking)


def mast(size: tuple[float, float, float], side: float) -> Mesh:
    """A pole with an arm ``size[1]`` m along y towards ``side`` (+1 or -1), over the lanes, at `ARM_HEIGHT`."""
    _, reach, height = size
    return merge([
        tube((0, 0, 0), (0, 0, 0.5), (0.16, 0.15), POLE, sides=8),
        tube((0, 0, 0.5), (0, 0, height), (0.11, 0.08), POLE, sides=8),
        tube((0, 0, ARM_HEIGHT), (0, side * reach, ARM_HEIGHT), (0.075, 0.05), POLE, sides=6),
        tube((0, 0, ARM_HEIGHT - 1.0), (0, side * min(1.6, 0.5 * reach), ARM_HEIGHT), (0.04, 0.03), POLE, sides=5),
    ])  # fmt: skip


def palette() -> NDArray[np.float32]:
    """The paint (7, 7): albedo, glow at night (signs throw head lights back), gloss."""
    white, red, blue, yellow = (0.90, 0.90, 0.88), (0.78, 0.07, 0.07), (0.05, 0.22, 0.62), (0.95, 0.78, 0.10)
    paint = np.zeros((7, 7), np.float32)
    paint[POLE] = (0.42, 0.44, 0.45, 0, 0, 0, 0.15)
    paint[BACK, :3] = (0.36, 0.37, 0.38)
    paint[BLACK, :3] = (0.03, 0.03, 0.03)
    for slot, colour in ((WHITE, white), (RED, red), (BLUE, blue), (YELLOW, yellow)):
        paint[slot, :3], paint[slot, 3:6] = colour, np.array(colour) * 0.4
    return paint

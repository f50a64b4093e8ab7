"""The semantic classes of the town's label pass, and the colours that carry class and track through the rasteriser."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenarios.facts import categories

CLASSES = ("sky", "terrain", "road", "marking", "sidewalk", "building", "vegetation", "pole", *categories())
CLASS = {name: index for index, name in enumerate(CLASSES)}
MAX_OBJECTS = 32 * 32 - 1  # in one picture
assert len(CLASSES) <= 64


def label_colour(class_index: int, slot: int) -> tuple[int, int, int, int]:
    """The RGBA bytes that tell a class and a slot (0: no road user); faces of one colour come back as they are."""
    code = class_index * (MAX_OBJECTS + 1) + slot
    return 0, code >> 8, code & 255, 255


def codes(picture: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """What a picture (h, w, 4) drawn in `label_colour`, as BGRA bytes, tells: (h, w) for `classes` and `slots`."""
    return np.ascontiguousarray(picture.view("<u2")[..., 0])


def classes(codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The classes that `codes` tell."""
    return (codes >> 10).astype(np.uint8)


def slots(codes: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The slots that `codes` tell."""
    return np.bitwise_and(codes, np.uint16(MAX_OBJECTS))

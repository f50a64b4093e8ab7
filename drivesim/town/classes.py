"""The semantic classes of the town's label pass, and the colours that carry class and track through the rasteriser."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenarios.facts import categories

CLASSES = ("sky", "terrain", "road", "marking", "sidewalk", "building", "vegetation", "pole", *categories())
CLASS = {name: index for index, name in enumerate(CLASSES)}
MAX_OBJECTS = 32 * 32 - 1  # in one picture
assert len(CLASSES) <= 32


def label_colours(class_index: int, slot: int, count: int) -> NDArray[np.uint8]:
    """Colours (count, 4) that tell a class and a slot (0: no road user).

    Five bits a channel, mid-step, survive the rasteriser.
    """
    row = np.array([class_index * 8 + 4, slot // 32 * 8 + 4, slot % 32 * 8 + 4, 255], np.uint8)
    return np.broadcast_to(row, (count, 4))


def decoded(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Class and slot (h, w) of a picture (h, w, 4) drawn in `label_colours`, as BGRA bytes."""
    pixels = picture.view("<u4")[..., 0]
    return (pixels >> 19 & 31).astype(np.uint8), (pixels >> 6 & 0x3E0 | pixels >> 3 & 31).astype(np.intp)

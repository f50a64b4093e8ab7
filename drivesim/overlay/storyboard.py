"""A grid of labelled stills."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivesim.clips.video import resize
from drivesim.overlay.pen import text_size, write

_BACK = 24
_GAP = 6  # px


def storyboard(
    frames: Sequence[np.ndarray], labels: Sequence[str], *, columns: int = 3, width: int = 512
) -> np.ndarray:
    """A picture (uint8 h w 3 RGB) of ``frames`` in rows of ``columns``, each ``width`` px wide with its label below.

    Raises ``ValueError`` for no frames or a different number of labels.
    """
    if not frames or len(frames) != len(labels):
        raise ValueError(f"{len(frames)} frames and {len(labels)} labels given, expected as many of both, at least 1")
    height = round(width * frames[0].shape[0] / frames[0].shape[1])
    size = width / 40
    bar, rows = text_size("", size)[1] + 8, -(-len(frames) // columns)
    columns = min(columns, len(frames))
    sheet = np.full((rows * (height + bar + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), _BACK, np.uint8)
    for number, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        top = _GAP + number // columns * (height + bar + _GAP)
        left = _GAP + number % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = resize(frame, (height, width))
        cell = sheet[top + height : top + height + bar, left : left + width]
        write(cell, label, 0, 3, size=size)
    return sheet

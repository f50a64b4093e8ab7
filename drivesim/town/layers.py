"""Pictures of the rasteriser laid over each other: BGRA bytes (h w 4) whose colours are weighted by their alpha."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def over(picture: Picture, background: Picture) -> Picture:
    """``picture`` over a ``background`` of the same size, which has no holes."""
    left = cv2.cvtColor(255 - picture[:, :, 3], cv2.COLOR_GRAY2BGRA)
    return np.asarray(cv2.add(picture, cv2.multiply(background, left, scale=1 / 255)), np.uint8)

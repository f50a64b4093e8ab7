"""Dense optical flow between two frames, at one size for all clips."""

from __future__ import annotations

import cv2
import numpy as np

HEIGHT = 128  # rows at which flow is taken, so that clips of different size compare


def reduced(frame: np.ndarray) -> np.ndarray:
    """A frame (uint8 h w 3 RGB) of `HEIGHT` rows, its shape kept."""
    width = round(frame.shape[1] * HEIGHT / frame.shape[0])
    return cv2.resize(frame, (width, HEIGHT), interpolation=cv2.INTER_AREA)


def dense_flow(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Flow (h w 2) in pixels, x and y, from source to target (uint8 h w 3 RGB), by DIS (Kroeger et al. 2016)."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    start, end = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (source, target))
    return search.calc(start, end, None)  # type: ignore[call-overload]  # OpenCV's stubs forget that None is allowed

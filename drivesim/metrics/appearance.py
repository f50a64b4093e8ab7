"""How a picture looks, in two numbers, and how numbers run over a clip: brightness, sharpness, means by time window."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

SHARPNESS_HEIGHT = 128  # sharpness depends on the size of a picture, so all are compared at one


def brightness(frame: np.ndarray) -> float:
    """Mean luma in grey levels 0..255 of a frame (uint8 h w 3 RGB): 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    >>> brightness(np.full((4, 4, 3), (255, 0, 0), np.uint8))
    76.0
    """
    return float(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).mean())


def sharpness(frame: np.ndarray) -> float:
    """Variance of the Laplacian of luma, in squared grey levels, of a frame reduced to `SHARPNESS_HEIGHT` rows.

    Blur lowers it, noise raises it (Pech-Pacheco et al. 2000): read it as a trend over one clip, not as quality.
    """
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    width = round(grey.shape[1] * SHARPNESS_HEIGHT / grey.shape[0])
    reduced = cv2.resize(grey, (width, SHARPNESS_HEIGHT), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(reduced, cv2.CV_64F).var())


def by_window(
    seconds: Sequence[float], values: Sequence[float | None], *, window: float
) -> list[dict[str, float | None]]:
    """Means of a value over stretches of ``window`` seconds; unknown values (None) are left out.

    Each row: ``start`` and ``end`` in seconds, ``count`` of known values, their ``mean`` (None where there are none).

    >>> by_window([0.0, 0.5, 1.0], [2.0, 4.0, None], window=1.0)[0]
    {'start': 0.0, 'end': 1.0, 'count': 2, 'mean': 3.0}
    """
    if not window > 0:
        raise ValueError(f"window is {window} s, expected more than 0")
    groups: dict[int, list[float]] = {}
    for second, value in zip(seconds, values, strict=True):
        # Frame times are multiples of 1/fps: a hair of tolerance keeps frame 60 of 30 frames/s in the window from 2 s.
        groups.setdefault(int(second / window + 1e-6), []).extend([] if value is None else [value])
    return [
        {
            "start": number * window,
            "end": (number + 1) * window,
            "count": len(known),
            "mean": float(np.mean(known)) if known else None,
        }
        for number, known in sorted(groups.items())
    ]

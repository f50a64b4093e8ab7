"""Whether a video moves and goes on: blur, the speed of the picture, and a search for loops.

What flickers is in `drivesim.metrics.flicker`. A frozen video has no speed, a looping one comes back to where it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from drivesim.metrics.flow import dense_flow, reduced

BLUR_SPAN = 11  # px: the strong blur that a frame is compared with
THUMBNAIL = (16, 32)  # rows and columns at which frames are compared for loops
LOOPS = 0.5  # a frame that comes back nearer than this, in usual frame differences, is the same frame


def blur(frame: np.ndarray) -> float | None:
    """The blur of a frame (uint8 h w 3 RGB) in [0, 1], 0 sharp: Crété et al. 2007, "The blur effect".

    Blurring a sharp picture once more changes the differences of neighbouring pixels much, a blurred one little: 1
    minus the share of the gradients that a mean over `BLUR_SPAN` px takes away, the worse of rows and columns. Unlike
    the variance of the Laplacian (`appearance.sharpness`) it hardly depends on contrast, so scenes compare; it does
    depend on the size: compare frames of one size. None for a frame without any gradient.
    """
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float64)
    found = []
    for dx, dy, span in ((1, 0, (BLUR_SPAN, 1)), (0, 1, (1, BLUR_SPAN))):
        smooth = cv2.blur(luma, span, borderType=cv2.BORDER_REFLECT)
        sharp, dull = (np.abs(cv2.Sobel(p, cv2.CV_64F, dx, dy, borderType=cv2.BORDER_REFLECT)) for p in (luma, smooth))
        inner = (slice(2, -1), slice(2, -1))
        if whole := sharp[inner].sum():
            found.append(float(1 - np.maximum(0, sharp - dull)[inner].sum() / whole))
    return max(found, default=None)


@dataclass(frozen=True)
class PictureSpeed:
    """How fast the picture moves: the mean length of the optical flow, px/s of the frame and image widths/s."""

    pixels: float
    widths: float


def picture_speed(first: np.ndarray, second: np.ndarray, *, seconds: float) -> PictureSpeed:
    """The speed of the picture between two frames (uint8 h w 3 RGB, equal size) that lie ``seconds`` apart.

    Dense flow by DIS at one size for all clips (`drivesim.metrics.flow`). A frozen video stays near 0 though the ego is
    told to drive: compare with clips that do drive at that speed.
    """
    if first.shape != second.shape:
        raise ValueError(f"found frames {first.shape} and {second.shape}, expected the same size")
    if not seconds > 0:
        raise ValueError(f"the frames lie {seconds} s apart, expected more than 0")
    flow = dense_flow(reduced(first), reduced(second))
    widths = float(np.hypot(flow[..., 0], flow[..., 1]).mean()) / flow.shape[1] / seconds
    return PictureSpeed(widths * first.shape[1], widths)


@dataclass(frozen=True)
class Return:
    """The nearest that a video comes back to an earlier picture of its own.

    ``distance``: in usual frame differences. ``frame`` and ``earlier``: the numbers of the two frames.
    """

    distance: float
    frame: int
    earlier: int

    @property
    def loops(self) -> bool:
        """Whether the two are the same picture: nearer than `LOOPS`."""
        return self.distance < LOOPS


def nearest_return(frames: Iterable[np.ndarray], *, fps: float, least: float = 1.0) -> Return | None:
    """Where a video comes nearest to one of its frames at least ``least`` s before; None if it never leaves one.

    Frames (uint8 h w 3 RGB) are reduced to `THUMBNAIL`; distances are root mean squares over pixels, and the unit is
    the mean distance of neighbouring frames. A pair counts only if the video has gone farther away than that unit in
    between, so that standing still, or being frozen, is no loop. Of 22 clips of the town none came nearer than 0.74.
    """
    rows = np.stack([cv2.resize(frame, THUMBNAIL[::-1], interpolation=cv2.INTER_AREA).ravel() for frame in frames])
    rows = rows.astype(np.float32)
    usual = float(np.sqrt(((rows[1:] - rows[:-1]) ** 2).mean(1)).mean()) if len(rows) > 1 else 0.0
    lag = max(1, round(least * fps))
    best: Return | None = None
    for earlier in range(len(rows) - lag):
        away = np.sqrt(((rows[earlier + 1 :] - rows[earlier]) ** 2).mean(1))
        left = np.maximum.accumulate(away) > usual
        away[: lag - 1] = np.inf
        away[~left] = np.inf
        nearest = int(away.argmin())
        if np.isfinite(away[nearest]) and (best is None or away[nearest] < best.distance * usual):
            best = Return(float(away[nearest]) / usual, earlier + 1 + nearest, earlier)
    return best

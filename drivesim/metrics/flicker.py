"""Flicker: what optical flow cannot explain between two neighbouring frames."""

from __future__ import annotations

import cv2
import numpy as np

from drivesim.metrics.flow import HEIGHT, dense_flow, reduced


def warped_error(first: np.ndarray, second: np.ndarray) -> float | None:
    """The warped-frame error of two neighbouring frames (uint8 h w 3 RGB, equal size), in grey levels 0..255.

    mean over valid pixels p of |second(p) - first(p + flow(p))|, averaged over RGB, both frames reduced to `HEIGHT`
    rows (Lai et al. 2018, eq. 7, with the absolute in place of the squared difference). ``flow`` leads from second to
    first (DIS, Kroeger et al. 2016). A pixel is valid where the flow back returns to it (Sundaram et al. 2010, eq. 5),
    so what appears or disappears does not count. 0 is no flicker; None if no pixel is valid.
    """
    if first.shape != second.shape:
        raise ValueError(f"found frames {first.shape} and {second.shape}, expected the same size")
    one, two = reduced(first), reduced(second)
    width = one.shape[1]
    there, back = dense_flow(two, one), dense_flow(one, two)
    returned = _sample(back, there)
    gap = ((there + returned) ** 2).sum(-1)
    valid = gap < 0.01 * ((there**2).sum(-1) + (returned**2).sum(-1)) + 0.5
    rows, columns = np.mgrid[:HEIGHT, :width]
    landing = np.stack([columns, rows], -1) + there
    valid &= ((landing >= 0) & (landing <= [width - 1, HEIGHT - 1])).all(-1)
    if not valid.any():
        return None
    difference = np.abs(two.astype(np.float64) - _sample(one.astype(np.float32), there)).mean(-1)
    return float(difference[valid].mean())


def _sample(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The picture at every pixel's place plus its flow, bilinear."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return cv2.remap(picture, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)

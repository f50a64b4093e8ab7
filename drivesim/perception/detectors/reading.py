"""From one frame through any network to detections: feed it by its layout, read it, drop what is found twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from drivesim.errors import UserError
from drivesim.perception.detections import Detections
from drivesim.perception.detectors.decoders import DECODERS, fit
from drivesim.perception.detectors.layouts import Layout, prepare
from scenarios.facts import categories

LOWEST_SCORE = 0.01  # average precision needs the whole curve, so almost nothing is thrown away
OVERLAP = 0.45  # of two boxes of one group that overlap more (IoU), the lower-scored one goes
ROUNDING = 1e-3  # how far outside of [0, 1] a score, and how far inside out a box (px), may be by rounding

Network = Callable[[np.ndarray], Sequence[np.ndarray]]
"""A picture (1 3 h w) float32 -> the network's outputs."""


def detect(frame: np.ndarray, run: Network, size: tuple[int, int], layout: Layout, where: str) -> Detections:
    """What the network ``run``, with an input of ``size`` (height, width), finds in a frame (uint8 h w 3 RGB).

    Raises ``ValueError`` for another frame, and ``UserError``, which names ``where``, for outputs that the layout
    cannot read: other shapes than it expects, classes that are not there, numbers that are not finite.
    """
    check_frame(frame)
    values, zoom = prepare(frame, size, layout)
    outputs = [np.asarray(output, np.float64) for output in run(values)]
    check_shapes([output.shape for output in outputs], size, layout, where)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told below, where it matters
        boxes, scores = DECODERS[layout.output].decode(outputs, size)
    if max(layout.classes) >= scores.shape[1]:
        raise UserError(f"{where}: found {scores.shape[1]} classes, expected class {max(layout.classes)} of its layout")
    columns = np.array(list(layout.classes))
    best = columns[np.argmax(scores[:, columns], 1)]
    score = scores[np.arange(len(scores)), best]
    check_scores(score, where)
    keep = score >= LOWEST_SCORE
    names = tuple(layout.classes[int(number)] for number in best[keep])
    return suppress(within(frame, boxes[keep] / np.tile(zoom, 2), score[keep], names, where))


def check_frame(frame: np.ndarray) -> None:
    """Raise ``ValueError`` unless it is a frame: uint8 (h, w, 3)."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"found a frame {frame.dtype} {frame.shape}, expected uint8 (h, w, 3)")


def check_shapes(
    shapes: Sequence[Sequence[int | str | None]], size: tuple[int, int], layout: Layout, where: str
) -> None:
    """Raise ``UserError`` unless outputs of these shapes, of an input of ``size``, are what the layout reads."""
    wanted = DECODERS[layout.output].shapes(size)
    if not fit(shapes, wanted):
        found, expected = ([f"({', '.join(map(str, shape))})" for shape in group] for group in (shapes, wanted))
        raise UserError(
            f"{where}: found outputs {' and '.join(found) or 'none'}, "
            f"expected {' and '.join(expected)} by the layout {layout.output!r}"
        )


def check_scores(scores: np.ndarray, where: str) -> None:
    """Raise ``UserError`` unless all scores are numbers in [0, 1], but for rounding."""
    if not np.isfinite(scores).all():
        raise UserError(f"{where}: found scores that are not finite, expected numbers in [0, 1]")
    if len(scores) and (scores.min() < -ROUNDING or scores.max() > 1 + ROUNDING):
        raise UserError(f"{where}: found scores from {scores.min():.3g} to {scores.max():.3g}, expected [0, 1]")


def within(frame: np.ndarray, boxes: np.ndarray, scores: np.ndarray, names: tuple[str, ...], where: str) -> Detections:
    """Detections cut at the borders of a frame. Raises ``UserError`` if a box is not finite or inside out."""
    if not np.isfinite(boxes).all():
        raise UserError(f"{where}: found boxes that are not finite, expected pixels")
    if (boxes[:, 2:] < boxes[:, :2] - ROUNDING).any():
        raise UserError(f"{where}: found a box with x2 < x1 or y2 < y1, expected x1 <= x2 and y1 <= y2")
    corners = np.concatenate([boxes[:, :2], np.maximum(boxes[:, :2], boxes[:, 2:])], 1)
    limits = np.array([frame.shape[1], frame.shape[0]] * 2)
    return Detections(np.clip(corners, 0, limits), np.clip(scores, 0, 1), names)


def suppress(found: Detections, overlap: float = OVERLAP) -> Detections:
    """Non-maximum suppression within each group: of two boxes with IoU above ``overlap`` the higher score stays.

    By group, not by category, since a van that is found both as a car and as a truck is one road user.
    """
    groups = np.array([categories()[name].group for name in found.categories])
    kept: list[int] = []
    for group in sorted(set(groups)):
        rows = np.flatnonzero(groups == group)
        corners = found.boxes[rows]
        sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)
        chosen = cv2.dnn.NMSBoxes(sides.tolist(), found.scores[rows].tolist(), 0.0, overlap)
        kept.extend(rows[np.asarray(chosen, int).reshape(-1)].tolist())
    order = sorted(kept, key=lambda row: (-found.scores[row], row))
    return found.select(np.array(order, int))

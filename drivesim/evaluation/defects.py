"""Defects: known ways to spoil video, detections and tracks, so that one can see whether a measure notices them.

All are pure functions. Frames are uint8 (t h w 3) RGB; what comes back has the same shape and type.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from drivesim.metrics.tracking import TrackedFrame
from drivesim.perception import Detections

# --- of video


def frozen(frames: np.ndarray) -> np.ndarray:
    """The first frame, again and again."""
    return np.repeat(frames[:1], len(frames), axis=0)


def looped(frames: np.ndarray) -> np.ndarray:
    """The first half of the frames (rounded up), and then the same again.

    >>> looped(np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)).ravel().tolist()
    [0, 1, 2, 0, 1]
    """
    return frames[np.arange(len(frames)) % ((len(frames) + 1) // 2)]


def hurried(frames: np.ndarray) -> np.ndarray:
    """Every second frame, so that the drive goes twice as fast; the only defect that leaves half as many frames."""
    return frames[::2]


def blurred(frames: np.ndarray, *, sigma: float) -> np.ndarray:
    """Every frame blurred by a Gaussian of ``sigma`` px."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])


def noisy(frames: np.ndarray, *, sigma: float, seed: int) -> np.ndarray:
    """Every pixel with normal noise of ``sigma`` grey levels, drawn anew for each frame."""
    noise = np.random.default_rng(seed).normal(0.0, sigma, frames.shape)
    return _to_bytes(frames + noise)


def darkened(frames: np.ndarray, *, share: float) -> np.ndarray:
    """Every pixel times ``share``.

    >>> darkened(np.full((1, 1, 1, 3), 200, np.uint8), share=0.3).ravel().tolist()
    [60, 60, 60]
    """
    return _to_bytes(frames * share)


def flickering(frames: np.ndarray, *, share: float) -> np.ndarray:
    """Every second frame darkened to ``share``."""
    made = frames.copy()
    made[1::2] = darkened(frames[1::2], share=share)
    return made


def mirrored(frames: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return np.ascontiguousarray(frames[:, :, ::-1])


def from_half(clean: np.ndarray, spoiled: np.ndarray) -> np.ndarray:
    """The clean frames up to the middle, then the spoiled ones: a video that drifts away."""
    half = len(clean) // 2
    return np.concatenate([clean[:half], spoiled[half:]])


# --- of detections, which were perfect


def every_nth_dropped(found: Sequence[Detections], *, nth: int) -> list[Detections]:
    """Detections by frame without every ``nth`` one, counted over all frames: of n of them n // nth go."""
    made, count = [], 0
    for frame in found:
        numbers = count + np.arange(len(frame))
        made.append(frame.select(numbers % nth != nth - 1))
        count += len(frame)
    return made


def shifted(found: Detections, *, share: float) -> Detections:
    """Boxes shifted to the right by a ``share`` of their width: IoU with where they were is (1 - share) / (1 + share).

    >>> shifted(Detections([[0, 0, 30, 20]], [0.9], ["car"]), share=1 / 3).boxes.tolist()
    [[10.0, 0.0, 40.0, 20.0]]
    """
    boxes = found.boxes.copy()
    boxes[:, [0, 2]] += share * (boxes[:, 2:3] - boxes[:, :1])
    return Detections(boxes, found.scores, found.categories)


def with_false(found: Detections, *, count: int, score: float, category: str = "car") -> Detections:
    """``count`` false detections more: boxes of 1 px in the top left corner, too small to hit anything that counts."""
    corner = np.tile([0.0, 0.0, 1.0, 1.0], (count, 1))
    return Detections(
        np.concatenate([found.boxes, corner]),
        np.concatenate([found.scores, np.full(count, score)]),
        (*found.categories, *[category] * count),
    )


# --- of tracks, which were perfect


def switched(clip: Sequence[TrackedFrame]) -> list[TrackedFrame]:
    """Every found track under another, new id from the middle of the frames that it is found in: one switch each.

    A track found in one frame only keeps its id, for there is nothing to switch.
    """
    counts: dict[int, int] = {}
    for frame in clip:
        for track in frame.found.tolist():
            counts[track] = counts.get(track, 0) + 1
    new = max(counts, default=0) + 1
    seen = dict.fromkeys(counts, 0)
    made = []
    for frame in clip:
        ids = []
        for track in frame.found.tolist():
            ids.append(track + new if counts[track] > 1 and seen[track] >= counts[track] // 2 else track)
            seen[track] += 1
        made.append(TrackedFrame(frame.truth, np.array(ids, int), frame.similarity))
    return made


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

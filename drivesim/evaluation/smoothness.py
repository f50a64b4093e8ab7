"""Smoothness: how much clips flicker, how sharp they are and how fast their pictures move, against the town's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from drivesim.clips import Clip
from drivesim.evaluation.rows import drawn, share
from drivesim.metrics.appearance import brightness, sharpness
from drivesim.metrics.flicker import warped_error
from drivesim.metrics.motion import picture_speed

SMALL = (128, 256)  # rows and columns at which pictures are compared

Pictures = Sequence[np.ndarray]
Rows = Mapping[str, Sequence[float | None]]
"""By name of a row of pictures its value at each frame of a clip."""


def picture_rows(frames: Pictures, fps: float) -> Rows:
    """How each of some frames looks: brightness and sharpness; flicker and speed of the picture to the next frame.

    ``flicker``: grey levels between warped neighbours. ``speed``: picture widths/s. Both None in the last frame, and
    the flicker where no pixel can be followed.
    """
    pairs = list(pairwise(frames))
    return {
        "brightness": [brightness(frame) for frame in frames],
        "sharpness": [sharpness(frame) for frame in frames],
        "flicker": [*(warped_error(first, second) for first, second in pairs), None],
        "speed": [*(picture_speed(first, second, seconds=1 / fps).widths for first, second in pairs), None],
    }


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of none."""
    return float(np.mean(values)) if values else None


def rows_of(clip: Clip) -> Rows:
    """The `picture_rows` of a whole clip, its pictures reduced to `SMALL`."""
    return picture_rows(list(clip.frames(size=SMALL)), clip.fps)


def smoothness(rows: Mapping[str, Sequence[Rows]], *, seed: int, draws: int) -> dict[str, Any]:
    """The mean of each of the `rows_of` clips by arm; ``rows``: by arm, of clips of the same drives in order.

    Each with the 95% ``interval`` over clips, the ``clips`` and ``frames`` that say something, and its ``share`` of
    the town's, of the same drives in every draw.
    """
    found: dict[str, Any] = {}
    for name in ("brightness", "sharpness", "flicker", "speed"):
        parts = {
            arm: [[value for value in clip[name] if value is not None] for clip in made] for arm, made in rows.items()
        }
        found[name] = {
            arm: {
                **drawn(mean, known, seed=seed, draws=draws),
                "clips": sum(map(bool, known)),
                "frames": sum(map(len, known)),
                "share": share(mean, parts, arm, "town", seed=seed, draws=draws),
            }
            for arm, known in parts.items()
        }
    return found

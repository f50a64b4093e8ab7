"""Drift: how a long rollout changes, window by window, against the town's render of the same windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from drivesim.clips import Clip
from drivesim.evaluation.looks import Look, Measure
from drivesim.metrics.appearance import brightness, sharpness
from drivesim.metrics.flicker import warped_error
from drivesim.metrics.motion import nearest_return, picture_speed

BAR = 0.5  # a first window below this share of the town's tells of no drift: there was nothing to lose

Pictures = Sequence[np.ndarray]


def windows(frames: int, length: int) -> list[range]:
    """The numbers of ``frames`` in windows of ``length``; a rest shorter than half a window is left out.

    >>> windows(52, 20), windows(45, 20)
    ([range(0, 20), range(20, 40), range(40, 52)], [range(0, 20), range(20, 40)])
    """
    starts = [start for start in range(0, frames, length) if frames - start >= length / 2]
    return [range(start, min(start + length, frames)) for start in starts]


def picture_scores(frames: Pictures, fps: float) -> dict[str, float | None]:
    """How the frames of a window look: brightness and sharpness, flicker, speed of the picture, and whether it loops.

    ``flicker``: grey levels between warped neighbours. ``speed``: picture widths/s. ``return``: the nearest that the
    window comes back to an earlier frame of its own, in usual frame differences (None: it does not).
    """
    pairs = list(pairwise(frames))
    flickers = [error for first, second in pairs if (error := warped_error(first, second)) is not None]
    speeds = [picture_speed(first, second, seconds=1 / fps).widths for first, second in pairs]
    back = nearest_return(frames, fps=fps)
    return {
        "brightness": _mean([brightness(frame) for frame in frames]),
        "sharpness": _mean([sharpness(frame) for frame in frames]),
        "flicker": _mean(flickers),
        "speed": _mean(speeds),
        "return": None if back is None else back.distance,
    }


def course(
    clip: Clip, looks: Mapping[int, Look], taken: Mapping[str, Measure], *, seconds: float
) -> dict[str, list[float | None]]:
    """Every score of a clip by windows of ``seconds``: the ``taken`` measures of what judges saw, `picture_scores`."""
    found: dict[str, list[float | None]] = {name: [] for name in taken}
    for window in windows(len(clip), round(seconds * clip.fps)):
        for name, measure in taken.items():
            said = [measure.see(looks[k], clip.facts[k]) for k in window if k in looks]
            found[name].append(measure.score([item for item in said if item is not None]))
        frames = list(clip.frames(window.start, window.stop, size=(128, 256)))
        for name, value in picture_scores(frames, clip.fps).items():
            found.setdefault(name, []).append(value)
    return found


def drift(rollout: Mapping[str, Sequence[float | None]], town: Mapping[str, Sequence[float | None]]) -> dict[str, Any]:
    """Each score of the rollout as a share of the town's in the same window, and that against the first window.

    ``share``: by window, rollout / town (None where one is unknown or the town's is 0). ``kept``: share / first share.
    ``meets_bar``: whether the first window reaches `BAR`; where it does not, what is kept means nothing.

    >>> drift({"recall": [0.4, 0.2]}, {"recall": [0.8, 0.8]})
    {'recall': {'share': [0.5, 0.25], 'kept': [1.0, 0.5], 'meets_bar': True}}
    """
    result = {}
    for name, values in rollout.items():
        share = [_ratio(value, other) for value, other in zip(values, town[name], strict=True)]
        first = share[0] if share else None
        result[name] = {
            "share": share,
            "kept": [_ratio(value, first) for value in share],
            "meets_bar": None if first is None else first >= BAR,
        }
    return result


def _ratio(value: float | None, other: float | None) -> float | None:
    return None if value is None or not other else value / other


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None

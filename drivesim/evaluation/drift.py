"""Drift: how a long rollout changes, window by window, against the town's render of the same windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from drivesim.clips import Clip
from drivesim.evaluation.looks import Look, Measure
from drivesim.metrics.appearance import brightness, sharpness
from drivesim.metrics.detection import bootstrap
from drivesim.metrics.flicker import warped_error
from drivesim.metrics.motion import nearest_return, picture_speed

Cell = dict[str, Any]
"""``value`` and ``interval`` of a score in a window; either may be None."""
BAR = 0.5  # a first window below this share of the town's tells of no drift: there was nothing to lose

Pictures = Sequence[np.ndarray]


def windows(frames: int, length: int) -> list[range]:
    """The numbers of ``frames`` in windows of ``length``; a rest shorter than half a window is left out.

    >>> windows(52, 20), windows(45, 20)
    ([range(0, 20), range(20, 40), range(40, 52)], [range(0, 20), range(20, 40)])
    """
    starts = [start for start in range(0, frames, length) if frames - start >= length / 2]
    return [range(start, min(start + length, frames)) for start in starts]


def picture_rows(frames: Pictures, fps: float) -> dict[str, list[float | None]]:
    """How each frame of a window looks: brightness and sharpness; flicker and speed of the picture to the next frame.

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


def course(
    clips: Sequence[Clip],
    looks: Sequence[Mapping[int, Look]],
    taken: Mapping[str, Measure],
    *,
    seconds: float,
    block: float,
    seed: int,
    draws: int,
) -> dict[str, list[Cell]]:
    """Every score of some drives' clips by windows of ``seconds``, all drives together, each with a 95% interval.

    The scores are the ``taken`` measures of what judges saw, the means of `picture_rows`, and ``return``: the nearest
    that a window comes back to an earlier frame of its own, in usual frame differences (None: it does not), the mean
    over drives. Intervals are over drives; of a single drive they are over blocks of ``block`` s within the window
    (Carlstein 1986), since neighbouring frames are alike: they tell how much the window varies, nothing of other
    drives. ``return``, which blocks do not have, then has None. A measure that gathers frames does so within a block.
    """
    found: dict[str, list[Cell]] = {}
    cut = [windows(len(clip), round(seconds * clip.fps)) for clip in clips]
    for number in range(max(map(len, cut))):
        groups: dict[str, list[list[Any]]] = {}  # by score what it is made of, by drive or block
        for clip, seen, spans in zip(clips, looks, cut, strict=True):
            if number >= len(spans):
                continue
            window = spans[number]
            size = len(window) if len(clips) > 1 else round(block * clip.fps)
            blocks = [window[start : start + size] for start in range(0, len(window), size)]
            for name, measure in taken.items():
                for part in blocks:
                    said = measure.said({k: seen[k] for k in part if k in seen}, clip.facts)
                    groups.setdefault(name, []).append(list(measure.gather(said)))
            frames = list(clip.frames(window.start, window.stop, size=(128, 256)))
            for name, values in picture_rows(frames, clip.fps).items():
                for part in blocks:
                    known = [values[k - window.start] for k in part]
                    groups.setdefault(name, []).append([value for value in known if value is not None])
            back = nearest_return(frames, fps=clip.fps)
            groups.setdefault("return", []).append([] if back is None else [back.distance])
        for name, parts in groups.items():
            score = taken[name].score if name in taken else _mean
            found.setdefault(name, []).append(_cell(parts, score, seed, draws))
    return found


def _cell(
    parts: Sequence[Sequence[Any]], score: Callable[[Sequence[Any]], float | None], seed: int, draws: int
) -> Cell:
    def of(drawn: Sequence[int]) -> float | None:
        return score([row for k in drawn for row in parts[k]])

    return {"value": of(range(len(parts))), "interval": bootstrap(of, len(parts), seed=seed, draws=draws)}


def drift(rollout: Mapping[str, Sequence[Cell]], town: Mapping[str, Sequence[Cell]]) -> dict[str, Any]:
    """Each score of the rollout as a share of the town's in the same window, and that against the first window.

    ``share``: by window, rollout / town (None where one is unknown or the town's is 0). ``kept``: share / first share.
    ``meets_bar``: whether the first window reaches `BAR`; where it does not, what is kept means nothing.

    >>> drift({"recall": [{"value": 0.4}, {"value": 0.2}]}, {"recall": [{"value": 0.8}, {"value": 0.8}]})
    {'recall': {'share': [0.5, 0.25], 'kept': [1.0, 0.5], 'meets_bar': True}}
    """
    result = {}
    for name, values in rollout.items():
        share = [_ratio(cell["value"], other["value"]) for cell, other in zip(values, town[name], strict=True)]
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

"""Drift: how a long rollout changes, window by window, against the town's render of the same windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drivesim.clips import Clip
from drivesim.evaluation.looks import Look, Measure
from drivesim.evaluation.rows import Score, drawn
from drivesim.evaluation.smoothness import SMALL, Rows, mean
from drivesim.metrics.motion import nearest_return

Cell = dict[str, Any]
"""``value`` and ``interval`` of a score in a window; either may be None."""
BAR = 0.5  # a first window below this share of the town's tells of no drift: there was nothing to lose
HELD = 0.8  # of the first window's share that is left in the last one, where nothing drifts away
MEDIAN = ", median"  # what the name of a measure's median error ends in
LESS, SAME = ("flicker",), ("brightness", "speed")  # scores of which less is better, or neither more nor less


def windows(frames: int, length: int) -> list[range]:
    """The numbers of ``frames`` in windows of ``length``; a rest shorter than half a window is left out.

    >>> windows(52, 20), windows(45, 20)
    ([range(0, 20), range(20, 40), range(40, 52)], [range(0, 20), range(20, 40)])
    """
    starts = [start for start in range(0, frames, length) if frames - start >= length / 2]
    return [range(start, min(start + length, frames)) for start in starts]


def course(
    clips: Sequence[Clip],
    rows: Sequence[Rows],
    looks: Sequence[Mapping[int, Look]],
    taken: Mapping[str, Measure],
    *,
    seconds: float,
    block: float,
    seed: int,
    draws: int,
) -> dict[str, list[Cell]]:
    """Every score of some drives' clips by windows of ``seconds``, all drives together, each with a 95% interval.

    The scores are the ``taken`` measures of what judges saw, their median errors under the name with `MEDIAN`, the
    means of the clips' ``rows`` (`smoothness.rows_of`), and ``return``: the nearest
    that a window comes back to an earlier frame of its own, in usual frame differences (None: it does not), the mean
    over drives. Intervals are over drives; of a single drive they are over blocks of ``block`` s within the window
    (Carlstein 1986), since neighbouring frames are alike: they tell how much the window varies, nothing of other
    drives. ``return``, which blocks do not have, then has None. A measure that gathers frames does so within a block.
    """
    found: dict[str, list[Cell]] = {}
    cut = [windows(len(clip), round(seconds * clip.fps)) for clip in clips]
    for number in range(max(map(len, cut))):
        groups: dict[str, list[list[Any]]] = {}  # by score what it is made of, by drive or block
        for clip, row, seen, spans in zip(clips, rows, looks, cut, strict=True):
            if number >= len(spans):
                continue
            window = spans[number]
            size = len(window) if len(clips) > 1 else round(block * clip.fps)
            blocks = [window[start : start + size] for start in range(0, len(window), size)]
            for name, measure in taken.items():
                for part in blocks:
                    said = measure.said({k: seen[k] for k in part if k in seen}, clip.facts)
                    groups.setdefault(name, []).append(list(measure.gather(said)))
            for name, values in row.items():
                for part in blocks:
                    groups.setdefault(name, []).append([value for k in part if (value := values[k]) is not None])
            back = nearest_return(clip.frames(window.start, window.stop, size=SMALL), fps=clip.fps)
            groups.setdefault("return", []).append([] if back is None else [back.distance])
        for name, parts in groups.items():
            for key, score in _scores(name, taken).items():
                found.setdefault(key, []).append(drawn(score, parts, seed=seed, draws=draws))
    return found


def _scores(name: str, taken: Mapping[str, Measure]) -> dict[str, Score]:
    """What is scored of a measure, or of a row of pictures, by the name that it gets."""
    if name not in taken:
        return {name: mean}
    middle = taken[name].median
    return {name: taken[name].score} | ({} if middle is None else {name + MEDIAN: middle})


def drift(
    rollout: Mapping[str, Sequence[Cell]], town: Mapping[str, Sequence[Cell]], anew: Mapping[str, Sequence[Cell]]
) -> dict[str, Any]:
    """Each score of the rollout as a share of the town's in the same window, and that against the first window.

    A last window may differ from the first since time has gone by, or since it asks for something else, fog by night.
    So ``anew``, a rollout that begins with the last window, is there to tell the one from the other.

    ``share``: by window, rollout / town (None where one is unknown or the town's is 0). ``kept``: share / first share.
    ``better``: "more", or "less" (of `LESS` and errors), or "same" (of `SAME`, whose share should be 1).
    ``meets_bar``: whether the first window reaches `BAR`, or stays below 1 / `BAR` where less is better, or both; where
    it does not, what is kept means nothing. ``held``: whether the last window keeps as much as `HELD`, likewise.
    ``of_anew``: the last window / the same, begun anew. ``held_of_anew``: whether that is as much as `HELD`, likewise.

    >>> cells = [{"value": 0.4}, {"value": 0.2}]
    >>> row = drift({"recall": cells}, {"recall": [{"value": 0.8}] * 2}, {"recall": cells[1:]})["recall"]
    >>> row["share"], row["kept"], row["held"], row["of_anew"], row["held_of_anew"]
    ([0.5, 0.25], [1.0, 0.5], False, 1.0, True)
    """
    result = {}
    for name, values in rollout.items():
        share = [_ratio(cell["value"], other["value"]) for cell, other in zip(values, town[name], strict=True)]
        first = share[0] if share else None
        kept = [_ratio(value, first) for value in share]
        fresh = anew.get(name, [])
        of_anew = _ratio(values[-1]["value"], fresh[-1]["value"]) if values and fresh else None
        better = "less" if name in LESS or name.endswith(MEDIAN) else "same" if name in SAME else "more"
        result[name] = {
            "share": share,
            "kept": kept,
            "better": better,
            "meets_bar": _within(first, BAR, better),
            "held": _within(kept[-1] if kept else None, HELD, better),
            "of_anew": of_anew,
            "held_of_anew": _within(of_anew, HELD, better),
        }
    return result


def _within(value: float | None, least: float, better: str) -> bool | None:
    """Whether a ratio is at least ``least``, or at most 1 / ``least`` where less is better, or both; None of None."""
    if value is None:
        return None
    return (better == "less" or value >= least) and (better == "more" or value <= 1 / least)


def _ratio(value: float | None, other: float | None) -> float | None:
    return None if value is None or not other else value / other

"""The scores of trainability: what each detector finds in the test, means over trainings, paired differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from drivesim.clips import Clip
from drivesim.evaluation import Protocol
from drivesim.evaluation.scoring import Evidence, evidence, judge, precision_of_draws, score_row
from drivesim.evaluation.watching import SeenClip, SeenFrame, rounded, scenario_of
from drivesim.metrics.detection import bootstrap_crossed
from drivesim.perception import Detector
from drivesim.trainability.protocol import COUNTS_FROM, DIFFERENCES, KINDS, TrainabilityProtocol

SHOWN = ("AP50", "AP50_interval", "recall", "false_per_frame", "boxes", "frames", "clips")


class Result(NamedTuple):
    """What one detector is worth. ``row``: a kind's scores (`score_row`); ``parts``: its evidence by test clip."""

    row: dict[str, Any]
    parts: list[Evidence]


Precision = Callable[[tuple[int, ...]], float | None]
"""From the numbers of the test clips drawn to AP50."""
Results = Mapping[str, Sequence[Mapping[str, Result]]]
"""By arm, training (in the order of the protocol's seeds) and kind."""


def judged(detector: Detector, clips: Sequence[Clip], rules: Protocol) -> dict[str, Result]:
    """What a detector finds in every ``rules.every``-th frame of the clips, scored by kind."""
    seen = [_seen(clip, detector, rules.every) for clip in clips]
    found = {}
    for kind in KINDS:
        rows = [judge(clip, kind, rules) for clip in seen]
        found[kind] = Result(score_row(rows, rules), [evidence(row) for row in rows])
    return found


def tables(results: Results, protocol: TrainabilityProtocol) -> dict[str, Any]:
    """The scores by arm, the differences between arms, and whether the run counts, ready for JSON.

    A mean over trainings has the 95% interval over test clips and trainings together. A difference is taken by training
    of one seed and over the same clips, so that what makes either hard for both falls out.
    """
    precision: dict[str, dict[str, list[Precision]]] = {
        arm: {kind: [_precision(found[kind].parts) for found in row] for kind in KINDS} for arm, row in results.items()
    }
    clips = len(next(iter(results.values()))[0][KINDS[0]].parts)
    arms: dict[str, Any] = {}
    for arm, row in results.items():
        arms[arm] = {
            kind: {
                **_mean([precision[arm][kind]], clips, protocol),
                "seeds": [
                    {"seed": seed, **{name: found[kind].row[name] for name in SHOWN}}
                    for seed, found in zip(protocol.seeds, row, strict=True)
                ],
            }
            for kind in KINDS
        }
    differences = {
        f"{first} - {second}": {
            kind: _mean([precision[first][kind], precision[second][kind]], clips, protocol) for kind in KINDS
        }
        for first, second in DIFFERENCES
    }
    return {"arms": arms, "differences": differences, "counts": _counts(arms, protocol)}


def _counts(arms: Mapping[str, Any], protocol: TrainabilityProtocol) -> dict[str, Any]:
    """Whether arm R has learned enough for the run to say anything."""
    arm, kind = COUNTS_FROM
    value = arms[arm][kind]["value"]
    counts = value is not None and value >= protocol.least
    return {"arm": arm, "kind": kind, "AP50": value, "least": protocol.least, "counts": counts}


def _mean(columns: Sequence[Sequence[Precision]], clips: int, protocol: TrainabilityProtocol) -> dict[str, Any]:
    """Mean over trainings of AP50, or of the first column's minus the second's, and its interval."""

    def statistic(drawn: Sequence[int], trainings: Sequence[int]) -> float | None:
        rows = [[column[number](tuple(drawn)) for column in columns] for number in trainings]
        known = [[value for value in row if value is not None] for row in rows]
        if any(len(row) < len(columns) for row in known):
            return None
        return float(np.mean([row[0] - sum(row[1:]) for row in known]))

    count, rules = len(columns[0]), protocol.detection
    value = statistic(range(clips), range(count))
    interval = bootstrap_crossed(statistic, (clips, count), seed=rules.seed, draws=rules.draws)
    return {"value": value, "interval": interval}


def _precision(parts: Sequence[Evidence]) -> Precision:
    """`precision_of_draws` that remembers what it was asked: all arms meet the same draws."""
    return cache(precision_of_draws(parts))


def _seen(clip: Clip, detector: Detector, every: int) -> SeenClip:
    numbers = range(0, len(clip), every)
    frames = zip(numbers, clip.frames(step=every), strict=True)
    found = tuple(SeenFrame(number, clip.facts[number], rounded(detector([frame])[0])) for number, frame in frames)
    return SeenClip(clip.name, scenario_of(clip), clip.height, found)

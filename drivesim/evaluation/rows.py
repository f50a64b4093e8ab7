"""One measure of an evaluation as a row: what each arm gets, and the rollout's share of ceiling and floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drivesim.evaluation.looks import Look, Measure
from drivesim.metrics.detection import bootstrap
from drivesim.metrics.obedience import Span
from scenarios.facts import FrameFacts

Score = Callable[[Sequence[Any]], float | None]
Parts = Mapping[str, Sequence[Sequence[Any]]]
"""By arm and clip, in the same order in all arms, what is scored."""
Seen = tuple[Sequence[Mapping[int, Look]], Sequence[Sequence[FrameFacts]]]


def row(measure: Measure, arms: Mapping[str, Seen], *, seed: int, draws: int) -> dict[str, Any]:
    """One measure: by arm its value, its 95% interval over clips, and how much says something; ``place`` and shares.

    By arm ``clips`` that say something, their ``frames``, and the ``count`` of what is scored: the frames that are
    left, or the tracks in them.
    ``place``: `Span.place` of the rollout between the floor ("other") and the ceiling ("town"); None where one of them
    is not known. ``share``: the rollout's value over the town's. ``times_floor``: over that of "other". Both of the
    same drives in every draw; None without such an arm. A measure of errors tells their ``unit``, by arm the
    ``median`` with its ``median_interval``, and the ``median_share``.
    """
    said = {arm: [measure.said(*pair) for pair in zip(*seen, strict=True)] for arm, seen in arms.items()}
    parts = {arm: [list(measure.gather(rows)) for rows in clips] for arm, clips in said.items()}
    sampling = {"seed": seed, "draws": draws}
    cells: dict[str, dict[str, Any]] = {}
    for arm, clips in parts.items():
        cells[arm] = drawn(measure.score, clips, **sampling) | {
            "clips": sum(map(bool, clips)), "frames": sum(map(len, said[arm])), "count": sum(map(len, clips)),
        }  # fmt: skip
        if measure.median is not None:
            middle = drawn(measure.median, clips, **sampling)
            cells[arm] |= {"median": middle["value"], "median_interval": middle["interval"]}
    found: dict[str, Any] = {"arms": cells, "place": None}
    floor, value, ceiling = (cells.get(arm, {}).get("value") for arm in ("other", "rollout", "town"))
    if floor is not None and value is not None and ceiling is not None:
        found["place"] = Span(floor, value, ceiling).place
    found["share"] = share(measure.score, parts, "rollout", "town", **sampling)
    found["times_floor"] = share(measure.score, parts, "rollout", "other", **sampling)
    if measure.median is not None:
        found |= {"unit": measure.unit, "median_share": share(measure.median, parts, "rollout", "town", **sampling)}
    return found


def drawn(score: Score, clips: Sequence[Sequence[Any]], *, seed: int, draws: int) -> dict[str, Any]:
    """The ``value`` of a score over clips, and the 95% ``interval`` where whole clips are drawn again."""

    def of(numbers: Sequence[int]) -> float | None:
        return score([one for number in numbers for one in clips[number]])

    return {"value": of(range(len(clips))), "interval": bootstrap(of, len(clips), seed=seed, draws=draws)}


def share(score: Score, parts: Parts, arm: str, other: str, *, seed: int, draws: int) -> dict[str, Any] | None:
    """`drawn` of one arm's score over another arm's of the same drives; None unless there are both arms.

    >>> share(sum, {"rollout": [[1], [2]], "town": [[2], [4]]}, "rollout", "town", seed=0, draws=10)
    {'value': 0.5, 'interval': (0.5, 0.5)}
    """
    if arm not in parts or other not in parts:
        return None

    def of(numbers: Sequence[int]) -> float | None:
        one, two = (score([item for number in numbers for item in parts[name][number]]) for name in (arm, other))
        return None if one is None or not two else one / two

    count = len(parts[arm])
    return {"value": of(range(count)), "interval": bootstrap(of, count, seed=seed, draws=draws)}

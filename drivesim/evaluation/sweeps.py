"""Scores along a sweep: one measure at every value of a field, of the town and of the rollout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from drivesim.evaluation.looks import Look, Measure
from drivesim.metrics.detection import bootstrap
from drivesim.metrics.ranking import mean_corruption, relative_corruption, spearman
from scenarios.facts import FrameFacts

COMPARED = ("town", "rollout")

Frames = Sequence[tuple[Look, FrameFacts]]  # of a clip
Drawn = tuple[int, ...]  # drives by number, some of them perhaps several times


class Scores:
    """The scores of one measure along a sweep, of any of its drives.

    ``frames``: by arm, value and drive, a clip's frames. ``draws`` and ``seed``: of the bootstrap over drives.
    """

    def __init__(
        self, measure: Measure, frames: Mapping[str, Sequence[Sequence[Frames]]], *, draws: int, seed: int
    ) -> None:
        """Let every frame say what it says to the measure."""
        self._measure, self._draws, self._seed = measure, draws, seed
        self._told = frames["town"]  # the rollout's facts are the same
        self._said = {
            arm: [[_said(measure, clip) for clip in clips] for clips in values] for arm, values in frames.items()
        }
        self._scored = {arm: [[measure.gather(s) for s in clips] for clips in v] for arm, v in self._said.items()}
        self.score = cache(self._score)

    def _score(self, arm: str, values: tuple[int, ...], drives: Drawn) -> float | None:
        """The score of an arm over clips, by the numbers of values and of drives."""
        return self._measure.score([item for k in values for n in drives for item in self._scored[arm][k][n]])

    def over(self, values: Sequence[int]) -> dict[str, Any]:
        """Both arms over some values, and the ``share`` that the rollout reaches of the town's score.

        ``boxes``: true ones that count, for a measure of boxes.
        """
        some = tuple(values)
        cells = {}
        for arm in COMPARED:
            clips = [clip for k in some for clip in self._said[arm][k]]
            told = self._with_interval(partial(self.score, arm, some))
            cells[arm] = {**told, "clips": sum(map(bool, clips)), "frames": sum(map(len, clips))}
        share = self._with_interval(
            lambda drawn: _ratio(self.score("rollout", some, drawn), self.score("town", some, drawn))
        )
        boxes = None
        if self._measure.kind is not None:  # then each frame says scores, hits and the number of true boxes
            boxes = sum(said[2] for k in some for clip in self._said["town"][k] for said in clip)
        return {**cells, "share": share, "boxes": boxes}

    def order(self) -> dict[str, Any]:
        """Spearman's correlation of the rollout's scores by value with the town's, over values ``known`` of both."""
        everyone = tuple(range(len(self._told[0])))
        known = _known(*(self._by_value(arm, everyone) for arm in COMPARED))
        told = self._with_interval(lambda drawn: _order(*(self._by_value(arm, drawn) for arm in COMPARED)))
        return {**told, "known": len(known)}

    def corruption(self, clean: int) -> dict[str, dict[str, Any]]:
        """By arm, the mean over all values but ``clean``, mPC, and its share of the clean score, rPC: see `ranking`."""
        return {arm: self._corruption(arm, clean) for arm in COMPARED}

    def _corruption(self, arm: str, clean: int) -> dict[str, Any]:
        return {
            "mPC": self._with_interval(lambda drawn: _corruption(self._by_value(arm, drawn), clean)[0]),
            "rPC": self._with_interval(lambda drawn: _corruption(self._by_value(arm, drawn), clean)[1]),
        }

    def _by_value(self, arm: str, drives: Drawn) -> list[float | None]:
        return [self.score(arm, (k,), drives) for k in range(len(self._told))]

    def _with_interval(self, statistic: Callable[[Drawn], float | None]) -> dict[str, Any]:
        """A statistic of drives: ``value`` of all of them, 95% ``interval`` where whole drives are drawn again."""
        count = len(self._told[0])

        def drawn(drives: Sequence[int]) -> float | None:
            return statistic(tuple(sorted(drives)))  # sorted: few sets of drives differ, and each is scored once

        interval = bootstrap(drawn, count, seed=self._seed, draws=self._draws)
        return {"value": drawn(range(count)), "interval": interval}


def _said(measure: Measure, clip: Frames) -> list[Any]:
    return [said for look, facts in clip if (said := measure.see(look, facts)) is not None]


def _ratio(value: float | None, other: float | None) -> float | None:
    return None if value is None or not other else value / other


def _known(values: Sequence[float | None], others: Sequence[float | None]) -> list[tuple[float, float]]:
    return [(one, two) for one, two in zip(values, others, strict=True) if one is not None and two is not None]


def _order(values: Sequence[float | None], others: Sequence[float | None]) -> float | None:
    known = _known(values, others)
    return spearman([one for one, _ in known], [two for _, two in known])


def _corruption(values: Sequence[float | None], clean: int) -> tuple[float | None, float | None]:
    """The mPC and rPC of scores by value; None where a score is unknown."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None, None
    others = {str(k): [value] for k, value in enumerate(known) if k != clean}
    return mean_corruption(others), relative_corruption(others, known[clean])

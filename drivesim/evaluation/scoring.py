"""Scoring: what was seen, judged against what is true, as rows of scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.watching import SeenClip, SeenFrame
from drivesim.metrics.detection import ScoredFrame, average_precision, bootstrap, coco_scores
from drivesim.perception import Detections
from drivesim.perception.matching import FALSE, HIT, IGNORED, Match, Truth, match, truth_of


@dataclass(frozen=True, eq=False)
class Judged:
    """One group or category in one labelled frame: truth, all detections, and their matching.

    ``height``: of the image, px. ``scenario``: of the clip. ``iou``: of the matching.
    ``aside`` bool (n,) and ``outside`` bool (m,): the true boxes and the detections of another slice of boxes.
    """

    seen: SeenFrame
    height: int
    scenario: str
    iou: float
    truth: Truth
    found: Detections
    match: Match
    aside: np.ndarray
    outside: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Which true boxes count (bool (n,))."""
        return ~self.truth.ignored & ~self.aside

    @cached_property
    def hit_at(self) -> np.ndarray:
        """The score (n,) of the detection that hits each true box, NaN where none does.

        Matching goes by falling score, so leaving out low scores changes nothing for the higher ones: at any score a
        box is found if it is hit at that score or a higher one.
        """
        scores = np.full(len(self.truth.boxes), np.nan)
        hits = self.match.partner >= 0
        scores[self.match.partner[hits]] = self.found.scores[hits]
        return scores

    def hits_from(self, score: float) -> int:
        """How many of the boxes that count the detections of at least ``score`` hit."""
        return int((self.counts & (self.hit_at >= score)).sum())

    def false_from(self, score: float) -> int:
        """The number of false detections of at least ``score``."""
        false = np.array(self.match.outcomes, dtype=object) == FALSE
        return int((false & ~self.outside & (self.found.scores >= score)).sum())

    @property
    def outcomes(self) -> np.ndarray:
        """HIT, FALSE or IGNORED per detection (m,), matched anew where some boxes stand aside, as COCO does it."""
        own = match(self.found, self.truth, self.iou, aside=self.aside) if self.aside.any() else self.match
        outcomes = np.array(own.outcomes, dtype=object)
        outcomes[(outcomes == FALSE) & self.outside] = IGNORED
        return outcomes

    def scored(self) -> ScoredFrame:
        """The same for COCO's own evaluation."""
        return ScoredFrame(
            self.truth.boxes, self.truth.ignored, self.found.boxes, self.found.scores, self.aside, self.outside
        )


PRECISE = ("AP50_interval", "false_per_frame")  # what counts false detections, beside COCO's average precisions
Clips = Sequence[Sequence[Judged]]  # the judged frames of each clip


def judge(seen: SeenClip, kind: str, protocol: Protocol) -> list[Judged]:
    """The labelled frames of a clip, judged for one group or category; frames without labels are left out."""
    rows = []
    for frame in seen.frames:
        if frame.facts.objects is None:
            continue
        truth = truth_of(frame.facts.objects, kind, seen.height, protocol.visible)
        found = found_of(frame, kind, protocol)
        nothing, nowhere = np.zeros(len(truth.boxes), bool), np.zeros(len(found), bool)
        matched = match(found, truth, protocol.iou)
        rows.append(Judged(frame, seen.height, seen.scenario, protocol.iou, truth, found, matched, nothing, nowhere))
    return rows


def found_of(frame: SeenFrame, kind: str, protocol: Protocol) -> Detections:
    """The detections of a group or category in a frame that count, by falling score."""
    return frame.found.select(rows_of(frame, kind, protocol))


def rows_of(frame: SeenFrame, kind: str, protocol: Protocol) -> np.ndarray:
    """Which rows of a frame's detections `found_of` takes."""
    rows = np.flatnonzero(frame.found.are(kind))
    return rows[np.argsort(-frame.found.scores[rows], kind="stable")[: protocol.most]]


def score_row(clips: Clips, protocol: Protocol, *, precise: bool = True) -> dict[str, Any]:
    """One row of a table, over the given judged clips. Scores are None where no true box counts.

    ``recall``: share of true boxes found, ``false_per_frame``: detections of nothing, both at the protocol's score.
    ``AP50_interval``: the 95% bootstrap interval over clips, None for a single clip. ``precise``: whether false
    detections mean something here; if not, all that counts them is None.
    """
    clips = [rows for rows in clips if rows]
    rows = [row for clip in clips for row in clip]
    boxes = sum(int(row.counts.sum()) for row in rows)
    scores = coco_scores([row.scored() for row in rows])
    known = {"clips": len(clips), "frames": len(rows), "boxes": boxes}
    recall = sum(row.hits_from(protocol.score) for row in rows) / boxes if boxes else None
    if not precise:
        return {**known, **dict.fromkeys((*scores, *PRECISE)), "AR": scores["AR"], "recall": recall}
    return {
        **known,
        **scores,
        "AP50_interval": interval([evidence(clip) for clip in clips], protocol),
        "recall": recall,
        "false_per_frame": sum(row.false_from(protocol.score) for row in rows) / len(rows) if rows else None,
    }


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the curve of precision against recall is made of.

    ``scores`` (m,) and ``hits`` bool (m,) of the detections that count, ``count`` of the true boxes that do.
    """

    scores: np.ndarray
    hits: np.ndarray
    count: int


def evidence(rows: Sequence[Judged]) -> Evidence:
    """The evidence of some judged frames."""
    outcomes = np.array([outcome for row in rows for outcome in row.outcomes], dtype=object)
    scores = np.array([score for row in rows for score in row.found.scores], float)
    counting = outcomes != IGNORED
    return Evidence(scores[counting], outcomes[counting] == HIT, sum(int(row.counts.sum()) for row in rows))


def joined(parts: Sequence[Evidence]) -> Evidence:
    """The evidence of all parts together."""
    scores, hits = (np.concatenate([getattr(part, name) for part in parts]) for name in ("scores", "hits"))
    return Evidence(scores, hits, sum(part.count for part in parts))


def interval(parts: Sequence[Evidence], protocol: Protocol) -> tuple[float, float] | None:
    """The 95% bootstrap interval of average precision over clips; ``parts``: the evidence of each."""
    return bootstrap(precision_of_draws(parts), len(parts), seed=protocol.seed, draws=protocol.draws)


def precision_of_draws(parts: Sequence[Evidence]) -> Callable[[Sequence[int]], float | None]:
    """A function from the numbers of clips drawn, with repeats, to their average precision.

    Detections are put in order once; a draw only changes how many times each counts, which is ten times faster.
    """
    whole, counts = joined(parts), np.array([part.count for part in parts])
    clip = np.repeat(np.arange(len(parts)), [len(part.scores) for part in parts])
    order = np.argsort(-whole.scores, kind="stable")
    scores, hits, clip = whole.scores[order], whole.hits[order], clip[order]

    def statistic(drawn: Sequence[int]) -> float | None:
        times = np.bincount(np.asarray(drawn, int), minlength=len(parts))
        return average_precision(scores, hits, int(times @ counts), times[clip])

    return statistic


def count_errors(seen: Sequence[SeenClip], protocol: Protocol) -> dict[str, dict[str, float]] | None:
    """Crowdedness as it is and as it is seen: mean counts a frame, and the mean absolute error; None without labels.

    True: the boxes that count. Seen: detections of at least the protocol's score, but for those on boxes that do not
    count, since a detector cannot know that a car it finds is hidden by more than half.
    """
    result = {}
    for name, group in (("vehicles", "vehicle"), ("people", "person")):
        rows = [row for clip in seen for row in judge(clip, group, protocol)]
        if not rows:
            return None
        true = np.array([row.counts.sum() for row in rows])
        found = np.array([row.hits_from(protocol.score) + row.false_from(protocol.score) for row in rows])
        result[name] = {
            "true": float(true.mean()),
            "seen": float(found.mean()),
            "error": float(np.abs(true - found).mean()),
        }
    return result

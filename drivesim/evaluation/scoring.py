"""Scoring: what was seen, judged against what is true, in rows by slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.watching import SeenClip, SeenFrame
from drivesim.metrics.detection import (
    ScoredFrame,
    average_precision,
    bootstrap,
    coco_scores,
    precision_recall,
    recall_by_bins,
)
from drivesim.perception import Detections
from drivesim.perception.matching import FALSE, HIT, IGNORED, Match, Truth, match, truth_of
from scenarios.facts import ObjectFacts, time_of_day

UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Judged:
    """One group or category in one labelled frame: truth, all detections, and their matching. ``height``: image, px."""

    seen: SeenFrame
    height: int
    truth: Truth
    found: Detections
    match: Match

    def hit_from(self, score: float) -> np.ndarray:
        """Which true boxes (bool (n,)) the detections of at least ``score`` hit.

        Matching goes by falling score, so leaving out low scores changes nothing for the higher ones.
        """
        hit = np.zeros(len(self.truth.boxes), bool)
        partner = self.match.partner[self.found.scores >= score]
        hit[partner[partner >= 0]] = True
        return hit

    def false_from(self, score: float) -> int:
        """The number of false detections of at least ``score``."""
        pairs = zip(self.match.outcomes, self.found.scores, strict=True)
        return sum(1 for outcome, value in pairs if outcome == FALSE and value >= score)


Clips = Sequence[Sequence[Judged]]  # the judged frames of each clip


def judge(seen: SeenClip, kind: str, protocol: Protocol) -> list[Judged]:
    """The labelled frames of a clip, judged for one group or category; frames without labels are left out."""
    rows, height = [], seen.clip.height
    for frame in seen.frames:
        if frame.facts.objects is None:
            continue
        truth = truth_of(frame.facts.objects, kind, height, protocol.visible)
        found = frame.found.of(kind)
        rows.append(Judged(frame, height, truth, found, match(found, truth, protocol.iou)))
    return rows


def score_kind(seen: Sequence[SeenClip], kind: str, protocol: Protocol) -> dict[str, Any]:
    """All scores of one group or category: in total, by slice, by height (share of the image's) and distance (m)."""
    clips = [judge(clip, kind, protocol) for clip in seen]
    scenarios = [scenario_of(clip) for clip in seen]
    daytimes = dict.fromkeys(_daytime(row) for rows in clips for row in rows)
    return {
        "total": score_row(clips, protocol),
        "scenario": {
            name: score_row([rows for rows, other in zip(clips, scenarios, strict=True) if other == name], protocol)
            for name in dict.fromkeys(scenarios)
        },
        "time_of_day": {
            name: score_row([[row for row in rows if _daytime(row) == name] for rows in clips], protocol)
            for name in daytimes
        },
        "recall_by_height": _recall(clips, protocol, protocol.heights, _relative_height),
        "recall_by_depth": _recall(clips, protocol, protocol.depths, lambda thing, image_height: thing.depth),
        "precision": precision_recall(*_evidence(clips)).round(4).tolist(),
    }


def score_row(clips: Clips, protocol: Protocol) -> dict[str, Any]:
    """One row of a table, over the given judged clips. Scores are None where no true box counts.

    ``recall``: share of true boxes found, ``false_per_frame``: detections of nothing, both at the protocol's score.
    ``AP50_interval``: the 95% bootstrap interval over clips, None for a single clip.
    """
    clips = [rows for rows in clips if rows]
    rows = [row for clip in clips for row in clip]
    boxes = int(sum((~row.truth.ignored).sum() for row in rows))
    frames = [ScoredFrame(row.truth.boxes, row.truth.ignored, row.found.boxes, row.found.scores) for row in rows]
    evidence = [_evidence([clip]) for clip in clips]
    interval = bootstrap(
        lambda drawn: average_precision(*_joined([evidence[number] for number in drawn])),
        len(clips),
        seed=protocol.seed,
        draws=protocol.draws,
    )
    return {
        "clips": len(clips),
        "frames": len(rows),
        "boxes": boxes,
        **coco_scores(frames),
        "AP50_interval": interval,
        "recall": sum(int(row.hit_from(protocol.score).sum()) for row in rows) / boxes if boxes else None,
        "false_per_frame": sum(row.false_from(protocol.score) for row in rows) / len(rows) if rows else None,
    }


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
        true = np.array([(~row.truth.ignored).sum() for row in rows])
        found = np.array([row.hit_from(protocol.score).sum() + row.false_from(protocol.score) for row in rows])
        result[name] = {
            "true": float(true.mean()),
            "seen": float(found.mean()),
            "error": float(np.abs(true - found).mean()),
        }
    return result


def scenario_of(seen: SeenClip) -> str:
    """The name of the scenario a clip was made from, or the clip's own where there is none."""
    return (seen.clip.provenance.get("scenario") or {}).get("name", seen.clip.name)


Evidence = tuple[np.ndarray, np.ndarray, int]  # scores and hits of the detections that count, number of true boxes


def _evidence(clips: Clips) -> Evidence:
    """What the curve of precision against recall is made of."""
    rows = [row for clip in clips for row in clip]
    scores = np.array([score for row in rows for score in row.found.scores], float)
    outcomes = np.array([outcome for row in rows for outcome in row.match.outcomes], dtype=object)
    counting = outcomes != IGNORED
    return scores[counting], outcomes[counting] == HIT, int(sum((~row.truth.ignored).sum() for row in rows))


def _joined(parts: Sequence[Evidence]) -> Evidence:
    scores, hits, counts = zip(*parts, strict=True)
    return np.concatenate(scores), np.concatenate(hits), sum(counts)


def _recall(
    clips: Clips,
    protocol: Protocol,
    edges: Sequence[float],
    value: Callable[[ObjectFacts, int], float | None],
) -> list[dict[str, float | None]]:
    """Recall at the protocol's score by bins of a value of the object; objects whose value is unknown are left out."""
    pairs = [
        (value(thing, row.height), hit)
        for clip in clips
        for row in clip
        for thing, hit, ignored in zip(row.truth.objects, row.hit_from(protocol.score), row.truth.ignored, strict=True)
        if not ignored
    ]
    known = [(number, bool(hit)) for number, hit in pairs if number is not None]
    return recall_by_bins([number for number, _ in known], [hit for _, hit in known], edges)


def _relative_height(thing: ObjectFacts, image_height: int) -> float:
    return (thing.box[3] - thing.box[1]) / image_height


def _daytime(row: Judged) -> str:
    daylight = row.seen.facts.daylight
    return UNKNOWN if daylight is None else time_of_day(daylight)

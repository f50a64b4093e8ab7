"""An oracle: a detector and a tracker that know the truth, spoiled by known amounts, and the scores worked out by hand.

The truth is thinned so that no box lies near another: then a shifted box can hit nothing but its own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from drivesim.clips import Clip
from drivesim.evaluation import defects
from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.sanity_rules import SanityProtocol
from drivesim.evaluation.sanity_video import Found
from drivesim.evaluation.scoring import judge, score_row
from drivesim.evaluation.watching import SeenClip, SeenFrame
from drivesim.metrics.detection import LEVELS
from drivesim.metrics.tracking import TrackedFrame, tracking_scores
from drivesim.overlay import draw
from drivesim.perception import Detections
from drivesim.perception.matching import overlaps
from scenarios.crowdedness import is_visible
from scenarios.facts import FrameFacts, ObjectFacts

RULE, KIND = Protocol(), "vehicle"
MEASURES = {
    "dropped_recall": "recall",
    "dropped_precision": "AP50",
    "shifted_above": "recall",
    "shifted_below": "recall",
    "false_precision": "AP50",
    "false_count": "false_per_frame",
    "false_unsure": "AP50",
    "switched_count": "switches",
    "switched_identity": "IDF1",
}
"""The checks of the oracle -> the key of the score that is looked at."""

Drives = Sequence[Sequence[FrameFacts]]
Detected = Sequence[Sequence[Detections]]  # by clip and frame


def apart(facts: FrameFacts, height: int) -> FrameFacts:
    """The facts with those vehicles only that are seen in a picture ``height`` px high and lie a width apart."""
    kept: list[ObjectFacts] = []
    for thing in facts.objects or ():
        if thing.group == KIND and is_visible(thing, height, RULE.visible):
            wide = _widened([thing, *kept])
            if not overlaps(wide[:1], wide[1:]).any():
                kept.append(thing)
    return dataclasses.replace(facts, objects=tuple(kept))


def _widened(things: Sequence[ObjectFacts]) -> np.ndarray:
    """Boxes (n 4) of twice the width, to the right, where they are shifted to."""
    boxes = np.array([thing.box for thing in things], float).reshape(-1, 4)
    boxes[:, 2] += boxes[:, 2] - boxes[:, 0]
    return boxes


def perfect(drives: Drives, score: float) -> Detected:
    """Detections of exactly the true boxes, each of a ``score``."""
    return [[_perfect(row.objects or (), score) for row in facts] for facts in drives]


def _perfect(things: Sequence[ObjectFacts], score: float) -> Detections:
    boxes = np.array([thing.box for thing in things], float).reshape(-1, 4)
    return Detections(boxes, np.full(len(things), score), tuple(thing.category for thing in things))


class Oracle:
    """The numbers of a perfect detector and tracker, and of spoiled ones, on drives whose facts are `apart`."""

    def __init__(self, drives: Drives, height: int, rules: SanityProtocol) -> None:
        """Thin the facts; ``height`` of the pictures, px."""
        self.drives = [[apart(row, height) for row in facts] for facts in drives]
        self.height, self.rules = height, rules
        self.clean = perfect(self.drives, rules.sure)
        self.tracks = [[_tracked(row) for row in facts] for facts in self.drives]
        self.switched = [defects.switched(clip) for clip in self.tracks]
        self.boxes = sum(len(frame) for clip in self.clean for frame in clip)
        self.frames = sum(map(len, self.clean))
        self.lengths = [count for facts in self.drives for count in _lengths(facts)]

    def spoiled(self, name: str) -> Detected:
        """What the oracle finds with the defect of a check."""
        rules = self.rules
        if name.startswith("dropped"):
            cuts = np.cumsum([0, *map(len, self.clean)])
            flat = defects.every_nth_dropped([frame for clip in self.clean for frame in clip], nth=rules.nth)
            return [flat[start:end] for start, end in pairwise(cuts)]
        if name.startswith("shifted"):
            share = rules.near if name == "shifted_above" else rules.far
            return [[defects.shifted(frame, share=share) for frame in clip] for clip in self.clean]
        score = rules.unsure if name == "false_unsure" else rules.surer
        return [[defects.with_false(frame, count=rules.false, score=score) for frame in clip] for clip in self.clean]

    def by_hand(self, name: str) -> tuple[float, float]:
        """What a check must give on the perfect and on the spoiled detections."""
        boxes, false = self.boxes, self.rules.false * self.frames
        left = boxes - boxes // self.rules.nth
        return {
            "dropped_recall": (1.0, left / boxes),
            "dropped_precision": (1.0, (math.floor(100 * left / boxes + 1e-9) + 1) / len(LEVELS)),
            "shifted_above": (1.0, 1.0),
            "shifted_below": (1.0, 0.0),
            "false_precision": (1.0, boxes / (boxes + false)),
            "false_count": (0.0, float(self.rules.false)),
            "false_unsure": (1.0, 1.0),
            "switched_count": (0.0, float(sum(count > 1 for count in self.lengths))),
            "switched_identity": (1.0, sum(math.ceil(count / 2) for count in self.lengths) / boxes),
        }[name]

    def run(self, name: str) -> tuple[Found, Found]:
        """What the benchmark says in a check of the perfect and of the spoiled."""
        if name.startswith("switched"):
            values = [tracking_scores(tracks)[MEASURES[name]] for tracks in (self.tracks, self.switched)]
        else:
            values = [self._score(name, found) for found in (self.clean, self.spoiled(name))]
        found = [Found(value, None, len(self.drives), self.frames) for value in values]
        return found[0], found[1]

    def _score(self, name: str, found: Detected) -> float | None:
        clips = [judge(self._seen(number, clip), KIND, RULE) for number, clip in enumerate(found)]
        return score_row(clips, RULE)[MEASURES[name]]

    def shown(self, name: str, clips: Sequence[Clip]) -> tuple[np.ndarray, np.ndarray]:
        """The frame of the most boxes, with the perfect ones drawn in and with the spoiled ones."""
        counts = {(c, k): len(frame) for c, clip in enumerate(self.clean) for k, frame in enumerate(clip)}
        number, k = max(counts, key=lambda place: counts[place])
        if name.startswith("switched"):
            k = len(clips[number]) - 1
            things = self.drives[number][k].objects or ()
            ids = self.switched[number][k].found.tolist()
            renamed = tuple(dataclasses.replace(t, track_id=i) for t, i in zip(things, ids, strict=True))
            both = (things, renamed)
        else:
            both = (self.clean[number][k].objects(), self.spoiled(name)[number][k].objects())
        (frame,) = clips[number].read([k])
        drawn = [draw(frame, FrameFacts(k, 0.0, objects=things), strip=False) for things in both]
        return drawn[0], drawn[1]

    def _seen(self, number: int, clip: Sequence[Detections]) -> SeenClip:
        frames = [SeenFrame(facts.index, facts, found) for facts, found in zip(self.drives[number], clip, strict=True)]
        return SeenClip(str(number), str(number), self.height, tuple(frames))


def _tracked(facts: FrameFacts) -> TrackedFrame:
    things = facts.objects or ()
    boxes, ids = np.array([t.box for t in things], float).reshape(-1, 4), np.array([t.track_id for t in things], int)
    return TrackedFrame(ids, ids, overlaps(boxes, boxes))


def _lengths(facts: Sequence[FrameFacts]) -> list[int]:
    """In how many frames each track is."""
    counts: dict[int, int] = {}
    for row in facts:
        for thing in row.objects or ():
            counts[thing.track_id] = counts.get(thing.track_id, 0) + 1
    return list(counts.values())

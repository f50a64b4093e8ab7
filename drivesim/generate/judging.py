"""How well detectors find the boxes that a rollout was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivesim.clips import Clip
from drivesim.clips.agreement import Agreement, Judge
from drivesim.perception import Detections, Detector
from drivesim.perception.matching import match, overlaps, truth_of
from scenarios.facts import FrameFacts, categories

SCORE = 0.3  # from which on a detection counts, as in the detection benchmark
LEAST = 0.1  # IoU from which on a detection is taken for a box's own; the suite's threshold comes later


def agreement_of(clip: Clip, detectors: Sequence[Detector]) -> Agreement:
    """What each detector finds of the visible boxes of every frame: the IoU with its match of the same group.

    Things that are no road users are looked for by detectors that know their category (``categories``); a box that no
    detector could know is not looked for.
    """
    rows: dict[tuple[int, int], list[float]] = {}
    for facts, frame in zip(clip.facts, clip.frames(), strict=True):
        for number, detector in enumerate(detectors):
            (found,) = detector([frame])
            for track, overlap in _found(facts, found.above(SCORE), _kinds(detector), clip.height):
                rows.setdefault((facts.index, track), [0.0] * len(detectors))[number] = overlap
    judges = tuple(Judge(detector.name, detector.fingerprint) for detector in detectors)
    return Agreement(judges, {place: tuple(row) for place, row in rows.items()})


def _kinds(detector: Detector) -> list[str]:
    known: Sequence[str] = getattr(detector, "categories", ())
    return ["vehicle", "person", *(name for name in known if categories()[name].group == "other")]


def _found(facts: FrameFacts, found: Detections, kinds: Sequence[str], height: int) -> list[tuple[int, float]]:
    """(track id, IoU) of the visible boxes of a frame; ``height``: of the picture, px."""
    rows = []
    for kind in kinds:
        truth, seen = truth_of(facts.objects or (), kind, height), found.of(kind)
        partner = match(seen, truth, LEAST).partner
        shared = overlaps(seen.boxes, truth.boxes)
        for number in np.flatnonzero(~truth.ignored):
            hits = np.flatnonzero(partner == number)
            overlap = float(shared[hits[0], number]) if len(hits) else 0.0
            rows.append((truth.objects[number].track_id, overlap))
    return rows

"""How well detectors find the boxes that a rollout was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from drivesim.clips import Clip
from drivesim.clips.agreement import Agreement, Judge, write_agreement
from drivesim.clips.dataset import Dataset
from drivesim.errors import UserError
from drivesim.perception import Detections, Detector
from drivesim.perception.matching import Truth, match, overlaps, truth_of
from scenarios.facts import FrameFacts, categories

SCORE = 0.3  # from which on a detection counts, as in the detection benchmark
# COCO's own IoU first, so that what is found there is what COCO finds; then what is left, for rules that ask for less.
LEVELS = (0.5, 0.1)


def agree(clip: Clip, detectors: Sequence[Detector]) -> Agreement:
    """What each detector finds of the visible boxes of every frame: the IoU of the detection that matches, else 0.

    Matched within the groups vehicle and person, whatever the category. Other things are matched by category, by the
    detectors that know it (``categories``); those that no detector knows are not looked for.
    """
    judges = tuple(Judge(detector.name, detector.fingerprint) for detector in detectors)
    rows: dict[tuple[int, int], list[float]] = {}
    for facts, frame in zip(clip.facts, clip.frames(), strict=True):
        for number, detector in enumerate(detectors):
            (found,) = detector([frame])
            for kind in _kinds(detector):
                for track, overlap in _overlaps(found.above(SCORE).of(kind), facts, kind, clip.height):
                    rows.setdefault((facts.index, track), [0.0] * len(judges))[number] = overlap
    return Agreement(judges, {place: tuple(row) for place, row in rows.items()})


def judge_dataset(
    dataset: Dataset, detectors: Sequence[Detector], progress: Callable[[int, int], object] | None = None
) -> int:
    """Write the agreement of a dataset's rollouts where these very detectors have not judged yet; returns of how many.

    ``progress(done, total)`` counts rollouts. Raises `UserError` if there is none.
    """
    rows = [row for row in dataset.rows if row.source == "rollout"]
    if not rows:
        raise UserError(f"{dataset.path}: no rollout in it, expected some (the boxes of the town are exact)")
    judges = tuple(Judge(detector.name, detector.fingerprint) for detector in detectors)
    made = 0
    for done, row in enumerate(rows, start=1):
        known = dataset.agreement(row)
        if known is None or known.judges != judges:
            write_agreement(dataset.agreement_file(row), agree(dataset.clip(row), detectors))
            made += 1
        if progress is not None:
            progress(done, len(rows))
    return made


def _kinds(detector: Detector) -> list[str]:
    known: Sequence[str] = getattr(detector, "categories", ())
    return ["vehicle", "person", *(name for name in categories() if _group(name) == "other" and name in known)]


def _group(name: str) -> str:
    return categories()[name].group


def _overlaps(found: Detections, facts: FrameFacts, kind: str, height: int) -> list[tuple[int, float]]:
    """(track id, IoU) of the visible boxes of a kind in a frame ``height`` px high."""
    truth = truth_of(facts.objects or (), kind, height)
    wanted = np.flatnonzero(~truth.ignored)
    boxes = truth.boxes[wanted]
    shared = overlaps(found.boxes, boxes)
    best, free = np.zeros(len(boxes)), np.ones(len(found), bool)
    for level in LEVELS:
        rows, columns = np.flatnonzero(free), np.flatnonzero(best == 0)
        left = Truth(boxes[columns], np.zeros(len(columns), bool), ())
        partner = match(found.select(rows), left, level).partner
        hits, places = rows[partner >= 0], columns[partner[partner >= 0]]
        best[places], free[hits] = shared[hits, places], False
    return [(truth.objects[row].track_id, float(overlap)) for row, overlap in zip(wanted, best, strict=True)]

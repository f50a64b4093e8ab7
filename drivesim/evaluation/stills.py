"""Stills for the report: a frame with its true boxes and its detections, each with what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.scoring import judge, scenario_of
from drivesim.evaluation.watching import SeenClip
from drivesim.perception.matching import HIT, IGNORED
from drivesim.report import Still, StillBox
from scenarios.facts import time_of_day

MISSED, UNSCORED = "missed", "unscored"


def still(seen: SeenClip, number: int, protocol: Protocol, kinds: Sequence[str]) -> Still:
    """The kept frame ``number`` of a clip with its boxes of ``kinds``, the groups or categories that are scored.

    Detections in a frame without labels are marked unscored.
    """
    frame = next(frame for frame in seen.frames if frame.number == number)
    boxes: list[StillBox] = []
    for kind in kinds:
        row = next((row for row in judge(seen, kind, protocol) if row.seen is frame), None)
        if row is None:
            shown = frame.found.of(kind).above(protocol.score)
            boxes += [
                StillBox("found", tuple(box), name, UNSCORED, score)
                for box, name, score in zip(shown.boxes, shown.categories, shown.scores, strict=True)
            ]
            continue
        for thing, hit, ignored in zip(row.truth.objects, row.hit_from(protocol.score), row.truth.ignored, strict=True):
            if kind in (thing.group, thing.category):  # people's truth also has riders, to be ignored
                outcome = IGNORED if ignored else HIT if hit else MISSED
                boxes.append(StillBox("truth", thing.box, thing.category, outcome, None))
        for box, name, score, outcome in zip(
            row.found.boxes, row.found.categories, row.found.scores, row.match.outcomes, strict=True
        ):
            if score >= protocol.score:
                boxes.append(StillBox("found", tuple(box), name, outcome, float(score)))
    daylight = frame.facts.daylight
    return Still(
        picture=seen.stills[number],
        clip=seen.clip.name,
        scenario=scenario_of(seen),
        second=frame.facts.time,
        daytime=None if daylight is None else time_of_day(daylight),
        labelled=frame.facts.objects is not None,
        boxes=tuple(boxes),
    )

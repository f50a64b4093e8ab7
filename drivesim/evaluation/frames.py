"""frames.jsonl: a row for each watched frame with its conditions, its boxes and what became of them.

It holds all that the scores are made of, so that they can be taken again from it (`read_frames`), and it is what the
report's player shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.clips.facts_file import strict_json
from drivesim.errors import UserError
from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.scoring import Judged, found_of, judge, rows_of
from drivesim.evaluation.slices import conditions
from drivesim.evaluation.watching import SeenClip, SeenFrame
from drivesim.perception import Detections
from drivesim.perception.matching import HIT, IGNORED
from scenarios.crowdedness import crowdedness
from scenarios.facts import FrameFacts, ObjectFacts

MISSED, UNSCORED = "missed", "unscored"
Row = dict[str, Any]


def frame_rows(seen: SeenClip, kinds: Sequence[str], protocol: Protocol) -> Iterator[Row]:
    """The rows of a clip's watched frames, ready for JSON, with the boxes of ``kinds`` (groups or categories).

    ``truth`` (None where objects are unknown): ``hit_at`` is the score of the detection that hits the box, None if none
    does; ``outcome`` at the protocol's score is ``hit``, ``missed`` or ``ignored``. ``found``: ``outcome`` is ``hit``,
    ``false``, ``ignored``, or ``unscored`` where objects are unknown. Boxes in px of the clip's frames. ``scores``: per
    kind the true boxes that count, how many of them are hit, and the false detections, at the protocol's score. Where
    detections were tracked, each has its ``track``: the id, None for none.
    """
    judged = {kind: {row.seen.number: row for row in judge(seen, kind, protocol)} for kind in kinds}
    for frame in seen.frames:
        facts, known = frame.facts, frame.facts.objects is not None
        rows = {kind: judged[kind][frame.number] for kind in kinds} if known else {}
        crowd = None if facts.objects is None else crowdedness(facts.objects, seen.height)
        yield {
            "clip": seen.id,
            "frame": frame.number,
            "time": facts.time,
            "scenario": seen.scenario,
            "daylight": facts.daylight,
            **conditions(facts, seen.height, protocol),
            "vehicles": crowd and crowd.vehicles,
            "people": crowd and crowd.people,
            "ego_speed": facts.ego and facts.ego.speed,
            "scores": {kind: _scores(row, protocol) for kind, row in rows.items()},
            "truth": [box for kind, row in rows.items() for box in _truth(row, kind, protocol)] if known else None,
            "found": [box for kind in kinds for box in _found(frame, kind, rows.get(kind), protocol)],
        }


def _scores(row: Judged, protocol: Protocol) -> dict[str, int]:
    return {
        "boxes": int(row.counts.sum()),
        "hits": row.hits_from(protocol.score),
        "false": row.false_from(protocol.score),
    }


def _truth(row: Judged, kind: str, protocol: Protocol) -> Iterator[Row]:
    for thing, ignored, score in zip(row.truth.objects, row.truth.ignored, row.hit_at, strict=True):
        if kind not in (thing.group, thing.category):  # people's truth also has riders, to be ignored
            continue
        yield {
            "kind": kind,
            "category": thing.category,
            "track": thing.track_id,
            "box": list(thing.box),
            "occlusion": thing.occlusion,
            "truncation": thing.truncation,
            "depth": thing.depth,
            "hit_at": None if math.isnan(score) else float(score),
            "outcome": IGNORED if ignored else HIT if score >= protocol.score else MISSED,
        }


def _found(frame: SeenFrame, kind: str, row: Judged | None, protocol: Protocol) -> Iterator[Row]:
    found, places = found_of(frame, kind, protocol), rows_of(frame, kind, protocol)
    outcomes = (UNSCORED,) * len(found) if row is None else row.match.outcomes
    for place, box, score, name, outcome in zip(
        places, found.boxes, found.scores, found.categories, outcomes, strict=True
    ):
        track = {} if frame.ids is None else {"track": int(frame.ids[place]) if frame.ids[place] >= 0 else None}
        yield {"kind": kind, "category": name, **track, "box": box.tolist(), "score": float(score), "outcome": outcome}


def frames_text(rows: Sequence[Row]) -> str:
    """The text of a file of rows, one a line; no NaN (raises ``ValueError`` on one)."""
    return "".join(json.dumps(row, separators=(",", ":"), allow_nan=False) + "\n" for row in rows)


def read_frames(path: Path, heights: Mapping[str, int]) -> list[SeenClip]:
    """The clips of a file as they were seen, as far as scores need it; ``heights``: px of each clip, by its id.

    Raises `UserError` with file and line on anything that is no such row.
    """
    frames: dict[str, list[SeenFrame]] = {name: [] for name in heights}
    scenarios = dict.fromkeys(heights, "")
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}, expected the frames of a benchmark") from error
    for number, line in enumerate(lines, start=1):
        try:
            row = strict_json(line)
            frames[row["clip"]].append(_frame(row))
            scenarios[row["clip"]] = row["scenario"]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}:{number}: no row of a scored frame ({error})") from error
    return [SeenClip(name, scenarios[name], heights[name], tuple(rows)) for name, rows in frames.items()]


def _frame(row: Row) -> SeenFrame:
    weather = None if row["weather"] == "unknown" else row["weather"]
    objects = None if row["truth"] is None else tuple(_object(box) for box in row["truth"])
    facts = FrameFacts(row["frame"], row["time"], daylight=row["daylight"], weather=weather, objects=objects)
    boxes, scores = (np.array([box[key] for box in row["found"]], float) for key in ("box", "score"))
    found = Detections(boxes, scores, tuple(box["category"] for box in row["found"]))
    tracks = [box.get("track") for box in row["found"]]  # of a run without a tracker none has one
    ids = np.array([-1 if track is None else track for track in tracks], int)
    return SeenFrame(row["frame"], facts, found, ids)


def _object(row: Row) -> ObjectFacts:
    x1, y1, x2, y2 = row["box"]
    return ObjectFacts(
        row["track"], row["category"], (x1, y1, x2, y2),
        occlusion=row["occlusion"], truncation=row["truncation"], depth=row["depth"],
    )  # fmt: skip

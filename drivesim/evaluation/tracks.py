"""The tracking protocol: how well a tracker keeps the road users of a clip apart, from what the detector found.

The tracker sees every watched frame of a clip, in order, and nothing of what is true; frames whose objects are unknown
are not scored. A true box that does not count for detection (small, hidden, cut off) does not count here either.

Slices are sets of frames, as those of detection are: the tracker has followed the whole clip, and scores are taken of
its frames that lie in the slice, as if each clip were these. Whoever is another id by night than by day is no switch of
either. Slices of boxes make no sense, since a road user goes through many sizes and distances.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from drivesim.clips import Clip
from drivesim.errors import UserError
from drivesim.evaluation.protocol import Protocol, rules_hash
from drivesim.evaluation.scoring import rows_of
from drivesim.evaluation.slices import conditions, in_order
from drivesim.evaluation.watching import SeenClip, SeenFrame
from drivesim.metrics.detection import bootstrap
from drivesim.metrics.tracking import (
    OVERLAP,
    TrackedFrame,
    counted,
    left_out,
    scores_of,
    scores_of_draws,
)  # fmt: skip
from drivesim.perception import NamedTracker
from drivesim.perception.matching import overlaps, truth_of

NAME = "drivesim.tracking/1"
SLICES = ("time_of_day", "weather", "scenario")
INTERVALS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1")  # the scores that get one
Clips = Sequence[Sequence[TrackedFrame]]


def tracking_rules(protocol: Protocol, tracker: NamedTracker, clips: Sequence[Clip]) -> dict[str, Any]:
    """The rules of the tracking scores, ready for JSON.

    ``every`` and ``rates``: which frames were tracked, and how many a second they are, each rate of the clips once: a
    tracker that sees fewer frames is another one. ``overlap``: lowest IoU for MOTA and IDF1. ``tracker``: its
    ``sha256`` covers name, parameters and weights. The others are those of detection.
    """
    return {
        "name": NAME,
        "every": protocol.every,
        "rates": sorted({float(_rate(clip, protocol)) for clip in clips}),
        "tracker": {"name": tracker.name, "parameters": dict(tracker.parameters), "sha256": tracker.fingerprint},
        "by": protocol.by,
        "visible": dataclasses.asdict(protocol.visible),
        "most": protocol.most,
        "overlap": OVERLAP,
        "draws": protocol.draws,
        "seed": protocol.seed,
    }


def check_tracks(clip: Clip, kinds: Sequence[str], protocol: Protocol) -> None:
    """Raise `UserError` unless the true tracks of ``kinds`` are known, in two or more of the frames to be scored."""
    known = 0
    for number in range(0, len(clip), protocol.every):
        objects = clip.facts[number].objects
        if objects is None:
            continue
        known += 1
        ids = [thing.track_id for thing in objects if thing.group in kinds or thing.category in kinds]
        where = f"clip {clip.name!r}, frame {number}"
        if any(track < 0 for track in ids):
            raise UserError(f'{where}: a box without a track id, expected one for each ("track" in NAME_boxes.json)')
        if len(set(ids)) < len(ids):
            raise UserError(f"{where}: found the track ids {sorted(ids)}, expected each at most once")
    if known < 2:
        raise UserError(f"clip {clip.name!r}: {known} labelled frame to track in, expected two or more")


def follow(seen: SeenClip, tracker: NamedTracker, clip: Clip) -> SeenClip:
    """The watched frames with the track ids of what was found. Raises `UserError` if the tracker gives no such ids."""
    following, frames = tracker.make(), []
    for frame in seen.frames:
        answer = following.update(frame.found, float(frame.number / clip.rate))
        where = f"tracker {tracker.name!r}, clip {clip.name!r}, frame {frame.number}"
        frames.append(dataclasses.replace(frame, ids=_checked(np.asarray(answer), len(frame.found), where)))
    return dataclasses.replace(seen, frames=tuple(frames))


def _checked(ids: np.ndarray, count: int, where: str) -> np.ndarray:
    own = ids[ids >= 0]
    whole = not ids.size or np.issubdtype(ids.dtype, np.integer)
    if ids.shape != (count,) or not whole or len(np.unique(own)) < len(own):
        raise UserError(
            f"{where}: found the ids {ids.tolist()}, expected {count} whole numbers, each at most once (-1: no track)"
        )
    return ids.astype(int)


def score_tracking(
    seen: Sequence[SeenClip], clips: Sequence[Clip], kinds: Sequence[str], protocol: Protocol, tracker: NamedTracker
) -> dict[str, Any]:
    """All of the tracking benchmark, ready for JSON: rules, what it is by clip, and the scores by kind and slice.

    ``fps`` of a clip: the frames a second that the tracker saw.
    """
    rules = tracking_rules(protocol, tracker, clips)
    tables = {kind: [tracked_frames(clip, kind, protocol) for clip in seen] for kind in kinds}
    rows = [
        {
            "id": own.id,
            "fps": float(_rate(clip, protocol)),
            "scored_frames": len(scored(own)),
            "scores": {kind: _row([tables[kind][number]]) for kind in kinds},
        }
        for number, (own, clip) in enumerate(zip(seen, clips, strict=True))
    ]
    scores = {kind: _score_kind(seen, tables[kind], protocol) for kind in kinds}
    return {"protocol": rules, "protocol_sha256": rules_hash(rules), "clips": rows, "scores": scores}


def scored(seen: SeenClip) -> list[SeenFrame]:
    """The frames whose objects are known."""
    return [frame for frame in seen.frames if frame.facts.objects is not None]


def tracked_frames(seen: SeenClip, kind: str, protocol: Protocol) -> list[TrackedFrame]:
    """The scored frames of a clip that was followed, for one group or category."""
    frames = []
    for frame in scored(seen):
        assert frame.facts.objects is not None
        assert frame.ids is not None, "only a clip that was followed has tracks"
        truth = truth_of(frame.facts.objects, kind, seen.height, protocol.visible)
        rows = rows_of(frame, kind, protocol)
        rows = rows[frame.ids[rows] >= 0]
        boxes = frame.found.boxes[rows]
        ids = np.array([thing.track_id for thing in truth.objects], int)
        whole = TrackedFrame(ids, frame.ids[rows], overlaps(truth.boxes, boxes))
        cover = overlaps(boxes, truth.boxes, of_first=True).T
        frames.append(left_out(whole, ignored=truth.ignored, cover=cover))
    return frames


def _score_kind(seen: Sequence[SeenClip], tables: Clips, protocol: Protocol) -> dict[str, Any]:
    """The rows of one kind: in total and by slice; ``tables``: its `tracked_frames` of each clip."""
    slices: dict[str, list[dict[str, Any]]] = {}
    for by in SLICES:
        values = [[_condition(clip, frame, by, protocol) for frame in scored(clip)] for clip in seen]
        slices[by] = [
            {
                "value": value,
                **_row_with_intervals(
                    [
                        [frame for frame, own in zip(*pair, strict=True) if own == value]
                        for pair in zip(tables, values, strict=True)
                    ],
                    protocol,
                ),
            }
            for value in in_order({value for clip in values for value in clip}, by, protocol)
        ]
    return {"total": _row_with_intervals(tables, protocol), "slices": slices}


def _condition(seen: SeenClip, frame: SeenFrame, by: str, protocol: Protocol) -> str:
    return seen.scenario if by == "scenario" else conditions(frame.facts, seen.height, protocol)[by]


def _row(clips: Clips) -> dict[str, Any]:
    """Scores of some clips and what they are of. ``tracks``: true ones with a box that counts; ``found_tracks``."""
    tracks, found = (
        sum(len({track for frame in clip for track in getattr(frame, name).tolist()}) for clip in clips)
        for name in ("truth", "found")
    )
    scores = scores_of([counted(clip) for clip in clips])
    return {"frames": sum(map(len, clips)), "tracks": tracks, "found_tracks": found, **scores}


def _row_with_intervals(clips: Clips, protocol: Protocol) -> dict[str, Any]:
    """``intervals``: by score the 95% bootstrap interval over clips, None for a single clip."""
    clips = [clip for clip in clips if clip]
    scores = scores_of_draws([counted(clip) for clip in clips])

    def interval(score: str) -> tuple[float, float] | None:
        return bootstrap(lambda drawn: scores(drawn)[score], len(clips), seed=protocol.seed, draws=protocol.draws)

    intervals = {score: interval(score) for score in INTERVALS}
    return {"clips": len(clips), **_row(clips), "intervals": intervals}


def _rate(clip: Clip, protocol: Protocol) -> Fraction:
    return clip.rate / protocol.every

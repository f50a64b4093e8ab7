"""Slices: the scores of a group or category by what a frame is like, and by what a box is like.

A slice of frames (time of day, weather, crowdedness, scenario) is a set of frames, scored as the whole is. A slice of
boxes (size, distance, occlusion) is scored in all frames: boxes outside of it are neither found nor missed there, as
COCO does it with its area ranges. A detection has a size, so false detections have a slice of sizes and average
precision exists there; it has no distance and no occlusion, so there recall is all that can be said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivesim.evaluation.protocol import Protocol, Range
from drivesim.evaluation.scoring import Clips, Judged, evidence, joined, judge, score_row
from drivesim.evaluation.watching import SeenClip
from drivesim.metrics.detection import precision_recall
from scenarios.crowdedness import crowdedness, crowdedness_class
from scenarios.facts import TIMES_OF_DAY, WEATHERS, FrameFacts, ObjectFacts, time_of_day

UNKNOWN, EVERYTHING = "unknown", "all"
FRAME_SLICES = ("time_of_day", "weather", "crowdedness", "scenario")
BOX_SLICES = ("size", "distance", "occlusion")


@dataclass(frozen=True, eq=False)
class Slice:
    """Some frames, or some boxes of all frames, of one kind; ``clips`` has an entry for every clip, empty ones too.

    ``bounds``: of a slice of boxes. ``precise``: whether average precision means something here.
    """

    by: str
    value: str
    clips: Clips
    bounds: Range | None = None
    precise: bool = True

    def row(self, protocol: Protocol) -> dict[str, Any]:
        """Its scores. ``clips`` and ``frames`` of a slice of boxes are those with such a box in them."""
        row = score_row(self.clips, protocol, precise=self.precise)
        if self.by in BOX_SLICES:
            holding = [sum(bool(judged.counts.any()) for judged in clip) for clip in self.clips]
            low, high = self.bounds or (None, None)
            row |= {"clips": sum(map(bool, holding)), "frames": sum(holding), "low": low, "high": high}
        return {"value": self.value, **row}


def score_kind(seen: Sequence[SeenClip], kind: str, protocol: Protocol) -> dict[str, Any]:
    """All scores of one group or category: in total, by slice, and the curve of precision against recall."""
    clips = [judge(clip, kind, protocol) for clip in seen]
    rows: dict[str, list[dict[str, Any]]] = {by: [] for by in (*FRAME_SLICES, *BOX_SLICES)}
    for part in slices(clips, protocol):
        rows[part.by].append(part.row(protocol))
    whole = joined([evidence(clip) for clip in clips])
    return {
        "total": score_row(clips, protocol),
        "slices": rows,
        "precision": precision_recall(whole.scores, whole.hits, whole.count).round(4).tolist(),
    }


def slices(clips: Clips, protocol: Protocol) -> Iterator[Slice]:
    """Every slice of the judged frames of each clip: of frames those that occur, of boxes all that are asked for."""
    for by in FRAME_SLICES:
        named = [[(condition(row, by, protocol), row) for row in clip] for clip in clips]
        for value in in_order({name for clip in named for name, _ in clip}, by, protocol):
            yield Slice(by, value, [[row for name, row in clip if name == value] for clip in named])
    yield from _box_slices(clips, "size", protocol.sizes, lambda thing, row: (thing.box[3] - thing.box[1]) / row.height)
    yield from _box_slices(clips, "distance", protocol.distances, lambda thing, _: thing.depth)
    yield from _box_slices(clips, "occlusion", protocol.occlusions, lambda thing, _: thing.occlusion)


def condition(row: Judged, by: str, protocol: Protocol) -> str:
    """The value of a frame in a slice of frames."""
    if by == "scenario":
        return row.scenario
    return conditions(row.seen.facts, row.height, protocol)[by]


def conditions(facts: FrameFacts, height: int, protocol: Protocol) -> dict[str, str]:
    """Time of day, weather and class of crowdedness of a frame in an image ``height`` px high, or ``"unknown"``."""
    crowd = UNKNOWN
    if facts.objects is not None:
        crowd = crowdedness_class(crowdedness(facts.objects, height), protocol.crowdedness)
    return {
        "time_of_day": UNKNOWN if facts.daylight is None else time_of_day(facts.daylight),
        "weather": facts.weather or UNKNOWN,
        "crowdedness": crowd,
    }


def range_name(bounds: Range) -> str:
    """A range in words.

    >>> range_name((None, 10.0)), range_name((0.05, 0.1)), range_name((40.0, None))
    ('< 10', '0.05 to 0.1', '>= 40')
    """
    low, high = bounds
    if low is None:
        return EVERYTHING if high is None else f"< {high:g}"
    return f">= {low:g}" if high is None else f"{low:g} to {high:g}"


def _box_slices(
    clips: Clips, by: str, ranges: Sequence[Range], value: Callable[[ObjectFacts, Judged], float | None]
) -> Iterator[Slice]:
    values = [
        [np.array([_or_nan(value(thing, row)) for thing in row.truth.objects], float) for row in clip] for clip in clips
    ]
    precise = by == "size"
    for bounds in ranges:
        yield Slice(
            by,
            range_name(bounds),
            [
                [_sliced(row, inside(own, bounds), bounds if precise else None) for row, own in zip(*pair, strict=True)]
                for pair in zip(clips, values, strict=True)
            ],
            bounds,
            precise,
        )
    unknown = [
        [_sliced(row, np.isnan(own), None) for row, own in zip(*pair, strict=True)]
        for pair in zip(clips, values, strict=True)
    ]
    if any(row.counts.any() for clip in unknown for row in clip):
        yield Slice(by, UNKNOWN, unknown, precise=False)


def _sliced(row: Judged, members: np.ndarray, sizes: Range | None) -> Judged:
    """A frame in which only ``members`` (bool (n,)) count, and only false detections of ``sizes``, if given."""
    outside = row.outside
    if sizes is not None:
        heights = (row.found.boxes[:, 3] - row.found.boxes[:, 1]) / row.height
        outside = ~inside(heights, sizes)
    return dataclasses.replace(row, aside=~members, outside=outside)


def inside(values: np.ndarray, bounds: Range) -> np.ndarray:
    """Which values (n,) lie in a range; NaN lies in none."""
    low, high = bounds
    return (values >= (-np.inf if low is None else low)) & (values < (np.inf if high is None else high))


def in_order(found: set[str], by: str, protocol: Protocol) -> list[str]:
    """The values that occur, in the order people expect, the unknown last."""
    classes = [name for name, _ in protocol.crowdedness]
    known = {"time_of_day": TIMES_OF_DAY, "weather": WEATHERS, "crowdedness": classes}.get(by, sorted(found))
    return [name for name in dict.fromkeys((*known, UNKNOWN)) if name in found]


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value

"""Watching: one pass over a clip that runs the detector and measures the pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from drivesim.clips import Clip
from drivesim.errors import UserError
from drivesim.evaluation.protocol import Protocol
from drivesim.metrics.appearance import brightness, by_window, sharpness
from drivesim.metrics.flicker import warped_error
from drivesim.perception import Detections, Detector
from scenarios.facts import FrameFacts

Progress = Callable[[int, int], None]
BOX_DIGITS, SCORE_DIGITS = 2, 6  # what is found is rounded before it is scored, so that frames.jsonl holds all of it


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """One watched frame: its number in the clip, its facts and what was found in it.

    ``ids`` int (n,): the track of each detection, -1 where it has none; None where nobody tracked.
    """

    number: int
    facts: FrameFacts
    found: Detections
    ids: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class SeenClip:
    """The watched frames of a clip: all that scores are made of. ``id``: its name among the clips; ``height``: px."""

    id: str
    scenario: str
    height: int
    frames: tuple[SeenFrame, ...]


@dataclass(frozen=True)
class Looks:
    """How a frame looks.

    ``brightness``: grey levels. ``sharpness``: squared grey levels. ``flicker``: grey levels against the next frame of
    the clip (None for the last frame, or where flow finds nothing to compare).
    """

    second: float
    brightness: float
    sharpness: float
    flicker: float | None


def scenario_of(clip: Clip) -> str:
    """The name of the scenario a clip was made from, or the clip's own where there is none."""
    return (clip.provenance.get("scenario") or {}).get("name", clip.name)


def check_clip(clip: Clip, protocol: Protocol) -> None:
    """Raise `UserError` unless the clip has frames, facts of each, and objects that are known in one to be scored."""
    if not len(clip):
        raise UserError(f"clip {clip.name!r}: no frame in it, expected one or more")
    if len(clip) != len(clip.facts):
        raise UserError(
            f"clip {clip.name!r}: {len(clip)} frames in the video, expected {len(clip.facts)} (frames missing)"
        )
    if all(clip.facts[number].objects is None for number in range(0, len(clip), protocol.every)):
        raise UserError(
            f"clip {clip.name!r}: no label in any frame to be scored, expected known objects "
            "(for footage: NAME_boxes.json beside it)"
        )


def watch(
    clip: Clip, detector: Detector, protocol: Protocol, *, id: str, progress: Progress | None = None
) -> tuple[SeenClip, list[Looks]]:
    """Run the detector on every n-th frame; memory does not grow with the clip but for what was found.

    ``progress(done, total)`` counts frames. Raises `UserError` with detector, clip and frame where the detector gives
    what are no detections (a score that is no number, say), or where the video ends too soon.
    """
    numbers = range(0, len(clip), protocol.every)
    frames, looks = [], []
    for done, (number, frame, following) in enumerate(_with_next(clip, numbers), start=1):
        facts = clip.facts[number]
        try:
            (found,) = detector([frame])
        except UserError as error:
            raise UserError(f"detector {detector.name!r}, clip {clip.name!r}, frame {number}: {error}") from error
        frames.append(SeenFrame(number, facts, rounded(found)))
        flicker = None if following is None else warped_error(frame, following)
        looks.append(Looks(facts.time, brightness(frame), sharpness(frame), flicker))
        if progress is not None:
            progress(done, len(numbers))
    if len(frames) < len(numbers):
        raise UserError(f"clip {clip.name!r}: {len(frames)} frames to score, expected {len(numbers)} (frames missing)")
    return SeenClip(id, scenario_of(clip), clip.height, tuple(frames)), looks


def rounded(found: Detections) -> Detections:
    """Detections with boxes to 1/100 px and scores to 1e-6."""
    return Detections(found.boxes.round(BOX_DIGITS), found.scores.round(SCORE_DIGITS), found.categories)


def looks_over_time(looks: Sequence[Looks], window: float) -> dict[str, list[dict[str, float | None]]]:
    """Brightness, sharpness and flicker by time windows of ``window`` seconds."""
    seconds = [frame.second for frame in looks]
    return {
        name: by_window(seconds, [getattr(frame, name) for frame in looks], window=window)
        for name in ("brightness", "sharpness", "flicker")
    }


def _with_next(clip: Clip, numbers: range) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """Each wanted frame with its number and the frame that follows it (None after the last)."""
    last: np.ndarray | None = None
    for number, frame in enumerate(clip.frames()):
        if last is not None and number - 1 in numbers:
            yield number - 1, last, frame
        last = frame
    if last is not None and len(clip) - 1 in numbers:
        yield len(clip) - 1, last, None

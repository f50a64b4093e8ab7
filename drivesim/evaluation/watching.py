"""Watching: one pass over a clip that runs the detector, measures the pictures and keeps a few stills."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from drivesim.clips import Clip
from drivesim.evaluation.protocol import Protocol
from drivesim.metrics.appearance import brightness, by_window, sharpness
from drivesim.metrics.flicker import warped_error
from drivesim.perception import Detections, Detector
from scenarios.facts import FrameFacts

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """One watched frame: its number in the clip, its facts, what was found in it, and how it looks.

    ``brightness``: grey levels. ``sharpness``: squared grey levels. ``flicker``: grey levels against the next frame of
    the clip (None for the last frame, or where flow finds nothing to compare).
    """

    number: int
    facts: FrameFacts
    found: Detections
    brightness: float
    sharpness: float
    flicker: float | None


@dataclass(frozen=True, eq=False)
class SeenClip:
    """A clip, its scored frames, and a few of them as pictures: frame number -> uint8 (h, w, 3) RGB."""

    clip: Clip
    frames: tuple[SeenFrame, ...]
    stills: dict[int, np.ndarray]

    def looks(self, window: float) -> dict[str, list[dict[str, float | None]]]:
        """Brightness, sharpness and flicker by time windows of ``window`` seconds."""
        seconds = [frame.facts.time for frame in self.frames]
        return {
            name: by_window(seconds, [getattr(frame, name) for frame in self.frames], window=window)
            for name in ("brightness", "sharpness", "flicker")
        }


def watch(
    clip: Clip, detector: Detector, protocol: Protocol, *, stills: int = 0, progress: Progress | None = None
) -> SeenClip:
    """Run the detector on every n-th frame; memory does not grow with the clip but for what was found.

    ``stills``: how many frames to keep as pictures, evenly spread. ``progress(done, total)`` counts frames.
    """
    numbers = range(0, len(clip), protocol.every)
    kept = {numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, min(stills, len(numbers)))}
    frames, pictures = [], {}
    for done, (number, frame, following) in enumerate(_with_next(clip, numbers), start=1):
        frames.append(
            SeenFrame(
                number=number,
                facts=clip.facts[number],
                found=detector([frame])[0],
                brightness=brightness(frame),
                sharpness=sharpness(frame),
                flicker=None if following is None else warped_error(frame, following),
            )
        )
        if number in kept:
            pictures[number] = frame
        if progress is not None:
            progress(done, len(numbers))
    return SeenClip(clip, tuple(frames), pictures)


def _with_next(clip: Clip, numbers: range) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """Each wanted frame with its number and the frame that follows it (None after the last)."""
    last: np.ndarray | None = None
    for number, frame in enumerate(clip.frames()):
        if last is not None and number - 1 in numbers:
            yield number - 1, last, frame
        last = frame
    if last is not None and len(clip) - 1 in numbers:
        yield len(clip) - 1, last, None

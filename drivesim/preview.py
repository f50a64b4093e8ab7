"""A scenario at a glance in seconds: storyboard.png and preview.mp4, without the town and without a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from drivesim.atomic import new_folder
from drivesim.clips.video import SegmentWriter, exact_rate, join
from drivesim.overlay import birds_eye, draw, sketch, storyboard
from drivesim.overlay.pen import clock, write
from scenarios import Scenario, Timeline, compile
from scenarios.crowdedness import crowdedness, crowdedness_class
from scenarios.facts import FrameFacts, time_of_day

FPS = 10.0
STILLS = 12
_EVENTS_SHOWN = 4


def preview(
    scenario: Scenario, out: str | Path, *, seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:  # fmt: skip
    """Write storyboard.png and preview.mp4 of ``scenario`` into the new folder ``out``; returns it.

    The video shows the projected boxes on a plain sketch of the view, the bird's eye view beside it, the conditions and
    the events that fired, at 10 frames/s. ``seed``: instead of the scenario's own. ``progress(done, total)`` is called
    after each frame. Raises `UserError` if ``out`` is there already.

    >>> import tempfile
    >>> from scenarios import load
    >>> scenario = load("cut_in")
    >>> short = scenario.model_copy(update={"clock": scenario.clock.model_copy(update={"duration": 0.2})})
    >>> sorted(path.name for path in preview(short, Path(tempfile.mkdtemp()) / "preview").iterdir())
    ['preview.mp4', 'storyboard.png']
    """
    timeline = compile(scenario, fps=FPS, seed=seed)
    stills = {round(index) for index in np.linspace(0, len(timeline) - 1, min(STILLS, len(timeline)))}
    frames, labels = [], []
    with new_folder(out) as folder:
        height, width = preview_frame(timeline, timeline[0]).shape[:2]
        segment = SegmentWriter(folder / "segment.mp4", rate=exact_rate(FPS), width=width, height=height)
        for index, facts in enumerate(timeline):
            picture = preview_frame(timeline, facts)
            segment.write(picture)
            if index in stills:
                frames.append(picture)
                labels.append(_label(timeline, facts))
            if progress is not None:
                progress(index + 1, len(timeline))
        segment.close()
        join([segment.path], folder / "preview.mp4", rate=exact_rate(FPS), comment="synthetic: drivesim")
        segment.path.unlink()
        sheet = storyboard(frames, labels, width=704)
        cv2.imwrite(str(folder / "storyboard.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    return Path(out)


def preview_frame(timeline: Timeline, facts: FrameFacts) -> np.ndarray:
    """One frame of the preview, uint8 (h w 3) RGB: the sketched view with boxes, the bird's eye view at its right."""
    view = draw(sketch(timeline, facts), facts)
    height = view.shape[0]
    above = birds_eye(timeline, facts, width=height * 3 // 8 * 2, height=height)
    fired = [event for event in timeline.events if event.time <= facts.time]
    for row, event in enumerate(fired[-_EVENTS_SHOWN:]):
        colour = (255, 220, 90) if facts.time - event.time < 2.0 else (190, 190, 190)
        write(above, f"{clock(event.time)} {event.id}", 4, 4 + 18 * row, scale=0.42, colour=colour, back=(30, 34, 38))
    return np.concatenate([view, above], axis=1)


def _label(timeline: Timeline, facts: FrameFacts) -> str:
    seen = crowdedness(facts.objects or (), timeline.camera.height)
    light = time_of_day(timeline.daylight(facts.index))
    return "   ".join([clock(facts.time), light, facts.weather or "", crowdedness_class(seen)])

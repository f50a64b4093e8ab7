"""A scenario at a glance in seconds: storyboard.png and preview.mp4, without the town and without a network."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from drivesim.atomic import new_folder
from drivesim.clips.video import exact_rate
from drivesim.overlay import birds_eye, draw, event_colours, labels, sketch, storyboard, strip
from drivesim.overlay.pen import INK, blank, clock, text_size, write
from scenarios import Scenario, Timeline, compile
from scenarios.crowdedness import crowdedness_class
from scenarios.facts import Crowdedness, FrameFacts, time_of_day
from scenarios.recording import FiredEvent

FPS = 7.5  # of the video
REAL_TIME = 16.0  # s: what is longer is shown as a time lapse
LAPSE_FRAMES = 80
STILLS = 12
WIDTH, HEIGHT = 1280, 448  # px, of the views
_WIDEST = 896  # px, of the camera's view
_RECENT = 3.0  # s that an event is named
_SHOWS = 1.0  # s after which what an event does can be seen


def preview(
    scenario: Scenario, out: str | Path, *, seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:  # fmt: skip
    """Write storyboard.png and preview.mp4 of ``scenario`` into the new folder ``out``; returns it.

    The video shows the projected boxes on a plain sketch of the view, the bird's eye view beside it, and the course of
    conditions and events below, at 7.5 frames/s. Of a scenario longer than 16 s it shows 80 frames, as a time lapse
    that names its speed. ``seed``: instead of the scenario's own. ``progress(done, total)`` is called after each frame.
    Raises `UserError` if ``out`` is there already.

    >>> import tempfile
    >>> from scenarios import loads
    >>> short = loads("{schema: drivesim.scenario/1, name: short, clock: {duration: 0.2}}")
    >>> sorted(path.name for path in preview(short, Path(tempfile.mkdtemp()) / "preview").iterdir())
    ['preview.mp4', 'storyboard.png']
    """
    seconds = scenario.clock.duration
    fps = FPS if seconds <= REAL_TIME else LAPSE_FRAMES / seconds
    timeline = compile(scenario, fps=fps, seed=seed)
    frames = list(timeline)
    course = strip(timeline, frames, width=WIDTH, note="" if fps == FPS else f"{FPS / fps:.3g} x speed")

    def pictures() -> Iterator[np.ndarray]:
        for number, facts in enumerate(frames, start=1):
            yield np.concatenate([preview_frame(timeline, facts), course.at(facts.time)])
            if progress is not None:
                progress(number, len(frames))

    with new_folder(out) as folder:
        _encode(folder / "preview.mp4", pictures(), height=HEIGHT + course.picture.shape[0])
        sheet = board(timeline, frames)
        cv2.imwrite(str(folder / "storyboard.png"), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    return Path(out)


def _encode(path: Path, pictures: Iterable[np.ndarray], *, height: int) -> None:
    """Write a video for a quick look: the writer of clips takes three times as long over its smaller, finer files."""
    with av.open(path, "w", options={"movflags": "faststart"}) as container:
        container.metadata["comment"] = "synthetic: drivesim"
        stream = container.add_stream("libx264", rate=exact_rate(FPS))
        stream.width, stream.height, stream.pix_fmt = WIDTH, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "20"}
        context = stream.codec_context
        context.thread_type = "FRAME"  # so that encoding goes on while the next picture is drawn
        context.colorspace, context.color_range = Colorspace.ITU601, ColorRange.MPEG  # as OpenCV converts
        for number, picture in enumerate(pictures):
            planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def preview_frame(timeline: Timeline, facts: FrameFacts, *, bar: bool = True, text: float = 1.0) -> np.ndarray:
    """One frame of the preview, uint8 (448 1280 3) RGB: the sketched view with boxes, the bird's eye view at its right.

    Actors have their ids and colours in both; events are named in the view for 3 s. ``bar``: with the conditions at the
    top. ``text``: size of the words as a multiple of the usual.
    """
    camera = timeline.camera
    scale = min(HEIGHT / camera.height, _WIDEST / camera.width)
    camera = camera.resized(round(camera.width * scale), round(camera.height * scale))
    off_road = dataclasses.replace(facts, road=None)  # the sketch has the lane lines already
    view = draw(sketch(timeline, facts, camera), off_road, strip=bar, labels=labels(timeline.scenario), text=text)
    canvas = blank(HEIGHT, WIDTH, INK)
    top = (HEIGHT - camera.height) // 2
    canvas[top : top + camera.height, : camera.width] = view
    canvas[:, camera.width :] = birds_eye(timeline, facts, width=WIDTH - camera.width, height=HEIGHT, text=text)
    colours, size = event_colours(timeline.scenario), 14 * text
    for line, event in enumerate(reversed(_recent(timeline, facts.time)), start=1):
        y = HEIGHT - 4 - line * (text_size("", size)[1] + 3)
        write(canvas, f"{clock(event.time)} {event.id}", 6, y, size=size, colour=INK, back=colours[event.id])
    return canvas


def board(
    timeline: Timeline, frames: Sequence[FrameFacts], *, count: int = STILLS, columns: int = 3, width: int = 704
) -> np.ndarray:
    """The storyboard, uint8 (h w 3) RGB: ``count`` stills in rows of ``columns``, each ``width`` px wide; the course.

    ``frames``: of ``timeline``, all or a sample. The stills are spread over them evenly, but for events, each of which
    moves the nearest still to where it can be seen, a second after it has fired.
    """
    stills = _stills(timeline, frames, count)
    words = [f"{number}    {_describe(timeline, facts)}" for number, facts in enumerate(stills, start=1)]
    sheet = storyboard(
        [preview_frame(timeline, facts, bar=False, text=0.88 * WIDTH / width) for facts in stills],
        words, columns=columns, width=width,
    )  # fmt: skip
    wide = sheet.shape[1]
    size, scenario = wide / 70, timeline.scenario
    title = blank(text_size("", size)[1] + round(size), wide, INK)
    write(title, f"{scenario.name}    {' '.join(scenario.description.split())}", 4, 0.5 * size, size=size)
    times, scale = [facts.time for facts in stills], max(0.7, wide / WIDTH)
    return np.concatenate([title, sheet, strip(timeline, frames, width=wide, scale=scale, stills=times).picture])


def _stills(timeline: Timeline, frames: Sequence[FrameFacts], count: int) -> list[FrameFacts]:
    last, times = len(frames) - 1, [facts.time for facts in frames]
    free = {round(index) for index in np.linspace(0, last, min(count, len(frames)))} - {0, last}
    chosen = {0, last}
    for event in timeline.events:
        moment = min(bisect_left(times, event.time + _SHOWS), last)
        if free and all(abs(index - moment) > last / count / 2 for index in chosen):
            free.remove(min(free, key=lambda index: abs(index - moment)))
            chosen.add(moment)
    return [frames[index] for index in sorted(chosen | free)]


def _recent(timeline: Timeline, time: float) -> list[FiredEvent]:
    """The events of the last 3 s, or of the last two frames where those are further apart."""
    since = time - max(_RECENT, 2 / timeline.fps)
    return [event for event in timeline.events if since < event.time <= time]


def _describe(timeline: Timeline, facts: FrameFacts) -> str:
    seen = facts.crowdedness or Crowdedness(0, 0)
    words = [clock(facts.time), time_of_day(facts.daylight or 0.0), facts.weather or "", crowdedness_class(seen)]
    events = [event.id for event in _recent(timeline, facts.time)]
    more = [f"+{len(events) - 2}"] if len(events) > 2 else []
    return "   ".join([*words, *events[:2], *more])

"""The course of a scenario over time, as a strip: daylight, weather, who is seen, the ego's speed, the events."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from drivesim.overlay.annotate import event_colours
from drivesim.overlay.pen import (
    COLOURS,
    EGO_COLOUR,
    GREY,
    INK,
    WHITE,
    Colour,
    blank,
    clock,
    dot,
    shaded,
    stroke,
    text_size,
    write,
)
from scenarios.crowdedness import crowdedness_class
from scenarios.facts import Crowdedness, FrameFacts, time_of_day
from scenarios.timeline import Timeline

_BACK, _PLOT, _GRID = (24, 26, 29), (36, 39, 43), (62, 66, 71)
_DAYLIGHTS: tuple[Colour, ...] = ((26, 34, 84), (226, 134, 84), (158, 208, 250))  # at 0, 0.5 and 1
_WEATHERS: dict[str, Colour] = {
    "clear": (104, 170, 226), "overcast": (150, 156, 164), "rainy": (66, 98, 150), "foggy": (208, 208, 202),
    "snowy": (236, 242, 250),
}  # fmt: skip
_VEHICLES, _PEOPLE, _WARNING = COLOURS["car"], COLOURS["pedestrian"], (255, 150, 40)
_HEIGHTS = {"stills": 18, "daylight": 20, "weather": 20, "seen": 64, "speed": 44, "events": 20, "time": 20}
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # s between the ticks
_MOST_EVENT_ROWS = 6


@dataclass(frozen=True, eq=False)
class Strip:
    """The still ``picture`` (uint8 h w 3 RGB) of the course from 0 to ``duration`` s, and what lies where in it.

    ``left``, ``right``: px of the times 0 and ``duration``. ``rows``: (top, bottom) px of "daylight", "weather",
    "seen", "speed", "events", "time" and, where stills are marked, "stills". ``size``: of the letters, px.
    """

    picture: np.ndarray
    left: int
    right: int
    duration: float
    rows: Mapping[str, tuple[int, int]]
    size: float

    def x(self, time: float) -> float:
        """The column of ``time`` s, px."""
        return self.left + (self.right - self.left) * time / self.duration

    def at(self, time: float) -> np.ndarray:
        """A copy of the picture with the cursor at ``time`` s."""
        canvas, x = self.picture.copy(), round(self.x(time))
        top, bottom = self.rows["daylight"][0] - 3, self.rows["time"][0]
        canvas[top:bottom, max(x - 2, 0) : x + 3] = INK
        canvas[top:bottom, max(x - 1, 0) : x + 2] = WHITE
        words = clock(time)
        left = x - text_size(words, self.size)[0] / 2
        write(canvas, words, left, bottom, size=self.size, colour=INK, back=WHITE)
        return canvas


def strip(
    timeline: Timeline, frames: Sequence[FrameFacts], *,
    width: int, scale: float = 1.0, stills: Sequence[float] = (), note: str = "",
) -> Strip:  # fmt: skip
    """The course of ``timeline`` as a strip ``width`` px wide, drawn from ``frames``, all of its frames or a sample.

    ``scale``: of the letters and rows. ``stills``: times, s, that are marked and numbered from 1. ``note``: words
    beside the time axis. Events that never fired are named below those that did. Raises ``ValueError`` for no frames.
    """
    if not frames:
        raise ValueError("no frames given, expected at least one")
    size, duration = 13 * scale, len(timeline) / timeline.fps
    left, right = round(124 * scale), width - round(76 * scale)
    events = _placed_events(timeline, size, left, right, duration)
    never = [event.id for event in timeline.scenario.events if event.id not in {fired.id for fired in timeline.events}]
    lines = max([line or 0 for *_, line in events], default=0) + 1 + bool(never and events)
    heights = {name: round(tall * scale) for name, tall in _HEIGHTS.items() if name != "stills" or stills}
    heights["events"] = lines * (text_size("", size)[1] + 2) + 2
    rows, top = {}, round(6 * scale)
    for name, tall in heights.items():
        rows[name], top = (top, top + tall), top + tall + round(5 * scale)
    sheet = Strip(blank(top + top % 2, width, _BACK), left, right, duration, rows, size)
    _draw_frame(sheet, note)
    _draw_daylight(sheet, frames)
    _draw_weather(sheet, frames)
    _draw_seen(sheet, frames)
    _draw_speed(sheet, frames)
    _draw_events(sheet, events, event_colours(timeline.scenario), never)
    _draw_stills(sheet, stills)
    return sheet


def _draw_frame(sheet: Strip, note: str) -> None:
    """The plots' grounds, the ticks and the names of the rows that have but one."""
    canvas, size, top = sheet.picture, sheet.size, sheet.rows["time"][0]
    for name in ("seen", "speed", "events"):
        canvas[slice(*sheet.rows[name]), sheet.left : sheet.right] = _PLOT
    room = (text_size("0:00.0", size)[0] + 2 * size) * sheet.duration / (sheet.right - sheet.left)
    step = next((step for step in _STEPS if step >= room), _STEPS[-1])
    for number in range(math.floor(sheet.duration / step) + 1):
        time, x = number * step, round(sheet.x(number * step))
        canvas[sheet.rows["seen"][0] : top, x] = _GRID
        canvas[top - round(0.3 * size) : top, x] = GREY
        words = clock(time) if step < 1 else clock(time)[:-2]
        write(canvas, words, x - text_size(words, size)[0] / 2, top, size=size, colour=GREY)
    for name in ("daylight", "weather", "events"):
        _name(sheet, name, name, 0, WHITE)
    _name(sheet, "time", note or "time", 0, GREY)


def _name(sheet: Strip, row: str, words: str, line: int, colour: Colour) -> None:
    top = sheet.rows[row][0] + line * (text_size("", sheet.size)[1] + 1)
    write(sheet.picture, words, 0.4 * sheet.size, top + 2, size=sheet.size, colour=colour)


def _columns(sheet: Strip, frames: Sequence[FrameFacts]) -> tuple[np.ndarray, np.ndarray]:
    """The time, s, of each column between left and right, and the number of the frame that is shown then."""
    times = (np.arange(sheet.right - sheet.left) + 0.5) / (sheet.right - sheet.left) * sheet.duration
    return times, np.searchsorted([facts.time for facts in frames], times, side="right").clip(1) - 1


def _draw_daylight(sheet: Strip, frames: Sequence[FrameFacts]) -> None:
    times, _ = _columns(sheet, frames)
    values = np.interp(times, [facts.time for facts in frames], [facts.daylight or 0.0 for facts in frames])
    colours = [np.interp(values, (0.0, 0.5, 1.0), channel) for channel in zip(*_DAYLIGHTS, strict=True)]
    sheet.picture[slice(*sheet.rows["daylight"]), sheet.left : sheet.right] = np.stack(colours, axis=1).astype(np.uint8)
    _name_spans(sheet, "daylight", frames, [time_of_day(facts.daylight or 0.0) for facts in frames])


def _draw_weather(sheet: Strip, frames: Sequence[FrameFacts]) -> None:
    _, numbers = _columns(sheet, frames)
    names = [facts.weather or "clear" for facts in frames]
    colours = np.array([_WEATHERS[name] for name in names], np.uint8)
    sheet.picture[slice(*sheet.rows["weather"]), sheet.left : sheet.right] = colours[numbers]
    _name_spans(sheet, "weather", frames, names)


def _name_spans(sheet: Strip, row: str, frames: Sequence[FrameFacts], names: Sequence[str]) -> None:
    """Write each name in the middle of the time that it lasts, where there is room for it."""
    canvas, (top, bottom), first = sheet.picture, sheet.rows[row], 0
    for name, group in groupby(names):
        last = first + len(list(group))
        start, end = sheet.x(frames[first].time), sheet.x(frames[last].time if last < len(frames) else sheet.duration)
        wide, tall = text_size(name, sheet.size)
        if wide < end - start:
            colour = INK if canvas[top, round((start + end) / 2)].mean() > 110 else WHITE
            x, y = (start + end - wide) / 2, (top + bottom - tall) / 2
            write(canvas, name, x, y, size=sheet.size, colour=colour)
        first = last


def _draw_seen(sheet: Strip, frames: Sequence[FrameFacts]) -> None:
    """People upon vehicles, so that the edges of the classes are heights."""
    (top, bottom), canvas = sheet.rows["seen"], sheet.picture
    _, numbers = _columns(sheet, frames)
    counts = [facts.crowdedness or Crowdedness(0, 0) for facts in frames]
    vehicles, people = np.array([[seen.vehicles, seen.people] for seen in counts]).T
    edges = _class_edges((vehicles + people).max())
    scale = (bottom - top) / edges[-1]
    height = np.arange(bottom - top)[::-1, None] + 0.5
    plot = canvas[top:bottom, sheet.left : sheet.right]
    plot[height < scale * (vehicles + people)[numbers]] = _PEOPLE
    plot[height < scale * vehicles[numbers]] = _VEHICLES
    for low, high in pairwise(edges):
        y = round(bottom - scale * high)
        canvas[max(y, top), sheet.left : sheet.right + 4 : 2] = GREY
        tall = text_size("", sheet.size)[1]
        if scale * (high - low) > 0.9 * tall:
            y = round(bottom - scale * (low + high) / 2 - tall / 2)
            name = crowdedness_class(Crowdedness(low, 0))
            write(canvas, name, sheet.right + 4, y, size=sheet.size, colour=GREY)
    _name(sheet, "seen", f"people {_span(people)}", 0, _PEOPLE)
    _name(sheet, "seen", f"vehicles {_span(vehicles)}", 1, _VEHICLES)


def _span(values: np.ndarray) -> str:
    low, high = (f"{value:.0f}" for value in (values.min(), values.max()))
    return low if low == high else f"{low}-{high}"


def _class_edges(most: int) -> list[int]:
    """The lowest counts of the classes above ``empty``, up to the first above ``most``, or else ``most`` plus one."""
    classes = [crowdedness_class(Crowdedness(number, 0)) for number in range(100)]
    edges = [number for number in range(1, 100) if classes[number] != classes[number - 1]]
    top = next((edge for edge in edges if edge > most), most + 1)
    return [*(edge for edge in edges if edge < top), top]


def _draw_speed(sheet: Strip, frames: Sequence[FrameFacts]) -> None:
    (top, bottom), canvas = sheet.rows["speed"], sheet.picture
    speeds = np.array([3.6 * facts.ego.speed if facts.ego is not None else 0.0 for facts in frames])  # km/h
    most = max(10.0, 10.0 * math.ceil(speeds.max() / 10.0))
    points = [(sheet.x(facts.time), speed) for facts, speed in zip(frames, speeds, strict=True)]
    xs, ys = np.array([*points, (sheet.right - 1, speeds[-1])]).T
    curve = np.stack([xs, bottom - 2 - (bottom - top - 4) * ys / most], axis=1)
    stroke(canvas, EGO_COLOUR, curve, thickness=2)
    tall = text_size("", sheet.size)[1]
    write(canvas, f"{most:.0f} km/h", sheet.right + 4, top - 2, size=sheet.size, colour=GREY)
    write(canvas, "0", sheet.right + 4, bottom - tall + 2, size=sheet.size, colour=GREY)
    _name(sheet, "speed", "ego's speed", 0, EGO_COLOUR)
    _name(sheet, "speed", f"{_span(speeds)} km/h", 1, EGO_COLOUR)


Placed = tuple[str, float, float, int | None]  # event, its column, its name's left end, the line of that


def _placed_events(timeline: Timeline, size: float, left: int, right: int, duration: float) -> list[Placed]:
    """Where each event's name goes: beside its moment, on the first line with room; None where no line has any."""
    ends = [-math.inf] * _MOST_EVENT_ROWS
    placed: list[Placed] = []
    for event in timeline.events:
        x, wide = left + (right - left) * event.time / duration, text_size(event.id, size)[0]
        start = x + 0.6 * size if x + 0.6 * size + wide < right + 5 * size else x - 0.6 * size - wide
        line = next((line for line, end in enumerate(ends) if end < min(start, x - 0.6 * size)), None)
        if line is not None:
            ends[line] = max(start + wide, x + 0.6 * size)
        placed.append((event.id, x, start, line))
    return placed


def _draw_events(sheet: Strip, events: Sequence[Placed], colours: Mapping[str, Colour], never: Sequence[str]) -> None:
    canvas, size, (top, bottom) = sheet.picture, sheet.size, sheet.rows["events"]
    tall = text_size("", size)[1] + 2
    for name, x, _, line in events:
        canvas[sheet.rows["seen"][0] : top + tall * (line or 0), round(x)] = shaded(colours[name], 0.7)
    for name, x, left, line in events:
        y = top + tall * (line or 0)
        if line is not None:
            write(canvas, name, left, y + 1, size=size, colour=colours[name], back=_PLOT)
        dot(canvas, np.array([x, y + tall / 2]), 0.32 * size, colours[name])
    words, colour = "never fired: " + ", ".join(never), _WARNING
    if not never and not events:
        words, colour = "none", GREY
    if never or not events:
        write(canvas, words, sheet.left + 4, bottom - tall, size=size, colour=colour)


def _draw_stills(sheet: Strip, stills: Sequence[float]) -> None:
    for number, time in enumerate(stills, start=1):
        canvas, (top, bottom), x = sheet.picture, sheet.rows["stills"], sheet.x(time)
        write(canvas, str(number), x - text_size(str(number), sheet.size)[0] / 2, top, size=sheet.size, colour=WHITE)
        canvas[bottom - 2 : sheet.rows["daylight"][0], round(x) - 1 : round(x) + 1] = WHITE
    if stills:
        _name(sheet, "stills", "stills", 0, WHITE)

"""The strip over time: everything stands at its time, in its colour, and the cursor moves."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.overlay import event_colours, strip
from drivesim.overlay.pen import COLOURS, EGO_COLOUR, INK, WHITE
from scenarios import compile, loads
from scenarios.facts import WEATHERS

TEXT = """
schema: drivesim.scenario/1
name: course
clock: {duration: 20 s}
environment:
  initial: {daylight: day, weather: clear, traffic_level: none}
  timeline:
    - {at: 5 s, daylight: night, over: 10 s}
    - {at: 10 s, weather: rainy, traffic_level: high}
ego: {initial: {speed: 10.0}}
actors:
  - {id: lead, class: car, initial: {lane: 0, ahead: 60.0}}
events:
  - {id: slow, actor: ego, when: {time: 8 s}, do: {brake: {to: 2.0, rate: 2.0, hold: 1 s}}}
  - {id: go, actor: lead, when: {time: 8.1 s}, do: {set_speed: {to: 15.0}}}
  - {id: late, actor: lead, when: {time: 19 s}, do: {set_speed: {to: 5.0}}}
  - {id: never, actor: lead, when: {distance: {to: ego, below: 0.1}}, do: {set_speed: {to: 5.0}}}
"""


@pytest.fixture(scope="module")
def timeline():
    return compile(loads(TEXT), fps=4)


@pytest.fixture(scope="module")
def sheet(timeline):
    return strip(timeline, list(timeline), width=1280)


def row(sheet, name):
    top, bottom = sheet.rows[name]
    return sheet.picture[top:bottom]


def is_colour(picture, colour):
    return (picture == colour).all(axis=-1)


def test_time_runs_from_the_left_to_the_right_edge_of_the_plots(sheet):
    assert sheet.duration == 20.0
    assert (sheet.x(0.0), sheet.x(20.0)) == (sheet.left, sheet.right)
    assert sheet.picture.shape[1] == 1280
    assert sheet.picture.shape[0] % 2 == 0  # as H.264 needs it
    assert sheet.picture.dtype == np.uint8


def test_daylight_changes_colour_where_its_ramp_is(sheet):
    band = row(sheet, "daylight")[0].astype(int)
    day, start, late, night = (band[round(sheet.x(time))] for time in (1.0, 4.9, 15.2, 19.0))
    assert np.array_equal(day, start)
    assert np.array_equal(night, late)
    assert day.sum() > 3 * night.sum()
    dusk = band[round(sheet.x(10.0))]
    assert dusk[0] > dusk[2] + 100  # orange; day and night are blue
    assert day[2] > day[0]
    assert night[2] > night[0]
    steps = np.abs(np.diff(band[round(sheet.x(5.5)) : round(sheet.x(14.5))], axis=0)).max()
    assert 0 < steps < 4  # a ramp, no jump


def test_weather_changes_at_its_column(sheet):
    band = row(sheet, "weather")[0].astype(int)[sheet.left : sheet.right]
    (change,) = np.flatnonzero(np.abs(np.diff(band, axis=0)).sum(axis=1))
    assert sheet.left + change + 1 == pytest.approx(sheet.x(10.0), abs=1)


def test_every_weather_has_a_colour_of_its_own():
    colours = set()
    for weather in WEATHERS:
        line = compile(loads(TEXT.replace("weather: rainy", f"weather: {weather}")), fps=1)
        sheet = strip(line, list(line), width=640)
        colours.add(tuple(row(sheet, "weather")[0, round(sheet.x(19.0))].tolist()))
    assert len(colours) == len(WEATHERS)


def test_people_are_stacked_upon_vehicles_to_their_counts(sheet, timeline):
    k = max(range(len(timeline)), key=lambda k: timeline[k].crowdedness.people)
    seen = timeline[k].crowdedness
    column = row(sheet, "seen")[:, round(sheet.x(timeline[k].time) + 3)]
    people, vehicles = (np.flatnonzero(is_colour(column, COLOURS[name])) for name in ("pedestrian", "car"))
    assert len(people) / max(len(vehicles), 1) == pytest.approx(seen.people / max(seen.vehicles, 1), rel=0.2)
    assert vehicles.min() > people.max()
    none = row(sheet, "seen")[:, round(sheet.x(0.1))]
    assert not is_colour(none, COLOURS["pedestrian"]).any()


def test_the_speed_curve_is_low_where_the_ego_is_slow(sheet):
    plot = row(sheet, "speed")
    fast, slow = (np.flatnonzero(is_colour(plot[:, round(sheet.x(time))], EGO_COLOUR)).mean() for time in (4.0, 12.5))
    assert slow > fast + 15


def test_an_events_marker_is_at_its_time_in_its_actors_colour(sheet, timeline):
    top, bottom = sheet.rows["events"]
    colours = event_colours(timeline.scenario)
    assert [event.id for event in timeline.events] == ["slow", "go", "late"]
    for event in timeline.events:
        x = round(sheet.x(event.time))
        assert is_colour(sheet.picture[top:bottom, x - 1 : x + 2], colours[event.id]).sum() >= 9, event.id
    nothing = sheet.picture[top : bottom - 20, round(sheet.x(3.0)) : round(sheet.x(6.0))]
    assert np.ptp(nothing.reshape(-1, 3).astype(int), axis=0).max() < 40  # but the lines of the ticks


def test_names_of_events_close_together_are_on_lines_of_their_own(sheet, timeline):
    top, bottom = sheet.rows["events"]
    colours = event_colours(timeline.scenario)
    spans = []
    for name in ("slow", "go"):
        words = sheet.picture[top:bottom, round(sheet.x(8.2)) + 6 : round(sheet.x(12.0))]
        spans.append(np.flatnonzero(is_colour(words, colours[name]).any(axis=1)))
    assert spans[0].max() < spans[1].min()


def test_a_name_near_the_end_stays_inside(sheet, timeline):
    top, bottom = sheet.rows["events"]
    columns = np.flatnonzero(is_colour(sheet.picture[top:bottom], event_colours(timeline.scenario)["late"]).any(axis=0))
    assert columns.max() < sheet.picture.shape[1] - 3


def test_events_that_never_fired_are_told():
    told, untold = (
        strip(line, list(line), width=1280)
        for line in (compile(loads(text), fps=1) for text in (TEXT, TEXT[: TEXT.index("  - {id: never")]))
    )
    assert told.picture.shape[0] > untold.picture.shape[0]  # a line more
    orange = [is_colour(row(sheet, "events"), (255, 150, 40)).sum() for sheet in (told, untold)]
    assert orange[0] > 20
    assert orange[1] == 0


def test_the_cursor_moves_and_the_picture_stays(sheet):
    still = sheet.picture.copy()
    top = sheet.rows["daylight"][0] + 5
    for time in (0.0, 7.5, 19.9):
        moved = sheet.at(time)
        changed = np.flatnonzero((moved[top] != still[top]).any(axis=1))
        assert changed.mean() == pytest.approx(sheet.x(time), abs=1)
        assert len(changed) <= 5
        assert is_colour(moved[top, changed], WHITE).any()
        assert is_colour(moved[slice(*sheet.rows["time"])], INK).any()  # the time in words
    assert np.array_equal(sheet.picture, still)


def test_a_sample_of_the_frames_gives_about_the_same_strip(sheet, timeline):
    sparse = strip(timeline, timeline[::4], width=1280)
    assert sparse.rows == sheet.rows
    assert sparse.duration == sheet.duration
    differs = (row(sparse, "daylight")[0].astype(int) - row(sheet, "daylight")[0])[sheet.left : sheet.right]
    assert np.abs(differs).max() < 25


def test_stills_are_marked_at_their_times(timeline):
    sheet = strip(timeline, list(timeline), width=1280, stills=[2.0, 12.0])
    gap = sheet.picture[sheet.rows["stills"][1]]
    marks = np.flatnonzero(is_colour(gap, WHITE))
    assert sorted({round(float(x)) for x in (sheet.x(2.0), sheet.x(12.0))}) == sorted(marks[1::2].tolist())


def test_a_strip_of_no_frames_is_refused(timeline):
    with pytest.raises(ValueError, match="no frames given"):
        strip(timeline, [], width=1280)

"""The preview: storyboard and video of a scenario, whole or absent."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from drivesim.clips.video import VideoFile
from drivesim.errors import UserError
from drivesim.overlay import labels, strip
from drivesim.preview import FPS, HEIGHT, LAPSE_FRAMES, WIDTH, board, preview, preview_frame
from scenarios import compile, load

MODULE = sys.modules[preview.__module__]  # its name in the package is the function


@pytest.fixture(scope="module")
def short():
    """A shipped scenario cut to 2 s."""
    return cut(load("cut_in"), 2.0)


def cut(scenario, duration):
    clock = scenario.clock.model_copy(update={"duration": duration})
    return scenario.model_copy(update={"clock": clock, "expect": ()})


def test_preview_writes_a_storyboard_and_a_video_of_every_frame(short, tmp_path):
    calls = []
    out = preview(short, tmp_path / "out", progress=lambda done, total: calls.append((done, total)))
    assert sorted(path.name for path in out.iterdir()) == ["preview.mp4", "storyboard.png"]
    video = VideoFile(out / "preview.mp4")
    assert (len(video), video.rate, video.width) == (15, FPS, WIDTH)
    assert cv2.imread(str(out / "storyboard.png")).shape[1] == 3 * (704 + 6) + 6
    assert calls == [(done, 15) for done in range(1, 16)]


def test_the_video_shows_the_views_and_below_them_the_course_with_its_cursor(short, tmp_path):
    video = VideoFile(preview(short, tmp_path / "out") / "preview.mp4")
    timeline = compile(short, fps=FPS)
    course = strip(timeline, list(timeline), width=WIDTH)
    for k, shown in zip((0, 10), video.pick([0, 10]), strict=True):
        assert np.abs(shown[:HEIGHT].astype(int) - preview_frame(timeline, timeline[k])).mean() < 4
        below = shown[HEIGHT:].astype(int)
        assert np.abs(below - course.at(timeline[k].time)).mean() < 4
        row = below[course.rows["speed"][0] + 4]
        assert np.argmax(row.min(axis=1)) == pytest.approx(course.x(timeline[k].time), abs=2)


def test_a_long_scenario_is_drawn_as_a_time_lapse(tmp_path, monkeypatch):
    monkeypatch.setattr(MODULE, "preview_frame", lambda *_, **__: np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    scenario = load("empty_road")
    heads = []
    for duration, count in ((16.0, 120), (64.0, LAPSE_FRAMES)):
        folder = preview(cut(scenario, duration), tmp_path / str(duration))
        video = VideoFile(folder / "preview.mp4")
        assert (len(video), video.rate) == (count, FPS)
        heads.append(next(video.frames(count - 10))[-26:, :110].astype(int))
    assert np.abs(heads[0] - heads[1]).max() > 60  # "time" against "6 x speed"


def test_the_video_moves_and_another_seed_shows_another_street(short):
    here, there = (compile(short, fps=FPS, seed=seed) for seed in (1, 2))
    first, later = preview_frame(here, here[0]), preview_frame(here, here[14])
    assert np.abs(first.astype(int) - later).mean() > 1
    assert np.abs(first.astype(int) - preview_frame(there, there[0])).mean() > 1


def test_an_event_is_named_in_the_view_while_it_is_new():
    timeline = compile(load("cut_in"), fps=2)
    event = timeline.events[0]
    colour = labels(timeline.scenario)[1].colour
    patches = []
    for time in (0.0, event.time, event.time + 3.5):
        facts = next(facts for facts in timeline if facts.time >= time)
        patches.append((preview_frame(timeline, facts)[HEIGHT - 24 :, :60] == colour).all(axis=2).sum())
    assert patches[0] == patches[2] == 0
    assert patches[1] > 100


def test_any_camera_fits_into_the_frame():
    scenario = load("cut_in")
    for width, height in ((400, 400), (1600, 300)):
        spec = {
            "width": width,
            "height": height,
            "intrinsics": {"fx": 300, "fy": 300, "cx": width / 2, "cy": height / 2},
        }
        camera = type(scenario.camera).model_validate(spec)
        timeline = compile(cut(scenario.model_copy(update={"camera": camera}), 1.0), fps=1)
        assert preview_frame(timeline, timeline[0]).shape == (HEIGHT, WIDTH, 3)


def test_the_storyboard_shows_the_moments_after_events(monkeypatch):
    timeline, shown = compile(load("cut_in"), fps=5), []

    def note(_, facts, **__):
        shown.append(facts.time)
        return np.zeros((HEIGHT, WIDTH, 3), np.uint8)

    monkeypatch.setattr(MODULE, "preview_frame", note)
    sheet = board(timeline, list(timeline), count=5, columns=2, width=300)
    assert sheet.shape[1] == 2 * (300 + 6) + 6
    assert len(shown) == 5
    assert shown == sorted(shown)
    assert (shown[0], shown[-1]) == (0.0, timeline[len(timeline) - 1].time)
    for event in timeline.events:
        assert any(0.9 <= time - event.time <= 1.3 for time in shown), event.id


def test_a_preview_is_whole_or_absent(short, tmp_path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preview(short, tmp_path / "out", progress=stop)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="already there"):
        preview(short, tmp_path / "full")

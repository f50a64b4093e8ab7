"""The preview: storyboard and video of a scenario, whole or absent."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivesim.clips.video import VideoFile
from drivesim.errors import UserError
from drivesim.preview import FPS, preview, preview_frame
from scenarios import compile, load


@pytest.fixture(scope="module")
def short():
    """A shipped scenario cut to 1.5 s."""
    scenario = load("cut_in")
    return scenario.model_copy(update={"clock": scenario.clock.model_copy(update={"duration": 1.5})})


def test_preview_writes_a_storyboard_and_a_video_of_every_frame(short, tmp_path):
    calls = []
    out = preview(short, tmp_path / "out", progress=lambda done, total: calls.append((done, total)))
    assert sorted(path.name for path in out.iterdir()) == ["preview.mp4", "storyboard.png"]
    video = VideoFile(out / "preview.mp4")
    assert (len(video), video.rate, video.height, video.width) == (15, FPS, 512, 1408)
    assert cv2.imread(str(out / "storyboard.png")).shape[1] == 3 * (704 + 6) + 6
    assert calls[0] == (1, 15)
    assert calls[-1] == (15, 15)


def test_the_video_moves_and_another_seed_shows_another_street(short):
    here, there = (compile(short, fps=FPS, seed=seed) for seed in (1, 2))
    first, later = preview_frame(here, here[0]), preview_frame(here, here[14])
    assert np.abs(first.astype(int) - later).mean() > 1
    assert np.abs(first.astype(int) - preview_frame(there, there[0])).mean() > 1


def test_fired_events_are_listed():
    timeline = compile(load("cut_in"), fps=2)
    event = timeline.events[0]
    before, after = (next(f for f in timeline if f.time >= time) for time in (0.0, event.time))
    patch = [preview_frame(timeline, facts)[4:18, 1028:1100].astype(int) for facts in (before, after)]
    assert (patch[1] == (30, 34, 38)).all(axis=2).sum() > 100  # the words' dark patch
    assert (patch[0] == (30, 34, 38)).all(axis=2).sum() == 0


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

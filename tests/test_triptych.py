"""The triptych: three pictures side by side, as long and as fast as asked for, whole or absent, marked synthetic."""

from __future__ import annotations

import av
import numpy as np
import pytest

from drivesim.clips import ClipWriter
from drivesim.evaluation.triptych import caption, pictures, write_triptych
from scenarios.facts import Camera, FrameFacts, ObjectFacts

CAMERA = Camera(width=128, height=64, fx=100, fy=100, cx=64, cy=20)


def clip(folder, colour: int, *, frames: int = 6, fps: float = 2.0):
    car = ObjectFacts(1, "car", (32, 16, 96, 48))
    with ClipWriter(folder, fps=fps, width=128, height=64, provenance={"origin": "town"}, lossless=True) as writer:
        for k in range(frames):
            writer.write(
                np.full((64, 128, 3), colour + 10 * k, np.uint8), FrameFacts(k, k / fps, camera=CAMERA, objects=(car,))
            )
        return writer.finish()


def test_layout_town_and_rollout_stand_side_by_side(tmp_path) -> None:
    town, rollout = clip(tmp_path / "town", 20), clip(tmp_path / "rollout", 120)
    title = caption(("layout", "town", "rollout")).shape[0]
    shown = list(pictures(town, rollout, count=3))
    assert [picture.shape for picture in shown] == [(256 + title, 3 * 512, 3)] * 3
    body = shown[2][title:]
    assert (body[:, 512:1024] == 40).all()
    assert (body[:, 1024:] == 140).all()
    layout = body[100:, :512].astype(int)  # below the strip and the box's name
    rows, columns = np.nonzero(layout[..., 2] > layout[..., 0] + 100)  # the blue of a car's box
    assert (rows.max(), columns.min(), columns.max()) == pytest.approx((92, 128, 384), abs=2)


def test_the_file_has_the_seconds_asked_for_and_says_that_it_is_synthetic(tmp_path) -> None:
    town, rollout = clip(tmp_path / "town", 20), clip(tmp_path / "rollout", 120)
    path = write_triptych(tmp_path / "triptych.mp4", town, rollout, seconds=2.0)
    with av.open(path) as video:
        assert video.streams.video[0].frames == 4
        assert video.streams.video[0].average_rate == 2
        assert "synthetic" in video.metadata["comment"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rollout", "town", "triptych.mp4"]
    first = path.read_bytes()
    assert write_triptych(path, town, rollout, seconds=2.0).read_bytes() == first


def test_clips_of_other_rates_are_refused_and_nothing_is_left(tmp_path) -> None:
    town, rollout = clip(tmp_path / "town", 20), clip(tmp_path / "rollout", 120, fps=4.0)
    with pytest.raises(ValueError, match=r"2.0 and 4.0 frames/s"):
        write_triptych(tmp_path / "triptych.mp4", town, rollout)
    assert not (tmp_path / "triptych.mp4").exists()

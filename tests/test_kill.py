"""SIGKILL at random moments: a run that is started again ends with the bytes of one that was never killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivesim.clips import verify

CHILD = """
import sys, time
import numpy as np
from drivesim.clips import ClipWriter, finished
from scenarios.facts import FrameFacts

out, pause, frames, provenance = sys.argv[1], float(sys.argv[2]), 300, {"origin": "town", "seed": 1}
if finished(out, provenance) is None:
    with ClipWriter(
        out, fps=7.5, width=64, height=32, provenance=provenance, chunk_frames=10, extra_videos=("overlay",)
    ) as writer:
        print("writing", writer.done, flush=True)
        for index in range(writer.done, frames):
            frame = np.random.default_rng(index).integers(0, 256, (32, 64, 3), dtype=np.uint8)
            writer.write(frame, FrameFacts(index, index / 7.5), overlay=255 - frame)
            time.sleep(pause)
        print("finishing", frames, flush=True)
        writer.finish()
"""


def start(out: Path, pause: float = 0.0) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(out), str(pause)], stdout=subprocess.PIPE, text=True)


def wait_for(child: subprocess.Popen, word: str) -> int:
    """The number that the child prints after ``word``; 0 if it ends before."""
    return next((int(line.split()[1]) for line in child.stdout if line.startswith(word)), 0)


def kill(child: subprocess.Popen, after: float) -> None:
    time.sleep(after)
    child.send_signal(signal.SIGKILL)
    child.communicate()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A clip from an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "clip"
    start(out).communicate()
    return out


def assert_same_bytes(clip: Path, expected: Path) -> None:
    verify(clip)
    for name in ("video.mp4", "overlay.mp4", "facts.jsonl", "clip.json"):
        assert (clip / name).read_bytes() == (expected / name).read_bytes(), name
    assert [path.name for path in clip.parent.iterdir()] == [clip.name]  # nothing is left beside it


def test_a_clip_killed_ten_times_while_it_is_written_has_the_bytes_of_an_uninterrupted_run(tmp_path, whole):
    out, moments, done = tmp_path / "clip", random.Random(5), []
    for _ in range(10):
        child = start(out, pause=0.006)  # a chunk takes at least 60 ms, so 10 kills leave some of the 30 to do
        done.append(wait_for(child, "writing"))
        kill(child, after=moments.uniform(0, 0.15))
        assert child.returncode == -signal.SIGKILL
        assert not out.exists()
    start(out).communicate()
    assert done == sorted(done)  # no finished chunk is made again
    assert done[-1] > 0
    assert_same_bytes(out, whole)


def test_a_clip_killed_while_it_is_put_together_has_the_bytes_of_an_uninterrupted_run(tmp_path, whole):
    out, moments = tmp_path / "clip", random.Random(6)
    for _ in range(5):
        child = start(out)
        wait_for(child, "finishing")
        kill(child, after=moments.uniform(0, 0.03))
    start(out).communicate()
    assert_same_bytes(out, whole)

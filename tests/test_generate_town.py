"""The dataset of the town by the short form: resumable with real processes, a mix of rates, a split by scenario."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivesim.clips import read_clip, verify
from drivesim.clips.dataset import read_dataset
from drivesim.errors import UserError
from drivesim.generate import town_dataset
from drivesim.generate.town import FAST, SLOW
from tests.test_generate_run import content

TINY = {"clips": 3, "frames": 3, "size": (32, 64), "seed": 4}
CHILD = "from drivesim.generate import town_dataset\ntown_dataset({out!r}, workers=2, **{tiny!r})\n"


def start(out: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", CHILD.format(out=str(out), tiny=TINY)], stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """A dataset from one uninterrupted run with one process."""
    calls: list[tuple[int, int]] = []
    out = tmp_path_factory.mktemp("town") / "data"
    town_dataset(out, **TINY, workers=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    return out


def test_the_manifest_names_every_clip_with_its_checksum_and_split(dataset):
    rows = read_dataset(dataset).rows
    assert [row.id.rpartition("-")[0] for row in rows] == [f"sample_4-0000{k}-00-front" for k in range(3)]
    for row in rows:
        clip = verify(dataset / "clips" / row.id)
        assert (row.fps, row.frames, row.split in ("train", "val")) == (clip.fps, 3, True)
        assert (clip.origin, clip.height, clip.width) == ("town", 32, 64)
        assert clip.facts[0].objects is not None


def test_a_run_killed_at_random_moments_ends_with_the_bytes_of_an_uninterrupted_run(dataset, tmp_path):
    out, moments = tmp_path / "data", random.Random(2)
    for _ in range(2):
        child = start(out)
        time.sleep(moments.uniform(0.5, 3.0))
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert start(out).wait() == 0
    assert content(out) == content(dataset)


def test_another_recipe_in_the_same_folder_is_refused(dataset):
    with pytest.raises(UserError, match=r"recipe\.suite\.seed is 4, expected 5"):
        town_dataset(dataset, **{**TINY, "seed": 5})


def test_clips_at_both_rates_are_as_long_as_their_frames(dataset):
    clips = [read_clip(path) for path in sorted((dataset / "clips").iterdir())]
    assert {clip.fps for clip in clips} == {SLOW, FAST}
    assert all(clip.seconds == pytest.approx(3 / clip.fps) for clip in clips)

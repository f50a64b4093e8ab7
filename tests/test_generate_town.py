"""The dataset of the town: resumable, the same bytes in any order, a mix of rates, a split by scenario."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivesim.clips import read_clip, verify
from drivesim.errors import UserError
from drivesim.generate import town_dataset
from drivesim.generate.town import FAST, SLOW, Recipe, split

TINY = {"clips": 3, "frames": 3, "size": (32, 64), "seed": 4}
CHILD = "from drivesim.generate import town_dataset\ntown_dataset({out!r}, workers=2, **{tiny!r})\n"


def start(out: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", CHILD.format(out=str(out), tiny=TINY)], stderr=subprocess.DEVNULL)


def content(folder: Path) -> dict[str, str]:
    """The sha256 of every file but the run.json, which holds times."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.json"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    """A dataset from one uninterrupted run with one process."""
    calls: list[tuple[int, int]] = []
    out = tmp_path_factory.mktemp("town") / "data"
    town_dataset(out, **TINY, workers=1, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    return out


def test_the_manifest_names_every_clip_with_its_checksum_seed_and_split(dataset):
    rows = [json.loads(line) for line in (dataset / "manifest.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"town-4-00000{k}" for k in range(3)]
    for row in rows:
        clip = verify(dataset / row["path"])
        assert hashlib.sha256((clip.path / "clip.json").read_bytes()).hexdigest() == row["sha256"]
        assert (row["seed"], row["fps"], row["frames"]) == (4, clip.fps, 3)
        assert row["split"] == split(clip.provenance["scenario"]["sha256"])
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


def test_a_rerun_repeats_nothing(dataset):
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("video.mp4")}
    town_dataset(dataset, **TINY, workers=1)
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("video.mp4")} == before


def test_another_recipe_in_the_same_folder_is_refused(dataset, tmp_path):
    with pytest.raises(UserError, match=r"'seed': 4.*expected a new folder or .*'seed': 5"):
        town_dataset(dataset, **{**TINY, "seed": 5})
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="found None, expected a new folder"):
        town_dataset(tmp_path, **TINY)


def test_a_third_of_the_clips_is_fast_whichever_run_of_indices_is_taken():
    recipe = Recipe(0, 60, 1 / 3, 512, 1024)
    rates = [recipe.fps(index) for index in range(300)]
    assert set(rates) == {SLOW, FAST}
    assert rates.count(FAST) == pytest.approx(100, abs=2)
    for residue in range(3):  # in no step with the sampler's sequence in base 3
        assert rates[residue::3].count(FAST) == pytest.approx(33, abs=3)


def test_clips_at_both_rates_are_as_long_as_their_frames(dataset):
    clips = [read_clip(path) for path in sorted((dataset / "clips").iterdir())]
    assert {clip.fps for clip in clips} == {SLOW, FAST}
    assert all(clip.seconds == pytest.approx(3 / clip.fps) for clip in clips)


def test_split_is_a_tenth_of_the_scenarios():
    names = [hashlib.sha256(bytes([k // 256, k % 256])).hexdigest() for k in range(1000)]
    assert [split(name) for name in names].count("val") == pytest.approx(100, abs=30)

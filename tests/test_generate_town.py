"""The dataset of the town by the short form: a mix of rates, all to train on."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivesim.clips import read_clip, verify
from drivesim.clips.dataset import read_dataset
from drivesim.errors import UserError
from drivesim.generate import town_dataset
from drivesim.generate.town import FAST, SLOW

TINY = {"clips": 3, "frames": 3, "size": (32, 64), "seed": 4}


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
        assert (row.fps, row.frames, row.split == "train") == (clip.fps, 3, True)
        assert (clip.origin, clip.height, clip.width) == ("town", 32, 64)
        assert clip.facts[0].objects is not None


def test_another_recipe_in_the_same_folder_is_refused(dataset):
    with pytest.raises(UserError, match=r"recipe\.suite\.seed is 4, expected 5"):
        town_dataset(dataset, **{**TINY, "seed": 5})


def test_clips_at_both_rates_are_as_long_as_their_frames(dataset):
    clips = [read_clip(path) for path in sorted((dataset / "clips").iterdir())]
    assert {clip.fps for clip in clips} == {SLOW, FAST}
    assert all(clip.seconds == pytest.approx(3 / clip.fps) for clip in clips)

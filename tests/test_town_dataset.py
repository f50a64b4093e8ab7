"""Training clips of the town: what is there is kept, more is added."""

from __future__ import annotations

from drivesim.town.dataset import render_samples

TINY = {"fps": 0.5, "size": (32, 64)}


def test_larger_count_keeps_the_clips_that_are_there(tmp_path):
    render_samples(1, tmp_path, **TINY)
    before = (tmp_path / "sample_0_0" / "run.json").stat().st_mtime_ns
    seen = []
    clips = render_samples(2, tmp_path, **TINY, progress=lambda done, total: seen.append((done, total)))
    assert [clip.name for clip in clips] == ["sample_0_0", "sample_0_1"]
    assert (tmp_path / "sample_0_0" / "run.json").stat().st_mtime_ns == before
    assert seen == [(1, 2), (2, 2)]


def test_another_seed_gives_other_clips_beside(tmp_path):
    render_samples(1, tmp_path, **TINY)
    (clip,) = render_samples(1, tmp_path, **TINY, seed=1)
    assert clip.name == "sample_1_0"
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["sample_0_0", "sample_1_0"]

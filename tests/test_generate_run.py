"""Making a dataset: the same bytes however often it is killed, in whatever parts; what fails is told."""

from __future__ import annotations

import builtins
import errno
import io
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
from collections import namedtuple
from pathlib import Path

import pytest

from drivesim import lock
from drivesim.cli import main
from drivesim.clips import verify, writer
from drivesim.clips.dataset import read_dataset
from drivesim.clips.video import SegmentWriter
from drivesim.errors import UserError
from drivesim.generate import engines, folder, generate, merge, run, suite_of
from tests.plain_clips import SUITE, DyingMaker, FailingMaker, PlainMaker

SIX = suite_of({**SUITE, "clips": [{"sample": 6, "seed": 3}]})
TWO = suite_of({**SUITE, "frames": 1, "clips": [{"sample": 2, "seed": 3}]})
ONE = suite_of({**SUITE, "frames": 1, "clips": [{"sample": 1, "seed": 3}]})
FORK = multiprocessing.get_context("fork")


def content(root: Path) -> dict[str, bytes]:
    """Every file and folder below ``root``."""
    return {str(p.relative_to(root)): p.read_bytes() if p.is_file() else b"" for p in sorted(root.rglob("*"))}


def make(out: Path, suite=SIX, **options):
    return generate(suite, out, **{"engine": "inline", "workers": 1, **options})


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.setattr(run, "Maker", PlainMaker)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The dataset of an uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "Maker", PlainMaker)
        make(out)
    return out


def test_the_manifest_has_a_row_for_each_whole_clip_in_order(whole):
    dataset = read_dataset(whole)
    assert [row.group for row in dataset.rows] == [f"sample_3_{k}" for k in range(6)]
    assert {row.split for row in dataset.rows} == {"train", "val"}
    for row in dataset.rows:
        clip = verify(dataset.folder(row))
        assert (len(clip), clip.fps, row.frames, row.source, row.camera) == (2, 7.5, 2, "town", "front")
        assert row.bytes == sum(p.stat().st_size for p in clip.path.iterdir() if p.name != "clip.json")
    assert sorted(path.name for path in whole.iterdir()) == ["README.md", "clips", "dataset.json", "manifest.jsonl"]


def test_killed_at_twenty_random_moments_it_ends_with_the_bytes_of_an_uninterrupted_run(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "EVERY", 0.0)
    out, moments, hits = tmp_path / "data", random.Random(1), 0
    for _ in range(20):
        child = FORK.Process(target=make, args=(out,))
        child.start()
        child.join(moments.uniform(0.0, 0.08))
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
            hits += 1
        child.join()
        if (out / "manifest.jsonl").exists():
            assert all(verify(out / "clips" / row.id) for row in read_dataset(out).rows)
    make(out)
    assert hits >= 5
    assert content(out) == content(whole)


def test_a_second_run_makes_nothing_again(whole, tmp_path):
    out = Path(shutil.copytree(whole, tmp_path / "data"))
    before = {path: path.stat().st_mtime_ns for path in (out / "clips").rglob("*")}
    calls = []
    make(out, planned=lambda plan: calls.append(plan.clips))
    assert calls == [0]
    assert {path: path.stat().st_mtime_ns for path in (out / "clips").rglob("*")} == before


@pytest.mark.parametrize("damage", ["cut", "gone", "another sum"])
def test_a_damaged_clip_is_made_anew(whole, tmp_path, damage):
    out = Path(shutil.copytree(whole, tmp_path / "data"))
    clip = sorted((out / "clips").iterdir())[2]
    if damage == "cut":
        (clip / "video.mp4").write_bytes(b"")
    elif damage == "gone":
        shutil.rmtree(clip)
    else:
        (clip / "clip.json").write_text((clip / "clip.json").read_text().replace('"seed"', '"feed"'))
    make(out)
    assert content(out) == content(whole)


def test_more_clips_are_added_and_keep_the_others(whole, tmp_path):
    out = tmp_path / "data"
    make(out, suite_of({**SUITE, "clips": [{"sample": 4, "seed": 3}]}))
    make(out)
    assert content(out) == content(whole)
    with pytest.raises(UserError, match="a dataset of more clips is there"):
        make(out, suite_of({**SUITE, "clips": [{"sample": 4, "seed": 3}]}))


def test_another_recipe_or_folder_is_refused_in_one_line(whole, tmp_path):
    with pytest.raises(UserError, match=r"recipe.suite.fps.0 is 7.5, expected 30.0; expected the same or a new folder"):
        make(whole, suite_of({**SUITE, "fps": 30, "clips": [{"sample": 6, "seed": 3}]}))
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="files but no dataset"):
        make(tmp_path)


def test_only_one_run_at_a_time_writes_in_a_folder(whole, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    with lock.Lock(whole), pytest.raises(UserError, match="another run writes there"):
        make(whole)


# --- engines ---


def test_two_processes_give_the_bytes_of_one(whole, tmp_path):
    make(tmp_path / "data", engine="local", workers=2)
    assert content(tmp_path / "data") == content(whole)


def test_a_process_that_dies_is_made_up_for(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "Maker", DyingMaker)
    assert make(tmp_path / "data", engine="local").failures == {}
    assert (tmp_path / "died").exists()
    assert content(tmp_path / "data") == content(whole)


def test_a_clip_that_always_kills_its_process_fails_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "Maker", DyingMaker)
    made = make(tmp_path / "data", TWO, engine="local", weights="always")
    assert list(made.failures.values()) == ["the process that made it died twice"]
    assert [row.group for row in made.dataset.rows] == ["sample_3_0"]


def test_an_unknown_engine_is_told(tmp_path):
    with pytest.raises(UserError, match="engine is 'horse', expected local, inline or ray"):
        make(tmp_path, engine="horse")
    with pytest.raises(UserError, match="found 2 workers, expected 1"):
        next(engines.inline([], PlainMaker(tmp_path), 2))


# --- shards ---


def test_shards_joined_are_the_whole(whole, tmp_path):
    parts = [tmp_path / f"part{i}" for i in (1, 2, 3)]
    for i, part in enumerate(parts, start=1):
        make(part, shard=(i, 3))
    assert sum(len(read_dataset(part).rows) for part in parts) == 6
    merge([parts[2], parts[0], parts[1]], tmp_path / "data")
    assert content(tmp_path / "data") == content(whole)


def test_what_is_no_whole_set_of_shards_is_refused(whole, tmp_path):
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    make(one, shard=(1, 2))
    make(two, shard=(2, 2))
    make(other, suite_of({**SUITE, "seed": 9, "clips": [{"sample": 6, "seed": 3}]}), shard=(2, 2))
    for given, words in (
        ([one], "expected all of 1/2 to 2/2 .not so: 2/2"),
        ([one, one], "is shard 1/2, as .*, expected the shards 1/N to N/N, each once"),
        ([whole, one], "is no shard"),
        ([one, other], "a shard of another recipe, recipe.suite.seed is 9, expected 0"),
    ):
        with pytest.raises(UserError, match=words):
            merge(given, tmp_path / "data")
    video = next(two.rglob("video.mp4"))
    whole_video = video.read_bytes()
    video.write_bytes(whole_video.replace(b"synthetic", b"authentic"))
    with pytest.raises(UserError, match="damaged"):
        merge([one, two], tmp_path / "data")
    (two / "manifest.jsonl").write_text("")
    with pytest.raises(UserError, match=r"0 of \d clips, expected all"):
        merge([one, two], tmp_path / "data")
    assert not (tmp_path / "data").exists()


# --- failures ---


def test_a_failed_clip_is_told_passed_over_and_tried_again(whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "Maker", FailingMaker)
    monkeypatch.setattr(engines, "find", lambda name: engines.inline)
    (tmp_path / "suite.yaml").write_text(json.dumps(SIX.spec.model_dump(mode="json", by_alias=True, exclude_none=True)))
    (tmp_path / "broken").touch()
    argv = ["generate", str(tmp_path / "suite.yaml"), "--out", str(tmp_path / "data"), "--workers", "1"]
    assert main(argv) == 3
    rows = [json.loads(line) for line in (tmp_path / "data" / "failures.jsonl").read_text().splitlines()]
    assert [row["reason"] for row in rows] == [f"clips/{row['id']}: the drive ends in a wall" for row in rows]
    assert len(rows) == len(read_dataset(tmp_path / "data").rows) == 3
    assert "3 of 6 clips could not be made" in capsys.readouterr().err
    (tmp_path / "broken").unlink()
    assert main(argv) == 0
    assert content(tmp_path / "data").keys() == content(whole).keys()


def test_a_disk_that_is_too_small_is_told_before_anything_is_made(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(10, 0, 10)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(UserError, match=r"1e-08 GB free, expected about .* GB for 6 clips"):
        make(tmp_path / "data")
    assert not (tmp_path / "data" / "clips").exists()


class FullDisk:
    """Counts what is written by whatever means; the ``last``-th write and all after it find the disk full."""

    def __init__(self, monkeypatch, last: int | None) -> None:
        self.last, self.count = last, 0
        for place, name in (
            (os, "mkdir"), (os, "replace"), (SegmentWriter, "__init__"), (SegmentWriter, "write"),
            (SegmentWriter, "close"), (writer, "join"),
        ):  # fmt: skip
            monkeypatch.setattr(place, name, self.counted(getattr(place, name)))
        monkeypatch.setattr(os, "fsync", self.counted(lambda handle: None))  # power cuts are tested elsewhere
        monkeypatch.setattr(io, "open", self.opening(io.open))
        monkeypatch.setattr(builtins, "open", self.opening(builtins.open))

    def tick(self) -> None:
        self.count += 1
        if self.last is not None and self.count >= self.last:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def counted(self, function):
        def call(*args, **keywords):
            self.tick()
            return function(*args, **keywords)

        return call

    def opening(self, function):
        def call(file, mode="r", *args, **keywords):
            if set(mode) & set("wax+"):
                self.tick()
            opened = function(file, mode, *args, **keywords)
            return Counted(opened, self) if set(mode) & set("wax+") else opened

        return call


class Counted:
    """A file whose writes are counted."""

    def __init__(self, file, disk: FullDisk) -> None:
        self.file, self.disk = file, disk

    def write(self, data):
        self.disk.tick()
        return self.file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_disk_full_at_any_write_is_told_and_the_next_run_ends_with_the_same_bytes(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        disk = FullDisk(patch, None)
        made = make(tmp_path / "whole", ONE)
    assert made.failures == {}
    assert disk.count > 30
    for last in range(1, disk.count + 1):
        out = tmp_path / f"data{last}"
        with pytest.MonkeyPatch.context() as patch:
            FullDisk(patch, last)
            with pytest.raises((UserError, OSError), match="No space left on device"):
                make(out, ONE)
        assert make(out, ONE).failures == {}
        assert content(out) == content(tmp_path / "whole"), last
        shutil.rmtree(out)


def limited(out: Path, size: int) -> None:
    """A run whose files may have ``size`` bytes: also FFmpeg's own writes fail. Exits with 0 if it says so."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        make(out, TWO)
    except UserError as error:
        os._exit(0 if "File too large" in str(error) else 1)
    os._exit(2)


def test_a_video_that_cannot_be_written_whole_is_no_clip(tmp_path):
    make(tmp_path / "whole", TWO)
    size = min(path.stat().st_size for path in tmp_path.rglob("video.mp4"))
    for limit in range(1, size, size // 7):
        child = FORK.Process(target=limited, args=(tmp_path / "data", limit))
        child.start()
        child.join()
        assert child.exitcode == 0, limit
    make(tmp_path / "data", TWO)
    assert content(tmp_path / "data") == content(tmp_path / "whole")

from __future__ import annotations

import dataclasses
import json
import tarfile

import numpy as np
import pytest
from shard_files import clip_members, plain, write_index, write_shard, write_shards
from training_clips import write_clips

from drivesim.clips import ClipWriter, read_clip
from drivesim.clips.slices import Slice
from drivesim.datasets.shards import read_shards
from drivesim.datasets.training_reader import CachedClip, find_clips, fingerprint
from drivesim.errors import UserError
from scenarios import load
from scenarios.facts import FrameFacts


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips"), 3, frames=5, height=32)


def refused(folder, match):
    """Reading everything in a folder of shards fails in one line that names the shard."""
    with pytest.raises(UserError, match=match) as found:
        _ = [(clip.read([0]), clip.facts[0]) for clip in read_shards(folder)]
    assert "\n" not in str(found.value)
    assert "t-train-000000.tar" in str(found.value)


def test_clips_of_shards_are_those_of_their_folders(clips, tmp_path):
    found = read_shards(write_shards(tmp_path / "shards", clips, [2, 1]))
    expected = [read_clip(path) for path in sorted(clips.iterdir())]
    assert [clip.path.parent.name for clip in found] == ["t-train-000000.tar"] * 2 + ["t-train-000001.tar"]
    for one, other in zip(found, expected, strict=True):
        assert (one.name, one.rate, one.provenance, one.sha256) == (
            other.name, other.rate, other.provenance, other.sha256,
        )  # fmt: skip
        assert np.array_equal(one.read(range(5)), other.read(range(5)))
        assert list(one.facts) == list(other.facts)


def test_shards_share_their_cache_with_the_folders_of_the_same_clips(clips, tmp_path):
    sharded, plain_ = find_clips([write_shards(tmp_path / "shards", clips, [3])]), find_clips([clips])
    assert [fingerprint(clip) for clip in sharded] == [fingerprint(clip) for clip in plain_]
    for clip in (sharded[1], plain_[1]):
        assert len(CachedClip(clip, tmp_path / "cache", size=(16, 32), map_size=(4, 8)).colour) == 5
    assert len(list((tmp_path / "cache").glob("frames-*"))) == 1


def test_only_the_split_train_is_trained_on(clips, tmp_path):
    folders = sorted(clips.iterdir())
    rows = []
    for split, folder in zip(("train", "val", "test"), folders, strict=True):
        rows.append(write_shard(tmp_path / f"t-{split}-000000.tar", clip_members(folder, split=split)))
        rows[-1]["split"] = split
    write_index(tmp_path, rows)
    assert [clip.name for clip in find_clips([tmp_path])] == ["clip_00"]
    assert [clip.name for clip in read_shards(tmp_path, split="val")] == ["clip_01"]


def without(ending):
    return lambda members: [member for member in members if not member[0].name.endswith(ending)]


def renamed(old, new):
    def change(members):
        for head, _ in members:
            head.name = head.name.replace(old, new)
        return members

    return change


def linked(members):
    head = tarfile.TarInfo("clip_00.overlay.mp4")
    head.type, head.linkname = tarfile.SYMTYPE, "../../secret"
    return [*members, (head, b"")]


def altered(ending, old, new):
    """The content of one file of the first clip changed, the rest as it was."""

    def change(members):
        at = next(k for k, (head, _) in enumerate(members) if head.name.endswith(ending))
        head, content = members[at]
        assert old in content
        return [*members[:at], plain(head.name, content.replace(old, new, 1)), *members[at + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (without(".video.mkv"), "clip_00.video.mkv is missing"),
        (without(".facts.jsonl"), "clip_00.facts.jsonl is missing"),
        (without(".row.json"), "clip_00.row.json is missing"),
        (without("00.clip.json"), "clip_00.clip.json is missing"),
        (renamed("clip_00.video", "../clip_00.video"), r"holds '\.\./clip_00.video.mkv'"),
        (renamed("clip_00.video", "/clip_00.video"), "holds '/clip_00.video.mkv'"),
        (renamed("clip_00.facts.jsonl", "clip_00.facts.exe"), "holds 'clip_00.facts.exe'"),
        (linked, "holds 'clip_00.overlay.mp4'"),
        (lambda members: [*members, members[0]], "is there twice"),
        (altered(".video.mkv", b"\x00", b"\x01"), "sha256 is .* expected"),
        (altered(".facts.jsonl", b"car", b"van"), "sha256 is .* expected"),
        (altered(".clip.json", b'"frames": 5', b'"frames": 4'), "is of clip_00 .* expected clip_00"),
        (altered(".row.json", b'"train"', b'"val"'), "is of clip_00 .val"),
        (altered(".row.json", b'"fps"', b'"spf"'), "expected a clip's row"),
        (altered(".clip.json", b'"drivesim.clip/1"', b'"drivesim.clip/9"'), "schema is 'drivesim.clip/9'"),
    ],
)
def test_spoiled_shard_is_told_in_one_line(clips, tmp_path, change, match):
    refused(write_shards(tmp_path, clips, [2], change=change), match)


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.9])
def test_cut_shard_is_told_in_one_line(clips, tmp_path, kept):
    folder = write_shards(tmp_path, clips, [2])
    path = folder / "t-train-000000.tar"
    with tarfile.open(path) as tar:
        last = tar.getmembers()[-1]
    path.write_bytes(path.read_bytes()[: int(kept * (last.offset_data + last.size))])
    refused(folder, "found .* bytes, expected")
    index = json.loads((folder / "index.json").read_text())
    index["shards"][0]["bytes"] = path.stat().st_size  # an index made of the cut shard
    write_index(folder, index["shards"])
    refused(folder, "expected a tar of clips|found 1 clips, expected 2")


def test_shard_that_is_missing_or_outside_is_refused(clips, tmp_path):
    folder = write_shards(tmp_path, clips, [2])
    (folder / "t-train-000000.tar").unlink()
    refused(folder, "found None bytes")
    write_index(folder, [{"name": "../t.tar", "split": "train", "samples": 1, "bytes": 1}])
    with pytest.raises(UserError, match=r"called '\.\./t.tar', expected a plain name"):
        read_shards(folder)


def test_clip_in_two_shards_is_refused(clips, tmp_path):
    members = clip_members(clips / "clip_00")
    rows = [write_shard(tmp_path / f"t-train-00000{k}.tar", members) for k in range(2)]
    write_index(tmp_path, rows)
    refused(tmp_path, "has this id too")


def test_evaluation_scenarios_are_refused_in_shards_too(tmp_path):
    scenario = load("cut_in")
    about = {"name": scenario.name, "sha256": scenario.fingerprint, "seed": 3}
    provenance = {"origin": "town", "scenario": about}
    with ClipWriter(tmp_path / "clips" / "a", fps=10, width=64, height=32, provenance=provenance) as writer:
        writer.write(np.zeros((32, 64, 3), np.uint8), FrameFacts(0, 0.0))
        writer.finish()
    with pytest.raises(UserError, match="cut_in, which models are evaluated on"):
        find_clips([write_shards(tmp_path / "shards", tmp_path / "clips", [1])])


def test_slice_reads_as_the_bytes_it_stands_for(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    whole = Slice(path, "part", 3, 4)
    with whole.open() as file:
        assert (file.read(2), file.tell(), file.seek(-1, 2), file.read(9), file.read(1)) == (b"34", 2, 3, b"6", b"")
    with pytest.raises(UserError, match=r"file/part: sha256 is .* \(damaged\)"):
        dataclasses.replace(whole, sha256="0" * 64).open()

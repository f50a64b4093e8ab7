"""Shards: whole clips in tar files, the same bytes every time."""

from __future__ import annotations

import json
import tarfile

import pytest

from drivesim.clips import verify
from drivesim.clips.dataset import Dataset, Row
from drivesim.clips.store import sha256
from drivesim.errors import UserError
from drivesim.exports import export, webdataset
from drivesim.exports.labels import LabelRule
from tests.dataset_fixtures import write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def out(dataset, tmp_path_factory):
    return export(dataset, "webdataset", tmp_path_factory.mktemp("out") / "shards")


def names(path):
    with tarfile.open(path) as tar:
        return tar.getnames()


def test_the_members_of_a_clip_lie_side_by_side(out):
    assert names(out / "hand_made-train-000000.tar") == [
        "a-town.clip.json", "a-town.facts.jsonl", "a-town.video.mkv", "a-town.row.json",
        "b-rollout.clip.json", "b-rollout.facts.jsonl", "b-rollout.video.mkv", "b-rollout.agreement.json",
        "b-rollout.row.json",
    ]  # fmt: skip


def test_a_clip_can_be_had_back_whole(dataset, out, tmp_path):
    with tarfile.open(out / "hand_made-train-000000.tar") as tar:
        tar.extractall(tmp_path, filter="data")
    clip = tmp_path / "b-rollout"
    clip.mkdir()
    for name in ("clip.json", "facts.jsonl", "video.mkv"):
        (tmp_path / f"b-rollout.{name}").rename(clip / name)
    row = Row(**json.loads((tmp_path / "b-rollout.row.json").read_bytes()))
    assert row == dataset.rows[1]
    assert list(verify(clip).facts) == list(dataset.clip(row).facts)
    assert sha256(clip / "clip.json") == row.sha256


def test_the_index_tells_the_shards(out):
    index = json.loads((out / "index.json").read_bytes())
    assert [(row["name"], row["split"], row["samples"]) for row in index["shards"]] == [
        ("hand_made-train-000000.tar", "train", 2), ("hand_made-val-000000.tar", "val", 1),
        ("hand_made-test-000000.tar", "test", 1),
    ]  # fmt: skip
    for row in index["shards"]:
        path = out / row["name"]
        assert (path.stat().st_size, sha256(path)) == (row["bytes"], row["sha256"])


def test_a_shard_ends_before_its_clips_are_too_many(dataset, tmp_path):
    train = [row for row in dataset.rows if row.split == "train"]
    for limit, count in ((train[0].bytes + train[1].bytes, 1), (train[0].bytes + train[1].bytes - 1, 2), (1, 2)):
        folder = tmp_path / str(limit)
        folder.mkdir()
        webdataset.write(dataset, train, folder, rule=LabelRule(), shard_bytes=limit)
        assert len(list(folder.glob("*.tar"))) == count


def test_two_exports_have_the_same_bytes_and_no_owner_or_time(dataset, out, tmp_path):
    again = export(dataset, "webdataset", tmp_path / "again")
    assert (again / "index.json").read_bytes() == (out / "index.json").read_bytes()
    with tarfile.open(out / "hand_made-val-000000.tar") as tar:
        assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in tar} == {
            (0, 0, 0, "", "")
        }


def test_shards_without_doubted_boxes_cannot_be(dataset, tmp_path):
    with pytest.raises(UserError, match="'drop'"):
        export(dataset, "webdataset", tmp_path / "out", rule=LabelRule("drop"))
    assert not (tmp_path / "out").exists()

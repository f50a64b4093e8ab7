"""Hugging Face export: a folder of pictures with metadata.jsonl, split by split."""

from __future__ import annotations

import dataclasses
import json

import pytest
import yaml
from PIL import Image

from drivesim.clips.dataset import Dataset
from drivesim.errors import UserError
from drivesim.exports import export
from drivesim.exports.labels import LabelRule
from tests.dataset_fixtures import FRAMES, write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def out(dataset, tmp_path_factory):
    return export(dataset, "hf", tmp_path_factory.mktemp("out") / "hf")


def lines(out, split):
    return [json.loads(line) for line in (out / split / "metadata.jsonl").read_text().splitlines()]


def test_every_frame_has_a_line_and_a_picture(out):
    assert [len(lines(out, split)) for split in ("train", "validation", "test")] == [2 * FRAMES, FRAMES, FRAMES]
    for line in lines(out, "train"):
        with Image.open(out / "train" / line["file_name"]) as picture:
            assert (picture.size, picture.format) == ((128, 64), "JPEG")
            assert picture.info["comment"] == b"synthetic: drivesim"


def test_objects_are_columns_of_boxes_with_width_and_height(out):
    second = lines(out, "train")[1]
    assert second["file_name"] == "a-town/000001.jpg"
    assert second["objects"]["bbox"][0] == [11.25, 30.5, 20.5, 14.5]
    assert second["objects"]["category"] == ["car", "pedestrian", "bicycle", "van", "bus"]
    assert second["objects"]["track_id"] == [1, 2, 4, 5, 7]
    assert second["objects"]["flagged"] == [False] * 5
    assert (second["weather"], second["time_of_day"], second["synthetic"]) == ("rainy", "night", True)


def test_a_box_that_nobody_found_is_flagged(out):
    flags = {(line["clip"], line["frame"]): line["objects"]["flagged"] for line in lines(out, "train")}
    assert flags["b-rollout", 1] == [False, True, False, False, False]
    assert sum(map(sum, flags.values())) == 1


def test_the_readme_tells_the_splits_files(out):
    header = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
    assert header["configs"][0]["data_files"] == [
        {"split": split, "path": f"{split}/**"} for split in ("train", "validation", "test")
    ]


def test_a_split_without_boxes_is_refused(dataset, tmp_path):
    with pytest.raises(UserError, match="split train has no box"):
        export(dataset, "hf", tmp_path / "out", rule=dataclasses.replace(LabelRule(), least=500.0))
    assert not (tmp_path / "out").exists()

"""BDD100K export: the Scalabel form as scalabel 0.3.1 reads it."""

from __future__ import annotations

import dataclasses
import json

import pytest
from PIL import Image

from drivesim.clips.dataset import Dataset
from drivesim.exports import export
from drivesim.exports.bdd100k import _label
from drivesim.exports.labels import Label, LabelRule
from scenarios.facts import ObjectFacts
from tests.dataset_fixtures import FRAMES, write_dataset

LABELS = "labels/box_track_20"
# Fields that pydantic 2 takes as required in scalabel 0.3.1, though they may be null.
REQUIRED = {
    "dataset": {"frames", "groups", "config"}, "config": {"imageSize", "attributes", "categories", "poseSigmas"},
    "category": {"name", "subcategories", "color"}, "frame": {"name", "url"},
    "label": {"id", "box2d", "box3d", "poly2d", "rle", "graph"},
}  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def out(dataset, tmp_path_factory):
    return export(dataset, "bdd100k", tmp_path_factory.mktemp("out") / "bdd")


def document(out, name):
    return json.loads((out / LABELS / f"{name}.json").read_text())


def test_every_field_that_the_reader_asks_for_is_there(out):
    found = document(out, "train/a-town")
    assert set(found) >= REQUIRED["dataset"]
    assert set(found["config"]) >= REQUIRED["config"]
    assert all(set(row) >= REQUIRED["category"] for row in found["config"]["categories"])
    assert all(set(frame) >= REQUIRED["frame"] for frame in found["frames"])
    assert all(set(label) >= REQUIRED["label"] for frame in found["frames"] for label in frame["labels"])


def test_a_split_is_a_folder_of_videos_and_every_frame_has_its_picture(out):
    found = sorted(path.relative_to(out / LABELS).as_posix() for path in (out / LABELS).rglob("*.json"))
    assert found == ["test/d-town.json", "train/a-town.json", "train/b-rollout.json", "val/c-town.json"]
    frames = document(out, "val/c-town")["frames"]
    assert [frame["name"] for frame in frames] == [f"c-town-000000{k}.jpg" for k in (1, 2, 3)]
    assert [(frame["videoName"], frame["frameIndex"]) for frame in frames] == [("c-town", k) for k in range(FRAMES)]
    for frame in frames:
        with Image.open(out / "images/track/val/c-town" / frame["name"]) as picture:
            assert picture.size == (frame["size"]["width"], frame["size"]["height"]) == (128, 64)


def test_boxes_are_inclusive_and_classes_bdd100ks(out):
    second = document(out, "train/a-town")["frames"][1]["labels"]
    assert [(label["id"], label["category"]) for label in second] == [
        ("1", "car"), ("2", "pedestrian"), ("4", "bicycle"), ("5", "car"), ("7", "bus")
    ]  # fmt: skip
    assert second[0]["box2d"] == {"x1": 11.25, "y1": 30.5, "x2": 30.75, "y2": 44.0}  # half-open: 11.25 to 31.75, 45.0


def test_occluded_and_truncated_are_yes_or_no(out):
    rows = {label["id"]: label["attributes"] for label in document(out, "train/a-town")["frames"][0]["labels"]}
    assert {track: (row["occluded"], row["truncated"]) for track, row in rows.items()} == {
        "1": (False, False), "2": (False, False), "4": (True, False), "5": (False, True), "7": (True, False)
    }  # fmt: skip


def test_a_box_that_nobody_found_is_ignored_or_absent(dataset, out, tmp_path):
    def ignored(out):
        frames = document(out, "train/b-rollout")["frames"]
        return [
            (frame["frameIndex"], label["id"])
            for frame in frames
            for label in frame["labels"]
            if label["attributes"]["ignored"]
        ]

    assert ignored(out) == [(1, "2")]
    dropped = export(dataset, "bdd100k", tmp_path / "dropped", rule=LabelRule("drop"))
    assert ignored(dropped) == []
    assert [label["id"] for label in document(dropped, "train/b-rollout")["frames"][1]["labels"]] == [
        "1",
        "4",
        "5",
        "7",
    ]


def test_conditions_are_in_bdd100ks_words(out):
    assert document(out, "train/a-town")["frames"][0]["attributes"] == {
        "weather": "rainy", "scene": "undefined", "timeofday": "night"
    }  # fmt: skip
    assert document(out, "test/d-town")["frames"][0]["attributes"]["timeofday"] == "daytime"


def test_a_traffic_light_tells_its_colour():
    amber = ObjectFacts(60_000, "traffic_light", (1.0, 1.0, 3.0, 5.0), appearance=(240, 168, 32))
    unknown = dataclasses.replace(amber, appearance=None)
    colours = [
        _label(Label(thing, "traffic light", False))["attributes"]["trafficLightColor"] for thing in (amber, unknown)
    ]
    assert colours == ["yellow", "none"]

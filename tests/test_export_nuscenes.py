"""nuScenes export: tables that refer to each other, key frames, and geometry worked out by hand."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from drivesim import atomic
from drivesim.clips import ClipWriter
from drivesim.clips.agreement import Agreement, Judge, write_agreement
from drivesim.clips.dataset import DATASET_SCHEMA, Dataset, Row, read_dataset
from drivesim.clips.store import sha256
from drivesim.errors import UserError
from drivesim.exports import export
from drivesim.exports.nuscenes_tables import attribute, camera_rotation
from scenarios.camera import to_camera
from scenarios.facts import Camera, EgoState, FrameFacts, ObjectFacts

WIDTH, HEIGHT, FRAMES = 64, 32, 9
CAMERA = dataclasses.replace(Camera().resized(WIDTH, HEIGHT), pitch=0.1, y=0.2)
EGO = EgoState(100.0, 50.0, math.pi / 2, 12.5)  # it looks along the world's y
VAN = ObjectFacts(
    7, "van", (10.0, 12.0, 30.0, 24.0), occlusion=0.3, center=(10.0, 2.0, 0.8), size=(5.2, 2.0, 2.2), heading=0.5,
    speed=8.0,
)  # fmt: skip
WALKER = ObjectFacts(
    9, "pedestrian", (40.0, 10.0, 44.0, 20.0), occlusion=0.0, center=(20.0, -3.0, 0.9), size=(0.5, 0.6, 1.75),
    heading=-1.0, speed=0.0,
)  # fmt: skip


def make_dataset(folder: Path, things: tuple[ObjectFacts, ...] = (VAN, WALKER)) -> Dataset:
    """A clip of the town by day and a rollout at night, 7.5 frames/s; of the rollout nobody found the walker."""
    rows = []
    for name, source, split, daylight in (("roll", "rollout", "val", 0.0), ("town", "town", "train", 1.0)):
        out = folder / "clips" / name
        with ClipWriter(out, fps=7.5, width=WIDTH, height=HEIGHT, provenance={"origin": source}) as writer:
            for index in range(FRAMES):
                facts = FrameFacts(
                    index, index / 7.5, daylight=daylight, weather="clear", ego=EGO, camera=CAMERA, objects=things
                )
                writer.write(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), facts)
            writer.finish()
        scenario = {"name": name, "sha256": "0" * 64}
        rows.append(Row(name, sha256(out / "clip.json"), 1, source, scenario, 0, "front", name, split, 7.5, FRAMES))
    found = {(frame, track): (overlap,) for frame in range(FRAMES) for track, overlap in ((7, 0.8), (9, 0.1))}
    write_agreement(folder / "agreement" / "roll.json", Agreement((Judge("one", "ab"),), found))
    atomic.write_json(folder / "dataset.json", {"schema": DATASET_SCHEMA, "name": "tiny", "recipe": {}})
    atomic.write_text(folder / "manifest.jsonl", "".join(row.line() + "\n" for row in rows))
    return read_dataset(folder)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    dataset = make_dataset(tmp_path_factory.mktemp("dataset"))
    return export(dataset, "nuscenes", tmp_path_factory.mktemp("out") / "nuscenes")


@pytest.fixture(scope="module")
def tables(out):
    return {path.stem: json.loads(path.read_text()) for path in (out / "v1.0-drivesim").glob("*.json")}


def by_token(rows):
    found = {row["token"]: row for row in rows}
    assert len(found) == len(rows)  # tokens are unique
    return found


def test_every_reference_has_its_row(tables):
    places = {name: by_token(rows) for name, rows in tables.items() if name != "splits"}
    assert len(places) == 13
    named = {"first_annotation": "sample_annotation", "last_annotation": "sample_annotation"}
    named |= {"first_sample": "sample", "last_sample": "sample", "attribute": "attribute", "log": "log"}
    checked = 0
    for table, rows in places.items():
        for row in rows.values():
            for key, value in row.items():
                if key in ("prev", "next"):
                    target, wanted = table, [value] if value else []
                elif key.endswith("_token"):
                    name = key.removesuffix("_token")
                    target, wanted = named.get(name, name), [value]
                elif key.endswith("_tokens"):
                    target, wanted = key.removesuffix("_tokens"), value
                else:
                    continue
                checked += len(wanted)
                assert set(wanted) <= set(places[target]), (table, key)
    assert checked > 100


def test_chains_run_from_first_to_last(tables):
    annotations, samples = by_token(tables["sample_annotation"]), by_token(tables["sample"])
    for instance in tables["instance"]:
        chain = [annotations[instance["first_annotation_token"]]]
        while chain[-1]["next"]:
            assert annotations[chain[-1]["next"]]["prev"] == chain[-1]["token"]
            chain.append(annotations[chain[-1]["next"]])
        times = [samples[row["sample_token"]]["timestamp"] for row in chain]
        assert (len(chain), chain[-1]["token"]) == (instance["nbr_annotations"], instance["last_annotation_token"])
        assert times == sorted(times)
    assert len(tables["instance"]) == 4  # two tracks of each of two clips


def test_key_frames_are_at_2_hz_and_sweeps_belong_to_the_next(out, tables):
    rows = [row for row in tables["sample_data"] if "town__" in row["filename"]]
    keys = [index for index, row in enumerate(rows) if row["is_key_frame"]]
    assert keys == [0, 4, 8]  # 0, 0.53 and 1.07 s: the nearest frames to 0, 0.5 and 1 s
    assert [row["timestamp"] for row in rows[:3]] == [0, 133333, 266667]
    samples = [rows[index]["sample_token"] for index in keys]
    assert [samples.index(row["sample_token"]) for row in rows] == [0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert all((out / row["filename"]).is_file() for row in tables["sample_data"])
    assert {row["filename"].split("/")[0] for row in rows if row["is_key_frame"]} == {"samples"}
    assert {row["filename"].split("/")[0] for row in rows if not row["is_key_frame"]} == {"sweeps"}


def test_a_box_stands_where_it_stood_in_the_world(tables):
    """The ego at (100, 50) looks north: 10 m ahead is y + 10, 2 m to the left is x - 2."""
    van = next(row for row in tables["sample_annotation"] if row["size"][1] == 5.2)
    assert van["translation"] == pytest.approx([98.0, 60.0, 0.8])
    assert van["size"] == [2.0, 5.2, 2.2]  # width, length, height
    half = (math.pi / 2 + 0.5) / 2
    assert van["rotation"] == pytest.approx([math.cos(half), 0.0, 0.0, math.sin(half)])
    assert van["visibility_token"] == "3"  # 70% is seen
    pose = tables["ego_pose"][0]
    assert pose["translation"] == [100.0, 50.0, 0.0]
    assert pose["rotation"] == pytest.approx([math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5)])


def test_the_cameras_quaternion_turns_camera_into_ego():
    point = np.array([10.0, 2.0, 0.8])
    w, *v = camera_rotation(CAMERA)
    seen = to_camera(CAMERA, point)[0]
    turned = seen + 2 * np.cross(v, np.cross(v, seen) + w * seen)  # q p q*
    assert turned + np.array([CAMERA.x, CAMERA.y, CAMERA.z]) == pytest.approx(point)
    assert w * w + np.dot(v, v) == pytest.approx(1.0)


def test_flagged_boxes_have_no_points(tables):
    categories = {row["token"]: row["name"] for row in tables["category"]}
    instances = by_token(tables["instance"])
    scenes, samples = by_token(tables["scene"]), by_token(tables["sample"])
    found = {}
    for row in tables["sample_annotation"]:
        scene = scenes[samples[row["sample_token"]]["scene_token"]]["name"]
        name = categories[instances[row["instance_token"]]["category_token"]]
        found.setdefault((scene, name), set()).add(row["num_lidar_pts"])
    assert found == {
        ("roll", "vehicle.car"): {1}, ("roll", "human.pedestrian.adult"): {0},
        ("town", "vehicle.car"): {1}, ("town", "human.pedestrian.adult"): {1},
    }  # fmt: skip


def test_scenes_tell_the_time_of_day_and_splits(tables):
    assert {row["name"]: row["description"] for row in tables["scene"]} == {
        "roll": "Synthetic (rollout), night, clear", "town": "Synthetic (town), day, clear"
    }  # fmt: skip
    assert tables["splits"] == {"drivesim_train": ["town"], "drivesim_val": ["roll"], "drivesim_test": []}


def test_attributes_follow_the_kind_and_the_speed():
    cyclist = dataclasses.replace(WALKER, category="bicycle")
    unknown = dataclasses.replace(VAN, speed=None)
    deer = dataclasses.replace(WALKER, category="animal")
    assert [attribute(thing) for thing in (VAN, WALKER, cyclist, unknown, deer)] == [
        "vehicle.moving", "pedestrian.standing", "cycle.with_rider", None, None
    ]  # fmt: skip


def test_a_clip_without_3_d_boxes_is_refused(tmp_path):
    dataset = make_dataset(tmp_path / "dataset", (dataclasses.replace(VAN, center=None),))
    with pytest.raises(UserError, match="roll: track 7 has no 3-D box"):
        export(dataset, "nuscenes", tmp_path / "out")
    assert not (tmp_path / "out").exists()

"""nuScenes: the 13 tables, with the front camera as the only sensor.

The folder::

    v1.0-drivesim/<table>.json         the tables; splits.json: drivesim_train, drivesim_val, drivesim_test
    samples/CAM_FRONT/, sweeps/CAM_FRONT/      key frames at 2 Hz, and the frames between them
    maps/blank.png                     nobody drew a map: all background
    conditions.jsonl                   the conditions of every frame, which the tables have no place for

* A clip is a scene and a log. The key frame of 0.5 s * k is the frame nearest to it, so that a clip slower than 2
  frames/s has key frames only. Annotations are of key frames, as there; other frames' boxes stay in the native form.
* Names of splits are our own, since the dev-kit knows which of nuScenes' scenes its own "train" and "val" name.
* Timestamps are microseconds since the clip's start.
* There is no lidar: ``num_lidar_pts`` is 1, and 0 for a flagged box, since the dev-kit's scores leave out boxes without
  points. They also ask for LIDAR_TOP, which is not here: the tables are to train and to look at.
* The description of a scene says "night" where its first frame is at night, which is how readers tell the time of day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from drivesim import atomic
from drivesim.clips.dataset import SPLITS, Dataset, Row
from drivesim.errors import UserError
from drivesim.exports.card import Conditions
from drivesim.exports.labels import Label, LabelRule, class_map, labels
from drivesim.exports.nuscenes_tables import (
    CHANNEL,
    Record,
    attribute,
    camera_rotation,
    fixed_tables,
    global_box,
    intrinsic,
    token,
    visibility,
    yaw,
)
from drivesim.exports.pictures import write_picture
from scenarios.facts import Camera, EgoState, FrameFacts, time_of_day

VERSION = "v1.0-drivesim"
KEY_RATE = 2  # key frames/s
MAP = "maps/blank.png"
Tables = dict[str, list[Record]]


def write(
    dataset: Dataset, rows: Sequence[Row], folder: Path, *, rule: LabelRule,
    progress: Callable[[int, int], object] | None = None,
) -> None:  # fmt: skip
    """Fill ``folder`` with the clips of ``rows``.

    Raises `UserError` if a clip is not whole, or if its boxes, its ego's pose or its camera are not known in 3-D.
    """
    tables = fixed_tables(list(dict.fromkeys(name for name in class_map("nuscenes").values() if name is not None)))
    with Conditions(folder) as sidecar:
        for done, row in enumerate(rows, start=1):
            _write_clip(dataset, row, folder, tables, rule, sidecar)
            if progress is not None:
                progress(done, len(rows))
    tables["map"] = [
        {"token": token("map"), "log_tokens": [log["token"] for log in tables["log"]], "category": "semantic_prior",
         "filename": MAP}
    ]  # fmt: skip
    (folder / MAP).parent.mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / MAP)
    splits = {f"drivesim_{split}": [row.id for row in rows if row.split == split] for split in SPLITS}
    for name, content in {**tables, "splits": splits}.items():
        atomic.write_text(folder / VERSION / f"{name}.json", json.dumps(content, indent=0, allow_nan=False))


def key_frames(rate: Fraction, frames: int) -> list[int]:
    """The frames nearest to every half second, each once, of a clip of ``rate`` frames/s.

    >>> key_frames(Fraction(15, 2), 16), key_frames(Fraction(15, 8), 4)
    ([0, 4, 8, 11, 15], [0, 1, 2, 3])
    """
    step = max(Fraction(1), rate / KEY_RATE)
    times = (round(k * step) for k in range(frames))
    return [frame for frame in times if frame < frames]


def _write_clip(dataset: Dataset, row: Row, folder: Path, tables: Tables, rule: LabelRule, sidecar: Conditions) -> None:
    clip, agreement = dataset.verified(row), dataset.agreement(row)
    keys = key_frames(clip.rate, len(clip))
    samples = [token("sample", row.id, key) for key in keys]
    scene, log = token("scene", row.id), token("log", row.id)
    annotations: dict[int, list[Record]] = {}  # by track
    names: dict[int, str] = {}
    start = len(tables["sample_data"])
    for facts, picture in zip(clip.facts, clip.frames(), strict=True):
        ego, camera = _pose(row, facts)
        time, is_key = round(1e6 * facts.index / clip.rate), facts.index in keys
        sample = next((t for t, key in zip(samples, keys, strict=True) if key >= facts.index), samples[-1])
        file = f"{'samples' if is_key else 'sweeps'}/{CHANNEL}/{row.id}__{CHANNEL}__{time:012d}.jpg"
        write_picture(folder / file, picture)
        sidecar.write(row, facts, file)
        pose = token("ego_pose", row.id, facts.index)
        tables["ego_pose"].append(
            {"token": pose, "timestamp": time, "translation": [ego.x, ego.y, 0.0], "rotation": yaw(ego.heading)}
        )
        tables["sample_data"].append({
            "token": token("sample_data", row.id, facts.index), "sample_token": sample, "ego_pose_token": pose,
            "calibrated_sensor_token": _calibrated(camera, tables), "filename": file, "fileformat": "jpg",
            "width": clip.width, "height": clip.height, "timestamp": time, "is_key_frame": is_key,
        })  # fmt: skip
        if not is_key:
            continue
        tables["sample"].append({"token": sample, "timestamp": time, "scene_token": scene})
        for label in labels(facts, "nuscenes", agreement, rule):
            track = label.thing.track_id
            names[track] = label.name
            annotation = _annotation(row, sample, ego, label)
            tables["sample_annotation"].append(annotation)
            annotations.setdefault(track, []).append(annotation)
    for track, chain in annotations.items():
        _link(chain)
        tables["instance"].append({
            "token": token("instance", row.id, track), "category_token": token("category", names[track]),
            "nbr_annotations": len(chain), "first_annotation_token": chain[0]["token"],
            "last_annotation_token": chain[-1]["token"],
        })  # fmt: skip
    _link(tables["sample_data"][start:])
    _link(tables["sample"][-len(keys) :])
    tables["log"].append({
        "token": log, "logfile": row.id, "vehicle": "drivesim", "date_captured": "1970-01-01",
        "location": f"drivesim-{row.source}",
    })  # fmt: skip
    tables["scene"].append({
        "token": scene, "log_token": log, "name": row.id, "description": _description(row, clip.facts[0]),
        "nbr_samples": len(keys), "first_sample_token": samples[0], "last_sample_token": samples[-1],
    })  # fmt: skip


def _pose(row: Row, facts: FrameFacts) -> tuple[EgoState, Camera]:
    if facts.ego is None or facts.camera is None:
        raise UserError(f"{row.id}: frame {facts.index}: the ego's pose or its camera is unknown, nuScenes needs both")
    return facts.ego, facts.camera


def _calibrated(camera: Camera, tables: Tables) -> str:
    """The token of a camera's row, made where it is new."""
    name = token("calibrated_sensor", camera)
    if name not in (row["token"] for row in tables["calibrated_sensor"]):
        tables["calibrated_sensor"].append({
            "token": name, "sensor_token": token("sensor", CHANNEL), "translation": [camera.x, camera.y, camera.z],
            "rotation": camera_rotation(camera), "camera_intrinsic": intrinsic(camera),
        })  # fmt: skip
    return name


def _annotation(row: Row, sample: str, ego: EgoState, label: Label) -> Record:
    thing = label.thing
    if thing.center is None or thing.size is None or thing.heading is None:
        raise UserError(f"{row.id}: track {thing.track_id} has no 3-D box, nuScenes needs one")
    kind = attribute(thing)
    return {
        "token": token("annotation", sample, thing.track_id), "sample_token": sample,
        "instance_token": token("instance", row.id, thing.track_id),
        "attribute_tokens": [] if kind is None else [token("attribute", kind)],
        "visibility_token": visibility(thing.occlusion), **global_box(ego, thing),
        "num_lidar_pts": 0 if label.flagged else 1, "num_radar_pts": 0,
    }  # fmt: skip


def _link(chain: Sequence[Record]) -> None:
    """Tell each row of a chain the tokens of the one before and the one after, "" at its ends."""
    tokens = ["", *(row["token"] for row in chain), ""]
    for index, row in enumerate(chain):
        row["prev"], row["next"] = tokens[index], tokens[index + 2]


def _description(row: Row, first: FrameFacts) -> str:
    day = "time of day unknown" if first.daylight is None else time_of_day(first.daylight).replace("_", " or ")
    weather = "weather unknown" if first.weather is None else first.weather
    return f"Synthetic ({row.source}), {day}, {weather}"

"""COCO detection with videos and tracks.

The folder::

    annotations/instances_<split>.json
    <split>/<clip>/<frame>.jpg            named in the annotations from <split> on

A box is (x, y, width, height) in px, 0-based and half-open, to 0.001 px. Numbers start at 1 in each file, frames of a
video at 0. Every track of every video has a number of its own, written as ``track_id`` (TAO's word) and as
``instance_id`` (MMTracking's); ``tracks`` tells the video, and as ``name`` the number in the clip. A flagged box is
a crowd (``iscrowd`` 1): a detection there counts neither way. Conditions are ``attributes`` of images, a clip's source
and rate of videos, occlusion, truncation and the flag of annotations; ``null`` is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from drivesim import atomic
from drivesim.clips import Clip
from drivesim.clips.dataset import SPLITS, Dataset, Row
from drivesim.exports.card import conditions
from drivesim.exports.labels import Label, LabelRule
from drivesim.exports.pictures import MARK, write_picture
from drivesim.exports.scenes import Frame, Progress, scenes


def write(dataset: Dataset, rows: Sequence[Row], folder: Path, *, rule: LabelRule, progress: Progress = None) -> None:
    """Fill ``folder``, one file of annotations per split that has clips."""
    tables = {split: _Tables() for split in SPLITS if any(row.split == split for row in rows)}
    for row, clip, frames in scenes(dataset, rows, "coco", rule, progress):
        tables[row.split].add(row, clip, frames, folder / row.split)
    for split, table in tables.items():
        text = json.dumps(table.document(dataset.name), allow_nan=False)
        atomic.write_text(folder / "annotations" / f"instances_{split}.json", text)


@cache
def coco_ids() -> dict[str, int]:
    """COCO's number of each of its 80 classes."""
    names = yaml.safe_load((Path(__file__).parent / "class_maps" / "coco_80.yaml").read_text(encoding="utf-8"))
    return {name: number for number, name in names.items()}


class _Tables:
    """The tables of one split."""

    def __init__(self) -> None:
        """Empty."""
        self.videos: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.tracks: list[dict[str, Any]] = []

    def add(self, row: Row, clip: Clip, frames: Iterator[Frame], folder: Path) -> None:
        """Add a clip and write its pictures to ``folder``."""
        video = len(self.videos) + 1
        attributes = {
            "source": row.source, "synthetic": True, "fps": row.fps, "scenario": dict(row.scenario), "split": row.split
        }  # fmt: skip
        size = {"width": clip.width, "height": clip.height}
        self.videos.append({"id": video, "name": row.id, **size, "attributes": attributes})
        tracks: dict[int, int] = {}
        for picture, facts, labels in frames:
            name = f"{row.id}/{facts.index:06d}.jpg"
            write_picture(folder / name, picture)
            image = len(self.images) + 1
            self.images.append(
                {
                    "id": image, "file_name": name, **size, "video_id": video, "frame_id": facts.index,
                    "attributes": conditions(facts, row),
                }
            )  # fmt: skip
            for label in labels:
                if label.thing.track_id not in tracks:
                    tracks[label.thing.track_id] = self._add_track(label, video)
                self._add_annotation(label, image, video, tracks[label.thing.track_id])

    def _add_track(self, label: Label, video: int) -> int:
        number = len(self.tracks) + 1
        self.tracks.append(
            {
                "id": number, "video_id": video, "category_id": coco_ids()[label.name],
                "name": str(label.thing.track_id),
            }
        )  # fmt: skip
        return number

    def _add_annotation(self, label: Label, image: int, video: int, track: int) -> None:
        x1, y1, x2, y2 = label.thing.box
        width, height = round(x2 - x1, 3), round(y2 - y1, 3)
        self.annotations.append(
            {
                "id": len(self.annotations) + 1, "image_id": image, "video_id": video,
                "category_id": coco_ids()[label.name], "bbox": [round(x1, 3), round(y1, 3), width, height],
                "area": round(width * height, 3), "iscrowd": int(label.flagged),
                "instance_id": track, "track_id": track,
                "attributes": {
                    "occlusion": label.thing.occlusion, "truncation": label.thing.truncation, "flagged": label.flagged
                },
            }
        )  # fmt: skip

    def document(self, name: str) -> dict[str, Any]:
        """The file of annotations. ``name``: the dataset's."""
        return {
            "info": {"description": f"{name} ({MARK})"},
            "licenses": [],
            "categories": [{"id": number, "name": name} for name, number in coco_ids().items()],
            "videos": self.videos, "images": self.images, "annotations": self.annotations, "tracks": self.tracks,
        }  # fmt: skip

"""COCO detection as Clips: one per video, and one of a single frame per image that belongs to none.

Of an export of ours the conditions of frames, and occlusion and truncation of boxes, come back too, and flagged boxes
as any other. In a foreign file a crowd is no single thing: it is left out, as is every class that is none of ours.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from drivesim.clips import MAIN, Clip
from drivesim.clips.store import sha256
from drivesim.clips.video import exact_rate
from drivesim.datasets.footage import Pictures
from drivesim.datasets.foreign import (
    Origin,
    categories_of,
    frame_facts,
    inside,
    origins,
    read_document,
    told_in_one_line,
)
from drivesim.errors import UserError
from scenarios.facts import ObjectFacts

Row = dict[str, Any]


def read_coco(path: str | Path, *, fps: float | None = None) -> list[Clip]:
    """The clips of a folder with ``annotations/instances_*.json``, or of one such file.

    ``fps``: frames per second of videos whose file does not tell. Raises `UserError` in one line on anything that is
    not there, malformed, or leads outside the folder.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted((path / "annotations").glob("instances_*.json"))
    if not files:
        raise UserError(f"{path}: no annotations/instances_*.json found, expected a COCO folder")
    return [clip for file in files for clip in _Reader(file, fps).clips()]


class _Reader:
    """One file of annotations."""

    def __init__(self, file: Path, fps: float | None) -> None:
        """Read the tables."""
        self.file, self.fps = file, fps
        self.root = file.parent.parent if file.parent.name == "annotations" else file.parent
        document = read_document(file)
        with told_in_one_line(file):
            self.images: list[Row] = document["images"]
            self.videos: dict[Any, Row] = {row["id"]: row for row in document.get("videos", [])}
            self.tracks: dict[Any, Row] = {row["id"]: row for row in document.get("tracks", [])}
            ours = categories_of("coco")
            self.categories = {row["id"]: ours.get(row["name"]) for row in document["categories"]}
            self.boxes: dict[Any, list[Row]] = defaultdict(list)
            for row in document["annotations"]:
                self.boxes[row["image_id"]].append(row)
        self.origins = origins(self.root)

    def clips(self) -> Iterator[Clip]:
        """The clips, videos in the order of the file."""
        with told_in_one_line(self.file):
            frames: dict[Any, list[Row]] = {video: [] for video in self.videos}
            for row in self.images:
                if (video := row.get("video_id")) is None:
                    yield self._clip(Path(str(row["file_name"])).stem, [row], {}, Fraction(1))
                else:
                    frames[video].append(row)
            for number, rows in frames.items():
                video, name = self.videos[number], str(self.videos[number]["name"])
                if rows:
                    rows.sort(key=lambda row: int(row["frame_id"]))
                    yield self._clip(name, rows, video, self._rate(name, video))

    def _rate(self, name: str, video: Row) -> Fraction:
        origin = self.origins.get(name)
        told = origin.fps if origin else video.get("fps", self.fps)
        if told is None:
            raise UserError(f"{self.file}: video {name!r} has no frame rate, expected the argument fps")
        return exact_rate(float(told))

    def _clip(self, name: str, rows: list[Row], video: Row, rate: Fraction) -> Clip:
        folder = self._folder(str(rows[0]["file_name"]))
        source = Pictures([inside(folder, row["file_name"]) for row in rows])
        origin = self.origins.get(name)
        facts = []
        for index, row in enumerate(rows):
            things = list(self._things(self.boxes[row["id"]], ours=origin is not None))
            told = row["attributes"] if origin else None
            facts.append(frame_facts(index, float(index / rate), source.height, things, told))
        return Clip(
            path=folder, name=name, rate=rate, width=source.width, height=source.height,
            provenance=_provenance(self.file, name, origin), facts=facts, videos={MAIN: source},
        )  # fmt: skip

    def _folder(self, name: str) -> Path:
        """Where the pictures lie: COCO's file does not say."""
        split = self.file.stem.removeprefix("instances_")
        places = [self.root / split, self.root / "images" / split, self.root / "images", self.root]
        for place in places:
            if inside(self.root, place.relative_to(self.root) / name).is_file():
                return place
        raise UserError(f"{self.file}: picture {name[:200]!r} not found, expected it in {places[0]}")

    def _things(self, rows: Sequence[Row], *, ours: bool) -> Iterator[ObjectFacts]:
        for number, row in enumerate(rows):
            category = self.categories[row["category_id"]]
            if category is None or (row.get("iscrowd") and not ours):
                continue
            x, y, w, h = (float(value) for value in row["bbox"])
            if not all(map(math.isfinite, (x, y, w, h))):
                raise ValueError(f"bbox is {row['bbox']}, expected finite numbers")
            more: Mapping[str, Any] = row["attributes"] if ours else {}
            yield ObjectFacts(
                track_id=self._track(row, number), category=category,
                box=(round(x, 3), round(y, 3), round(x + w, 3), round(y + h, 3)),
                occlusion=more.get("occlusion"), truncation=more.get("truncation"),
            )  # fmt: skip

    def _track(self, row: Row, number: int) -> int:
        """The number in the clip where the file tells it, else that of the track; negative where there is no track."""
        track = row.get("track_id", row.get("instance_id"))
        if track is None:
            return -1 - number
        name = str(self.tracks.get(track, {}).get("name", ""))
        return int(name) if name.isdecimal() else int(track)


def _provenance(file: Path, name: str, origin: Origin | None) -> dict[str, Any]:
    made = {"origin": "real"} if origin is None else {"origin": origin.source, "split": origin.split}
    return {**made, "format": "coco", "source": name, "labels_sha256": sha256(file)}

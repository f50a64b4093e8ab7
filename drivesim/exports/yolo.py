"""YOLO, as Ultralytics lays it out.

The folder::

    data.yaml                                  splits and class names
    images/<split>/<clip>_<frame>.jpg
    labels/<split>/<clip>_<frame>.txt          a line per box: class, centre x, centre y, width, height
    conditions.jsonl                           one line per picture

A box is given as shares of the picture's width and height, to 6 decimals. The format has a place for boxes only: the
sidecar tells the conditions of each picture, ``tracks``, the track of each line, and ``flagged``, the boxes that are
left out since the format has no mark for what a detector need not find.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from drivesim import atomic
from drivesim.clips.dataset import SPLITS, Dataset, Row
from drivesim.exports.card import Conditions
from drivesim.exports.labels import LabelRule, class_map
from drivesim.exports.pictures import write_picture
from drivesim.exports.scenes import Progress, scenes
from scenarios.facts import Box


def write(dataset: Dataset, rows: Sequence[Row], folder: Path, *, rule: LabelRule, progress: Progress = None) -> None:
    """Fill ``folder``."""
    names = list(dict.fromkeys(name for name in class_map("yolo").values() if name is not None))
    with Conditions(folder) as sidecar:
        for row, clip, frames in scenes(dataset, rows, "yolo", rule, progress):
            for picture, facts, labels in frames:
                stem = f"{row.split}/{row.id}_{facts.index:06d}"
                write_picture(folder / "images" / f"{stem}.jpg", picture)
                kept = [label for label in labels if not label.flagged]
                lines = [
                    f"{names.index(label.name)} {_shares(label.thing.box, clip.width, clip.height)}\n" for label in kept
                ]
                path = folder / "labels" / f"{stem}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("".join(lines), encoding="utf-8")
                sidecar.write(
                    row, facts, f"images/{stem}.jpg",
                    tracks=[label.thing.track_id for label in kept],
                    flagged=[
                        {"track": label.thing.track_id, "class": label.name, "box": label.thing.box}
                        for label in labels if label.flagged
                    ],
                )  # fmt: skip
    present = [split for split in SPLITS if any(row.split == split for row in rows)]
    card = {**{split: f"images/{split}" for split in present}, "names": dict(enumerate(names))}
    atomic.write_text(folder / "data.yaml", yaml.safe_dump(card, sort_keys=False))


def _shares(box: Box, width: int, height: int) -> str:
    """Centre and size as shares.

    >>> _shares((0.0, 0.0, 64.0, 16.0), 128, 64)
    '0.250000 0.125000 0.500000 0.250000'
    """
    x1, y1, x2, y2 = box
    shares = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height
    return " ".join(f"{share:.6f}" for share in shares)

"""MOTChallenge, as MOT16 to MOT20 lay it out.

The folder::

    <split>/<clip>/img1/<frame>.jpg      frames from 1
    <split>/<clip>/gt/gt.txt             frame, track, left, top, width, height, considered, class, visibility
    <split>/<clip>/seqinfo.ini
    seqmaps/drivesim-<split>.txt         the clips of a split
    conditions.jsonl                     one line per picture

Pixels count from 1: ``left`` and ``top`` are ours + 1, to 0.001 px. Boxes end at the picture's border, where those of
MOTChallenge go on. A flagged box is not considered (0), any other is (1), of whatever class. Visibility is the share
of the thing that is neither hidden nor outside the picture, -1 where that is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drivesim import atomic
from drivesim.clips import Clip
from drivesim.clips.dataset import SPLITS, Dataset, Row
from drivesim.exports.card import Conditions
from drivesim.exports.labels import Label, LabelRule
from drivesim.exports.pictures import write_picture
from drivesim.exports.scenes import Progress, scenes
from scenarios.facts import ObjectFacts

CLASSES = {"pedestrian": 1, "car": 3, "bicycle": 4, "motorbike": 5}
"""MOTChallenge's numbers of the classes that ours map to."""


def write(dataset: Dataset, rows: Sequence[Row], folder: Path, *, rule: LabelRule, progress: Progress = None) -> None:
    """Fill ``folder``."""
    with Conditions(folder) as sidecar:
        for row, clip, frames in scenes(dataset, rows, "mot", rule, progress):
            place = f"{row.split}/{row.id}"
            lines: list[str] = []
            for picture, facts, labels in frames:
                file = f"{place}/img1/{facts.index + 1:06d}.jpg"
                write_picture(folder / file, picture)
                sidecar.write(row, facts, file)
                lines += [_line(facts.index + 1, label) for label in labels]
            atomic.write_text(folder / place / "gt" / "gt.txt", "".join(lines))
            atomic.write_text(folder / place / "seqinfo.ini", _sequence(row, clip))
    for split in SPLITS:
        if names := [row.id for row in rows if row.split == split]:
            atomic.write_text(folder / "seqmaps" / f"drivesim-{split}.txt", "\n".join(["name", *names]) + "\n")


def _line(frame: int, label: Label) -> str:
    x1, y1, x2, y2 = label.thing.box
    box = ",".join(f"{value:.3f}" for value in (x1 + 1, y1 + 1, x2 - x1, y2 - y1))
    considered = int(not label.flagged)
    return f"{frame},{label.thing.track_id},{box},{considered},{CLASSES[label.name]},{_visibility(label.thing):.3f}\n"


def _visibility(thing: ObjectFacts) -> float:
    if thing.occlusion is None or thing.truncation is None:
        return -1.0
    return (1 - thing.occlusion) * (1 - thing.truncation)


def _sequence(row: Row, clip: Clip) -> str:
    values = {
        "name": row.id, "imDir": "img1", "frameRate": f"{row.fps:g}", "seqLength": len(clip),
        "imWidth": clip.width, "imHeight": clip.height, "imExt": ".jpg",
    }  # fmt: skip
    return "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in values.items())

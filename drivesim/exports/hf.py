"""Hugging Face: a folder of pictures that ``datasets.load_dataset(folder)`` reads (its ImageFolder).

The folder::

    README.md                                          YAML header: the splits and their files
    train/metadata.jsonl, validation/..., test/...     one line per frame
    train/<clip>/000000.jpg                            the frames

A line of the metadata: ``file_name``, ``clip``, ``frame``, ``time`` (s), the conditions (see
`drivesim.exports.card.conditions`) and ``objects``, a table by columns as that library's object detection has it:
``bbox`` (x, y, width, height, px), ``category``, ``track_id`` and ``flagged``: true where a detector need not find it.
Splits are called as there: our "val" is "validation".

The library guesses the types of columns from each split's first lines, so a split needs a box somewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from drivesim import atomic
from drivesim.clips.dataset import SPLITS, Dataset, Row
from drivesim.errors import UserError
from drivesim.exports.card import conditions
from drivesim.exports.labels import Label, LabelRule, labels
from drivesim.exports.pictures import write_picture

NAMES = {"train": "train", "val": "validation", "test": "test"}


def write(
    dataset: Dataset, rows: Sequence[Row], folder: Path, *, rule: LabelRule,
    progress: Callable[[int, int], object] | None = None,
) -> None:  # fmt: skip
    """Fill ``folder`` with the clips of ``rows``.

    Raises `UserError` if a clip is not whole or has no labels, or if a split has no box at all.
    """
    used = [NAMES[split] for split in SPLITS if any(row.split == split for row in rows)]
    with ExitStack() as stack:
        tables, boxes = {}, dict.fromkeys(used, 0)
        for name in used:
            (folder / name).mkdir()
            tables[name] = stack.enter_context((folder / name / "metadata.jsonl").open("w", encoding="utf-8"))
        for done, row in enumerate(rows, start=1):
            clip, agreement = dataset.verified(row), dataset.agreement(row)
            name = NAMES[row.split]
            for facts, picture in zip(clip.facts, clip.frames(), strict=True):
                file = f"{row.id}/{facts.index:06d}.jpg"
                write_picture(folder / name / file, picture)
                found = list(labels(facts, "hf", agreement, rule))
                boxes[name] += len(found)
                line = {
                    "file_name": file, "clip": row.id, "frame": facts.index, "time": facts.time,
                    **conditions(facts, row), "objects": _columns(found),
                }  # fmt: skip
                tables[name].write(json.dumps(line, allow_nan=False) + "\n")
            if progress is not None:
                progress(done, len(rows))
    for name, count in boxes.items():
        if count == 0:
            raise UserError(f"split {name} has no box to write, expected one: readers guess the columns' types")
    atomic.write_text(folder / "README.md", _readme(dataset.name, used))


def _columns(found: Sequence[Label]) -> dict[str, list[Any]]:
    boxes = [label.thing.box for label in found]
    return {
        "bbox": [[x1, y1, round(x2 - x1, 3), round(y2 - y1, 3)] for x1, y1, x2, y2 in boxes],
        "category": [label.name for label in found],
        "track_id": [label.thing.track_id for label in found],
        "flagged": [label.flagged for label in found],
    }


def _readme(name: str, used: Sequence[str]) -> str:
    header = {
        "pretty_name": name,
        "task_categories": ["object-detection"],
        "tags": ["synthetic", "autonomous-driving"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{split}/**"} for split in used],
            }
        ],
    }
    title = f"# {name}\n\nSynthetic driving clips, made by drivesim.\n"
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n{title}"

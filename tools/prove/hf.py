"""Hugging Face export -> datasets: `load_dataset` on the folder, pictures decoded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from datasets import load_dataset
from proof import expected, prove, same

NAMES = {"train": "train", "val": "validation", "test": "test"}
ROUNDING = 0.002  # px: widths have three decimals


def main(native: Path, export: Path) -> dict[str, Any]:
    """What datasets found, and whether it is all and no more."""
    wanted = expected(export)
    with tempfile.TemporaryDirectory() as cache:
        found = load_dataset(str(export), cache_dir=cache)
        passed = set(found) == {NAMES[clip["split"]] for clip in wanted}
        clips: dict[tuple[str, str], list[Any]] = {}
        frames: dict[tuple[str, str], int] = {}
        for split, rows in found.items():
            for row in rows:
                passed &= row["image"].size[0] > 0  # it was decoded
                key = (split, row["clip"])
                frames[key] = frames.get(key, 0) + 1
                clips.setdefault(key, []).extend(_labels(row["frame"], row["objects"]))
    passed &= set(clips) == {(NAMES[clip["split"]], clip["clip"]) for clip in wanted}
    for clip in wanted:
        key = (NAMES[clip["split"]], clip["clip"])
        passed &= frames[key] == clip["frames"] and same(clips[key], clip["labels"], ROUNDING)
    return {
        "clips": len(clips), "frames": sum(frames.values()), "boxes": sum(map(len, clips.values())),
        "tracks": sum(len({label[1] for label in labels}) for labels in clips.values()), "passed": bool(passed),
    }  # fmt: skip


def _labels(frame: int, objects: dict[str, list[Any]]) -> list[Any]:
    columns = (objects[name] for name in ("track_id", "category", "bbox", "flagged"))
    return [
        (frame, track, name, x, y, x + width, y + height, flagged)
        for track, name, (x, y, width, height), flagged in zip(*columns, strict=True)
    ]


if __name__ == "__main__":
    prove("hf", "datasets", main)

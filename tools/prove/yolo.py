"""YOLO by supervision; the tracks, for which the format has no place, by the sidecar, line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from proof import expected, prove, same
from supervision import DetectionDataset


def main(native: Path, export: Path) -> dict[str, Any]:
    """Compare what the reader finds of every split with what was written and not flagged."""
    told = {row["file"]: row for row in map(json.loads, (export / "conditions.jsonl").read_text().splitlines())}
    found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    frames = 0
    for split in ("train", "val", "test"):
        data = DetectionDataset.from_yolo(
            str(export / "images" / split), str(export / "labels" / split), str(export / "data.yaml")
        )
        for file, picture, boxes in data:
            row = told[Path(file).relative_to(export).as_posix()]
            assert picture is not None
            frames += 1
            labels = found.setdefault((row["clip"], split), [])
            for track, number, box in zip(row["tracks"], boxes.class_id, boxes.xyxy.tolist(), strict=True):
                labels.append((row["frame"], track, data.classes[number], *box, False))
    wanted = {
        (row["clip"], row["split"]): [tuple(label) for label in row["labels"] if not label[7]]
        for row in expected(export)
    }
    passed = sorted(found) == sorted(wanted) and frames == sum(row["frames"] for row in expected(export))
    passed &= all(same(found[key], wanted[key], rounding=0.005) for key in wanted)
    left_out = [(row["clip"], row["frame"], flagged["track"]) for row in told.values() for flagged in row["flagged"]]
    passed &= sorted(left_out) == sorted(
        (row["clip"], label[0], label[1]) for row in expected(export) for label in row["labels"] if label[7]
    )
    labels = [(clip, *label) for (clip, _), rows in found.items() for label in rows]
    return {
        "clips": len(found), "frames": frames, "boxes": len(labels),
        "tracks": len({(clip, track) for clip, _, track, *_ in labels}), "passed": bool(passed),
    }  # fmt: skip


if __name__ == "__main__":
    prove("yolo", "supervision", main)

"""KITTI tracking by TrackEval (boxes, tracks, types, what to ignore, splits) and by pykitti (pictures, boxes)."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from proof import expected, prove, same
from pykitti.tracking import KittiTrackingLabels, tracking
from trackeval.datasets import Kitti2DBox


def main(native: Path, export: Path) -> dict[str, Any]:
    """Compare what both readers find of every sequence with what was written."""
    told = [json.loads(line) for line in (export / "conditions.jsonl").read_text().splitlines()]
    clip_of = {Path(row["file"]).parent.name: row["clip"] for row in told}
    wanted = {row["clip"]: row for row in expected(export)}
    frames = boxes = tracks = 0
    passed, names = True, []
    for split in ("train", "val", "test"):
        reader = _trackeval(export / "training", split)
        for sequence in reader.seq_list:
            row = wanted[clip_of[sequence]]
            names.append(row["clip"])
            labels, ignored = _labels(reader, sequence)
            due = [label for label in map(tuple, row["labels"]) if not (label[7] or label[2] == "DontCare")]
            aside = [label for label in map(tuple, row["labels"]) if label[7] or label[2] == "DontCare"]
            passed &= row["split"] == split and row["frames"] == reader.seq_lengths[sequence]
            passed &= same(labels, [(*label[:2], label[2].lower(), *label[3:]) for label in due], rounding=1e-5)
            passed &= same(ignored, [(label[0], None, None, *label[3:7], None) for label in aside], rounding=1e-5)
            seen, pictures = _pykitti(export / "training", sequence)
            passed &= pictures == row["frames"]
            passed &= same(seen, [(label[0], None, *label[2:]) for label in due], rounding=1e-4)
            frames, boxes = frames + pictures, boxes + len(labels)
            tracks += len({label[1] for label in labels})
    passed &= sorted(names) == sorted(wanted)
    return {"clips": len(names), "frames": frames, "boxes": boxes, "tracks": tracks, "passed": bool(passed)}


def _trackeval(training: Path, split: str) -> Kitti2DBox:
    """TrackEval's reader of a split, with the truth itself as the tracker's result, as it wants one."""
    results = Path(tempfile.mkdtemp())
    shutil.copytree(training / "label_02", results / "same" / "data")
    return Kitti2DBox(
        {
            "GT_FOLDER": str(training), "TRACKERS_FOLDER": str(results), "SPLIT_TO_EVAL": split, "PRINT_CONFIG": False
        }
    )  # fmt: skip


def _labels(reader: Kitti2DBox, sequence: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The labels and the areas to ignore, half-open."""
    raw = reader._load_raw_file("same", sequence, is_gt=True)
    names = {number: name for name, number in reader.class_name_to_class_id.items() if name != "car_2"}
    labels, ignored = [], []
    for frame in range(raw["num_timesteps"]):
        rows = zip(raw["gt_ids"][frame], raw["gt_classes"][frame], raw["gt_dets"][frame].tolist(), strict=True)
        labels += [(frame, int(track), names[kind], *_open(box), False) for track, kind, box in rows]
        ignored += [(frame, None, None, *_open(box), None) for box in raw["gt_crowd_ignore_regions"][frame].tolist()]
    return labels, ignored


def _pykitti(training: Path, sequence: str) -> tuple[list[tuple[Any, ...]], int]:
    """The labels, whose tracks pykitti numbers anew, and the number of pictures, all read."""
    pictures = sum(1 for _ in tracking(str(training), sequence).cam2)
    file = training / "label_02" / f"{sequence}.txt"
    if not any(" DontCare " not in line for line in file.read_text().splitlines()):
        return [], pictures  # pykitti takes no file without a track
    table = KittiTrackingLabels(str(file), split_on_reappear=False)._df
    labels = [
        (int(frame), None, row["class"], *_open([float(row[key]) for key in ("x1", "y1", "x2", "y2")]), False)
        for frame, row in table.iterrows()
    ]
    return labels, pictures


def _open(box: list[float]) -> tuple[float, ...]:
    """KITTI's box of pixels as a half-open one."""
    return box[0], box[1], box[2] + 1, box[3] + 1


if __name__ == "__main__":
    prove("kitti", "trackeval", main)

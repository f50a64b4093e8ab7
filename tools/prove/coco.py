"""COCO by pycocotools, and by faster-coco-eval beside it: both must find the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faster_coco_eval
import pycocotools.coco
from proof import expected, prove, same


def main(native: Path, export: Path) -> dict[str, Any]:
    """Compare what the readers find of every split with what was written."""
    found = [_found(export, reader) for reader in (pycocotools.coco.COCO, faster_coco_eval.COCO)]
    wanted = expected(export)
    passed = found[0] == found[1] and list(found[0]) == sorted(row["clip"] for row in wanted)
    for row in wanted:
        split, frames, labels = found[0].get(row["clip"], ("", 0, []))
        passed &= (split, frames) == (row["split"], row["frames"])
        passed &= same(labels, [tuple(label) for label in row["labels"]], rounding=0.002)
    labels = [(name, *label) for name, (_, _, rows) in found[0].items() for label in rows]
    return {
        "clips": len(found[0]), "frames": sum(frames for _, frames, _ in found[0].values()), "boxes": len(labels),
        "tracks": len({(name, track) for name, _, track, *_ in labels}), "passed": bool(passed),
    }  # fmt: skip


def _found(export: Path, reader: Any) -> dict[str, tuple[str, int, list[tuple[Any, ...]]]]:
    """Split, number of frames and labels of each clip by its name."""
    clips = {}
    for split in ("train", "val", "test"):
        coco = reader(str(export / "annotations" / f"instances_{split}.json"))
        classes = {row["id"]: row["name"] for row in coco.loadCats(coco.getCatIds())}
        tracks = {row["id"]: row for row in coco.dataset["tracks"]}
        for video in coco.dataset["videos"]:
            images = [row for row in coco.loadImgs(coco.getImgIds()) if row["video_id"] == video["id"]]
            assert all((export / split / image["file_name"]).is_file() for image in images)
            labels = []
            for image in images:
                for row in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]])):
                    assert tracks[row["track_id"]]["video_id"] == video["id"]
                    track, (x, y, w, h) = int(tracks[row["track_id"]]["name"]), row["bbox"]
                    name, flagged = classes[row["category_id"]], bool(row["iscrowd"])
                    labels.append((image["frame_id"], track, name, x, y, x + w, y + h, flagged))
            clips[video["name"]] = (split, len(images), labels)
    return dict(sorted(clips.items()))


if __name__ == "__main__":
    prove("coco", "pycocotools", main)

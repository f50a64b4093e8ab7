"""BDD100K export -> scalabel: its own loader, and its own conversion to COCO tracks, which undoes inclusive pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from proof import expected, prove, same
from scalabel.label.io import load
from scalabel.label.to_coco import scalabel2coco_box_track

ROUNDING = 0.002  # px: coordinates have three decimals


def main(native: Path, export: Path) -> dict[str, Any]:
    """What scalabel found, and whether it is all and no more."""
    wanted = expected(export)
    passed = True
    clips = frames = boxes = tracks = 0
    for split in {clip["split"] for clip in wanted}:
        dataset = load(str(export / "labels" / "box_track_20" / split))
        coco = scalabel2coco_box_track(dataset.frames, dataset.config)
        names = {row["id"]: row["name"] for row in coco["categories"]}
        due = {clip["clip"]: clip for clip in wanted if clip["split"] == split}
        passed &= {video["name"] for video in coco["videos"]} == set(due)
        for video in coco["videos"]:
            images = {row["id"]: row for row in coco["images"] if row["video_id"] == video["id"]}
            found = [
                (images[row["image_id"]]["frame_id"], int(row["scalabel_id"]), names[row["category_id"]],
                 *_corners(row["bbox"]), bool(row["iscrowd"]))
                for row in coco["annotations"] if row["image_id"] in images
            ]  # fmt: skip
            clip = due[video["name"]]
            passed &= len(images) == clip["frames"] and same(found, clip["labels"], ROUNDING)
            pictures = export / "images" / "track" / split
            passed &= all((pictures / row["file_name"]).is_file() for row in images.values())
            clips, frames, boxes = clips + 1, frames + len(images), boxes + len(found)
            tracks += len({row["instance_id"] for row in coco["annotations"] if row["image_id"] in images})
    return {"clips": clips, "frames": frames, "boxes": boxes, "tracks": tracks, "passed": bool(passed)}


def _corners(bbox: list[float]) -> tuple[float, float, float, float]:
    x, y, width, height = bbox
    return x, y, x + width, y + height


if __name__ == "__main__":
    prove("bdd100k", "scalabel", main)

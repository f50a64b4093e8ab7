"""MOTChallenge by TrackEval."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from proof import expected, prove, same
from trackeval.datasets import MotChallenge2DBox


def main(native: Path, export: Path) -> dict[str, Any]:
    """Compare what the reader finds of every split with what was written."""
    wanted = {row["clip"]: row for row in expected(export)}
    names, frames, boxes, tracks, passed = [], 0, 0, 0, True
    for split in ("train", "val", "test"):
        reader = _reader(export, split)
        for name in reader.seq_list:
            raw = reader._load_raw_file("none", name, is_gt=True)
            classes = {number: kind for kind, number in reader.class_name_to_class_id.items()}
            labels = [
                (frame, int(track), classes[kind], x - 1, y - 1, x - 1 + w, y - 1 + h, not considered)
                for frame in range(raw["num_timesteps"])
                for track, kind, (x, y, w, h), considered in zip(
                    raw["gt_ids"][frame], raw["gt_classes"][frame], raw["gt_dets"][frame].tolist(),
                    raw["gt_extras"][frame]["zero_marked"].tolist(), strict=True,
                )
            ]  # fmt: skip
            row = wanted[name]
            pictures = len(list((export / split / name / "img1").glob("*.jpg")))
            passed &= (row["split"], row["frames"], pictures) == (split, raw["num_timesteps"], row["frames"])
            passed &= same(labels, [tuple(label) for label in row["labels"]], rounding=0.002)
            names.append(name)
            frames, boxes, tracks = frames + pictures, boxes + len(labels), tracks + len({x[1] for x in labels})
    passed &= sorted(names) == sorted(wanted)
    return {"clips": len(names), "frames": frames, "boxes": boxes, "tracks": tracks, "passed": bool(passed)}


def _reader(export: Path, split: str) -> MotChallenge2DBox:
    """TrackEval's reader of a split, with a tracker that found nothing, as it wants one."""
    seqmap, results = export / "seqmaps" / f"drivesim-{split}.txt", Path(tempfile.mkdtemp())
    (results / "none" / "data").mkdir(parents=True)
    for name in seqmap.read_text().split()[1:]:
        (results / "none" / "data" / f"{name}.txt").touch()
    return MotChallenge2DBox(
        {
            "GT_FOLDER": str(export / split), "TRACKERS_FOLDER": str(results), "SKIP_SPLIT_FOL": True,
            "SEQMAP_FILE": str(seqmap), "PRINT_CONFIG": False,
        }
    )  # fmt: skip


if __name__ == "__main__":
    prove("mot", "trackeval", main)

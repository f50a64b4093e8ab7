"""nuScenes export -> nuscenes-devkit: its tables, and its own way from a box in the world to pixels.

Boxes are compared as pixels: the dev-kit turns a box of the global frame into the camera's and projects its corners,
which must give the native amodal box. It has no near plane, so only boxes wholly ahead of the camera are compared; at
`AHEAD` what is rounded to 1e-4 m is below `ROUNDING`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(sys.path.pop(0))  # this file has the reader's name, which must be found first
import numpy as np
from nuscenes import NuScenes
from nuscenes.utils.geometry_utils import BoxVisibility, view_points
from nuscenes.utils.splits import get_scenes_of_split
from proof import expected, prove

ROUNDING = 0.1  # px
AHEAD = 1.0  # m


def main(native: Path, export: Path) -> dict[str, Any]:
    """What the dev-kit found, and whether it is all and no more."""
    wanted = {clip["clip"]: clip for clip in expected(export)}
    nusc = NuScenes("v1.0-drivesim", str(export), verbose=False)
    passed = {scene["name"] for scene in nusc.scene} == set(wanted)
    for split in {clip["split"] for clip in wanted.values()}:
        due = [name for name, clip in wanted.items() if clip["split"] == split]
        passed &= get_scenes_of_split(f"drivesim_{split}", nusc) == due
    frames = sweeps = boxes = compared = due_tracks = 0
    for scene in nusc.scene:
        clip = wanted[scene["name"]]
        facts = [json.loads(line) for line in (native / "clips" / scene["name"] / "facts.jsonl").open()][1:]
        rows = [row for row in nusc.sample_data if f"/{scene['name']}__" in row["filename"]]
        passed &= len(rows) == clip["frames"] and all((export / row["filename"]).is_file() for row in rows)
        frames += len(rows)
        sweeps += sum(not row["is_key_frame"] for row in rows)
        tracks: dict[int, set[str]] = {}
        for index, row in enumerate(rows):
            if not row["is_key_frame"]:
                continue
            labels = [label for label in clip["labels"] if label[0] == index]
            _, found, matrix = nusc.get_sample_data(row["token"], box_vis_level=BoxVisibility.NONE)
            passed &= len(found) == len(labels)
            boxes += len(found)
            for box, label in zip(found, labels, strict=False):
                annotation = nusc.get("sample_annotation", box.token)
                tracks.setdefault(label[1], set()).add(annotation["instance_token"])
                passed &= box.name == label[2] and (annotation["num_lidar_pts"] == 0) == label[7]
                corners = box.corners()
                if corners[2].min() > AHEAD:
                    thing = next(thing for thing in facts[index]["objects"] if thing["track_id"] == label[1])
                    x, y = view_points(corners, matrix, normalize=True)[:2]
                    pixels = [x.min(), y.min(), x.max(), y.max()]
                    passed &= bool(np.abs(np.array(pixels) - thing["amodal_box"]).max() <= ROUNDING)
                    compared += 1
        passed &= all(len(tokens) == 1 for tokens in tracks.values())
        due_tracks += len(tracks)
    passed &= compared > 0 and sweeps > 0 and len(nusc.instance) == due_tracks
    return {
        "clips": len(nusc.scene), "frames": frames, "sweeps": sweeps, "boxes": boxes, "boxes_projected": compared,
        "tracks": len(nusc.instance), "passed": bool(passed),
    }  # fmt: skip


if __name__ == "__main__":
    prove("nuscenes", "nuscenes-devkit", main)

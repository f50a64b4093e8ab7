"""KITTI tracking.

The folder::

    training/image_02/<sequence>/<frame>.png     sequences and frames from 0
    training/label_02/<sequence>.txt             frame, track, type, truncated, occluded, alpha, box, size, place, turn
    training/calib/<sequence>.txt                absent where the camera is unknown
    training/evaluate_tracking.seqmap.<split>    the sequences of a split, as TrackEval reads them
    training/semantic/<sequence>/<frame>.png     of clips with a semantic pass: Cityscapes' ids, as KITTI has them
    training/proj_depth/groundtruth/image_02/<sequence>/<frame>.png    of clips with depth: 16 bits, 256 a metre
    conditions.jsonl                             one line per picture, with the clip's name

All labelled sequences are "training", as KITTI has it; numbers have 6 decimals, and boxes are inclusive pixels (see
`drivesim.exports.kitti_space`). Truncation and occlusion become KITTI's levels by `level`; what is unknown has KITTI's
own signs for it: occluded 3, truncated -1, size -1, place -1000, alpha and turn -10. A flagged box is a DontCare.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from drivesim import atomic
from drivesim.clips import Clip
from drivesim.clips.dataset import SPLITS, Dataset, Row
from drivesim.errors import UserError
from drivesim.exports.card import Conditions
from drivesim.exports.kitti_space import calibration, location, pixels, wrapped
from drivesim.exports.labels import Label, LabelRule
from drivesim.exports.passes import write_depth, write_semantic
from drivesim.exports.pictures import write_picture
from drivesim.exports.scenes import Progress, scenes
from scenarios.facts import Camera, FrameFacts

OCCLUDED = (0.1, 0.5)
"""Up to which share hidden a thing is "fully visible" (0) and "partly occluded" (1); beyond, "largely occluded" (2)."""
TRUNCATED = (0.15, 0.5)
"""The same of the share outside the picture: what KITTI calls easy to find, and what it calls hard."""
IGNORE = "DontCare"


def level(share: float, edges: tuple[float, float]) -> int:
    """The level of a share hidden or outside.

    >>> [level(share, OCCLUDED) for share in (0.0, 0.1, 0.3, 0.9)]
    [0, 0, 1, 2]
    """
    return sum(share > edge for edge in edges)


def write(dataset: Dataset, rows: Sequence[Row], folder: Path, *, rule: LabelRule, progress: Progress = None) -> None:
    """Fill ``folder``. Raises `UserError` if a clip's camera changes."""
    training = folder / "training"
    maps: dict[str, list[str]] = {split: [] for split in SPLITS}
    with Conditions(folder) as sidecar:
        for number, (row, clip, frames) in enumerate(scenes(dataset, rows, "kitti", rule, progress)):
            sequence = f"{number:04d}"
            camera, lines = _camera(clip), list[str]()
            for picture, facts, labels in frames:
                file = f"image_02/{sequence}/{facts.index:06d}.png"
                write_picture(training / file, picture)
                sidecar.write(row, facts, f"training/{file}")
                lines += [_line(facts, camera, label) for label in labels]
            atomic.write_text(training / "label_02" / f"{sequence}.txt", "".join(lines))
            write_semantic(clip, "kitti", training / "semantic" / sequence, "{:06d}.png")
            write_depth(clip, training / "proj_depth" / "groundtruth" / "image_02" / sequence, "{:06d}.png")
            if camera is not None:
                atomic.write_text(training / "calib" / f"{sequence}.txt", _calibration(camera))
            maps[row.split].append(f"{sequence} empty 000000 {len(clip):06d}\n")
    for split, sequences in maps.items():
        if sequences:
            atomic.write_text(training / f"evaluate_tracking.seqmap.{split}", "".join(sequences))


def _camera(clip: Clip) -> Camera | None:
    cameras = {facts.camera for facts in clip.facts}
    if len(cameras) > 1:
        raise UserError(f"{clip.path}: the camera changes, expected one per clip as KITTI has it")
    return cameras.pop()


def _line(facts: FrameFacts, camera: Camera | None, label: Label) -> str:
    thing = label.thing
    box = _numbers(pixels(thing.box))
    if label.flagged or label.name == IGNORE:
        return f"{facts.index} -1 {IGNORE} -1 -1 -10.000000 {box} {_numbers((-1, -1, -1, -1000, -1000, -1000, -10))}\n"
    truncated = -1 if thing.truncation is None else level(thing.truncation, TRUNCATED)
    occluded = 3 if thing.occlusion is None else level(thing.occlusion, OCCLUDED)
    size = (-1.0, -1.0, -1.0) if thing.size is None else (thing.size[2], thing.size[1], thing.size[0])
    place = None if camera is None else location(camera, thing)
    bottom, turn = ((-1000.0, -1000.0, -1000.0), -10.0) if place is None else place
    alpha = -10.0 if place is None else wrapped(turn - math.atan2(bottom[0], bottom[2]))
    head = f"{facts.index} {thing.track_id} {label.name} {truncated} {occluded}"
    return f"{head} {_numbers((alpha,))} {box} {_numbers((*size, *bottom, turn))}\n"


def _calibration(camera: Camera) -> str:
    matrices = calibration(camera)
    colons = {name: ":" if name.startswith("P") else "" for name in matrices}  # as KITTI's own files
    return "".join(
        f"{name}{colons[name]} {' '.join(f'{value:.12e}' for value in matrix.ravel())}\n"
        for name, matrix in matrices.items()
    )


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.6f}" for value in values)

"""KITTI tracking as Clips, one per sequence.

Boxes, tracks, types, places, sizes and the camera come back; occlusion and truncation as the middle of their level.
What is DontCare, or of a type that is none of ours, is left out. In KITTI's own recordings the ego's origin is the
ground below the inertial unit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.clips import MAIN, Clip
from drivesim.clips.facts_file import strict_json
from drivesim.clips.store import sha256
from drivesim.clips.video import exact_rate
from drivesim.datasets.footage import Pictures, pictures_of
from drivesim.datasets.foreign import categories_of, frame_facts, inside, origins, read_text, told_in_one_line
from drivesim.errors import UserError
from drivesim.exports.card import CONDITIONS
from drivesim.exports.kitti import IGNORE
from drivesim.exports.kitti_space import Vector, camera_of, center, depth, from_pixels
from scenarios.facts import Camera, ObjectFacts

FPS = 10.0  # of KITTI's recordings
IMU_HEIGHT = 0.93  # m over the ground (Geiger et al., "Vision meets Robotics", 2013, figure 3)
OCCLUSION: dict[int, float | None] = {0: 0.0, 1: 0.3, 2: 0.75, 3: None}
TRUNCATION: dict[int, float | None] = {0: 0.0, 1: 0.3, 2: 0.75, -1: None}
COLUMNS = 17


def read_kitti(path: str | Path, *, fps: float | None = None) -> list[Clip]:
    """The clips of a folder with ``image_02`` and ``label_02``, or with ``training`` that has them.

    ``fps``: frames per second, KITTI's 10 if not given; an export of ours tells its own. Raises `UserError` in one line
    on anything that is not there, malformed, or leads outside the folder.
    """
    root = Path(path)
    training = root / "training" if (root / "training").is_dir() else root
    folders = sorted(item for item in (training / "image_02").glob("*") if item.is_dir())
    if not folders:
        raise UserError(f"{root}: no image_02/<sequence> found, expected a folder of KITTI tracking")
    reader = _Reader(root, training, FPS if fps is None else fps)
    with told_in_one_line(root):
        return [reader.clip(inside(root, folder.relative_to(root))) for folder in folders]


class _Reader:
    """A folder of KITTI tracking."""

    def __init__(self, root: Path, training: Path, fps: float) -> None:
        """Read what an export of ours tells beside the format."""
        self.root, self.training, self.fps = root, training, fps
        self.origins = origins(root)
        self.told: dict[str, dict[str, Any]] = {}
        if self.origins:
            with told_in_one_line(root / CONDITIONS):
                lines = read_text(root / CONDITIONS).splitlines()
                self.told = {row["file"]: row for row in (strict_json(line.encode()) for line in lines)}

    def clip(self, folder: Path) -> Clip:
        """The clip of a sequence's pictures."""
        source = pictures_of(folder)
        for file in source.files:
            inside(self.root, file.relative_to(self.root))
        first = self.told.get(self._key(source.files[0]))
        name = str(first["clip"]) if first else folder.name
        origin = self.origins[name] if first else None
        rate = exact_rate(origin.fps if origin else self.fps)
        labels, calib = (
            inside(self.root, (self.training / kind / f"{folder.name}.txt").relative_to(self.root))
            for kind in ("label_02", "calib")
        )
        camera, shift = self._camera(calib, source, ours=origin is not None)
        things = _things(labels, len(source), camera, shift) if labels.is_file() else None
        facts = [
            frame_facts(
                index, float(index / rate), source.height, None if things is None else things[index],
                self.told[self._key(file)] if origin else None, camera=camera,
            )
            for index, file in enumerate(source.files)
        ]  # fmt: skip
        made = {"origin": "real"} if origin is None else {"origin": origin.source, "split": origin.split}
        mark = sha256(labels) if labels.is_file() else None
        return Clip(
            path=folder, name=name, rate=rate, width=source.width, height=source.height, facts=facts,
            provenance={**made, "format": "kitti", "source": folder.name, "labels_sha256": mark},
            videos={MAIN: source},
        )  # fmt: skip

    def _key(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def _camera(self, file: Path, source: Pictures, *, ours: bool) -> tuple[Camera | None, Vector]:
        if not file.is_file():
            return None, (0.0, 0.0, 0.0)
        with told_in_one_line(file):
            matrices = {}
            for line in read_text(file).splitlines():
                name, *values = line.split()
                if len(values) == 12:
                    matrices[name.rstrip(":")] = np.array(values, dtype=float).reshape(3, 4)
            height = 0.0 if ours else IMU_HEIGHT
            return camera_of(matrices, source.width, source.height, imu_height=height)


def _things(
    file: Path, frames: int, camera: Camera | None, shift: Vector
) -> Mapping[int, list[ObjectFacts]]:  # fmt: skip
    """The objects of each frame."""
    names = {**categories_of("kitti"), "Person_sitting": "pedestrian", "Person": "pedestrian"}
    del names[IGNORE]
    found: dict[int, list[ObjectFacts]] = defaultdict(list)
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        values = line.split()
        with told_in_one_line(Path(f"{file}:{number}")):
            if len(values) != COLUMNS:
                raise ValueError(f"{len(values)} columns, expected {COLUMNS}")
            frame = int(values[0])
            if not 0 <= frame < frames:
                raise ValueError(f"frame is {frame}, expected 0 to {frames - 1}")
            if values[2] in names:
                found[frame].append(_thing(values, names[values[2]], camera, shift))
    return found


def _thing(values: list[str], category: str, camera: Camera | None, shift: Vector) -> ObjectFacts:
    numbers = [float(value) for value in values[5:]]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{' '.join(values[5:])} found, expected finite numbers")
    left, top, right, bottom = numbers[1:5]
    height, width, length = numbers[5:8]
    right_of, below, ahead = (value + move for value, move in zip(numbers[8:11], shift, strict=True))
    size = (length, width, height) if min(length, width, height) > 0 else None
    place = turn = away = None
    if size is not None and camera is not None and numbers[8] > -1000:
        place, turn = center(camera, (right_of, below, ahead), size, numbers[11])
        away = depth(camera, place)
    return ObjectFacts(
        track_id=int(values[1]), category=category, box=from_pixels((left, top, right, bottom)),
        occlusion=OCCLUSION[int(values[4])], truncation=TRUNCATION[int(values[3])],
        center=place, size=size, heading=turn, depth=away,
    )  # fmt: skip

"""The scene as the reference detector sees it: daylight, weather, lane lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivesim.errors import UserError
from drivesim.perception.detections import Detections
from drivesim.perception.detectors import REFERENCE, Detector
from drivesim.perception.detectors.layouts import prepare
from drivesim.perception.detectors.onnx import OnnxDetector
from drivesim.perception.detectors.reading import detect
from scenarios.facts import time_of_day

SCENE_KEY = "drivesim.scene"  # metadata of the file that names the weathers
# Lowest score of a point of a lane line: on clips held out from training 97 % of the lines were found then, and 92 %
# of the points were right; at 0.5 it was 67 % and 99 % (of the shipped detector before this one).
CERTAIN = 0.3


@dataclass(frozen=True, eq=False)
class Scene:
    """What is seen of one frame beside its road users.

    ``daylight``: from 0, night, to 1, day. ``weathers``: the belief in each; sums to 1. ``lanes``
    (n 3): x and y in px of the frame, and score, of points on lane lines; ``rows`` (r,): the heights, px, at which
    lines were looked for.
    """

    daylight: float
    weathers: Mapping[str, float]
    lanes: np.ndarray
    rows: np.ndarray

    @property
    def time_of_day(self) -> str:
        """The class of the daylight."""
        return time_of_day(self.daylight)

    @property
    def weather(self) -> str:
        """The weather that is believed in most."""
        return max(self.weathers, key=lambda name: self.weathers[name])


class SceneDetector(OnnxDetector):
    """The reference detector, which sees the scene as well. Raises ``UserError`` if the file tells no scene."""

    def __init__(self, path: Path = REFERENCE, *, threads: int = 1) -> None:
        """Load the model."""
        super().__init__(path, name="reference" if path == REFERENCE else None, threads=threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        outputs = [(item.name, item.shape) for item in self._session.get_outputs()]
        self._weathers = json.loads(metadata.get(SCENE_KEY, "{}")).get("weathers", [])
        names = [name for name, _ in outputs]
        if names != ["boxes", "scene", "lanes"] or outputs[1][1] != [1, 1 + len(self._weathers)]:
            raise UserError(
                f"{path}: found outputs {outputs}, expected 'boxes', 'scene' (daylight and {len(self._weathers)} "
                f"weathers), 'lanes' and metadata {SCENE_KEY}, as of a file made by 'drivesim train detector'"
            )

    def scenes(self, frames: Sequence[np.ndarray]) -> list[Scene]:
        """What is seen of the scene in each frame (uint8 (h, w, 3) RGB)."""
        return [self._scene(frame) for frame in frames]

    def _scene(self, frame: np.ndarray) -> Scene:
        picture, zoom = prepare(frame, self.size, self.layout)
        return self._read(self._run(picture), zoom)

    def _read(self, outputs: Sequence[np.ndarray], zoom: np.ndarray) -> Scene:
        _, ((daylight, *beliefs),), (lanes,) = outputs
        stride = self.size[0] / lanes.shape[1]
        row, column = np.nonzero(lanes[0] >= CERTAIN)
        points = np.column_stack(
            [
                (column + lanes[1, row, column]) * stride / zoom[0],
                (row + 0.5) * stride / zoom[1],
                lanes[0, row, column],
            ]
        )
        return Scene(
            float(daylight),
            dict(zip(self._weathers, map(float, beliefs), strict=True)),
            points,
            (np.arange(lanes.shape[1]) + 0.5) * stride / zoom[1],
        )

    def see(self, frame: np.ndarray) -> tuple[Detections, Scene]:
        """What a call and `scenes` tell of a frame, by one run of the network in place of two."""
        picture, zoom = prepare(frame, self.size, self.layout)
        outputs = self._run(picture)
        found = detect(frame, lambda _: outputs, self.size, self.layout, self._where)
        return found, self._read(outputs, zoom)

    def is_same(self, judge: Detector) -> bool:
        """Whether a judge of boxes is this very network, read in the same way."""
        return isinstance(judge, OnnxDetector) and judge.fingerprint == self.fingerprint and judge.layout == self.layout

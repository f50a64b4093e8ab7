"""The scene as the reference detector sees it: time of day, weather, lane lines."""

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

SCENE_KEY = "drivesim.scene"  # metadata of the file that names the classes of the scene
# Lowest score of a point of a lane line: on clips held out from its training 97 % of the lines are found then, and 92 %
# of the points are right; at 0.5 it would be 67 % and 99 %.
CERTAIN = 0.3


@dataclass(frozen=True, eq=False)
class Scene:
    """What is seen of one frame beside its road users.

    ``times``, ``weathers``: the belief in each class; each sums to 1. ``lanes`` (n 3): x and y in px of the frame, and
    score, of points on lane lines; ``rows`` (r,): the heights, px, at which lines were looked for.
    """

    times: Mapping[str, float]
    weathers: Mapping[str, float]
    lanes: np.ndarray
    rows: np.ndarray

    @property
    def time_of_day(self) -> str:
        """The time of day that is believed in most."""
        return max(self.times, key=lambda name: self.times[name])

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
        outputs = [item.name for item in self._session.get_outputs()]
        if SCENE_KEY not in metadata or outputs[1:] != ["scene", "lanes"]:
            raise UserError(
                f"{path}: found outputs {outputs}, expected 'boxes', 'scene', 'lanes' and metadata {SCENE_KEY}, "
                "as of a file made by 'drivesim train detector'"
            )
        classes = json.loads(metadata[SCENE_KEY])
        self._times, self._weathers = classes["times_of_day"], classes["weathers"]

    def scenes(self, frames: Sequence[np.ndarray]) -> list[Scene]:
        """What is seen of the scene in each frame (uint8 (h, w, 3) RGB)."""
        return [self._scene(frame) for frame in frames]

    def _scene(self, frame: np.ndarray) -> Scene:
        picture, zoom = prepare(frame, self.size, self.layout)
        return self._read(self._run(picture), zoom)

    def _read(self, outputs: Sequence[np.ndarray], zoom: np.ndarray) -> Scene:
        _, (beliefs,), (lanes,) = outputs
        split = len(self._times)
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
            dict(zip(self._times, beliefs[:split].tolist(), strict=True)),
            dict(zip(self._weathers, beliefs[split:].tolist(), strict=True)),
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

"""The scene as the reference detector sees it: daylight, weather, lane lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drivesim.errors import UserError
from drivesim.perception.detectors import REFERENCE
from drivesim.perception.detectors.layouts import prepare
from drivesim.perception.detectors.onnx import OnnxDetector
from scenarios.facts import time_of_day

SCENE_KEY = "drivesim.scene"  # metadata of the file that names the weathers
# Lowest score of a point of a lane line: on clips held out from its training 97 % of the lines are found then, and 92 %
# of the points are right; at 0.5 it would be 67 % and 99 %.
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
        outputs = [item.name for item in self._session.get_outputs()]
        if SCENE_KEY not in metadata or outputs[1:] != ["scene", "lanes"]:
            raise UserError(
                f"{path}: found outputs {outputs}, expected 'boxes', 'scene', 'lanes' and metadata {SCENE_KEY}, "
                "as of a file made by 'drivesim train detector'"
            )
        self._weathers = json.loads(metadata[SCENE_KEY])["weathers"]

    def scenes(self, frames: Sequence[np.ndarray]) -> list[Scene]:
        """What is seen of the scene in each frame (uint8 (h, w, 3) RGB)."""
        return [self._scene(frame) for frame in frames]

    def _scene(self, frame: np.ndarray) -> Scene:
        picture, zoom = prepare(frame, self.size, self.layout)
        _, ((daylight, *beliefs),), (lanes,) = self._session.run(None, {self._session.get_inputs()[0].name: picture})
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

"""Any ONNX detector through onnxruntime: the layout says how to feed it and how to read it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import yaml

from drivesim.errors import UserError
from drivesim.perception.detections import Detections
from drivesim.perception.detectors.layouts import DECODERS, METADATA_KEY, RANKS, Layout, guess, layout_from, prepare
from scenarios.facts import categories

LOWEST_SCORE = 0.01  # average precision needs the whole curve, so almost nothing is thrown away
OVERLAP = 0.45  # of two boxes of one group that overlap more (IoU), the lower-scored one goes


class OnnxDetector:
    """A detector in an ONNX file, run on the CPU.

    Raises ``UserError`` if the file is no ONNX model with one picture (1, 3, H, W) as input, or if its layout is not
    known.
    """

    def __init__(self, path: Path, *, name: str | None = None, threads: int = 1) -> None:
        """Load the model; ``name`` defaults to the file's name without its ending."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}), expected an ONNX file") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's own errors share no narrower base class
            raise UserError(f"{path}: not a model that onnxruntime can run ({error})".replace("\n", " ")) from error
        self.name = name or Path(path).stem
        self.fingerprint = hashlib.sha256(data).hexdigest()
        self.size = self._input_size(path)
        self.layout = self._find_layout(Path(path))
        self.categories = frozenset(self.layout.classes.values())
        shape = self._session.get_outputs()[0].shape
        if len(shape) != RANKS[self.layout.output]:
            raise UserError(
                f"{path}: found output {tuple(shape)}, expected {RANKS[self.layout.output]} dimensions "
                f"of the layout {self.layout.output!r}"
            )

    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """What is in each frame (uint8 (h, w, 3) RGB)."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: np.ndarray) -> Detections:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(f"found a frame {frame.dtype} {frame.shape}, expected uint8 (h, w, 3)")
        values, zoom = prepare(frame, self.size, self.layout)
        output = self._session.run(None, {self._session.get_inputs()[0].name: values})[0]
        boxes, scores = DECODERS[self.layout.output](np.asarray(output, np.float64), self.size)
        columns = [number for number in self.layout.classes if number < scores.shape[1]]
        if not columns:
            raise ValueError(f"the model has {scores.shape[1]} classes, expected some of {list(self.layout.classes)}")
        if np.isnan(scores).any():
            raise UserError("the model gives scores that are NaN, expected numbers (damaged weights?)")
        best = np.argmax(scores[:, columns], 1)
        score = np.clip(scores[np.arange(len(scores)), np.array(columns)[best]], 0, 1)
        keep = score >= LOWEST_SCORE
        names = [self.layout.classes[columns[number]] for number in best[keep]]
        limits = np.array([frame.shape[1], frame.shape[0]] * 2)
        found = Detections(np.clip(boxes[keep] / np.tile(zoom, 2), 0, limits), score[keep], tuple(names))
        return suppress(found)

    def _input_size(self, path: Path) -> tuple[int, int]:
        kinds = [item.type for item in self._session.get_inputs()]
        if kinds != ["tensor(float)"]:
            raise UserError(
                f"{path}: found inputs of type {kinds}, expected one of float32 (other precisions: convert it)"
            )
        inputs = [tuple(item.shape) for item in self._session.get_inputs()]
        if (
            len(inputs) != 1
            or len(inputs[0]) != 4
            or inputs[0][1] != 3
            or not all(isinstance(side, int) for side in inputs[0][2:])
        ):
            raise UserError(f"{path}: found inputs {inputs}, expected one picture (1, 3, height, width)")
        return inputs[0][2], inputs[0][3]

    def _find_layout(self, path: Path) -> Layout:
        beside = path.with_suffix(".yaml")
        if beside.is_file():
            try:
                return layout_from(yaml.safe_load(beside.read_text(encoding="utf-8")), str(beside))
            except yaml.YAMLError as error:
                raise UserError(f"{beside}: not YAML ({error})".replace("\n", " ")) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY in metadata:
            return layout_from(json.loads(metadata[METADATA_KEY]), f"{path}, metadata {METADATA_KEY}")
        outputs = [tuple(item.shape) for item in self._session.get_outputs()]
        layout = guess(self.size, outputs)
        if layout is None:
            raise UserError(
                f"{path}: found input (1, 3, {self.size[0]}, {self.size[1]}) and outputs {outputs}, no known layout; "
                f"describe it in {beside.name} with 'output: ...', one of {tuple(DECODERS)}"
            )
        return layout


def suppress(found: Detections, overlap: float = OVERLAP) -> Detections:
    """Non-maximum suppression within each group: of two boxes with IoU above ``overlap`` the higher score stays.

    By group, not by category, since a van that is found both as a car and as a truck is one road user.
    """
    groups = np.array([categories()[name].group for name in found.categories])
    kept: list[int] = []
    for group in sorted(set(groups)):
        rows = np.flatnonzero(groups == group)
        corners = found.boxes[rows]
        sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)
        chosen = cv2.dnn.NMSBoxes(sides.tolist(), found.scores[rows].tolist(), 0.0, overlap)
        kept.extend(rows[np.asarray(chosen, int).reshape(-1)].tolist())
    order = sorted(kept, key=lambda row: (-found.scores[row], row))
    return found.select(np.array(order, int))

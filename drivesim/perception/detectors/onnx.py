"""Any ONNX detector through onnxruntime: the layout says how to feed it and how to read it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import yaml

from drivesim.errors import UserError
from drivesim.perception.detections import Detections
from drivesim.perception.detectors.decoders import DECODERS
from drivesim.perception.detectors.layouts import METADATA_KEY, Layout, guess, layout_from
from drivesim.perception.detectors.reading import check_shapes, detect


def open_onnx(path: Path, *, threads: int) -> tuple[onnxruntime.InferenceSession, bytes]:
    """A session on the CPU that always gives the same numbers, and the file's bytes.

    Raises ``UserError`` if the file cannot be read or is no model.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}), expected an ONNX file") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]), data
    except Exception as error:  # the runtime's own errors share no narrower base class
        raise UserError(f"{path}: not a model that onnxruntime can run ({error})".replace("\n", " ")) from error


class OnnxDetector:
    """A detector in an ONNX file, run on the CPU.

    Raises ``UserError`` if the file is no ONNX model with one picture (1, 3, H, W) as input, or if its layout is not
    known.
    """

    def __init__(self, path: Path, *, name: str | None = None, threads: int = 1) -> None:
        """Load the model; ``name`` defaults to the file's name without its ending."""
        self._session, data = open_onnx(Path(path), threads=threads)
        self.name, self._where = name or Path(path).stem, str(path)
        self.fingerprint = hashlib.sha256(data).hexdigest()
        self.size = self._input_size(path)
        self.layout = self._find_layout(Path(path))
        self.categories = frozenset(self.layout.classes.values())
        check_shapes([item.shape for item in self._session.get_outputs()], self.size, self.layout, self._where)

    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """What is in each frame (uint8 (h, w, 3) RGB)."""
        return [detect(frame, self._run, self.size, self.layout, self._where) for frame in frames]

    def _run(self, picture: np.ndarray) -> list[np.ndarray]:
        try:
            return list(self._session.run(None, {self._session.get_inputs()[0].name: picture}))
        except Exception as error:  # the runtime's own errors share no narrower base class
            raise UserError(f"{self._where}: onnxruntime could not run it ({error})".replace("\n", " ")) from error

    def _input_size(self, path: Path) -> tuple[int, int]:
        inputs = [(item.type, tuple(item.shape)) for item in self._session.get_inputs()]
        kind, shape = inputs[0] if inputs else ("none", ())
        if (
            len(inputs) != 1
            or kind != "tensor(float)"
            or len(shape) != 4
            or shape[1] != 3
            or (isinstance(shape[0], int) and shape[0] != 1)
            or not all(isinstance(side, int) for side in shape[2:])
        ):
            found = " and ".join(f"{kind} {shape}" for kind, shape in inputs) or "none"
            raise UserError(f"{path}: found inputs {found}, expected one picture tensor(float) (1, 3, height, width)")
        return shape[2], shape[3]

    def _find_layout(self, path: Path) -> Layout:
        beside = path.with_suffix(".yaml")
        if beside.is_file():
            try:
                return layout_from(yaml.safe_load(beside.read_text(encoding="utf-8")), str(beside))
            except yaml.YAMLError as error:
                raise UserError(f"{beside}: not YAML ({error})".replace("\n", " ")) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        if METADATA_KEY in metadata:
            where = f"{path}, metadata {METADATA_KEY}"
            try:
                return layout_from(json.loads(metadata[METADATA_KEY]), where)
            except json.JSONDecodeError as error:
                raise UserError(f"{where}: not JSON ({error})") from error
        outputs = [tuple(item.shape) for item in self._session.get_outputs()]
        layout = guess(self.size, outputs)
        if layout is None:
            raise UserError(
                f"{path}: found input (1, 3, {self.size[0]}, {self.size[1]}) and outputs {outputs}, no known layout; "
                f"describe it in {beside.name} with 'output: ...', one of {tuple(DECODERS)}"
            )
        return layout

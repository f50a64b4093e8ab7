"""Features of pictures and of windows of video, for distances between sets and for finding copies.

Anything with a name, a fingerprint and a call is `Features`. A person names them by `load_features`: those made here,
which are named for what they are, or a network in an ONNX file (``onnx:FILE``), such as Inception or I3D. Only ONNX is
read: it is data that a runtime interprets, where TorchScript and pickles hold code that loading may run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import cv2
import numpy as np
import yaml
from PIL import Image

from drivesim.errors import UserError
from drivesim.perception.detectors.onnx import open_onnx

METADATA_KEY = "drivesim.features"
AXES = ((0, 3, 1, 2), (0, 1, 2, 3), (0, 4, 1, 2, 3), (0, 1, 4, 2, 3), (0, 1, 2, 3, 4))
"""How a network may want its input, from (1 h w 3) or (1 t h w 3)."""
_KEYS = {"scale", "shift", "colour"}


class Features(Protocol):
    """What turns samples into rows of numbers; its name and fingerprint go into every result."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def fingerprint(self) -> str:
        """A sha256 in hex, of all that the numbers depend on."""
        ...

    @property
    def takes(self) -> tuple[str, ...]:
        """Of what: ``"frames"`` (pictures), ``"windows"`` of video, or both."""
        ...

    @property
    def length(self) -> int | None:
        """The frames of a window; None: any number."""
        ...

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Features (n d) of n pictures, uint8 (n h w 3) RGB, or of n windows of t frames, (n t h w 3)."""
        ...


def load_features(source: str) -> Features:
    """The features that a person names: ``"pixels"``, ``"texture"`` or ``"onnx:FILE"``.

    Raises ``UserError`` if there are none of that name or if the file cannot be used.

    >>> load_features("pixels")(np.zeros((2, 64, 128, 3), np.uint8)).shape
    (2, 1536)
    """
    if source == "pixels":
        return Pixels()
    if source == "texture":
        return Texture()
    if source.startswith("onnx:"):
        return OnnxFeatures(Path(source.removeprefix("onnx:")))
    raise UserError(f"features {source!r}, expected 'pixels', 'texture' or 'onnx:FILE'")


@dataclass(frozen=True)
class Pixels:
    """The pixels of every frame reduced to ``height`` x ``width``, in [0, 1]; each sample with mean 0 and spread 1.

    So a brighter or flatter copy has the features of its original. d = t height width 3.
    """

    height: int = 16
    width: int = 32
    takes: ClassVar = ("frames", "windows")
    length: ClassVar = None

    @property
    def name(self) -> str:
        """With the size, such as ``"pixels-16x32"``."""
        return f"pixels-{self.height}x{self.width}"

    @property
    def fingerprint(self) -> str:
        """Of the name, which says everything."""
        return hashlib.sha256(f"{self.name}/1".encode()).hexdigest()

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Features (n d)."""
        rows = reduced(samples, self.height, self.width).reshape(len(samples), -1) / 255
        rows -= rows.mean(1, keepdims=True)
        return rows / np.maximum(rows.std(1, keepdims=True), 1e-6)


class Texture:
    """Colour and edges by region: few numbers, so that few samples are enough for a Fréchet distance.

    The frame, reduced to 64 x 128, is cut into 2 x 4 regions. Each gives its mean R, G and B, in 64 grey levels, and
    its mean edge strength in 4 directions (gradient orientations, as in Dalal and Triggs 2005) as log2(1 + grey levels
    per pixel): d = 56. A window gives the mean over its frames, and the mean absolute change from frame to frame:
    d = 112.
    """

    name = "texture-2x4"
    takes = ("frames", "windows")
    length = None
    fingerprint = hashlib.sha256(b"texture-2x4/1").hexdigest()

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Features (n d)."""
        if samples.ndim == 4:
            return np.stack([_regions(frame) for frame in reduced(samples, 64, 128)])
        if samples.shape[1] < 2:
            raise ValueError("found windows of 1 frame, expected 2 or more, or pictures (n h w 3)")
        frames = np.stack([[_regions(frame) for frame in window] for window in reduced(samples, 64, 128)])
        return np.concatenate([frames.mean(1), np.abs(np.diff(frames, axis=1)).mean(1)], 1)


class OnnxFeatures:
    """Features of a network in an ONNX file, run on the CPU; its first output, flattened, is a sample's features.

    The network takes one sample, float32, of fixed height and width: a picture (1, 3, h, w) or (1, h, w, 3), or a
    window (1, 3, t, h, w), (1, t, 3, h, w) or (1, t, h, w, 3), whose length may be left open. Frames are resized as
    clean-fid does it (Parmar et al. 2022: bicubic, smoothed where they shrink, not rounded), then byte * ``scale`` +
    ``shift`` in the order of ``colour`` ("rgb" or "bgr"). These three are in a YAML file beside the model
    (``model.yaml`` of ``model.onnx``) or in its metadata (key `METADATA_KEY`, JSON).
    Raises ``UserError`` if anything of this is amiss.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """Load the model; one thread, so that results do not depend on the machine."""
        self._session, data = open_onnx(path, threads=threads)
        row = self._described(path)
        self._scale, self._shift, self._bgr = float(row["scale"]), float(row["shift"]), row["colour"] == "bgr"
        self._axes, self._size, self.length = self._input(path)
        self.takes = ("frames",) if len(self._axes) == 4 else ("windows",)
        self.name = path.stem
        self.fingerprint = hashlib.sha256(data + json.dumps(row, sort_keys=True).encode()).hexdigest()

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Features (n d). Raises ``ValueError`` for pictures where the network takes windows, and the reverse."""
        wanted = {4: "pictures (n h w 3)", 5: f"windows (n {self.length or 't'} h w 3)"}[len(self._axes)]
        if samples.ndim != len(self._axes) or (self.length and samples.shape[1] != self.length):
            raise ValueError(f"{self.name}: found samples {samples.shape}, expected {wanted}")
        name = self._session.get_inputs()[0].name
        return np.stack([self._row(name, sample) for sample in samples])

    def _row(self, name: str, sample: np.ndarray) -> np.ndarray:
        frames = np.stack([_bicubic(frame, self._size) for frame in sample.reshape(-1, *sample.shape[-3:])])
        values = (frames[..., ::-1] if self._bgr else frames) * self._scale + self._shift
        values = values.reshape(1, *sample.shape[:-3], *values.shape[1:]).transpose(self._axes)
        return np.asarray(self._session.run(None, {name: values.astype(np.float32)})[0], np.float64).ravel()

    def _input(self, path: Path) -> tuple[tuple[int, ...], tuple[int, int], int | None]:
        """From (1 [t] h w 3) to the network's axes; its (height, width); its number of frames, None: any."""
        inputs = [(item.type, tuple(item.shape)) for item in self._session.get_inputs()]
        kind, shape = inputs[0]
        axes = next((axes for axes in AXES if len(axes) == len(shape) and shape[axes.index(len(axes) - 1)] == 3), None)
        if axes is not None and len(inputs) == 1 and kind == "tensor(float)":
            *frames, height, width = (shape[axes.index(axis)] for axis in range(1, len(axes) - 1))
            if isinstance(height, int) and isinstance(width, int):
                return axes, (height, width), next((count for count in frames if isinstance(count, int)), None)
        raise UserError(
            f"{path}: found inputs {inputs}, expected one float32 picture (1, 3, h, w) or (1, h, w, 3), "
            "or window (1, 3, t, h, w), (1, t, 3, h, w) or (1, t, h, w, 3), of fixed height and width"
        )

    def _described(self, path: Path) -> Mapping[str, Any]:
        beside, metadata = path.with_suffix(".yaml"), self._session.get_modelmeta().custom_metadata_map
        if beside.is_file():
            where, text = str(beside), beside.read_text(encoding="utf-8")
        elif METADATA_KEY in metadata:
            where, text = f"{path}, metadata {METADATA_KEY}", metadata[METADATA_KEY]
        else:
            raise UserError(f"{path}: nothing says what its input is; put scale, shift and colour into {beside.name}")
        try:
            row = yaml.safe_load(text)  # JSON is YAML
        except yaml.YAMLError as error:
            raise UserError(f"{where}: not YAML ({error})".replace("\n", " ")) from error
        fine = isinstance(row, dict) and set(row) == _KEYS and row["colour"] in ("rgb", "bgr")
        if not fine or not all(isinstance(row[key], int | float) for key in ("scale", "shift")):
            raise UserError(f"{where}: found {row}, expected numbers 'scale' and 'shift', and 'colour': rgb or bgr")
        return row


def reduced(samples: np.ndarray, height: int, width: int) -> np.ndarray:
    """Samples (n h w 3) or (n t h w 3) with every frame resized to ``height`` x ``width`` by area, float64 0..255."""
    if samples.dtype != np.uint8 or samples.ndim not in (4, 5) or samples.shape[-1] != 3:
        raise ValueError(f"found samples {samples.dtype} {samples.shape}, expected uint8 (n h w 3) or (n t h w 3)")
    frames = samples.reshape(-1, *samples.shape[-3:]).astype(np.float32)
    small = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames]
    return np.asarray(small, np.float64).reshape(*samples.shape[:-3], height, width, 3)


def _regions(frame: np.ndarray) -> np.ndarray:
    """Colour and edges (56,) of the 2 x 4 regions of a frame (64 128 3)."""
    down, right = np.gradient(frame @ np.array([0.299, 0.587, 0.114]))
    nearest = np.round((np.arctan2(down, right) % np.pi) / (np.pi / 4)).astype(int) % 4
    edges = np.where(nearest[..., None] == np.arange(4), np.hypot(right, down)[..., None], 0.0)
    means = np.concatenate([frame, edges], -1).reshape(2, 32, 4, 32, 7).mean((1, 3))
    return np.concatenate([means[..., :3] / 64, np.log2(1 + means[..., 3:])], -1).ravel()


def _bicubic(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame (uint8 h w 3) as float32 of (height, width), by Pillow's antialiased bicubic filter."""
    height, width = size
    planes = [Image.fromarray(frame[..., k].astype(np.float32)) for k in range(3)]
    return np.stack([np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC)) for plane in planes], -1)

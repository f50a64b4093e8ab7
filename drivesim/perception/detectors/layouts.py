"""Layouts: how a detection network wants its picture, and what the numbers it returns mean.

A layout is data. It is taken, in this order, from a YAML file beside the model (``model.yaml`` for ``model.onnx``), the
model's own metadata (key `METADATA_KEY`, JSON with the same keys), or the shapes of well-known networks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from drivesim.errors import UserError
from scenarios.facts import categories

METADATA_KEY = "drivesim.detector"
LETTERBOX_GREY = 114  # the padding YOLOX was trained with


@cache
def class_map(name: str) -> Mapping[int, str]:
    """A shipped map of class numbers to categories. Raises ``UserError`` if there is none of that name.

    >>> class_map("coco")[0]
    'pedestrian'
    """
    maps = yaml.safe_load((Path(__file__).parents[1] / "classes.yaml").read_text(encoding="utf-8"))
    if name not in maps:
        raise UserError(f"classes {name!r}, expected one of {tuple(maps)}")
    return maps[name]


@dataclass(frozen=True)
class Layout:
    """How to feed a network and read its output.

    ``output``: a key of `DECODERS`. ``colour``: ``"rgb"`` or ``"bgr"``. ``scale``: factor on the bytes 0..255.
    ``resize``: ``"letterbox"`` (aspect kept, picture in the top left corner) or ``"stretch"``.
    ``classes``: the network's class number -> category; classes that are absent are dropped.
    """

    output: str
    colour: str = "rgb"
    scale: float = 1.0
    resize: str = "letterbox"
    classes: Mapping[int, str] = field(default_factory=lambda: class_map("coco"))

    def __post_init__(self) -> None:
        """Refuse what is not known."""
        for name, known in (
            ("output", tuple(DECODERS)),
            ("colour", ("rgb", "bgr")),
            ("resize", ("letterbox", "stretch")),
        ):
            if getattr(self, name) not in known:
                raise UserError(f"detector layout: {name} is {getattr(self, name)!r}, expected one of {known}")
        wrong = {name for name in self.classes.values() if name not in categories()}
        if wrong:
            raise UserError(f"detector layout: classes name {sorted(wrong)}, expected some of {tuple(categories())}")


def layout_from(row: Any, where: str) -> Layout:
    """A layout from parsed YAML or JSON. ``classes`` is the name of a shipped map or a mapping number -> category.

    Raises ``UserError`` that names ``where`` on an unknown key or value.
    """
    keys = [item.name for item in dataclasses.fields(Layout)]
    if not isinstance(row, Mapping) or "output" not in row or not set(row) <= set(keys):
        found = sorted(map(str, row)) if isinstance(row, Mapping) else type(row).__name__
        raise UserError(f"{where}: found {found}, expected 'output' and any of {keys}")
    row = dict(row)
    classes = row.get("classes", "coco")
    try:
        row["classes"] = class_map(classes) if isinstance(classes, str) else {int(k): v for k, v in classes.items()}
        return Layout(**row)
    except (TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{where}: {error}") from error


def guess(size: tuple[int, int], outputs: list[tuple[int, ...]]) -> Layout | None:
    """The layout of a well-known COCO network by its input ``(height, width)`` and output shapes, or None."""
    height, width = size
    if outputs == [(1, sum((height // s) * (width // s) for s in (8, 16, 32)), 85)]:
        return Layout("yolox", colour="bgr")
    if outputs == [(1, 85, height // 16, width // 16)]:
        return Layout("fastestdet", colour="bgr", scale=1 / 255, resize="stretch")
    return None


def prepare(frame: np.ndarray, size: tuple[int, int], layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """One frame (uint8 h w 3 RGB) as input (1, 3, H, W) float32, and the zoom (x, y) from frame to input px."""
    height, width = frame.shape[:2]
    zoom = np.array([size[1] / width, size[0] / height])
    if layout.resize == "letterbox":
        zoom = np.full(2, zoom.min())
    inner = (round(width * zoom[0]), round(height * zoom[1]))
    shrinks = zoom.max() < 1
    picture = cv2.resize(frame, inner, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    canvas = np.full((*size, 3), LETTERBOX_GREY, np.uint8)
    canvas[: inner[1], : inner[0]] = picture
    if layout.colour == "bgr":
        canvas = canvas[..., ::-1]
    values = canvas.astype(np.float32) * np.float32(layout.scale)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None]), zoom


def decode_boxes(output: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """``boxes``, the reference detector's own: (1, n, 4 + classes), x1 y1 x2 y2 in input px and final scores."""
    return output[0, :, :4], output[0, :, 4:]


def decode_yolox(output: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """``yolox``: (1, n, 5 + classes) raw over strides 8, 16, 32 (Ge et al. 2021).

    centre = (offset + cell) * stride, size = exp(raw) * stride, score = objectness * class.
    """
    cells, strides = [], []
    for stride in (8, 16, 32):
        rows, columns = np.mgrid[: size[0] // stride, : size[1] // stride]
        cells.append(np.stack([columns, rows], -1).reshape(-1, 2))
        strides.append(np.full((rows.size, 1), stride))
    scale, raw = np.concatenate(strides), output[0]
    centre = (raw[:, :2] + np.concatenate(cells)) * scale
    half = np.exp(raw[:, 2:4]) * scale / 2
    return np.concatenate([centre - half, centre + half], 1), raw[:, 4:5] * raw[:, 5:]


def decode_fastestdet(output: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """``fastestdet``: (1, 5 + classes, h, w) as objectness, x, y, w, h, classes of the one map of cells.

    centre = (cell + tanh(x, y)) / cells, size = sigmoid(w, h) of the input, score = objectness^0.6 * class^0.4.
    """
    raw = output[0].reshape(output.shape[1], -1).T
    rows, columns = np.mgrid[: output.shape[2], : output.shape[3]]
    cells = np.array([output.shape[3], output.shape[2]])
    whole = np.array([size[1], size[0]])
    centre = (np.stack([columns, rows], -1).reshape(-1, 2) + np.tanh(raw[:, 1:3])) / cells * whole
    half = whole / (1 + np.exp(-raw[:, 3:5])) / 2
    return np.concatenate([centre - half, centre + half], 1), raw[:, :1] ** 0.6 * raw[:, 5:] ** 0.4


RANKS = {"boxes": 3, "yolox": 3, "fastestdet": 4}  # dimensions of the output
DECODERS: dict[str, Callable[[np.ndarray, tuple[int, int]], tuple[np.ndarray, np.ndarray]]] = {
    "boxes": decode_boxes,
    "yolox": decode_yolox,
    "fastestdet": decode_fastestdet,
}

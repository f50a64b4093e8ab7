"""Layouts: how a detection network wants its picture, and what the numbers it returns mean.

A layout is data. It is taken, in this order, from a YAML file beside the model (``model.yaml`` for ``model.onnx``), the
model's own metadata (key `METADATA_KEY`, JSON with the same keys), or the shapes of well-known networks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from drivesim.errors import UserError
from drivesim.perception.detectors.decoders import DECODERS, NANODET_STRIDES, YOLOX_STRIDES, count_cells
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
    numbered = {key: value for key, value in maps.items() if key != "names"}
    if name not in numbered:
        raise UserError(f"classes {name!r}, expected one of {tuple(numbered)}")
    return numbered[name]


@cache
def class_names() -> Mapping[str, str]:
    """Names that other people's models give to classes, in lower case, and the categories they are; our own, too."""
    maps = yaml.safe_load((Path(__file__).parents[1] / "classes.yaml").read_text(encoding="utf-8"))
    own = {word: name for name in categories() for word in (name, name.replace("_", " "))}
    return {**maps["names"], **own}


@dataclass(frozen=True)
class Layout:
    """How to feed a network and read its output.

    ``output``: a key of `DECODERS`. ``colour``: ``"rgb"`` or ``"bgr"``. ``scale``: factor on the bytes 0..255, from
    which ``mean`` is then taken away and which is divided by ``std``, both per channel in the order of ``colour``.
    ``resize``: ``"letterbox"`` (aspect kept, picture in the top left corner) or ``"stretch"``.
    ``classes``: the network's class number -> category; classes that are absent are dropped.
    """

    output: str
    colour: str = "rgb"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
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
        for name, count in (("scale", 1), ("mean", 3), ("std", 3)):
            values = tuple(np.asarray(getattr(self, name), float).ravel().tolist())
            if len(values) != count or not np.isfinite(values).all() or (name != "mean" and min(values) <= 0):
                expected = f"{count} number(s)" + " above 0" * (name != "mean")
                raise UserError(f"detector layout: {name} is {getattr(self, name)!r}, expected {expected}")
            object.__setattr__(self, name, values if count > 1 else values[0])
        wrong = {key: name for key, name in self.classes.items() if key < 0 or name not in categories()}
        if wrong or not self.classes:
            expected = f"numbers from 0, each with one of {tuple(categories())}"
            raise UserError(f"detector layout: classes are {wrong}, expected {expected}")


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
    if outputs == [(1, count_cells(size, YOLOX_STRIDES), 85)]:
        return Layout("yolox", colour="bgr")
    if outputs == [(1, 85, height // 16, width // 16)]:
        return Layout("fastestdet", colour="bgr", scale=1 / 255, resize="stretch")
    if outputs == [(1, count_cells(size, NANODET_STRIDES), 112)]:
        mean, std = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)  # of ImageNet, blue first
        return Layout("nanodet", colour="bgr", mean=mean, std=std, resize="stretch")
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
    mean, std = np.asarray(layout.mean, np.float32), np.asarray(layout.std, np.float32)
    values = (canvas.astype(np.float32) * np.float32(layout.scale) - mean) / std
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None]), zoom

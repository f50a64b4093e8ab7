"""Decoders: the numbers that detection networks return as boxes and scores, one function per family.

Each takes the network's outputs (float arrays) and its input's size (height, width) and returns boxes (n 4), x1 y1 x2
y2 in input px, and scores (n k) in [0, 1] by class number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

YOLOX_STRIDES, NANODET_STRIDES = (8, 16, 32), (8, 16, 32, 64)
Found = tuple[np.ndarray, np.ndarray]


def decode_boxes(outputs: Sequence[np.ndarray], size: tuple[int, int]) -> Found:
    """``boxes``, the reference detector's own: (1 n 4 + classes), x1 y1 x2 y2 in input px and final scores."""
    return outputs[0][0, :, :4], outputs[0][0, :, 4:]


def decode_yolox(outputs: Sequence[np.ndarray], size: tuple[int, int]) -> Found:
    """``yolox``: (1 n 5 + classes) raw over strides 8, 16, 32 (Ge et al. 2021).

    centre = (offset + cell) * stride, size = exp(raw) * stride, score = objectness * class.
    """
    cells, scale = _cells(size, YOLOX_STRIDES)
    raw = outputs[0][0]
    centre = (raw[:, :2] + cells) * scale
    half = np.exp(raw[:, 2:4]) * scale / 2
    return np.concatenate([centre - half, centre + half], 1), raw[:, 4:5] * raw[:, 5:]


def decode_fastestdet(outputs: Sequence[np.ndarray], size: tuple[int, int]) -> Found:
    """``fastestdet``: (1 5 + classes h w) as objectness, x, y, w, h, classes of the one map of cells.

    centre = (cell + tanh(x, y)) / cells, size = sigmoid(w, h) of the input, score = objectness^0.6 * class^0.4.
    """
    raw = outputs[0][0].reshape(outputs[0].shape[1], -1).T
    rows, columns = np.mgrid[: outputs[0].shape[2], : outputs[0].shape[3]]
    cells = np.array([outputs[0].shape[3], outputs[0].shape[2]])
    whole = np.array([size[1], size[0]])
    centre = (np.stack([columns, rows], -1).reshape(-1, 2) + np.tanh(raw[:, 1:3])) / cells * whole
    half = whole / (1 + np.exp(-raw[:, 3:5])) / 2
    return np.concatenate([centre - half, centre + half], 1), raw[:, :1] ** 0.6 * raw[:, 5:] ** 0.4


def decode_nanodet(outputs: Sequence[np.ndarray], size: tuple[int, int]) -> Found:
    """``nanodet``: (1 n classes + 32), NanoDet-Plus over strides 8, 16, 32, 64: final scores, then distributions.

    Each side of a box lies the mean of its distribution (8 bins, Li et al. 2020, equation 5), in strides, from the
    cell's corner.
    """
    cells, scale = _cells(size, NANODET_STRIDES)
    bins = outputs[0][0, :, -32:].reshape(-1, 4, 8)
    weights = np.exp(bins - bins.max(axis=2, keepdims=True))
    sides = (weights @ np.arange(8.0)) / weights.sum(axis=2) * scale  # left, top, right, bottom
    corner = cells * scale
    return np.concatenate([corner - sides[:, :2], corner + sides[:, 2:]], 1), outputs[0][0, :, :-32]


def decode_detr(outputs: Sequence[np.ndarray], size: tuple[int, int]) -> Found:
    """``detr`` (DETR, YOLOS): logits (1 n classes + 1) whose last is "nothing", boxes (1 n 4) (Carion et al. 2020)."""
    logits, boxes = outputs
    weights = np.exp(logits[0] - logits[0].max(axis=1, keepdims=True))
    return _of_centres(boxes[0], size), (weights / weights.sum(axis=1, keepdims=True))[:, :-1]


def decode_rtdetr(outputs: Sequence[np.ndarray], size: tuple[int, int]) -> Found:
    """``rtdetr`` (RT-DETR, D-FINE, Deformable DETR): logits (1 n classes) of a sigmoid each, boxes (1 n 4)."""
    logits, boxes = outputs
    return _of_centres(boxes[0], size), 1 / (1 + np.exp(-logits[0]))


Shape = tuple[int | str, ...]
"""The dimensions of one output. A word stands for any number, the same wherever it stands again; ``"5 + classes"`` for
at least 6."""


class Decoder(NamedTuple):
    """``decode`` turns outputs into boxes and scores; ``shapes`` says what it reads at an input's size."""

    decode: Callable[[Sequence[np.ndarray], tuple[int, int]], Found]
    shapes: Callable[[tuple[int, int]], tuple[Shape, ...]]


DECODERS = {
    "boxes": Decoder(decode_boxes, lambda size: ((1, "n", "4 + classes"),)),
    "yolox": Decoder(decode_yolox, lambda size: ((1, count_cells(size, YOLOX_STRIDES), "5 + classes"),)),
    "fastestdet": Decoder(decode_fastestdet, lambda size: ((1, "5 + classes", "h", "w"),)),
    "nanodet": Decoder(decode_nanodet, lambda size: ((1, count_cells(size, NANODET_STRIDES), "32 + classes"),)),
    "detr": Decoder(decode_detr, lambda size: ((1, "n", "1 + classes"), (1, "n", 4))),
    "rtdetr": Decoder(decode_rtdetr, lambda size: ((1, "n", "0 + classes"), (1, "n", 4))),
}


def fit(shapes: Sequence[Sequence[int | str | None]], wanted: Sequence[Shape]) -> bool:
    """Whether the first outputs have the wanted shapes; what a model leaves open (a word or None) fits anything.

    >>> fit([(1, 7, 6), (1, 7, 4)], [(1, "n", "1 + classes"), (1, "n", 4)]), fit([(1, 7, 5)], [(1, "n", "5 + classes")])
    (True, False)
    """
    if len(shapes) < len(wanted) or any(len(a) != len(b) for a, b in zip(shapes, wanted, strict=False)):
        return False
    named: dict[str, int] = {}
    for found, want in ((a, b) for pair in zip(shapes, wanted, strict=False) for a, b in zip(*pair, strict=True)):
        if not isinstance(found, int):
            continue
        if isinstance(want, int):
            fits = found == want
        elif " + " in want:
            fits = found > int(want.split(" + ")[0])
        else:
            fits = named.setdefault(want, found) == found
        if not fits:
            return False
    return True


def count_cells(size: tuple[int, int], strides: Sequence[int]) -> int:
    """The number of cells of the maps of one input; maps are rounded up."""
    return sum(-(-size[0] // stride) * -(-size[1] // stride) for stride in strides)


def _cells(size: tuple[int, int], strides: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Column and row (n 2) and stride (n 1) of all cells of all maps, row by row; maps are rounded up."""
    cells, scale = [], []
    for stride in strides:
        rows, columns = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        cells.append(np.stack([columns, rows], -1).reshape(-1, 2))
        scale.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells), np.concatenate(scale)


def _of_centres(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes (n 4) as centre and size in shares of the picture -> corners in px."""
    whole = np.array([size[1], size[0]])
    centre, half = boxes[:, :2] * whole, boxes[:, 2:] * whole / 2
    return np.concatenate([centre - half, centre + half], 1)

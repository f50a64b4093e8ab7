"""Detection scores: average precision by COCO's rules, recall by bins, a bootstrap over clips."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

LEVELS = np.linspace(0, 1, 101)  # the recall levels of COCO
EVERY_AREA = (0.0, 1e10)  # px^2


@dataclass(frozen=True, eq=False)
class ScoredFrame:
    """One frame and one group of classes, ready to be scored.

    ``truth`` (n, 4) and ``boxes`` (m, 4): x1 y1 x2 y2, px. ``scores`` (m,).
    ``ignored`` bool (n,): true boxes that do not count.
    """

    truth: np.ndarray
    ignored: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


def coco_scores(frames: Sequence[ScoredFrame]) -> dict[str, float | None]:
    """COCO's scores in [0, 1] of one class over frames, by faster-coco-eval; None where no true box counts.

    ``AP``: precision averaged over 101 recall levels and IoU 0.50:0.05:0.95; ``AP50`` and ``AP75``: at one IoU;
    ``AR``: recall averaged over those IoUs. At most 100 detections a frame. Ignored boxes are COCO's crowds: a
    detection is left out if a share of its own area as high as the IoU asked for lies on one.
    """
    return _coco(frames, [EVERY_AREA])[0]


def coco_scores_by_area(
    frames: Sequence[ScoredFrame], edges: Sequence[float] = (32.0**2, 96.0**2)
) -> list[dict[str, float | None]]:
    """`coco_scores` by the true boxes' area, px^2: COCO's small, medium and large, unless other ``edges`` are given.

    COCO's own rule: a true box of another size may be found but does not count, and a detection of another size counts
    only where it hits. Each row also has ``low`` <= area <= ``high`` (None: no bound).
    """
    bounds = list(itertools.pairwise([-np.inf, *edges, np.inf]))
    ranges = [(max(low, EVERY_AREA[0]), min(high, EVERY_AREA[1])) for low, high in bounds]
    return [_bounds(*pair) | row for pair, row in zip(bounds, _coco(frames, ranges), strict=True)]


def coco_scores_by_value(
    frames: Sequence[ScoredFrame], values: Sequence[Sequence[float]], edges: Sequence[float]
) -> list[dict[str, float | None]]:
    """`coco_scores` by bins of a value of each true box, such as its distance in m: ``low`` <= value < ``high``.

    ``values``: per frame, per true box; NaN: unknown, in no bin. Boxes of other bins are ignored. What is found where
    nothing is has no distance and counts as false in every bin, so compare a bin with itself, not with others.
    """
    rows = []
    for low, high in itertools.pairwise([-np.inf, *edges, np.inf]):
        kept = [
            ScoredFrame(one.truth, one.ignored | ~_inside(value, low, high), one.boxes, one.scores)
            for one, value in zip(frames, values, strict=True)
        ]
        rows.append(_bounds(low, high) | coco_scores(kept))
    return rows


def precision_recall(scores: np.ndarray, hits: np.ndarray, count: int) -> np.ndarray:
    """Precision (101,) at recall 0, 0.01, ... 1, never rising, as COCO takes it.

    ``scores`` (m,), ``hits`` bool (m,): the detections that count, over all frames. ``count``: true boxes that count.
    Down to each score, precision = hits / detections and recall = hits / count; a level takes the best precision at or
    beyond it.
    """
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    precision = np.maximum.accumulate((right / np.arange(1, len(order) + 1))[::-1])[::-1]
    place = np.searchsorted(right / max(count, 1), LEVELS)
    return np.append(precision, 0.0)[np.minimum(place, len(precision))]


def average_precision(scores: np.ndarray, hits: np.ndarray, count: int) -> float | None:
    """Average precision in [0, 1] over 101 recall levels at the one IoU of the matching; None where ``count`` is 0.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
    0.834983...
    """
    return float(precision_recall(scores, hits, count).mean()) if count else None


def recall_by_bins(
    values: Sequence[float], found: Sequence[bool], edges: Sequence[float]
) -> list[dict[str, float | None]]:
    """Recall (share of true boxes found) per bin of a value such as height (px) or depth (m).

    Each row: ``low`` <= value < ``high`` (None: no bound), ``count`` of true boxes, ``recall`` in [0, 1] or None
    where there are none.
    """
    sizes, hits = np.asarray(values, float), np.asarray(found, bool)
    rows: list[dict[str, float | None]] = []
    for low, high in itertools.pairwise([-np.inf, *edges, np.inf]):
        inside = _inside(sizes, low, high)
        count = int(inside.sum())
        recall = float(hits[inside].mean()) if count else None
        rows.append(_bounds(low, high) | {"count": count, "recall": recall})
    return rows


def bootstrap(
    statistic: Callable[[Sequence[int]], float | None], clips: int, *, seed: int, draws: int = 500, share: float = 0.95
) -> tuple[float, float] | None:
    """The percentile interval (low, high) of a statistic when whole clips are drawn again (Efron 1979).

    ``statistic`` takes the numbers of the clips drawn, with replacement; a draw for which it is None is left out.
    Clips are drawn, never frames, because the frames of a clip are alike. Fewer than two clips give no interval: None.
    """
    if clips < 2:
        return None
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(clips, size=clips).tolist()) for _ in range(draws)]
    known = [value for value in values if value is not None]
    if not known:
        return None
    low, high = np.quantile(known, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def _coco(frames: Sequence[ScoredFrame], ranges: Sequence[tuple[float, float]]) -> list[dict[str, float | None]]:
    """COCO's scores for each range of areas, px^2."""
    numbers = itertools.count(1)
    truths, found = [], []
    for image, frame in enumerate(frames, start=1):
        for box, ignored in zip(frame.truth, frame.ignored, strict=True):
            truths.append(
                {"id": next(numbers), "image_id": image, "category_id": 1, "iscrowd": int(ignored)} | _coco_box(box)
            )
        for box, score in zip(frame.boxes, frame.scores, strict=True):
            found.append({"image_id": image, "category_id": 1, "score": float(score)} | _coco_box(box))
    areas = np.array([row["area"] for row in truths if not row["iscrowd"]])
    counting = [bool(((areas >= low) & (areas <= high)).any()) for low, high in ranges]
    if not found or not any(counting):
        return [dict.fromkeys(("AP", "AP50", "AP75", "AR"), 0.0 if counts else None) for counts in counting]
    images = [{"id": image} for image in range(1, len(frames) + 1)]
    truth = COCO({"images": images, "annotations": truths, "categories": [{"id": 1, "name": "group"}]})
    run = COCOeval_faster(truth, truth.loadRes(found), "bbox")
    run.params.areaRng = [list(pair) for pair in ranges]
    run.params.areaRngLbl = [str(number) for number in range(len(ranges))]
    run.evaluate()
    run.accumulate()
    rows: list[dict[str, float | None]] = []
    for number, counts in enumerate(counting):
        precision, recall = run.eval["precision"][:, :, 0, number, -1], run.eval["recall"][:, 0, number, -1]
        values = precision.mean(), precision[0].mean(), precision[5].mean(), recall.mean()  # IoU 0.50 and 0.75
        keys = ("AP", "AP50", "AP75", "AR")
        rows.append({key: float(value) if counts else None for key, value in zip(keys, values, strict=True)})
    return rows


def _inside(values: Sequence[float] | np.ndarray, low: float, high: float) -> np.ndarray:
    numbers = np.asarray(values, float)
    return (numbers >= low) & (numbers < high)


def _bounds(low: float, high: float) -> dict[str, float | None]:
    return {"low": None if np.isinf(low) else low, "high": None if np.isinf(high) else high}


def _coco_box(box: np.ndarray) -> dict[str, object]:
    x1, y1, x2, y2 = map(float, box)
    return {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}

"""Detection scores: average precision by COCO's rules, and bootstraps over clips."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

LEVELS = np.linspace(0, 1, 101)  # the recall levels of COCO


@dataclass(frozen=True, eq=False)
class ScoredFrame:
    """One frame and one group of classes, ready to be scored.

    ``truth`` (n, 4) and ``boxes`` (m, 4): x1 y1 x2 y2, px. ``scores`` (m,).
    ``ignored`` bool (n,): true boxes that do not count.
    ``aside`` bool (n,) and ``outside`` bool (m,): true boxes and detections of another slice of boxes; None: none.
    """

    truth: np.ndarray
    ignored: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    aside: np.ndarray | None = None
    outside: np.ndarray | None = None

    @property
    def counted(self) -> int:
        """How many true boxes count."""
        return int((~self.ignored & ~_known(self.aside, len(self.truth))).sum())


def coco_scores(frames: Sequence[ScoredFrame]) -> dict[str, float | None]:
    """COCO's scores in [0, 1] of one class over frames, by faster-coco-eval; None where no true box counts.

    ``AP``: precision averaged over 101 recall levels and IoU 0.50:0.05:0.95; ``AP50`` and ``AP75``: at one IoU;
    ``AR``: recall averaged over those IoUs. At most 100 detections a frame. Ignored boxes are COCO's crowds: a
    detection is left out if a share of its own area as high as the IoU asked for lies on one. Boxes ``aside`` are
    COCO's boxes of another area range, and so are detections ``outside``: left out unless they hit a box that counts.
    """
    if not any(frame.counted for frame in frames):
        return {"AP": None, "AP50": None, "AP75": None, "AR": None}
    numbers = itertools.count(1)
    truths: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    areas: list[float] = []
    for image, frame in enumerate(frames, start=1):
        aside, outside = _known(frame.aside, len(frame.truth)), _known(frame.outside, len(frame.boxes))
        for box, ignored, area in zip(frame.truth, frame.ignored, aside, strict=True):
            row = {"id": next(numbers), "image_id": image, "category_id": 1, "iscrowd": int(ignored)}
            truths.append(row | {"bbox": _sides(box), "area": float(area)})
        for box, score, area in zip(frame.boxes, frame.scores, outside, strict=True):
            found.append({"image_id": image, "category_id": 1, "score": float(score), "bbox": _sides(box)})
            areas.append(float(area))
    if not found:
        return {"AP": 0.0, "AP50": 0.0, "AP75": 0.0, "AR": 0.0}
    images = [{"id": image} for image in range(1, len(frames) + 1)]
    truth = COCO({"images": images, "annotations": truths, "categories": [{"id": 1, "name": "group"}]})
    results = truth.loadRes(found)
    for result, area in zip(found, areas, strict=True):
        result["area"] = area  # in place of width x height: 0 in the slice, 1 outside
    run = COCOeval_faster(truth, results, "bbox")
    run.params.areaRng, run.params.areaRngLbl = [[0, 0.5]], ["all"]
    run.evaluate()
    run.accumulate()
    run.summarize()
    stats = run.stats_as_dict
    return {
        "AP": float(stats["AP_all"]),
        "AP50": float(stats["AP_50"]),
        "AP75": float(stats["AP_75"]),
        "AR": float(stats["AR_third"]),  # the third: at most 100 a frame
    }


def coco_scores_by_area(
    frames: Sequence[ScoredFrame], edges: Sequence[float] = (32.0**2, 96.0**2)
) -> list[dict[str, float | None]]:
    """`coco_scores` by the true boxes' area, px^2: COCO's small, medium and large, unless other ``edges`` are given.

    COCO's own rule: a true box of another size may be found but does not count, and a detection of another size counts
    only where it hits. Each row also has ``low`` <= area <= ``high`` (None: no bound).
    """
    rows = []
    for low, high in itertools.pairwise([None, *edges, None]):
        kept = [
            dataclasses.replace(one, aside=_beyond(one.truth, low, high), outside=_beyond(one.boxes, low, high))
            for one in frames
        ]
        rows.append({"low": low, "high": high, **coco_scores(kept)})
    return rows


def precision_recall(scores: np.ndarray, hits: np.ndarray, count: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Precision (101,) at recall 0, 0.01, ... 1, never rising, as COCO takes it.

    ``scores`` (m,), ``hits`` bool (m,): the detections that count, over all frames. ``count``: true boxes that count.
    Down to each score, precision = hits / detections and recall = hits / count; a level takes the best precision at or
    beyond it. ``weights`` (m,): how many times each detection is there (None: once).
    """
    order = np.argsort(-scores, kind="stable")
    times = np.ones(len(order), int) if weights is None else weights[order]
    right, there = np.cumsum(times * hits[order]), np.cumsum(times)
    precision = np.maximum.accumulate((right / np.maximum(there, 1))[::-1])[::-1]
    place = np.searchsorted(right / max(count, 1), LEVELS)
    return np.append(precision, 0.0)[np.minimum(place, len(precision))]


def average_precision(
    scores: np.ndarray, hits: np.ndarray, count: int, weights: np.ndarray | None = None
) -> float | None:
    """Average precision in [0, 1] over 101 recall levels at the one IoU of the matching; None where ``count`` is 0.

    ``weights``: see `precision_recall`.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2)
    0.834983...
    """
    return float(precision_recall(scores, hits, count, weights).mean()) if count else None


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
    return _percentiles([value for value in values if value is not None], share)


def bootstrap_difference(
    first: Callable[[Sequence[int]], float | None],
    second: Callable[[Sequence[int]], float | None],
    clips: tuple[int, int],
    *,
    paired: bool,
    seed: int,
    draws: int = 500,
    share: float = 0.95,
) -> tuple[float, float] | None:
    """The percentile interval of ``second`` minus ``first`` when whole clips are drawn again (see `bootstrap`).

    ``clips``: how many each of the two has. ``paired``: both are of the same clips, so that each draw takes the same
    ones for both and what makes a clip hard for either falls out; else they are drawn apart.
    """
    if min(clips) < 2:
        return None
    random = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        drawn = random.integers(clips[0], size=clips[0]).tolist()
        pair = first(drawn), second(drawn if paired else random.integers(clips[1], size=clips[1]).tolist())
        if pair[0] is not None and pair[1] is not None:
            values.append(pair[1] - pair[0])
    return _percentiles(values, share)


def bootstrap_crossed(
    statistic: Callable[[Sequence[int], Sequence[int]], float | None],
    counts: tuple[int, int],
    *,
    seed: int,
    draws: int = 500,
    share: float = 0.95,
) -> tuple[float, float] | None:
    """The percentile interval when clips and trainings are both drawn again (the pigeonhole bootstrap, Owen 2007).

    ``counts``: of clips and of trainings, each of which has seen all clips. ``statistic`` takes the numbers of the
    clips and of the trainings drawn, each with replacement and apart from the other. Fewer than two clips: None; a
    single training is drawn every time, so that its interval is over clips alone.
    """
    if counts[0] < 2:
        return None
    random = np.random.default_rng(seed)
    values = [statistic(*(random.integers(n, size=n).tolist() for n in counts)) for _ in range(draws)]
    return _percentiles([value for value in values if value is not None], share)


def _percentiles(values: Sequence[float], share: float) -> tuple[float, float] | None:
    """The middle ``share`` of some values, None of none."""
    if not values:
        return None
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def _beyond(boxes: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    """Which boxes (n, 4) have an area, px^2, outside a range."""
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return (area < (-np.inf if low is None else low)) | (area > (np.inf if high is None else high))


def _known(flags: np.ndarray | None, count: int) -> np.ndarray:
    return np.zeros(count, bool) if flags is None else flags


def _sides(box: np.ndarray) -> list[float]:
    x1, y1, x2, y2 = map(float, box)
    return [x1, y1, x2 - x1, y2 - y1]

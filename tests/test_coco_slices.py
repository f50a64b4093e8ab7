"""COCO's scores, in all and by area, against pycocotools on random cases with ignored boxes."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from drivesim.metrics.detection import ScoredFrame, coco_scores, coco_scores_by_area

KEYS = ("AP", "AP50", "AP75", "AR")


def random_frames(random: np.random.Generator) -> list[ScoredFrame]:
    """One to three frames of true boxes of 8 to 130 px, a share ignored, found with jitter, gaps and clutter."""
    frames = []
    for _ in range(random.integers(1, 4)):
        n = random.integers(0, 5)
        corner, size = random.uniform(0, 150, (n, 2)), 8 * 2 ** random.uniform(0, 4, (n, 2))
        truth = np.concatenate([corner, corner + size], 1)
        jitter = truth + random.normal(0, 0.06, truth.shape) * np.tile(size, 2)
        clutter = random.uniform(0, 150, (random.integers(0, 3), 2))
        boxes = np.concatenate([jitter[random.random(n) < 0.8], np.concatenate([clutter, clutter + 40], 1)])
        frames.append(ScoredFrame(truth, random.random(n) < 0.25, boxes, random.random(len(boxes))))
    return frames


def by_pycocotools(frames: list[ScoredFrame]) -> list[dict[str, float | None]]:
    """The four scores in all and for each of COCO's three ranges of area, through COCO's own code."""
    truths, found = [], []
    for image, one in enumerate(frames, 1):
        for rows, more, into in (
            (one.truth, [{"iscrowd": int(crowd)} for crowd in one.ignored], truths),
            (one.boxes, [{"score": float(score)} for score in one.scores], found),
        ):
            for (x1, y1, x2, y2), extra in zip(rows.tolist(), more, strict=True):
                box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
                into.append({"id": len(into) + 1, "image_id": image, "category_id": 1, **box, **extra})
    truth = COCO()
    images = [{"id": image} for image in range(1, len(frames) + 1)]
    truth.dataset = {"images": images, "annotations": truths, "categories": [{"id": 1}], "info": {}}
    truth.createIndex()
    results = COCO()
    results.dataset = truth.dataset | {"annotations": found}
    results.createIndex()
    run = COCOeval(truth, results, "bbox")  # its ranges: all, small, medium, large
    run.evaluate()
    run.accumulate()
    precision, recall = run.eval["precision"][:, :, 0, :, -1], run.eval["recall"][:, 0, :, -1]
    values = np.stack([precision.mean((0, 1)), precision[0].mean(0), precision[5].mean(0), recall.mean(0)], 1)
    return [{key: None if value < 0 else value for key, value in zip(KEYS, row, strict=True)} for row in values]


def only(row: dict[str, float | None]) -> dict[str, object]:
    return {key: None if row[key] is None else pytest.approx(row[key], abs=1e-9) for key in KEYS}


def test_scores_by_area_agree_with_pycocotools_on_1000_random_cases() -> None:
    random = np.random.default_rng(0)
    known = 0
    for _ in range(1000):
        frames = random_frames(random)
        with contextlib.redirect_stdout(io.StringIO()):
            theirs = by_pycocotools(frames)
        ours = [coco_scores(frames), *coco_scores_by_area(frames)]
        for one, other in zip(ours, theirs, strict=True):
            assert {key: one[key] for key in KEYS} == only(other)
        known += sum(row["AP"] is not None for row in theirs[1:])
    assert known > 1000


def test_by_area_a_box_of_another_size_neither_helps_nor_harms() -> None:
    small, large = [0, 0, 10, 10], [50, 50, 250, 250]
    frame = ScoredFrame(np.array([small, large], float), np.zeros(2, bool), np.array([large], float), np.array([0.9]))
    rows = coco_scores_by_area([frame])
    assert [row["AP"] for row in rows] == [0.0, None, 1.0]
    assert [(row["low"], row["high"]) for row in rows] == [(None, 1024), (1024, 9216), (9216, None)]
    assert [row["AP50"] for row in coco_scores_by_area([frame], edges=[50.0])] == [None, pytest.approx(51 / 101)]

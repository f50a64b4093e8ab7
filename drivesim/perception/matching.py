"""Matching: which detections of a frame are hits, which are false, and which fall on what the rule leaves out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from drivesim.perception.detections import Detections
from scenarios.crowdedness import VisibleRule, is_visible
from scenarios.facts import ObjectFacts

HIT, FALSE, IGNORED = "hit", "false", "ignored"


@dataclass(frozen=True, eq=False)
class Truth:
    """The true boxes of one group in one frame: ``boxes`` (n, 4) px; ``ignored`` (n,): found or not, it does not count.

    ``objects``: the n facts the rows were made from.
    """

    boxes: np.ndarray
    ignored: np.ndarray
    objects: tuple[ObjectFacts, ...]


@dataclass(frozen=True, eq=False)
class Match:
    """What became of each box of a frame.

    ``outcomes``: HIT, FALSE or IGNORED per detection. ``partner`` (m,): the row of the true box that it hit, else -1.
    ``found`` bool (n,): per true box.
    """

    outcomes: tuple[str, ...]
    partner: np.ndarray
    found: np.ndarray


def truth_of(objects: Iterable[ObjectFacts], kind: str, image_height: int, rule: VisibleRule | None = None) -> Truth:
    """The objects of a group or category; those not visible enough (`scenarios.crowdedness.is_visible`) are ignored.

    For people, two-wheelers are ignored too: their box covers the rider, whom a detector may rightly call a person.
    """
    objects = tuple(objects)
    rows = [thing for thing in objects if kind in (thing.group, thing.category)]
    ignored = [not is_visible(thing, image_height, rule) for thing in rows]
    if kind in ("person", "pedestrian"):
        riders = [thing for thing in objects if thing.category in ("motorcycle", "bicycle")]
        rows, ignored = rows + riders, ignored + [True] * len(riders)
    boxes = np.array([thing.box for thing in rows], float).reshape(-1, 4)
    return Truth(boxes, np.array(ignored, bool), tuple(rows))


def overlaps(boxes: np.ndarray, others: np.ndarray, *, of_first: bool = False) -> np.ndarray:
    """Intersection over union (n, m) of boxes (n, 4) and others (m, 4); ``of_first``: over the first box's area.

    >>> overlaps(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 3, 2.0]])).round(3).tolist()
    [[0.333]]
    """
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    area, other_area = ((side[:, 2:] - side[:, :2]).prod(-1) for side in (boxes, others))
    whole = area[:, None] if of_first else area[:, None] + other_area[None] - common
    return np.divide(common, whole, out=np.zeros_like(common), where=whole > 0)


def match(found: Detections, truth: Truth, threshold: float = 0.5, *, aside: np.ndarray | None = None) -> Match:
    """Greedy matching as COCO does it: by falling score, each to the free true box of highest IoU >= ``threshold``.

    A detection without such a box is ignored if at least ``threshold`` of its own area lies on one ignored box
    (COCO's rule for crowds: any number of detections may lie on one), else it is false.

    ``aside`` bool (n,): true boxes of another slice, which count here neither as found nor as missed (COCO's boxes of
    another area range). One that is free takes a detection that no counting box takes, which is then ignored.
    """
    shared = overlaps(found.boxes, truth.boxes)
    covered = overlaps(found.boxes, truth.boxes, of_first=True)[:, truth.ignored]
    aside = np.zeros(len(truth.boxes), bool) if aside is None else aside & ~truth.ignored
    counts, others = ~truth.ignored & ~aside, aside.copy()
    outcomes, partner = [FALSE] * len(found), np.full(len(found), -1)
    for row in np.argsort(-found.scores, kind="stable"):
        best, overlap = _best(shared[row], counts)
        if overlap >= threshold:
            counts[best], partner[row], outcomes[row] = False, best, HIT
            continue
        other, overlap = _best(shared[row], others)
        crowd = covered[row].max(initial=0.0)
        if max(overlap, crowd) >= threshold:
            outcomes[row] = IGNORED
            if overlap > crowd:
                others[other] = False
    return Match(tuple(outcomes), partner, ~truth.ignored & ~aside & ~counts)


def _best(shared: np.ndarray, free: np.ndarray) -> tuple[int, float]:
    """The free box of highest overlap and that overlap; -1 and -1.0 where none is free."""
    if not free.any():
        return -1, -1.0
    best = int(np.where(free, shared, -1.0).argmax())
    return best, float(shared[best])

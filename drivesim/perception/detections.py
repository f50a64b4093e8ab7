"""Detections: what a detector found in one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.errors import UserError
from scenarios.facts import ObjectFacts, categories


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes found in one frame.

    ``boxes``: float (n, 4) as x1, y1, x2, y2 in pixels of the frame that was given, half-open. ``scores``: float (n,)
    in [0, 1].
    ``categories``: n names of `scenarios.facts.categories`. Raises ``UserError`` where they do not fit together, or
    where a number is none.

    >>> found = Detections([[0, 0, 10, 20], [5, 5, 9, 9]], [0.9, 0.2], ["car", "pedestrian"])
    >>> len(found), len(found.above(0.5)), found.of("person").scores.tolist()
    (2, 1, [0.2])
    """

    boxes: np.ndarray
    scores: np.ndarray
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        """Turn lists into arrays, once, and check that they fit."""
        object.__setattr__(self, "boxes", np.asarray(self.boxes, dtype=np.float64).reshape(-1, 4))
        object.__setattr__(self, "scores", np.asarray(self.scores, dtype=np.float64).reshape(-1))
        object.__setattr__(self, "categories", tuple(self.categories))
        counts = (len(self.boxes), len(self.scores), len(self.categories))
        if len(set(counts)) > 1:
            raise UserError(f"found {counts} boxes, scores and categories, expected the same number of each")
        if not np.isfinite(self.boxes).all():
            raise UserError("found a box that is not finite, expected four numbers")
        if (self.boxes[:, 2:] < self.boxes[:, :2]).any():
            raise UserError("found a box with x2 < x1 or y2 < y1, expected x1 <= x2 and y1 <= y2")
        if np.isnan(self.scores).any():
            raise UserError("found a score that is NaN, expected numbers in [0, 1]")
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise UserError(f"found scores {self.scores.min()} to {self.scores.max()}, expected [0, 1]")
        unknown = set(self.categories) - set(categories())
        if unknown:
            raise UserError(f"found categories {sorted(unknown)}, expected some of {tuple(categories())}")

    def __len__(self) -> int:
        """The number of detections."""
        return len(self.scores)

    def select(self, keep: np.ndarray) -> Detections:
        """The detections where ``keep`` (bool (n,) or indices) says so."""
        rows = np.arange(len(self))[keep]
        return Detections(self.boxes[rows], self.scores[rows], tuple(self.categories[row] for row in rows))

    def above(self, score: float) -> Detections:
        """The detections with at least this score."""
        return self.select(self.scores >= score)

    def of(self, kind: str) -> Detections:
        """The detections of one group (``"vehicle"``, ``"person"``, ``"other"``) or of one category."""
        return self.select(self.are(kind))

    def are(self, kind: str) -> np.ndarray:
        """Which detections (bool (n,)) are of one group or of one category."""
        return np.array([kind in (name, categories()[name].group) for name in self.categories], bool)

    def objects(self) -> tuple[ObjectFacts, ...]:
        """The detections as objects of which only category and box are known; track ids only number them."""
        return tuple(
            ObjectFacts(number, name, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
            for number, (name, box) in enumerate(zip(self.categories, self.boxes, strict=True))
        )

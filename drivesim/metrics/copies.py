"""Copies: does a model show windows of its training clips again?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.metrics.features import Features, Pixels

BLOCK = 256  # windows compared at once


@dataclass(frozen=True, eq=False)
class Copies:
    """How near windows lie to the training clips, compared with unseen real ones.

    ``share``: of the windows that lie nearer to a training window than ``threshold``, the held-out windows'
    ``quantile``. About as large as ``quantile`` if nothing is copied. ``distance`` (n,): each window's to its nearest
    training window; ``training`` int (n,): which that is; ``held_out`` (m,): the distances of the held-out windows.
    """

    share: float
    quantile: float
    threshold: float
    distance: np.ndarray
    training: np.ndarray
    held_out: np.ndarray

    @property
    def caught(self) -> np.ndarray:
        """The numbers of the windows that lie nearer than the threshold, the nearest first."""
        order = np.argsort(self.distance, kind="stable")
        return order[self.distance[order] < self.threshold]


def find_copies(
    windows: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    *,
    features: Features | None = None,
    quantile: float = 0.05,
) -> Copies:
    """Which ``windows`` lie suspiciously near to a training window: uint8 (n t h w 3) each, or pictures (n h w 3).

    Distances are Euclidean in a space of ``features`` (default: `features.Pixels`, blind to brightness and contrast),
    and the smaller of those of a window and of its mirror image. ``held_out`` must be of the same kind as ``training``
    but never trained on, and of the same length: a model that has learned the kind and not the clips comes no nearer
    (the two-sample idea of Meehan et al. 2020, "A non-parametric test to detect data-copying", with a quantile in place
    of their rank sum, so that a few copies among many windows show). Near is not copied: look at the pairs.
    Raises ``ValueError`` for sets that do not fit or are empty, or a quantile outside of (0, 1).
    """
    shapes = [rows.shape[1:] for rows in (windows, training, held_out)]
    if len(set(shapes)) > 1 or min(map(len, (windows, training, held_out))) < 1:
        found = [rows.shape for rows in (windows, training, held_out)]
        raise ValueError(f"found windows {found}, expected one or more of each, alike in all but number")
    if not 0 < quantile < 1:
        raise ValueError(f"quantile is {quantile}, expected between 0 and 1")
    space = features or Pixels()
    known = space(training)
    distance, nearest = _nearest(windows, known, space)
    real, _ = _nearest(held_out, known, space)
    threshold = float(np.quantile(real, quantile))
    return Copies(float((distance < threshold).mean()), quantile, threshold, distance, nearest, real)


def _nearest(windows: np.ndarray, known: np.ndarray, space: Features) -> tuple[np.ndarray, np.ndarray]:
    """The distance of each window, or of its mirror image if that is nearer, to the nearest row of ``known``; which."""
    sides = [_to_rows(space(seen), known) for seen in (windows, np.ascontiguousarray(windows[..., ::-1, :]))]
    mirrored = sides[1][0] < sides[0][0]
    return np.where(mirrored, sides[1][0], sides[0][0]), np.where(mirrored, sides[1][1], sides[0][1])


def _to_rows(rows: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distance (n,) of each row (n d) to the nearest of ``known`` (m d), and its number (n,)."""
    found = []
    for at in range(0, len(rows), BLOCK):
        part = rows[at : at + BLOCK]
        squares = (part**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * part @ known.T
        number = squares.argmin(1)
        # taken again from the difference: the expanded square is off by rounding where it is almost 0
        found.append((np.linalg.norm(part - known[number], axis=1), number))
    return np.concatenate([near for near, _ in found]), np.concatenate([number for _, number in found])

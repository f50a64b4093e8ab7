"""Copies: does a model show windows of its training clips again?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivesim.metrics.features import Features, Pixels

BLOCK = 256  # windows compared at once
QUANTILE = 0.05  # the share of an unseen clip's windows that may be taken for copies
_HAIR = 1e-9  # of rounding, in sums of shares


@dataclass(frozen=True, eq=False)
class Copies:
    """How near windows lie to the training clips, compared with unseen real ones.

    ``share``: of the windows that lie nearer to a training window than ``threshold`` (`copy_threshold`). At most
    ``quantile`` on average if nothing is copied. ``distance`` (n,): each window's to its nearest training window;
    ``training`` int (n,): which that is; ``held_out`` (m,): the distances of the held-out windows.
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
    clips: Sequence[int] | Sequence[str],
    features: Features | None = None,
    quantile: float = QUANTILE,
) -> Copies:
    """Which ``windows`` lie suspiciously near to a training window: uint8 (n t h w 3) each, or pictures (n h w 3).

    Distances are Euclidean in a space of ``features`` (default: `features.Pixels`, blind to brightness and contrast),
    and the smaller of those of a window and of its mirror image. ``held_out`` must be of the same kind as ``training``
    but never trained on, and of the same length: a model that has learned the kind and not the clips comes no nearer
    (the two-sample idea of Meehan et al. 2020, "A non-parametric test to detect data-copying", with a quantile in place
    of their rank sum, so that a few copies among many windows show). ``clips`` (m,): which clip each held-out window is
    of. Near is not copied: look at the pairs. Raises ``ValueError`` for sets that do not fit or are empty, for a
    quantile outside of (0, 1), or fewer held-out clips than it takes (`least_clips`).
    """
    shapes = [rows.shape[1:] for rows in (windows, training, held_out)]
    if len(set(shapes)) > 1 or min(map(len, (windows, training, held_out))) < 1:
        found = [rows.shape for rows in (windows, training, held_out)]
        raise ValueError(f"found windows {found}, expected one or more of each, alike in all but number")
    space = features or Pixels()
    known = space(training)
    distance, training_of = nearest(windows, known, space)
    real, _ = nearest(held_out, known, space)
    threshold = copy_threshold(real, clips, quantile=quantile)
    if threshold is None:
        raise ValueError(
            f"found {len(set(clips))} held-out clips, expected {least_clips(quantile)} or more for {quantile:g}"
        )
    return Copies(float((distance < threshold).mean()), quantile, threshold, distance, training_of, real)


def least_clips(quantile: float) -> int:
    """How many held-out clips a `copy_threshold` takes: with n of them one in n + 1 clips is the nearest by chance.

    >>> least_clips(0.05), least_clips(1 / 6)
    (19, 5)
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile is {quantile}, expected between 0 and 1")
    return math.ceil(1 / quantile - _HAIR) - 1


def copy_threshold(distance: np.ndarray, clips: Sequence[int] | Sequence[str], *, quantile: float) -> float | None:
    """The distance below which at most a ``quantile`` of an unseen clip's windows lie, on average; None of too few.

    ``distance`` (m,) of held-out windows, and ``clips`` (m,): which clip each is of. With F_k(t) the share of clip k's
    windows nearer than t, of n clips, it is the largest distance t of all with

        (1 + sum_k F_k(t)) / (n + 1) <= quantile

    Were the unseen clip among them, the mean of all n + 1 shares would be at most ``quantile``; as any of them may be
    the unseen one, so is what to expect of it, whatever it is: at worst 1 (hierarchical conformal prediction: Lee,
    Barber and Willett 2023, "Distribution-free inference with hierarchical data"). A quantile of all windows does not
    do: those of a clip are alike, so that a few clips say little of another one.
    """
    if len(set(clips)) < least_clips(quantile):
        return None
    _, numbers, counts = np.unique(clips, return_inverse=True, return_counts=True)
    order = np.argsort(distance, kind="stable")
    shares = 1 / counts[numbers[order]]
    nearer = np.cumsum(shares) - shares  # the sum of F_k, in that order
    return float(distance[order][nearer <= quantile * (len(counts) + 1) - 1 + _HAIR].max())


def nearest(windows: np.ndarray, known: np.ndarray, space: Features) -> tuple[np.ndarray, np.ndarray]:
    """The distance (n,) of each window, or of its mirror image if nearer, to the nearest row of ``known``; which (n,).

    ``windows``: uint8 (n t h w 3). ``known`` (m d): the features of others in the ``space``.
    """
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

"""Do two sources of video say the same of detectors? Robustness under corruption, and correlation of ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def mean_corruption(scores: Mapping[str, Sequence[float]]) -> float:
    """The mean performance under corruption, mPC, of a detector: Michaelis et al. 2019, eq. 1.

    ``scores``: for each corruption the score at each of its severities; the mean over corruptions of the mean over
    severities. Raises ``ValueError`` if there is none.

    >>> mean_corruption({"fog": [0.4, 0.2], "night": [0.1]})
    0.2
    """
    if not scores or not all(len(row) for row in scores.values()):
        raise ValueError(f"found scores {dict(scores)}, expected one or more of one or more corruptions")
    return float(np.mean([np.mean(row) for row in scores.values()]))


def relative_corruption(scores: Mapping[str, Sequence[float]], clean: float) -> float | None:
    """The relative performance under corruption, rPC = mPC / clean score: Michaelis et al. 2019, eq. 2.

    1: corruptions change nothing. None if the clean score is 0.

    >>> relative_corruption({"fog": [0.4, 0.2]}, clean=0.6)
    0.5
    """
    return round(mean_corruption(scores) / clean, 12) if clean else None


def spearman(values: Sequence[float], others: Sequence[float]) -> float | None:
    """Spearman's rank correlation, equal values sharing their mean rank; None where one side does not vary.

    >>> spearman([1, 2, 3, 4], [10, 20, 40, 30])
    0.8
    """
    first, second = (_ranks(side) for side in _sides(values, others))
    if len(first) == 0 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return round(float(np.corrcoef(first, second)[0, 1]), 12)


def kendall(values: Sequence[float], others: Sequence[float]) -> float | None:
    """Kendall's rank correlation tau-b (Kendall 1945), which allows for ties; None where one side does not vary.

    The pairs that both sides order alike less those that they order differently, over the geometric mean of the numbers
    of pairs that each side orders.

    >>> kendall([1, 2, 3, 4], [10, 20, 40, 30])
    0.666666666667
    """
    first, second = (np.sign(side[:, None] - side[None]) for side in _sides(values, others))
    ordered = np.abs(first).sum() * np.abs(second).sum()
    return round(float((first * second).sum() / np.sqrt(ordered)), 12) if ordered else None


def _sides(values: Sequence[float], others: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    if len(values) != len(others):
        raise ValueError(f"found {len(values)} and {len(others)} values, expected the same number")
    return np.asarray(values, float), np.asarray(others, float)


def _ranks(values: np.ndarray) -> np.ndarray:
    _, kinds, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[kinds]

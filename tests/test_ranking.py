"""Rank correlations against SciPy, robustness under corruption by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from drivesim.metrics.ranking import kendall, mean_corruption, relative_corruption, spearman


def test_spearman_and_kendall_agree_with_scipy_on_1000_random_pairs() -> None:
    random = np.random.default_rng(0)
    unknown = 0
    for case in range(1000):
        n = random.integers(2, 12)
        values, others = (random.integers(0, 5, (2, n)) if case % 2 else random.normal(size=(2, n))).tolist()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.ConstantInputWarning)
            theirs = (stats.spearmanr(values, others).statistic, stats.kendalltau(values, others).statistic)
        for ours, their in zip((spearman(values, others), kendall(values, others)), theirs, strict=True):
            assert ours == (None if np.isnan(their) else pytest.approx(their, abs=1e-9))
        unknown += ours is None
    assert 0 < unknown < 200


def test_ranks_that_agree_or_are_reversed_and_sides_that_do_not_vary() -> None:
    assert (spearman([1, 2, 9], [0, 5, 6]), kendall([1, 2, 9], [0, 5, 6])) == (1, 1)
    assert (spearman([1, 2, 9], [6, 5, 0]), kendall([1, 2, 9], [6, 5, 0])) == (-1, -1)
    # ranks 1.5 1.5 3 against 1 2 3: covariance 0.5 of deviations (-.5 -.5 1), (-1 0 1) -> 1.5 / sqrt(1.5 * 2)
    assert spearman([5, 5, 9], [1, 2, 3]) == pytest.approx(1.5 / 3**0.5)
    assert (spearman([1, 1], [1, 2]), kendall([1, 1], [1, 2])) == (None, None)
    assert (spearman([], []), kendall([], [])) == (None, None)


def test_sides_of_different_length_are_refused() -> None:
    for correlation in (spearman, kendall):
        with pytest.raises(ValueError, match="2 and 3 values"):
            correlation([1, 2], [1, 2, 3])


def test_mean_performance_under_corruption_counts_each_corruption_once() -> None:
    scores = {"fog": [0.4, 0.2], "snow": [0.6, 0.6, 0.6, 0.0]}  # means 0.3 and 0.45
    assert mean_corruption(scores) == pytest.approx(0.375)
    assert relative_corruption(scores, clean=0.5) == pytest.approx(0.75)
    assert relative_corruption(scores, clean=0) is None
    for nothing in ({}, {"fog": []}):
        with pytest.raises(ValueError, match="expected one or more"):
            mean_corruption(nothing)

"""Distances between two sets of pictures or windows of video, by their features: Fréchet's and the kernel distance.

They depend on the features above all. Only with the features of the published network, and resized as published, is the
Fréchet distance an FID (Inception, Heusel et al. 2017) or an FVD (I3D, Unterthiner et al. 2018), and the kernel
distance a KID (Binkowski et al. 2018): see `drivesim.metrics.features` for such files, and for features without one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK = 1024  # rows of the kernel's table held at once


@dataclass(frozen=True)
class Distance:
    """A distance and what it rests on. ``first`` and ``second``: how many samples; ``dimensions``: of the features.

    >>> Distance(1.5, first=100, second=40, dimensions=64).enough
    False
    """

    value: float
    first: int
    second: int
    dimensions: int

    @property
    def enough(self) -> bool:
        """Whether both sets have more samples than dimensions.

        A covariance of fewer has no full rank: the Fréchet distance is then a number still, but far too high, and by
        how much depends on the number of samples. The kernel distance is unbiased at any number.
        """
        return min(self.first, self.second) > self.dimensions


def frechet_distance(first: np.ndarray, second: np.ndarray) -> Distance:
    """The Fréchet distance (squared, as FID is) of features ``first`` (n d) and ``second`` (m d).

    Both are taken for Gaussian, with unbiased covariances (divided by n - 1). Not negative; 0 for the same set. The
    fewer samples, the higher it comes out: compare at equal numbers only, and see `Distance.enough`. Raises
    ``ValueError`` for fewer than 2 samples or values that are not finite.

    >>> frechet_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]])).value  # same spread, 3 apart
    9.0
    """
    one, two = _checked(first, second)
    value = frechet_of_gaussians(one.mean(0), _covariance(one), two.mean(0), _covariance(two))
    return Distance(value, len(one), len(two), one.shape[1])


def frechet_of_gaussians(mean: np.ndarray, covariance: np.ndarray, mean2: np.ndarray, covariance2: np.ndarray) -> float:
    """The squared Fréchet distance of two Gaussians: |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson, Landau 1982).

    Means (d,), covariances (d d). tr (C1 C2)^(1/2) is the sum of the roots of the eigenvalues of the symmetric
    C1^(1/2) C2 C1^(1/2): no root of an unsymmetric matrix is taken, which fails where a covariance has no full rank.

    >>> frechet_of_gaussians(np.zeros(2), np.diag([1.0, 4.0]), np.array([3.0, 0.0]), np.diag([9.0, 4.0]))
    13.0
    """
    root = _root(covariance)
    shared = np.sqrt(_eigenvalues(root @ covariance2 @ root)).sum()
    gap = ((mean - mean2) ** 2).sum()
    return max(0.0, float(gap + np.trace(covariance) + np.trace(covariance2) - 2 * shared))


def kernel_distance(first: np.ndarray, second: np.ndarray) -> Distance:
    """The squared maximum mean discrepancy of features (n d) and (m d), unbiased, by KID's kernel (x . y / d + 1)^3.

    Binkowski et al. 2018, eq. 4: means over pairs of different samples. Over all pairs, where KID takes the mean of
    random subsets, whose expectation it is. Around 0 for sets of one source, so it may be negative. Raises
    ``ValueError`` as `frechet_distance` does.

    >>> kernel_distance(np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])).value  # 1 + 1 - 2 (1 + 1 + 1 + 8) / 4
    -3.5
    """
    one, two = _checked(first, second)
    within = sum(_kernel_sum(rows, rows, same=True) / (len(rows) * (len(rows) - 1)) for rows in (one, two))
    across = _kernel_sum(one, two, same=False) / (len(one) * len(two))
    return Distance(float(within - 2 * across), len(one), len(two), one.shape[1])


def _checked(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one, two = (np.asarray(rows, np.float64) for rows in (first, second))
    if one.ndim != 2 or two.ndim != 2 or one.shape[1] != two.shape[1]:
        raise ValueError(f"found features {one.shape} and {two.shape}, expected (n, d) and (m, d)")
    if min(len(one), len(two)) < 2:
        raise ValueError(f"found {len(one)} and {len(two)} samples, expected 2 or more of each")
    if not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise ValueError("found features that are not finite")
    return one, two


def _covariance(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(0)
    return centred.T @ centred / (len(rows) - 1)


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(_clean(values))) @ vectors.T


def _eigenvalues(symmetric: np.ndarray) -> np.ndarray:
    return _clean(np.linalg.eigvalsh((symmetric + symmetric.T) / 2))


def _clean(values: np.ndarray) -> np.ndarray:
    """Eigenvalues of a covariance without those that are rounding errors of 0, whose roots would not be small."""
    return np.where(values > values.max() * len(values) * np.finfo(float).eps, values, 0.0)


def _kernel_sum(one: np.ndarray, two: np.ndarray, *, same: bool) -> float:
    """The kernel summed over all pairs; ``same``: without those of a sample with itself."""
    total = sum(((one[at : at + BLOCK] @ two.T / one.shape[1] + 1) ** 3).sum() for at in range(0, len(one), BLOCK))
    return float(total - (((one**2).sum(1) / one.shape[1] + 1) ** 3).sum() if same else total)

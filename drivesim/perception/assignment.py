"""The best one-to-one assignment of rows to columns."""

from __future__ import annotations

import numpy as np


def assign(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns (k,), k = min(n, m), of the assignment with the highest sum of ``scores`` (n m), finite.

    Shortest augmenting paths with dual variables (Crouse 2016, "On implementing 2D rectangular assignment algorithms");
    rows ascend. A metric that needs only this needs no SciPy.

    >>> rows, columns = assign(np.array([[5.0, 4.0], [4.0, 0.0]]))
    >>> rows.tolist(), columns.tolist()
    ([0, 1], [1, 0])
    """
    cost = -np.asarray(scores, float)
    if not np.isfinite(cost).all():
        raise ValueError("found a score that is not finite, expected numbers")
    if cost.shape[0] > cost.shape[1]:
        columns, rows = assign(-cost.T)
        order = np.argsort(rows)
        return rows[order], columns[order]
    row_of = np.full(cost.shape[1], -1)
    price = np.zeros(cost.shape[1])  # the columns' dual variables
    worth = np.zeros(cost.shape[0])  # the rows'
    for start in range(cost.shape[0]):
        _augment(cost, start, row_of, worth, price)
    columns = np.flatnonzero(row_of >= 0)
    order = np.argsort(row_of[columns])
    return row_of[columns][order], columns[order]


def _augment(cost: np.ndarray, start: int, row_of: np.ndarray, worth: np.ndarray, price: np.ndarray) -> None:
    """Give row ``start`` a column, moving others along the shortest path to a free one; changes the last three."""
    shortest = np.full(cost.shape[1], np.inf)
    before = np.full(cost.shape[1], -1)  # the column from which a column was reached, -1: from ``start`` itself
    done = np.zeros(cost.shape[1], bool)
    row, column, length = start, -1, 0.0
    while True:
        reach = length + cost[row] - worth[row] - price
        nearer = ~done & (reach < shortest)
        shortest[nearer], before[nearer] = reach[nearer], column
        column = int(np.where(done, np.inf, shortest).argmin())
        length = shortest[column]
        if row_of[column] < 0:
            break
        done[column] = True
        row = row_of[column]
    worth[start] += length
    worth[row_of[done]] += length - shortest[done]
    price[done] += shortest[done] - length
    while column >= 0:
        previous = before[column]
        row_of[column] = start if previous < 0 else row_of[previous]
        column = previous

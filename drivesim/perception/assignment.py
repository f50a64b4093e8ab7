"""The assignment problem: which row goes with which column."""

from __future__ import annotations

import numpy as np


def assign(gain: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (row, column) of the largest total ``gain`` (n m), each used once; only pairs of a gain above 0.

    The Hungarian method with shortest augmenting paths (Kuhn 1955; Jonker and Volgenant 1987).

    >>> assign(np.array([[0.9, 0.8], [0.8, 0.0]]))
    [(0, 1), (1, 0)]
    """
    if gain.shape[0] > gain.shape[1]:
        return sorted((row, column) for column, row in assign(gain.T))
    rows, columns = gain.shape
    cost = -np.asarray(gain, float)
    row_price, column_price = np.zeros(rows), np.zeros(columns + 1)
    owner = np.full(columns + 1, -1)  # column -> its row; the last one is where each new row starts
    for row in range(rows):
        owner[-1], here = row, columns
        shortest, came_from = np.full(columns, np.inf), np.full(columns, columns)
        done = np.zeros(columns + 1, bool)
        while owner[here] >= 0:  # walk to the nearest column until a free one is reached
            done[here] = True
            reduced = cost[owner[here]] - row_price[owner[here]] - column_price[:-1]
            nearer = ~done[:-1] & (reduced < shortest)
            shortest[nearer], came_from[nearer] = reduced[nearer], here
            following = int(np.where(done[:-1], np.inf, shortest).argmin())
            step = shortest[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            shortest[~done[:-1]] -= step
            here = following
        while here != columns:  # hand the columns on along the way back
            owner[here] = owner[came_from[here]]
            here = came_from[here]
    pairs = ((int(owner[column]), column) for column in range(columns) if owner[column] >= 0)
    return sorted((row, column) for row, column in pairs if gain[row, column] > 0)

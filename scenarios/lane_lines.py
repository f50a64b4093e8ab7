"""Lane lines as a picture shows them: the one function for the labels that networks learn and for scores.

Lines and kerbs count, stop lines do not: those lie across. A line is told by where it crosses rows of the picture, as
in TuSimple's benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenarios.camera import NEAR, project_points
from scenarios.facts import FrameFacts

AHEAD, ASIDE = 40.0, 12.0  # m from the ego: farther off, lines run together or lie behind houses
EVERY = 0.5  # m between the points of a line


def lines_in_view(facts: FrameFacts, size: tuple[int, int]) -> list[np.ndarray] | None:
    """The lane lines of a frame in a picture of ``size`` (height, width): each (n 3), x and y in px, and 1.0 or 0.0.

    The last says whether a point counts: it is in the picture and within `AHEAD` and `ASIDE`, and no road user's box
    covers it. None where the facts know no road, camera or objects.
    """
    if facts.road is None or facts.camera is None or facts.objects is None:
        return None
    camera = facts.camera.resized(size[1], size[0])
    scale = np.array([size[1] / facts.camera.width, size[0] / facts.camera.height] * 2)
    boxes = np.array([thing.box for thing in facts.objects]).reshape(-1, 4) * scale
    found = []
    for line in facts.road.lines:
        if line.kind == "stop":
            continue
        ground = _dense(np.asarray(line.points, float))
        pixels, depth = project_points(camera, np.column_stack([ground, np.zeros(len(ground))]))
        near = (ground[:, 0] <= AHEAD) & (np.abs(ground[:, 1]) <= ASIDE)
        x, y = pixels.T[:, :, None]
        covered = ((x >= boxes[:, 0]) & (x < boxes[:, 2]) & (y >= boxes[:, 1]) & (y < boxes[:, 3])).any(axis=1)
        inside = ((pixels >= 0) & (pixels <= (size[1], size[0]))).all(axis=1)
        rows = np.column_stack([pixels, near & inside & ~covered])[depth > NEAR]
        if len(rows) >= 2:
            found.append(rows)
    return found


def segments(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Lines as pieces (m 5): x1, y1, x2, y2 in px, and whether both ends count."""
    pieces = [np.column_stack([line[:-1, :2], line[1:, :2], line[:-1, 2] * line[1:, 2]]) for line in lines]
    return np.concatenate(pieces) if pieces else np.zeros((0, 5))


def crossings(pieces: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where pieces of lines (m 5, as of `segments`) cross the heights ``rows`` (r,), px.

    Returns three arrays with an entry for each crossing: the number of the row, x in px, the number of the piece.

    >>> row, x, piece = crossings(np.array([[0.0, 0.0, 20.0, 10.0, 1.0]]), np.array([4.0, 8.0, 12.0]))
    >>> row.tolist(), x.tolist(), piece.tolist()
    ([0, 1], [8.0, 16.0], [0, 0])
    """
    x1, y1, x2, y2 = pieces[:, :4].T[:, :, None]
    piece, row = np.nonzero((np.minimum(y1, y2) <= rows) & (rows < np.maximum(y1, y2)))
    share = (rows[row] - y1[piece, 0]) / (y2[piece, 0] - y1[piece, 0])
    return row, x1[piece, 0] + share * (x2[piece, 0] - x1[piece, 0]), piece


def _dense(points: np.ndarray) -> np.ndarray:
    """Points (n 2) every `EVERY` m along a polyline."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    along = np.append(np.arange(0.0, lengths[-1], EVERY), lengths[-1])
    return np.column_stack([np.interp(along, lengths, points[:, axis]) for axis in (0, 1)])

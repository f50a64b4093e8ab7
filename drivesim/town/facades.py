"""Walls of houses: a ground floor under storeys of windows, painted cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivesim.town.meshes import Mesh, box, merge, patch, quads

WALL, TRIM, ROOF, BASE, DOOR, SIGN, AWNING, SHOP, METAL, WALL_2, WALL_3, PANE = range(12)
PANES = 8  # slots PANE .. PANE + PANES - 1: windows that are lit or dark on their own
SLOT_COUNT = PANE + PANES
EAVES = 0.22  # m that cornices and awnings stand out of the walls
BAR, BARS = 0.07, {"double": 1.5, "single": 1.0}  # m of a bar of a frame; how many a kind of window has in each half
FINE, COARSE, PLAIN = range(3)  # details of walls: all, without frames and ledges, without windows
HOLE = 255  # of a patch
SILL = 0.045  # of a storey: height of the ledges below windows
Point = tuple[float, float]  # m


@dataclass(frozen=True, slots=True)
class Style:
    """How the walls of a house look.

    ``pitch, storey``: m from window to window and from floor to floor. ``share, sill, lintel``: the window in its cell.
    ``window``: "double" (two panes in a frame), "single" (one), "shutters" (one between shutters) or "plain" (no
    frame). ``band``: whether a band of trim runs under every storey.
    """

    pitch: float = 2.7
    storey: float = 3.0
    share: float = 0.46
    sill: float = 0.28
    lintel: float = 0.82
    window: str = "double"
    band: bool = False


def wall(start: Point, end: Point, z0: float, z1: float) -> list[tuple[float, float, float]]:
    """The corners of an upright rectangle; from outside it runs from left to right."""
    return [(*start, z0), (*end, z0), (*end, z1), (*start, z1)]


def facade(
    start: Point, end: Point, top: float, style: Style, ground: str, dice: np.random.Generator, detail: int
) -> Mesh:
    """One wall up to ``top`` m; ``ground``: what is at its foot, "shop", "gates" or "door"."""
    run = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    foot = min({"shop": 3.6, "gates": 3.9}.get(ground, 2.9), top * 0.6)
    storeys = max(1, round((top - foot) / style.storey))
    columns = max(1, round(run / style.pitch))
    below = _GROUNDS[ground](start, end, run, foot, dice)
    panes = PANE + dice.integers(0, PANES, (storeys, columns))
    if detail == PLAIN:
        return quads([wall(start, end, 0, top)], WALL)
    cuts, cells, is_frame = _window_cuts(columns, style, run, is_coarse=detail == COARSE)
    windows = np.where(cells == PANE, panes[:, np.arange(len(cells)) * columns // len(cells)], cells)
    ledge_cuts, ledge = _merged(cuts, np.where(is_frame, TRIM, WALL))
    # The stripes of a storey: a band, wall, the ledge below the windows, the windows, wall.
    low = style.sill - (SILL if detail == FINE else 0)
    heights = np.arange(storeys)[:, None] + np.array([0, 0.3 * low, low, style.sill, style.lintel])
    upper, vs = wall(start, end, foot, top), np.append(heights.reshape(-1) / storeys, 1)
    band = np.where(style.band | (np.arange(storeys) == 0), TRIM, WALL)[:, None]
    plain = [(0, band), (1, np.full_like(band, WALL)), (4, np.full_like(band, WALL))]
    parts = [below, patch(upper, (0, 1), vs, _stripes(plain)), patch(upper, cuts, vs, _stripes([(3, windows)]))]
    if detail == FINE:
        parts.append(patch(upper, ledge_cuts, vs, _stripes([(2, np.tile(ledge, (storeys, 1)))])))
    return merge(parts)


def _stripes(painted: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """The slots of all stripes, five a storey; ``painted``: numbers and, by storey, slots. Others are holes."""
    storeys, cells = painted[0][1].shape
    slots = np.full((storeys, 5, cells), HOLE)
    for number, row in painted:
        slots[:, number] = row
    return slots.reshape(5 * storeys, cells)


def _window_cuts(
    columns: int, style: Style, run: float, *, is_coarse: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cuts in 0..1 along a wall, what lies between them (`PANE`: a window), and which of it is window or frame.

    ``is_coarse``: a window with a frame is one pane as wide as the frame leaves.
    """
    half, bar = style.share / 2, BAR * columns / run
    glass = half - BARS.get(style.window, 0) * bar
    offsets, inside = {
        "double": ([-half, -half + bar, -bar / 2, bar / 2, half - bar, half], [TRIM, PANE, TRIM, PANE, TRIM]),
        "single": ([-half, -half + bar, half - bar, half], [TRIM, PANE, TRIM]),
        "shutters": ([-half - 0.14, -half, half, half + 0.14], [DOOR, PANE, DOOR]),
        "plain": ([-glass, glass], [PANE]),
    }["plain" if is_coarse and style.window in BARS else style.window]
    inner = (np.arange(columns)[:, None] + 0.5 + np.array(offsets)) / columns
    cells = np.concatenate([np.tile([WALL, *inside], columns), [WALL]])
    return np.concatenate([[0], inner.reshape(-1), [1]]), cells, cells != WALL


def _merged(cuts: np.ndarray, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same cells, neighbours of one paint in one piece."""
    begins = np.concatenate([[True], slots[1:] != slots[:-1]])
    return np.concatenate([cuts[:-1][begins], cuts[-1:]]), slots[begins]


def _column_cuts(columns: int, share: float) -> np.ndarray:
    """Cuts in 0..1 that leave ``columns`` windows, each ``share`` of its column wide."""
    left = (np.arange(columns) + 0.5 - share / 2) / columns
    return np.concatenate([[0], np.stack([left, left + share / columns], 1).reshape(-1), [1]])


def _shop(start: Point, end: Point, run: float, top: float, dice: np.random.Generator) -> Mesh:
    columns = max(1, round(run / 4.0))
    row = np.full(2 * columns + 1, BASE)
    row[1::2] = SHOP
    row[1 + 2 * int(dice.integers(columns))] = DOOR
    slots = np.stack([np.full_like(row, BASE), row, np.full_like(row, SIGN), np.full_like(row, TRIM)])
    return patch(wall(start, end, 0, top), _column_cuts(columns, 0.84), (0, 0.1, 0.72, 0.92, 1), slots)


def _gates(start: Point, end: Point, run: float, top: float, dice: np.random.Generator) -> Mesh:
    """Roller gates of a workshop or a garage, each with a row of small panes."""
    columns = max(1, round(run / 4.6))
    gate = np.full(2 * columns + 1, WALL)
    gate[1::2] = np.where(dice.random(columns) < 0.75, METAL, DOOR)
    panes = np.where(gate == WALL, WALL, PANE + dice.integers(PANES))
    slots = np.stack([gate, panes, gate, np.full_like(gate, WALL)])
    return patch(wall(start, end, 0, top), _column_cuts(columns, 0.74), (0, 0.5, 0.62, 0.8, 1), slots)


def _door(start: Point, end: Point, run: float, top: float, dice: np.random.Generator) -> Mesh:
    columns = max(1, round(run / 3.2))
    row = np.full(2 * columns + 1, WALL)
    row[1::2] = PANE + dice.integers(0, PANES, columns)
    below = np.full_like(row, BASE)
    door = 1 + 2 * int(dice.integers(columns))
    row[door], below[door] = DOOR, DOOR
    slots = np.stack([below, row, np.full_like(row, WALL)])
    return patch(wall(start, end, 0, top), _column_cuts(columns, 0.42), (0, 0.3, 0.8, 1), slots)


_GROUNDS = {"shop": _shop, "gates": _gates, "door": _door}


def awning(start: Point, end: Point, dice: np.random.Generator) -> Mesh:
    """A sloping cloth over part of a shop front, as deep as the eaves."""
    a, b = np.asarray(start), np.asarray(end)
    along = (b - a) / np.linalg.norm(b - a)
    out = np.array([along[1], -along[0]]) * EAVES
    near = a + (b - a) * dice.uniform(0.05, 0.3)
    far = a + (b - a) * dice.uniform(0.6, 0.95)
    return quads([[(*(near + out), 2.35), (*(far + out), 2.35), (*far, 2.65), (*near, 2.65)]], AWNING)


def balconies(x0: float, x1: float, y: float, depth: float, top: float, style: Style, every: int) -> list[Mesh]:
    """Balconies before the windows of a wall along x at ``y``, ``depth`` m towards +y, at every ``every``-th column."""
    foot, columns = min(2.9, top * 0.6), max(1, round((x1 - x0) / style.pitch))
    storeys = max(1, round((top - foot) / style.storey))
    tall, pitch = (top - foot) / storeys, (x1 - x0) / columns
    parts = []
    for column in range(every // 2, columns, every):
        left, right = x0 + (column + 0.06) * pitch, x0 + (column + 0.94) * pitch
        for storey in range(storeys):
            z = foot + storey * tall
            parts.append(box((left, y, z), (right, y + depth, z + 0.34 * tall), METAL if every > 1 else TRIM))
    return parts

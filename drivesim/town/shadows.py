"""Shadows on the ground: the soft dark of contact under every body, and the hard shadow that the sun casts.

Both multiply what lies below them and are drawn after the ground and before anything that stands on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from drivesim.town.engine import Batch, Canvas, Layer
from drivesim.town.looks import Look

Floats = NDArray[np.floating]
Placed = tuple[float, float, float, tuple[float, float, float]]  # x, y (m), heading (rad), size (l, w, h) in m
DARKNESS = 0.72  # of the contact shadow under a body
SPILL = 0.3  # m that the contact shadow reaches beyond the body
CAST = Layer(20, blend="alpha")
FAINTEST = 0.03  # sunlight below which shadows are not seen
LEAST = 3  # alpha: the rasteriser must not interpolate below 0
LIT = 0.3  # brightness of sunlit asphalt, at which a shadow's tint is exact
FARTHEST = 120.0  # m from the ego at which shadows of bodies are less than a pixel high
LONGEST = 2.2  # m of cast shadow per m of height, also when the sun is lower
_CORNERS = np.array([(0.48 * u, 0.48 * v, z) for z in (0, 1) for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
_FACES = np.array([(i, i + 4, i + 5, i + 1) for i in (0, 1, 2, 4, 5, 6, 8, 9, 10)])
_FACES = np.concatenate([_FACES[:, [0, 1, 2]], _FACES[:, [0, 2, 3]]])


class Shadows:
    """The shadows of the road users of one frame."""

    def __init__(self, canvas: Canvas) -> None:
        """Draw onto ``canvas``."""
        self._contact = canvas.batch(Layer(21, blend="alpha"))
        self._cast = canvas.batch(CAST)

    def draw(self, bodies: Sequence[Placed], look: Look, heading: float) -> None:
        """Show the shadows of ``bodies``, placed in a frame whose x axis points to ``heading`` in the world."""
        bodies = [body for body in bodies if math.hypot(*body[:2]) < FARTHEST]
        self._contact.show(bool(bodies))
        self._cast.show(False)
        if bodies:
            self._contact.shape(_contacts(bodies).reshape(-1, 3), _FACES + 16 * np.arange(len(bodies))[:, None, None])
            clear = np.array([np.exp(-np.hypot(x, y) / look.haze) for x, y, *_ in bodies])
            dark = np.zeros((len(bodies), 4, 4, 4), np.uint8)
            dark[..., 3] = LEAST
            dark[:, 1:3, 1:3, 3] = np.maximum(DARKNESS * 255 * clear, LEAST)[:, None, None]
            self._contact.colours(dark.reshape(-1, 4))
            self._cast.show(draw_cast(self._cast, list(outlines(bodies, top=0.8)), look, heading))


def _contacts(bodies: Sequence[Placed]) -> Floats:
    """For every body a grid (k, 16, 3) whose inner cell lies under it."""
    x, y, heading = (np.array([body[i] for body in bodies])[:, None, None] for i in range(3))
    length, width = (np.array([body[3][i] for body in bodies])[:, None] for i in range(2))
    along = np.concatenate([-0.5 * length - SPILL, -0.46 * length, 0.46 * length, 0.5 * length + SPILL], 1)[:, :, None]
    across = np.concatenate([-0.5 * width - SPILL, -0.42 * width, 0.42 * width, 0.5 * width + SPILL], 1)[:, None]
    c, s = np.cos(heading), np.sin(heading)
    grid = np.stack([x + c * along - s * across, y + s * along + c * across, np.zeros((len(bodies), 4, 4))], axis=-1)
    return grid.reshape(-1, 16, 3).astype(np.float32)


def outline(x: float, y: float, heading: float, size: tuple[float, float, float]) -> Floats:
    """Eight corners (8, 3) of a body."""
    return outlines([(x, y, heading, size)])[0]


def outlines(bodies: Sequence[Placed], *, top: float = 1.0) -> Floats:
    """Eight corners of each body (k, 8, 3); ``top``: width of their upper ends as a share of the lower."""
    x, y, heading, length, width, height = np.array([(*body[:3], *body[3]) for body in bodies]).T[..., None]
    u, v, z = _CORNERS.T
    share = np.where(z > 0, top, 1.0)
    c, s, along, across = np.cos(heading), np.sin(heading), u * share * length, v * share * width
    corners = np.stack([x + c * along - s * across, y + s * along + c * across, z * height], axis=-1)
    return corners.astype(np.float32)


def crown(x: float, y: float, size: tuple[float, float, float]) -> Floats:
    """Two rings (20, 3) around the crown of a tree."""
    angles = 2 * np.pi * np.arange(10) / 10
    ring = np.stack([np.cos(angles) * size[0], np.sin(angles) * size[1]], -1)
    rings = [
        np.c_[np.array([x, y]) + wide * ring, np.full(10, high * size[2])] for wide, high in ((0.42, 0.5), (0.3, 0.9))
    ]
    return np.concatenate(rings).astype(np.float32)


def draw_cast(batch: Batch, outlines: Sequence[Floats], look: Look, heading: float) -> bool:
    """Fill ``batch`` with the sun's shadows of convex ``outlines`` (n, 3); whether there are any to show."""
    if not outlines or float(look.sun.max()) < FAINTEST:
        return False
    c, s = np.cos(-heading), np.sin(-heading)
    x, y, z = look.sun_direction
    fall = -np.array([c * x - s * y, s * x + c * y]) / max(z, 1e-3)
    fall *= min(1.0, LONGEST / float(np.hypot(*fall)))
    flat = [(body[:, :2] + body[:, 2:] * fall).astype(np.float32) for body in outlines]
    hulls = [cv2.convexHull(points, clockwise=False)[:, 0] for points in flat]
    starts = np.cumsum([0] + [len(hull) for hull in hulls])
    corners = np.zeros((starts[-1], 3), np.float32)
    corners[:, :2] = np.concatenate(hulls)
    triangles = np.concatenate([start + _fan(len(hull)) for hull, start in zip(hulls, starts, strict=False)])
    left = look.ambient / (look.ambient + look.sun * z)
    dark = 1 - left.min()
    tint = (left - left.min()) * LIT / dark
    batch.shape(corners, np.concatenate([triangles, triangles[:, ::-1]]))
    batch.colours(np.broadcast_to((np.append(tint, dark) * 255).astype(np.uint8), (len(corners), 4)))
    return True


@cache
def _fan(count: int) -> NDArray[np.int64]:
    return np.array([(0, i, i + 1) for i in range(1, count - 1)]).reshape(-1, 3)

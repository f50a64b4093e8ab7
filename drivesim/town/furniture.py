"""What else stands beside the road: trees and street lamps."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drivesim.town.meshes import Mesh, box, ellipsoid, merge, tube

BARK, LEAVES, POLE, BULB = range(4)
SLOT_COUNT = 4
INNER = 0.92  # share of the radii of a lump of leaves within which, however rough it is, leaves are as good as hidden
ARM = 1.7  # m that a street lamp reaches over the road
GREENS = ((0.20, 0.36, 0.12), (0.16, 0.31, 0.13), (0.27, 0.40, 0.14), (0.31, 0.37, 0.13), (0.22, 0.33, 0.19))
RARE = ((0.34, 0.15, 0.14), (0.46, 0.36, 0.12), (0.48, 0.34, 0.36))  # copper beeches, yellow leaves, blossom


def tree(size: tuple[float, float, float], variant: int) -> Mesh:
    """A trunk under a crown of a few faceted lumps, in the box ``size`` (l, w, h), m."""
    dice = np.random.default_rng(variant)
    length, width, height = size
    if variant % 6 == 0 and height > 2.2 * length:
        return _conifer(length, width, height)
    if variant % 6 == 1 and height > 1.8 * length:
        return _poplar(length, width, height)
    crown = height * dice.uniform(0.58, 0.66)
    foot = height - crown
    trunk = 0.05 * min(length, width) + 0.06
    parts = [tube((0, 0, 0), (0, 0, foot + 0.3 * crown), (trunk, trunk * 0.6), BARK, sides=6)]
    lumps = [((0, 0, foot + 0.5 * crown), (0.40, 0.40, 0.40))]
    for angle in dice.uniform(0, 2 * np.pi) + np.arange(4) * np.pi / 2:
        spot = (0.2 * np.cos(angle) * length, 0.2 * np.sin(angle) * width, foot + crown * dice.uniform(0.28, 0.66))
        lumps.append((spot, (0.30, 0.30, 0.26)))
    balls = [(np.asarray(place, np.float32), np.array(share) * (length, width, crown)) for place, share in lumps]
    for middle, radii in balls:
        ball = ellipsoid((0, 0, 0), radii, LEAVES, sides=7, rings=5)
        rough = ball.points * (1 + 0.10 * dice.standard_normal((len(ball.points), 1)).astype(np.float32))
        parts.append(_outside(Mesh(rough + middle, ball.normals, ball.faces, ball.slots), balls))
    return merge(parts).fitted(size)


def _outside(mesh: Mesh, balls: list[tuple[NDArray, NDArray]]) -> Mesh:
    """Without the triangles that lie inside one of the rough ``balls`` (middle, radii), as nobody sees them."""
    is_seen = np.ones(len(mesh.faces), bool)
    for middle, radii in balls:
        is_deep = np.square((mesh.points - middle) / (INNER * radii)).sum(1) < 1
        is_seen &= ~is_deep[mesh.faces].all(1)
    return mesh.only(is_seen)


def _conifer(length: float, width: float, height: float) -> Mesh:
    parts = [tube((0, 0, 0), (0, 0, height * 0.3), (0.14, 0.12), BARK, sides=6)]
    for low, high, share in ((0.16, 0.55, 0.5), (0.38, 0.78, 0.38), (0.62, 1.0, 0.25)):
        parts.append(tube((0, 0, height * low), (0, 0, height * high), (share * 2, 0.05), LEAVES, sides=9))
    return merge(parts).fitted((length, width, height))


def _poplar(length: float, width: float, height: float) -> Mesh:
    """A slim crown that begins low, in the box of a wider tree."""
    slim = (0.62 * length, 0.62 * width)
    parts = [tube((0, 0, 0), (0, 0, height * 0.3), (0.13, 0.10), BARK, sides=6)]
    for middle, share, tall in ((0.42, 1.0, 0.26), (0.66, 0.8, 0.22), (0.86, 0.5, 0.14)):
        radii = (0.5 * share * slim[0], 0.5 * share * slim[1], tall * height)
        parts.append(ellipsoid((0, 0, middle * height), radii, LEAVES, sides=8, rings=5))
    return merge(parts).fitted((*slim, height))


@lru_cache(maxsize=16)
def lamp(size: tuple[float, float, float], side: float) -> Mesh:
    """A street lamp of the given height; its arm reaches `ARM` m along y towards ``side`` (+1 or -1), over the road."""
    height = size[2]
    head = side * ARM
    near, far = sorted((head - side * 0.55, head))
    return merge([
        tube((0, 0, 0), (0, 0, 0.9), (0.12, 0.10), POLE, sides=8),
        tube((0, 0, 0.9), (0, 0, height - 0.25), (0.075, 0.05), POLE, sides=6),
        tube((0, 0, height - 0.28), (0, head - side * 0.3, height - 0.08), (0.045, 0.035), POLE, sides=5),
        box((-0.14, near, height - 0.10), (0.14, far, height), POLE),
        box((-0.12, near + 0.03, height - 0.15), (0.12, far - 0.03, height - 0.10), BULB),
    ])  # fmt: skip


def bulb(size: tuple[float, float, float], side: float) -> tuple[float, float, float]:
    """Where the light of `lamp` comes from, in its frame, m."""
    return (0.0, side * (ARM - 0.27), size[2] - 0.15)


def palette(variant: int) -> NDArray[np.float32]:
    """The paint (SLOT_COUNT, 7): albedo, glow at night, gloss."""
    dice = np.random.default_rng(variant + 3)
    paint = np.zeros((SLOT_COUNT, 7), np.float32)
    paint[BARK, :3] = (0.27, 0.20, 0.15)
    is_rare = variant % 6 > 1 and dice.random() < 0.08  # neither conifers nor poplars are
    leaves = RARE[dice.integers(len(RARE))] if is_rare else GREENS[dice.integers(len(GREENS))]
    paint[LEAVES, :3] = np.array(leaves) * dice.uniform(1.05, 1.5)
    paint[POLE] = (0.23, 0.25, 0.26, 0, 0, 0, 0.1)
    paint[BULB] = (0.80, 0.80, 0.76, 1.0, 0.90, 0.66, 0)
    return paint

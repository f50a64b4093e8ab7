"""Noise that stands still on the ground and on the scenery, as the camera sees it, as maps (k h w).

A network that makes large pictures has to invent the grain of asphalt and plaster. What it makes of noise of its own
would swim over them, or stand still on the screen; what it makes of this noise moves as the surfaces do.
"""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np

from conditioning.surfaces import UP, Surfaces

GRAINS = (0.15, 0.5, 1.6)  # m: about the size of the spots
TEXTURE_CHANNELS = {f"grain_{grain:g}": f"noise in spots of about {grain:g} m" for grain in GRAINS}
_TEXEL, _TEXELS = 0.075, 512  # m, and texels each way, of the tile that is repeated
_CONTRAST = 0.4  # the standard deviation of the noise where it does not fade


def texture_maps(surfaces: Surfaces) -> np.ndarray:
    """The noise on what one frame shows, as float32 maps (3 h w) in [-1, 1]; channels: `TEXTURE_CHANNELS`.

    It is 0 in the sky and fades where its spots are finer than a cell. Road users are not cut out.
    """
    planes = _planes(surfaces)[surfaces.numbers]  # (h w 3 3)
    u, v, towards = np.einsum("hwkx,hwx->khw", planes, surfaces.rays.astype(np.float32), optimize=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = u / towards, v / towards
    seen = (surfaces.numbers > 0) | (towards < 0)  # the ground is seen from above, against its normal
    step = np.max([np.abs(np.gradient(side, axis=axis)) for side in (u, v) for axis in (0, 1)], axis=0)
    step = np.where(seen, step, np.inf)
    u, v = (np.where(seen, np.mod(side / _TEXEL, _TEXELS), 0).astype(np.float32) for side in (u, v))
    noise = cv2.remap(_tile(), u, v, cv2.INTER_LINEAR)
    noise *= np.clip(2 - 2 * step[..., None] / np.array(GRAINS), 0, 1)  # finer than two cells cannot be drawn
    return np.ascontiguousarray(noise.transpose(2, 0, 1))


def _planes(surfaces: Surfaces) -> np.ndarray:
    """Of the ground, then of each face, a matrix (3 3) from a line of sight to (u d, v d, d).

    (u, v), m, is the place on the surface, of which walls have the way along them and the height, all else east and
    north.
    """
    normals = surfaces.normals
    flat = np.abs(normals[:, 2:]) > 0.5
    along = np.where(flat, [1.0, 0.0, 0.0], np.cross(UP, normals))
    above = np.where(flat, [0.0, 1.0, 0.0], UP)
    period = _TEXEL * _TEXELS  # far from the world's origin, float32 would lose the texels
    rows = [
        surfaces.offsets[:, None] * side + np.mod(side @ surfaces.eye, period)[:, None] * normals
        for side in (along, above)
    ]
    return np.stack([*rows, normals], axis=1).astype(np.float32)


@cache
def _tile() -> np.ndarray:
    """The noise (texels + 1, texels + 1, 3), whose last row and column are the first again."""
    field = np.random.default_rng(0).standard_normal((len(GRAINS), _TEXELS, _TEXELS))
    layers = []
    for noise, grain in zip(field, GRAINS, strict=True):
        deviation = grain / _TEXEL / 2.5
        margin = math.ceil(4 * deviation)
        smooth = cv2.GaussianBlur(np.pad(noise, margin, mode="wrap"), (0, 0), deviation)[margin:, margin:]
        smooth = smooth[: _TEXELS + 1, : _TEXELS + 1]
        layers.append(np.clip(smooth * (_CONTRAST / smooth.std()), -1, 1))
    return np.stack(layers, -1).astype(np.float32)

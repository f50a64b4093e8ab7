"""Noise that stands still on the ground and on the scenery, as the camera sees it, as maps (k h w).

A network that makes large pictures has to invent the grain of asphalt and plaster. What it makes of noise of its own
would swim over them, or stand still on the screen; what it makes of this noise moves as the surfaces do. Everywhere
its spots are about as fine as cells can show: far away they are larger in the world, as in "infinite zoom noise"
(Bénard et al. 2009, "Dynamic solid textures for real-time coherent stylization").
"""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np

from conditioning.surfaces import UP, Surfaces

SPOTS = (2, 4, 8)  # cells: about the size of the spots, along the way in which a cell covers most
TEXTURE_CHANNELS = {f"spots_{cells}": f"noise in spots of about {cells} cells" for cells in SPOTS}
_FINEST = 0.05  # m: the spots of the first octave; those of each next one are twice as large
_OCTAVES = 8  # beyond them, where a cell covers more than 3 m, it fades
_TEXELS, _TEXELS_OF_SPOT = 256, 4  # of the tile that is repeated, each way
_PERIOD = _FINEST * 2 ** (_OCTAVES + 1) * _TEXELS / _TEXELS_OF_SPOT  # m, of all octaves together
_CONTRAST = 0.4  # the standard deviation of the noise where it does not fade


def texture_maps(surfaces: Surfaces) -> np.ndarray:
    """The noise on what one frame shows, as float32 maps (3 h w) in [-1, 1]; channels: `TEXTURE_CHANNELS`.

    It is 0 in the sky and where a cell covers too much. Road users are not cut out.
    """
    planes = _planes(surfaces)[surfaces.numbers]  # (h w 3 3)
    u, v, towards = np.einsum("hwkx,hwx->khw", planes, surfaces.rays.astype(np.float32), optimize=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = u / towards, v / towards
    seen = (surfaces.numbers > 0) | (towards < 0)  # the ground is seen from above, against its normal
    step = np.max([np.abs(np.gradient(side, axis=axis)) for side in (u, v) for axis in (0, 1)], axis=0)
    octave = np.log2(np.where(seen, step, 1e9) * (SPOTS[0] / _FINEST)).astype(np.float32)
    strength = np.clip(_OCTAVES - octave, 0, 1) * seen
    octave = np.clip(octave, 0, _OCTAVES)
    lower = np.minimum(octave.astype(int), _OCTAVES - 1)
    share = octave - lower  # of the upper octave
    u, v = (np.where(seen, side, 0) for side in (u, v))
    octaves = [_octave(u, v, lower + more) for more in range(len(SPOTS) + 1)]
    strength = strength / np.hypot(1 - share, share)  # so that two octaves vary as much as one
    maps = [strength * ((1 - share) * octaves[i] + share * octaves[i + 1]) for i in range(len(SPOTS))]
    return np.clip(maps, -1, 1).astype(np.float32)


def _octave(u: np.ndarray, v: np.ndarray, octave: np.ndarray) -> np.ndarray:
    """The noise (h w) at the places (u, v), m, of one octave each."""
    texels = 2.0**-octave * (_TEXELS_OF_SPOT / _FINEST)  # per metre
    shift = octave * (_TEXELS / math.e)  # octaves differ even where the world begins
    x, y = (_wrapped(side * texels + shift).astype(np.float32) for side in (u, v))
    return cv2.remap(_tile(), x, y, cv2.INTER_LINEAR)


def _wrapped(texels: np.ndarray) -> np.ndarray:
    """`np.mod` by the size of the tile, a power of two: the same to the bit, in a fifth of the time."""
    return texels - _TEXELS * np.floor(texels / _TEXELS)


def _planes(surfaces: Surfaces) -> np.ndarray:
    """Of the ground, then of each face, a matrix (3 3) from a line of sight to (u d, v d, d).

    (u, v), m, is the place on the surface, of which walls have the way along them and the height, all else east and
    north.
    """
    normals = surfaces.normals
    flat = np.abs(normals[:, 2:]) > 0.5
    along = np.where(flat, [1.0, 0.0, 0.0], np.cross(UP, normals))
    above = np.where(flat, [0.0, 1.0, 0.0], UP)
    rows = [  # far from the world's origin, float32 would lose the texels
        surfaces.offsets[:, None] * side + np.mod(side @ surfaces.eye, _PERIOD)[:, None] * normals
        for side in (along, above)
    ]
    return np.stack([*rows, normals], axis=1).astype(np.float32)


@cache
def _tile() -> np.ndarray:
    """The noise (texels + 1, texels + 1), whose last row and column are the first again."""
    noise = np.random.default_rng(0).standard_normal((_TEXELS, _TEXELS))
    deviation = _TEXELS_OF_SPOT / 2.5
    margin = math.ceil(4 * deviation)
    smooth = cv2.GaussianBlur(np.pad(noise, margin, mode="wrap"), (0, 0), deviation)[margin:, margin:]
    smooth = smooth[: _TEXELS + 1, : _TEXELS + 1]
    return np.clip(smooth * (_CONTRAST / smooth.std()), -1, 1).astype(np.float32)

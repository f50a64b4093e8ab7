"""Small textures made by number: grain that multiplies the colours of surfaces, and clouds.

All tile without a seam. Grain has a known mean, `MEAN`, by which colours are divided before it multiplies them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
MEAN = 0.86
# What glows is drawn as one triangle around the unit circle: an edge that two triangles share would be added twice.
GLOW_TRIANGLE = np.array([(0.0, 2.0), (-math.sqrt(3), -1.0), (math.sqrt(3), -1.0)], np.float32)
GLOW_UV = 0.5 + GLOW_TRIANGLE / 4


def noise(size: int, scale: float, seed: int) -> NDArray[np.float64]:
    """Smooth tiling noise (size, size), mean 0, standard deviation 1; ``scale``: its grain in pixels."""
    field = np.random.default_rng(seed).standard_normal((size, size))
    wave = np.fft.fftfreq(size)
    damp = np.exp(-0.5 * (wave[:, None] ** 2 + wave[None, :] ** 2) * (2 * np.pi * scale) ** 2)
    smooth = np.fft.ifft2(np.fft.fft2(field) * damp).real
    return (smooth - smooth.mean()) / smooth.std()


def _grain(field: NDArray, tint: tuple[float, float, float] = (1, 1, 1)) -> Bytes:
    """A field of brightness around 1 as RGB bytes whose mean is `MEAN`."""
    picture = field[..., None] * np.asarray(tint)
    picture = picture / picture.mean((0, 1)) * MEAN
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def asphalt(size: int = 512) -> Bytes:
    """Grit, soft stains and thin cracks."""
    grit = 0.055 * noise(size, 0.7, 1) + 0.035 * noise(size, 12, 2) + 0.02 * noise(size, 45, 3)
    ridge = np.abs(noise(size, 22, 4) + 0.35 * noise(size, 5, 5))
    cracks = np.where((ridge < 0.025) & (noise(size, 60, 6) > 0.5), 0.16, 0.0)
    return _grain(1 + grit - cracks)


def paving(size: int = 256) -> Bytes:
    """Square slabs, four by four, with dark joints."""
    slab = size // 4
    rows, columns = np.mgrid[0:size, 0:size]
    joint = (rows % slab < 2) | (columns % slab < 2)
    tone = np.random.default_rng(8).normal(0, 0.035, (4, 4))[rows // slab % 4, columns // slab % 4]
    return _grain(1 + tone + 0.03 * noise(size, 1, 9) - 0.2 * joint)


def grass(size: int = 256) -> Bytes:
    """Tufts."""
    return _grain(1 + 0.09 * noise(size, 1.2, 10) + 0.07 * noise(size, 9, 11))


def clouds(size: int = 256) -> Bytes:
    """White clouds (size, size, 4) whose alpha tells where they are; it weights their colour."""
    field = noise(size, 26, 12) + 0.55 * noise(size, 11, 13) + 0.28 * noise(size, 4, 14)
    alpha = np.clip((field - 0.1) * 0.75, 0, 1)
    shade = np.clip(1.02 - 0.16 * np.clip(field - 0.8, 0, 2), 0, 1)
    picture = np.stack([shade * alpha] * 3 + [alpha], -1)
    return (picture * 255 + 0.5).astype(np.uint8)


def streak(size: int = 128) -> Bytes:
    """A lamp mirrored by moving water: a ragged upright glow in a triangle whose apex is below, black elsewhere."""
    down, aside = np.mgrid[0:size, 0:size] / (size - 1.0)
    ripples = noise(size, 3.0, 18)[:, :1] + 0.6 * noise(size, 1.5, 19)[:, :1]  # one value per row: waves lie across
    sway = 0.03 * noise(size, 3.0, 20)[:, :1]
    wide = 0.16 + 0.06 * np.clip(ripples, -1, 1.6)
    across = (aside - 0.5 - sway * (1 - down)) / np.minimum(wide, 0.25 * (1.02 - down))
    along = np.clip(down / 0.15, 0, 1) ** 1.5 * np.clip((0.96 - down) / 0.55, 0, 1)
    glow = along * np.clip(0.66 + 0.22 * ripples, 0.12, 1) * np.exp(-np.square(across))
    picture = (np.clip(glow, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.repeat(picture[..., None], 3, axis=2)


def glow(rings: Sequence[tuple[float, float]], size: int = 256) -> Bytes:
    """A round glow in the middle of `GLOW_TRIANGLE`, black elsewhere; ``rings``: (radius, brightness), the rim at 1."""
    rows, columns = (np.mgrid[0:size, 0:size] + 0.5) / size
    radius, bright = np.array(rings).T
    level = np.interp(np.hypot(rows - 0.5, columns - 0.5) * 4, radius, bright)
    return np.repeat((level * 255 + 0.5).astype(np.uint8)[..., None], 3, axis=2)


def wall(size: int = 256) -> Bytes:
    """Courses of bricks under thin plaster; the texel at (0, 0) is plain, for panes that take no grain."""
    course, brick = size // 16, size // 8
    rows, columns = np.mgrid[0:size, 0:size]
    shifted = columns + (rows // course % 2) * (brick // 2)
    joint = (rows % course < 2) | (shifted % brick < 2)
    tone = np.random.default_rng(15).normal(0, 0.03, (16, 9))[rows // course, shifted // brick % 8]
    grain = _grain(1 + tone + 0.02 * noise(size, 1.0, 16) + 0.03 * noise(size, 30, 17) - 0.07 * joint)
    grain[-4:, :4] = round(MEAN * 255)
    return grain

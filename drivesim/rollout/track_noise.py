"""A road user keeps part of its noise: what a sampler makes of it looks alike from key frame to key frame.

Each frame is sampled from noise of its own, and a road user's colour follows what that noise is on the whole within its
box. So there the coarsest of its modes are those of the track, the same in all frames; all finer ones stay the frame's
own. Of a single frame the noise is as white as before. Video models share noise between frames for the same reason
(Ge et al. 2023, "Preserve your own correlation: a noise prior for video diffusion models"), but the whole picture's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from drivesim.rollout.pictures import scaled
from scenarios.facts import FrameFacts
from scenarios.randomness import key

HALVES = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2)  # from modes, the mean and the slope, to two halves


def with_track_noise(noise: Tensor, facts: FrameFacts, seed: int) -> Tensor:
    """The noise (c h w) of a frame, whose coarse modes in the box of each road user, if known, are its track's.

    ``facts``: of the frame; boxes of any size of picture. ``seed``: with a track's number, of its noise.
    """
    if facts.objects is None or facts.camera is None:
        return noise
    noise = noise.clone()
    channels, height, width = noise.shape
    objects = scaled(facts, width, height).objects or ()
    for thing in sorted(objects, key=lambda thing: thing.depth or 0.0, reverse=True):  # near ones over far ones
        x1, y1, x2, y2 = thing.box
        rows, columns = _parts(y1, y2, height), _parts(x1, x2, width)
        if not rows or not columns or thing.track_id < 0:
            continue
        generator = torch.Generator().manual_seed(key(seed, "track", thing.track_id))
        modes = torch.randn(channels, 2, 2, generator=generator)[:, : len(rows), : len(columns)]
        across, down = (HALVES if len(parts) == 2 else torch.ones(1, 1) for parts in (columns, rows))
        kept = torch.einsum("cij,ir,jk->crk", modes, down, across)
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                part = noise[:, row, column]
                part += kept[:, i, j, None, None] / math.sqrt(part[0].numel()) - part.mean((1, 2), keepdim=True)
    return noise


def _parts(start: float, stop: float, size: int) -> list[slice]:
    """The cells between two places along a side of ``size`` cells, in equal halves; less than two cells: as one."""
    first, last = max(0, round(start)), min(size, round(stop))
    if last - first < 2:
        return [slice(first, last)] if last > first else []
    middle = first + (last - first) // 2
    return [slice(first, middle), slice(middle, last)]

"""Losses between pictures ``(n 3 h w)`` in [-1, 1]; each is one number."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = 4


def pyramid_l1(picture: Tensor, truth: Tensor) -> Tensor:
    """L1 between pictures at `SCALES` sizes, each half the last, averaged: coarse ones settle hues, fine ones edges."""
    difference = picture - truth
    total = difference.abs().mean()
    for _ in range(SCALES - 1):
        difference = F.avg_pool2d(difference, 2)
        total = total + difference.abs().mean()
    return total / SCALES


def gradient_l1(picture: Tensor, truth: Tensor) -> Tensor:
    """L1 between the differences of neighbouring pixels, both ways, at `SCALES` sizes: it rewards sharp edges."""
    difference = picture - truth
    total = difference.new_zeros(())
    for scale in range(SCALES):
        if scale:
            difference = F.avg_pool2d(difference, 2)
        total = total + difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    return total / SCALES


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's hinge loss: scores of ``real`` above 1, of ``fake`` below -1."""
    return 0.5 * (F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean())


def hinge_generator(fake: Tensor) -> Tensor:
    """The generator's side of it."""
    return -fake.mean()


def psnr(picture: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of each picture ``(n ...)``, both clamped to [-1, 1] (peak to peak 2).

    >>> psnr(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.2)).round().tolist()
    [20.0]
    """
    error = (picture.clamp(-1, 1) - truth.clamp(-1, 1)).square().flatten(1).mean(1)
    return 10.0 * torch.log10(4.0 / error.clamp_min(1e-10))

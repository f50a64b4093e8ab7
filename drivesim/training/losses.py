"""Losses between pictures ``(n 3 h w)`` in [-1, 1]; each is one number."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES = 4
SCARCE = 1e-3  # share of the pixels: errors in a box of fewer are noise

# Of `contrast_l1`
AROUND = 8  # px
FAINT = 0.004  # half a grey level: contrast that is as good as none; it keeps the root's slope finite

# Of `nlpd` and, the blur, of both
BLUR = (0.05, 0.25, 0.4, 0.25, 0.05)  # Burt and Adelson 1983
# Of each level, fine to coarse: sigma, and the weights of the neighbours above, below, left, right and two to the left.
# Fitted by the authors to McGill's photographs, as in their program NLP_dist.m. It convolves, so that a weight it
# prints at the left is of what stands at the right.
LEVELS = (
    (0.0248, 0.1015, 0.1011, 0.1460, 0.1493, 0.0072),
    (0.0185, 0.0837, 0.0757, 0.1846, 0.1986, 0.0),
    (0.0179, 0.0467, 0.0477, 0.2243, 0.2138, 0.0),
    (0.0191, 0.0, 0.0, 0.2616, 0.2503, 0.0),
    (0.0220, 0.0, 0.0, 0.2552, 0.2598, 0.0),
    (0.2782, 0.0, 0.0, 0.0717, 0.2215, 0.0),
)
SMALLEST = 17  # pixels; below, the last level but one is a single pixel


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


def even_weights(covered: Tensor) -> Tensor:
    """Weights (n 1 h w) of places by the boxes that cover them: 0 outside, and each kind has the same share in all.

    ``covered`` (n k h w) in [0, 1]: how much of each place boxes of each kind cover. A kind's weights have a mean of
    about 1 / k, however little it covers; if that is less than `SCARCE` of all places, they fall towards 0.
    """
    return (covered / (covered.mean((0, 2, 3), keepdim=True) + SCARCE)).mean(1, keepdim=True)


def inside_l1(picture: Tensor, truth: Tensor, covered: Tensor) -> Tensor:
    """L1 of pixels and of the differences of neighbouring ones inside boxes, weighed by `even_weights`.

    ``covered`` (n k H W) in [0, 1]: how much of each pixel boxes of each kind cover.
    """
    difference = picture - truth
    error = difference.abs().mean(1, keepdim=True)
    for dim in (-1, -2):
        beside = difference.diff(dim=dim).abs().mean(1, keepdim=True)
        error = error + F.pad(beside, (0, 1) if dim == -1 else (0, 0, 0, 1))
    return (error * even_weights(covered)).mean()


def nlpd(picture: Tensor, truth: Tensor) -> Tensor:
    """The normalised Laplacian pyramid distance, which needs no learned judge: 0 for equal pictures.

    Each level of a pyramid is divided by what its neighbourhood shows, as early vision does it: an error counts where
    little else is to be seen, and a change of brightness hardly at all (Laparra, Ballé, Berardino, Simoncelli 2016,
    "Perceptual image quality assessment using a normalized Laplacian pyramid"). The paper's photographs are grey; here
    colour channels are compared one by one, as they are stored, in [0, 1].

    Raises ``ValueError`` for pictures too small for six levels.
    """
    if min(picture.shape[-2:]) < SMALLEST:
        raise ValueError(f"pictures are {tuple(picture.shape[-2:])} pixels, expected at least {SMALLEST} each way")
    with torch.autocast(picture.device.type, enabled=False):  # differences of like numbers are lost in bfloat16
        pairs = zip(_normalised(picture), _normalised(truth), strict=True)
        each = [torch.linalg.vector_norm(a - b, dim=(-2, -1)) / (a[0].numel() ** 0.5) for a, b in pairs]
    return torch.stack(each).mean()


def contrast_l1(picture: Tensor, truth: Tensor, *, coarser: int) -> Tensor:
    """L1 between local contrasts: how strong grain is and where, not which. All that errors by pixels do is smooth it.

    Pictures are first reduced by ``coarser``: what a network that makes so many pixels at each place invents within
    one, a grid, is no grain. Of two sizes then, the second half the first, what a blur takes away is squared and
    averaged over about `AROUND` pixels; its root is compared.
    """
    kernel = torch.tensor(BLUR).to(picture)
    total = picture.new_zeros(())
    with torch.autocast(picture.device.type, enabled=False):  # differences of like numbers are lost in bfloat16
        for factor in (coarser, 2 * coarser):
            one, two = (_contrast(F.avg_pool2d(x, factor), kernel) for x in (picture, truth))
            total = total + (one - two).abs().mean()
    return total / 2


def _contrast(x: Tensor, kernel: Tensor) -> Tensor:
    """The local contrast (n c h' w') of pictures (n c h w), at every fourth pixel."""
    planes = F.pad(x, (2, 2, 2, 2), mode="replicate").flatten(0, 1)[:, None]
    smooth = F.conv2d(F.conv2d(planes, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1)).view_as(x)
    return (F.avg_pool2d((x - smooth).square(), AROUND, AROUND // 2) + FAINT**2).sqrt()


def _normalised(x: Tensor) -> list[Tensor]:
    """The normalised levels (n 1 h w), fine to coarse, of the channels of pictures."""
    x = (x.float().flatten(0, 1)[:, None] + 1.0) / 2.0
    blur = x.new_tensor(BLUR)
    kernel = torch.outer(blur, blur)[None, None]
    levels = []
    for _ in range(len(LEVELS) - 1):
        small = F.conv2d(_mirrored(x), kernel, stride=2)
        large = F.conv_transpose2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 4.0 * kernel, stride=2)
        levels.append(x - large[..., 4 : 4 + x.shape[-2], 4 : 4 + x.shape[-1]])
        x = small
    levels.append(x)
    return [_divided(level, *constants) for level, constants in zip(levels, LEVELS, strict=True)]


def _divided(x: Tensor, sigma: float, above: float, below: float, left: float, right: float, far_left: float) -> Tensor:
    """A level over sigma and the weighted sum of its neighbours' sizes; beyond the border there is nothing.

    As sums of shifted levels: a convolution of one channel takes a third of a training step on CPUs.
    """
    h, w = x.shape[-2:]
    sizes = F.pad(x.abs(), (2, 1, 1, 1))
    places = ((above, 0, 2), (below, 2, 2), (left, 1, 1), (right, 1, 3), (far_left, 1, 0))
    near = [weight * sizes[..., row : row + h, column : column + w] for weight, row, column in places if weight]
    return x / (sigma + torch.stack(near).sum(0))


def _mirrored(x: Tensor) -> Tensor:
    """``x`` with two more pixels at each border, mirrored at the pixels' edge (PyTorch mirrors at their middle)."""
    x = torch.cat([x[..., [1, 0], :], x, x[..., [-1, -2], :]], dim=-2)
    return torch.cat([x[..., [1, 0]], x, x[..., [-1, -2]]], dim=-1)


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's hinge loss: scores of ``real`` above 1, of ``fake`` below -1."""
    return 0.5 * (F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean())


def hinge_generator(fake: Tensor) -> Tensor:
    """The generator's side of it."""
    return -fake.mean()


def feature_matching(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """L1 between a discriminator's features, summed over its layers (pix2pixHD, Wang et al. 2018, Sec. 3.2)."""
    return torch.stack([(a.detach() - b).abs().mean() for a, b in zip(real, fake, strict=True)]).sum()


def psnr(picture: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of each picture ``(n ...)``, both clamped to [-1, 1] (peak to peak 2).

    >>> psnr(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.2)).round().tolist()
    [20.0]
    """
    error = (picture.clamp(-1, 1) - truth.clamp(-1, 1)).square().flatten(1).mean(1)
    return 10.0 * torch.log10(4.0 / error.clamp_min(1e-10))

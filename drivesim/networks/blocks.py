"""The small pieces that the image networks are made of."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

Between = Callable[[str, Tensor], Tensor]


def identity(name: str, h: Tensor) -> Tensor:
    """The default ``between`` of an image network: what stands after a block, by the block's name. Nothing."""
    return h


def zeroed(layer: nn.Module) -> nn.Module:
    """The layer with weight and bias at zero: a residual branch that ends in it starts as nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def loud_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer for signals and flags of which most are zero; at the usual size the others would be whispers."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=0.5)
    return layer


def channels_last(module: nn.Module) -> nn.Module:
    """The module itself, with all convolution weights stored channels last, which CPUs and new GPUs run faster.

    ``module.to(memory_format=torch.channels_last)`` refuses a module that has 3-D convolutions.
    """
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in module.parameters():
        if parameter.ndim in formats:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])
    return module


def to_channels_last(x: Tensor) -> Tensor:
    """``x`` (n c h w) stored channels last; of many channels CPUs do that in half the time of ``contiguous``."""
    if x.device.type != "cpu" or x.requires_grad:
        return x.contiguous(memory_format=torch.channels_last)
    made = torch.empty_like(x, memory_format=torch.channels_last)
    for place, picture in zip(made, x, strict=True):  # of matrices torch copies blocks
        place.permute(1, 2, 0).flatten(0, 1).copy_(picture.flatten(1).t())
    return made


def silu_over(h: Tensor) -> Tensor:
    """SiLU of what nobody reads again: written over it, unless a gradient is to go through it."""
    return F.silu(h, inplace=not torch.is_grad_enabled())


def add_over(h: Tensor, x: Tensor) -> Tensor:
    """``h + x``: written over ``h``, which nobody reads again, unless a gradient is to go through it."""
    return h + x if torch.is_grad_enabled() or h.dtype != torch.promote_types(h.dtype, x.dtype) else h.add_(x)


def group_norm(channels: int) -> nn.GroupNorm:
    """A GroupNorm of about 16 channels a group."""
    groups = next(g for g in range(max(1, channels // 16), 0, -1) if channels % g == 0)
    return nn.GroupNorm(groups, channels)


def sinusoids(x: Tensor, channels: int, *, period: float) -> Tensor:
    """Sines and cosines of ``x`` (...) at wavelengths from 2 pi up to 2 pi ``period``, (... channels)."""
    rates = torch.exp(-math.log(period) * torch.arange(channels // 2, device=x.device) / (channels // 2))
    angles = x.float()[..., None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class NoiseEmbedding(nn.Module):
    """The noise level ``u`` (n,) in [0, 1] as a vector (n d)."""

    def __init__(self, width: int, *, waves: int = 64) -> None:
        super().__init__()
        self.waves = waves
        self.project = nn.Linear(waves, width)

    def forward(self, noise: Tensor) -> Tensor:
        """The embedding (n d) of ``noise`` (n,)."""
        return self.project(sinusoids(1000 * noise, self.waves, period=10_000))


class FiLM(nn.Module):
    """Scale and shift of each channel from an embedding (Perez et al. 2018): ``h (1 + scale) + shift``."""

    def __init__(self, embed: int, channels: int) -> None:
        super().__init__()
        self.project = nn.Linear(embed, 2 * channels)

    def forward(self, h: Tensor, emb: Tensor) -> Tensor:
        """``h`` (n c ...) moved by ``emb`` (n d); written over ``h`` unless a gradient is to go through it."""
        scale, shift = self.project(F.silu(emb)).view(len(emb), -1, *[1] * (h.ndim - 2)).to(h.dtype).chunk(2, dim=1)
        return torch.addcmul(shift, h, 1 + scale, out=None if torch.is_grad_enabled() else h)


class ResBlock(nn.Module):
    """``h + conv(act(film(norm(conv(act(norm(h)))))))``: the residual block of all image networks, identity at first.

    ``embed``: width of the embedding for FiLM, 0 for none. ``norm=False`` leaves the norms out: on CPUs they cost more
    than the convolutions where images are large.
    """

    def __init__(self, channels: int, out: int, *, embed: int = 0, norm: bool = True) -> None:
        super().__init__()
        self.norm0 = group_norm(channels) if norm else nn.Identity()
        self.conv0 = nn.Conv2d(channels, out, 3, padding=1)
        self.norm1 = group_norm(out) if norm else nn.Identity()
        self.film = FiLM(embed, out) if embed else None
        self.conv1 = zeroed(nn.Conv2d(out, out, 3, padding=1))
        self.skip = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, emb: Tensor | None = None) -> Tensor:
        """``x`` (n c h w), ``emb`` (n d) -> (n out h w)."""
        h = self.norm1(self.conv0(F.silu(self.norm0(x))))
        if self.film is not None:
            h = self.film(h, emb)
        return add_over(self.conv1(silu_over(h)), self.skip(x))


class Attention(nn.Module):
    """Multi-head attention of ``x`` (n i c) to ``context`` (n j d), or to itself; its last projection starts at zero.

    Keys have no bias: softmax cannot see one.
    """

    def __init__(self, channels: int, *, head: int, context: int | None = None) -> None:
        super().__init__()
        if channels % head:
            raise ValueError(f"attention has {channels} channels and heads of {head}, expected a multiple")
        self.heads = channels // head
        self.query = nn.Linear(channels, channels, bias=False)
        self.key_value = nn.Linear(context or channels, 2 * channels, bias=False)
        self.out = zeroed(nn.Linear(channels, channels))

    def forward(self, x: Tensor, context: Tensor | None = None, *, mask: Tensor | None = None) -> Tensor:
        """(n i c); ``mask`` (n j) is true where there is something to attend to."""
        q = rearrange(self.query(x), "n i (heads c) -> n heads i c", heads=self.heads)
        pairs = self.key_value(x if context is None else context)
        k, v = rearrange(pairs, "n j (two heads c) -> two n heads j c", two=2, heads=self.heads)
        mask = None if mask is None else mask[:, None, None, :]
        h = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(rearrange(h, "n heads i c -> n i (heads c)"))


class SpatialAttention(nn.Module):
    """All places of a feature map attend to each other, then to tokens; identity at first."""

    def __init__(self, channels: int, *, head: int, token: int) -> None:
        super().__init__()
        self.norm0, self.norm1 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.among = Attention(channels, head=head)
        self.to_tokens = Attention(channels, head=head, context=token)

    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        """``x`` (n c h w), ``tokens`` (n m d) with ``mask`` (n m) -> (n c h w)."""
        h = rearrange(x, "n c h w -> n (h w) c")
        h = h + self.among(self.norm0(h))
        h = h + self.to_tokens(self.norm1(h), tokens, mask=mask)
        return rearrange(h, "n (h w) c -> n c h w", h=x.shape[2])


class Down(nn.Module):
    """Half the size by a strided convolution.

    ``shortcut``: beside it space goes to channels, averaged in groups (DC-AE, Chen et al. 2024).
    """

    def __init__(self, channels: int, out: int, *, shortcut: bool = False) -> None:
        super().__init__()
        if shortcut and (4 * channels) % out:
            raise ValueError(f"a shortcut down from {channels} to {out} channels, expected a divisor of {4 * channels}")
        self.conv = nn.Conv2d(channels, out, 3, stride=2, padding=1)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """(n c h w) -> (n out h/2 w/2)."""
        h = self.conv(x)
        if self.shortcut:
            h = h + F.pixel_unshuffle(x, 2).unflatten(1, (h.shape[1], -1)).mean(2)
        return h


class Up(nn.Module):
    """Twice the size: each place to four times the channels, shuffled to space.

    ``shortcut``: beside it the channels go to space, repeated (DC-AE, Chen et al. 2024). ``smooth``: enlarged
    bilinearly instead, which cannot draw a grid where there is nothing (Odena et al. 2016, "Deconvolution and
    checkerboard artifacts").
    """

    def __init__(self, channels: int, out: int, *, shortcut: bool = False, smooth: bool = False) -> None:
        super().__init__()
        if shortcut and smooth:
            raise ValueError("a shortcut up and a smooth one, expected one of them")
        if shortcut and (4 * out) % channels:
            raise ValueError(f"a shortcut up from {channels} to {out} channels, expected a divisor of {4 * out}")
        self.smooth = smooth
        self.conv = nn.Conv2d(channels, out if smooth else 4 * out, 1)
        self.repeats = 4 * out // channels if shortcut else 0

    def forward(self, x: Tensor) -> Tensor:
        """(n c h w) -> (n out 2h 2w)."""
        h = self.conv(x)
        if self.smooth:
            return F.interpolate(h, scale_factor=2, mode="bilinear")
        if self.repeats:
            h = h + repeat(x, "n c h w -> n (c r) h w", r=self.repeats)
        return F.pixel_shuffle(h, 2)

"""Temporal layers for a frozen image network: each returns a delta, and one `Mix` adds it (Video LDM Sec. 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from conditioning.conditions import SIGNAL_DIM, Conditions
from drivesim.networks.blocks import (
    Attention,
    Between,
    FiLM,
    NoiseEmbedding,
    group_norm,
    loud_linear,
    silu_over,
    sinusoids,
    zeroed,
)
from drivesim.networks.config import Config, Site


@dataclass(frozen=True)
class TemporalConfig(Config):
    """The sizes of a temporal part.

    ``sites``: the blocks of the image network that are followed by a temporal block.
    ``alphas``: alphas per mix: one per frame of the window, or 1 for windows of any length.
    ``hidden``: channels inside the convolutions, as a share of the width outside.
    ``kernel``: [t, h, w] of the last convolution.
    ``attention, head``: whether frames attend to each other; channels per head.
    ``embed, signal_dim``: width of the embedding of noise and signals, 0 for none; size of the signals.
    ``context_channels, latent_channels``: what c_S becomes at each site, 0 for none; its own, without the mask.
    """

    sites: tuple[Site, ...]
    alphas: int = 8
    hidden: float = 0.5
    kernel: tuple[int, int, int] = (3, 3, 3)
    attention: bool = True
    head: int = 32
    embed: int = 192
    latent_channels: int = 8
    context_channels: int = 32
    signal_dim: int = SIGNAL_DIM


class Mix(nn.Module):
    """``h + (1 - alpha) delta``: exactly ``h`` where alpha, the spatial share, is 1 or delta is 0."""

    def __init__(self, alphas: int) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(alphas))

    def forward(self, h: Tensor, delta: Tensor, *, t: int, alpha: float | None = None) -> Tensor:
        """``h``, ``delta`` ((b t) c h w) -> the same. ``alpha``: instead of the learned one.

        Raises ``ValueError`` if there is one learned alpha per frame, and the window has another length.
        """
        if len(self.logit) not in (1, t):
            raise ValueError(f"the window has {t} frames, expected {len(self.logit)}: one per learned alpha")
        share = torch.sigmoid(self.logit) if alpha is None else torch.full_like(self.logit, alpha)
        share = repeat(share.expand(t), "t -> (b t) 1 1 1", b=len(h) // t)
        return h + (1 - share).to(delta.dtype) * delta


class TemporalConv(nn.Module):
    """A residual block over frames, told c_S and the embedding; returns a delta, 0 at first.

    The kernels are (3, 1, 1), then the config's.
    """

    def __init__(self, width: int, config: TemporalConfig) -> None:
        super().__init__()
        hidden = max(1, round(width * config.hidden / 16)) * 16
        self.norm0 = group_norm(width)
        self.conv0 = nn.Conv3d(width + config.context_channels, hidden, (3, 1, 1), padding=(1, 0, 0))
        self.norm1 = group_norm(hidden)
        self.film = FiLM(config.embed, hidden) if config.embed else None
        padding = (config.kernel[0] // 2, config.kernel[1] // 2, config.kernel[2] // 2)
        self.conv1 = zeroed(nn.Conv3d(hidden, width, config.kernel, padding=padding))

    def forward(self, h: Tensor, *, t: int, emb: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        """``h`` ((b t) c h w), ``emb`` ((b t) d), ``context`` ((b t) k h w) -> delta ((b t) c h w)."""
        h = silu_over(self.norm0(h))
        h = h if context is None else torch.cat([h, context.to(h.dtype)], dim=1)
        h = self.conv0(rearrange(h, "(b t) c h w -> b c t h w", t=t))
        h = self.norm1(rearrange(h, "b c t h w -> (b t) c h w"))
        h = h if self.film is None else self.film(h, emb)
        h = self.conv1(rearrange(silu_over(h), "(b t) c h w -> b c t h w", t=t))
        return rearrange(h, "b c t h w -> (b t) c h w")


class TemporalAttention(nn.Module):
    """Every place attends to itself in all frames, with sinusoidal frame positions; returns a delta, 0 at first."""

    def __init__(self, width: int, config: TemporalConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, head=config.head)

    def forward(self, h: Tensor, *, t: int) -> Tensor:
        """``h`` ((b t) c h w) -> delta ((b t) c h w)."""
        height, width = h.shape[2:]
        h = self.norm(rearrange(h, "(b t) c h w -> (b h w) t c", t=t))
        h = h + sinusoids(torch.arange(t, device=h.device), h.shape[2], period=1000).to(h.dtype)
        return rearrange(self.attention(h), "(b h w) t c -> (b t) c h w", h=height, w=width)


class TemporalBlock(nn.Module):
    """What follows a block of the image network: a temporal convolution, then temporal attention, each with its mix."""

    def __init__(self, site: Site, config: TemporalConfig) -> None:
        super().__init__()
        told = config.latent_channels + 1  # c_S: latents and their mask
        self.context = (
            nn.Conv2d(told, config.context_channels, site.factor, site.factor) if config.context_channels else None
        )
        self.conv, self.conv_mix = TemporalConv(site.width, config), Mix(config.alphas)
        self.attention = TemporalAttention(site.width, config) if config.attention else None
        self.attention_mix = Mix(config.alphas) if config.attention else None

    def forward(self, h: Tensor, *, t: int, emb: Tensor | None, context: Tensor | None, alpha: float | None) -> Tensor:
        """``h`` ((b t) c h w), ``emb`` ((b t) d), c_S as ``context`` ((b t) k H W) -> ((b t) c h w)."""
        if torch.is_grad_enabled() and not h.requires_grad:
            # PyTorch (2.13, CPU) dies in the backward of a GroupNorm whose channels_last input needs no gradient
            h = h.detach().requires_grad_()
        told = None if self.context is None else self.context(context)
        h = self.conv_mix(h, self.conv(h, t=t, emb=emb, context=told), t=t, alpha=alpha)
        if self.attention is not None and self.attention_mix is not None:
            h = self.attention_mix(h, self.attention(h, t=t), t=t, alpha=alpha)
        return h


class TemporalEmbedding(nn.Module):
    """Noise level and signals (the frame interval and the ego's motion among them) as one vector per frame."""

    reads: ClassVar = {"signals.weight": "signals"}

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__()
        self.noise = NoiseEmbedding(config.embed)
        self.signals = loud_linear(config.signal_dim, config.embed)
        self.mix = nn.Linear(config.embed, config.embed)

    def forward(self, noise: Tensor, cond: Conditions | None, *, t: int) -> Tensor:
        """``noise`` (b,), ``cond`` of b clips of t frames or None (nothing known) -> ((b t) d)."""
        if cond is None:
            signals = noise.new_zeros(len(noise), t, self.signals.in_features)
        else:
            signals = cond.signal_stack()[..., : self.signals.in_features]
        emb = self.signals(signals) + self.noise(noise)[:, None]
        return rearrange(self.mix(F.silu(emb)), "b t d -> (b t) d")


class TemporalBlocks(nn.Module):
    """The temporal part of a video network: blocks keyed by the names of the image network's blocks they follow."""

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = TemporalEmbedding(config) if config.embed else None
        self.blocks = nn.ModuleDict({site.name: TemporalBlock(site, config) for site in config.sites})

    def between(
        self,
        t: int,
        *,
        noise: Tensor | None = None,
        cond: Conditions | None = None,
        context: Tensor | None = None,
        alpha: float | None = None,
    ) -> Between:
        """The hook that makes an image network, run on b clips of ``t`` frames folded to ((b t) ...), a video network.

        ``noise`` (b,): needed with an embedding. ``cond``: of b clips of t frames. ``context``: c_S (b t c+1 h w).
        ``alpha``: instead of the learned ones.
        Raises ``ValueError`` for a context without context channels, or the reverse.
        """
        if (context is None) != (self.config.context_channels == 0):
            found = "none" if context is None else "one"
            raise ValueError(f"the temporal part has {self.config.context_channels} context channels, and got {found}")
        emb = None if self.embedding is None else self.embedding(noise, cond, t=t)
        context = None if context is None else rearrange(context, "b t c h w -> (b t) c h w")

        def between(name: str, h: Tensor) -> Tensor:
            if name not in self.blocks:
                return h
            return self.blocks[name](h, t=t, emb=emb, context=context, alpha=alpha)

        return between

"""The image U-Net: one picture's noised latent, and its conditions, to a prediction."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conditioning.conditions import Conditions
from drivesim.networks.blocks import (
    Between,
    Down,
    NoiseEmbedding,
    ResBlock,
    SpatialAttention,
    Up,
    add_over,
    group_norm,
    identity,
    silu_over,
    zeroed,
)
from drivesim.networks.conditioner import ConditionEmbedder, ConditionerConfig
from drivesim.networks.config import Config, Site


@dataclass(frozen=True)
class UNetConfig(Config):
    """The sizes of a U-Net.

    ``channels``: of the input and output. ``extra_channels``: of further input at the working size. ``size``: (h, w)
    the blocks are named for; other sizes run too. ``patch``: how much smaller the working size is, each way.
    ``widths``: one level each, every one half the size of the one before. ``depth``: residual blocks per level.
    ``attention``: the levels (from 0) that attend. ``head``: channels per head. ``embed``: width of the embedding.
    ``norm``: False leaves the GroupNorms out. ``smooth``: levels are enlarged bilinearly.
    """

    channels: int = 8
    extra_channels: int = 0
    size: tuple[int, int] = (16, 32)
    patch: int = 1
    widths: tuple[int, ...] = (64, 96, 160)
    depth: int = 2
    attention: tuple[int, ...] = (2,)
    head: int = 32
    embed: int = 192
    norm: bool = True
    smooth: bool = False
    conditions: ConditionerConfig = field(default_factory=ConditionerConfig)

    def place(self, level: int) -> str:
        """The size of a level as its blocks are named: "8x16"."""
        return "x".join(str(side // self.patch >> level) for side in self.size)

    def sites(self) -> tuple[Site, ...]:
        """All named blocks, in the order in which they run."""
        down = [("down", level) for level in range(len(self.widths))]
        up = [("up", level) for level in reversed(range(len(self.widths)))]
        return tuple(
            Site(f"{self.place(level)}_{way}{i}", self.widths[level], self.patch << level)
            for way, level in down + up
            for i in range(self.depth)
        )


class Block(nn.Module):
    """A residual block and, on the levels that attend, attention."""

    def __init__(self, config: UNetConfig, channels: int, level: int) -> None:
        super().__init__()
        width = config.widths[level]
        self.res = ResBlock(channels, width, embed=config.embed, norm=config.norm)
        attends = level in config.attention
        self.attention = (
            SpatialAttention(width, head=config.head, token=config.conditions.token_width) if attends else None
        )

    def forward(self, h: Tensor, emb: Tensor, tokens: Tensor | None, mask: Tensor | None) -> Tensor:
        """``h`` (n c h w) -> (n width h w)."""
        h = self.res(h, emb)
        return h if self.attention is None else self.attention(h, tokens, mask)


class UNet(nn.Module):
    """Predicts from ``x`` (n c h w) at noise ``u`` (n,), given conditions: named blocks, and one hook after each."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        if config.attention and not config.conditions.token_layers:
            raise ValueError("the U-Net attends to tokens that it does not read: expected token_layers >= 1")
        self.config = config
        self.conditions = ConditionEmbedder(config.conditions, config.embed)
        self.noise = NoiseEmbedding(config.embed)
        self.embed = nn.Linear(config.embed, config.embed)
        # Space to channel is a convolution over patches: several times faster here than shuffling, then projecting
        self.stem = nn.Conv2d(config.channels, config.widths[0], config.patch, config.patch)
        self.told = nn.Conv2d(config.extra_channels + config.conditions.map_width, config.widths[0], 1)
        self.down, self.up = nn.ModuleDict(), nn.ModuleDict()
        self._build()
        self.norm = group_norm(config.widths[0]) if config.norm else nn.Identity()
        self.head = zeroed(nn.Conv2d(config.widths[0], config.channels * config.patch**2, 1))

    def _build(self) -> None:
        config, widths = self.config, self.config.widths
        skips = []
        for level, width in enumerate(widths):
            place = config.place(level)
            if level:
                self.down[f"{place}_in"] = Down(widths[level - 1], width)
            for i in range(config.depth):
                self.down[f"{place}_down{i}"] = Block(config, width, level)
                skips.append(width)
        for level, width in reversed(list(enumerate(widths))):
            place = config.place(level)
            if level < len(widths) - 1:
                self.up[f"{place}_in"] = Up(widths[level + 1], width, smooth=config.smooth)
            for i in range(config.depth):
                self.up[f"{place}_up{i}"] = Block(config, width + skips.pop(), level)

    def forward(
        self,
        x: Tensor,
        noise: Tensor,
        cond: Conditions | None = None,
        *,
        extra: Tensor | None = None,
        between: Between = identity,
    ) -> Tensor:
        """The prediction (n c h w) for ``x`` (n c h w) at noise ``u`` (n,).

        ``cond``: of n pictures, or None: nothing is known. ``extra``: (n k h/patch w/patch). ``between(name, h)`` is
        called after every block and may change ``h``.
        """
        # Everything that is told: conditions and noise
        # Channels last: the layout of a stem of 1 x 1 follows its input's, and a training step takes 0.6 of its time
        h = self.stem(x.contiguous(memory_format=torch.channels_last))
        emb, maps, tokens, mask = self.conditions(cond, n=len(x), size=(h.shape[2], h.shape[3]))
        emb = self.embed(F.silu(emb + self.noise(noise)))
        if extra is not None:
            maps = torch.cat([maps, extra.to(maps).contiguous(memory_format=torch.channels_last)], dim=1)
        h = add_over(h, self.told(maps))

        # Down, keeping what each block says
        skips = []
        for name, block in self.down.items():
            if isinstance(block, Down):
                h = block(h)
            else:
                h = between(name, block(h, emb, tokens, mask))
                skips.append(h)

        # Up, reading it again
        for name, block in self.up.items():
            if isinstance(block, Up):
                h = block(h)
            else:
                h = between(name, block(torch.cat([h, skips.pop()], dim=1), emb, tokens, mask))
        return F.pixel_shuffle(self.head(silu_over(self.norm(h))), self.config.patch)

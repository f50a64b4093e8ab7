"""From `Conditions` to what a U-Net reads: an embedding, maps at its working size, tokens. Unknown is a valid input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from conditioning.conditions import MAP_CHANNELS, SIGNAL_DIM, TOKEN_DIM, Conditions
from drivesim.networks.blocks import Attention, loud_linear, silu_over, to_channels_last
from drivesim.networks.config import Config


@dataclass(frozen=True)
class ConditionerConfig(Config):
    """How a network reads conditions.

    ``map_channels, signal_dim, token_dim``: sizes of the conditions; of maps and signals the first ones, for networks
    made before there were more. ``map_factor``: cells of the maps per place of the
    working size, each way. ``map_width``: channels that the maps become. ``token_width, token_layers, head``: the
    transformer over box tokens; 0 layers: the network does not look at tokens.
    """

    map_channels: int = MAP_CHANNELS
    signal_dim: int = SIGNAL_DIM
    token_dim: int = TOKEN_DIM
    map_factor: int = 2
    map_width: int = 64
    token_width: int = 128
    token_layers: int = 2
    head: int = 32


class TokenBlock(nn.Module):
    """One pre-norm transformer block over the tokens of a frame, identity at first."""

    def __init__(self, width: int, *, head: int) -> None:
        super().__init__()
        self.norm0, self.norm1 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, head=head)
        self.expand, self.shrink = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``x`` (n m d) with ``mask`` (n m) -> (n m d)."""
        x = x + self.attention(self.norm0(x), mask=mask)
        return x + self.shrink(F.silu(self.expand(self.norm1(x))))


class TokenEncoder(nn.Module):
    """Box tokens, fused by a transformer (Video LDM App. H.1), behind one learned token that is always there.

    Without it a frame with no box, or with unknown boxes, would leave nothing to attend to.
    """

    def __init__(self, config: ConditionerConfig) -> None:
        super().__init__()
        self.embed = nn.Linear(config.token_dim, config.token_width)
        self.always = nn.Parameter(torch.randn(1, 1, config.token_width))
        blocks = (TokenBlock(config.token_width, head=config.head) for _ in range(config.token_layers))
        self.blocks = nn.ModuleList(blocks)

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """``tokens`` (n m token_dim), ``mask`` (n m) -> tokens (n m+1 d) and their mask."""
        x = torch.cat([self.always.expand(len(tokens), -1, -1), self.embed(tokens).to(self.always.dtype)], dim=1)
        mask = F.pad(mask, (1, 0), value=True)
        for block in self.blocks:
            x = block(x, mask)
        return x, mask


class ConditionEmbedder(nn.Module):
    """The conditions of ``n`` single pictures as ``(emb (n d), maps (n k h w), tokens (n m d), mask (n m))``.

    The frame interval is left out: a single picture has none.
    """

    reads: ClassVar = {"maps.weight": "maps", "signals.0.weight": "signals", "tokens.embed.weight": "tokens"}

    def __init__(self, config: ConditionerConfig, embed: int) -> None:
        super().__init__()
        self.config = config
        self.signals = nn.Sequential(loud_linear(config.signal_dim, embed), nn.SiLU(), nn.Linear(embed, embed))
        self.maps = nn.Conv2d(config.map_channels, config.map_width, config.map_factor, config.map_factor)
        self.tokens = TokenEncoder(config) if config.token_layers else None

    def forward(
        self, cond: Conditions | None, *, n: int, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """``cond`` has b t with ``b t = n``, or is None: nothing is known. ``size``: the working size (h, w).

        Raises ``ValueError`` if the conditions are not those of ``n`` pictures.
        """
        if cond is not None and cond.b * cond.t != n:
            raise ValueError(f"conditions are of {cond.b} x {cond.t} frames, expected {n}")
        emb = self.signals(self._signals(cond, n))
        maps = silu_over(self.maps(to_channels_last(self._maps(cond, n, size))))
        if self.tokens is None:
            return emb, maps, None, None
        return emb, maps, *self.tokens(*self._tokens(cond, n))

    def _signals(self, cond: Conditions | None, n: int) -> Tensor:
        if cond is None:
            return self.maps.weight.new_zeros(n, self.config.signal_dim)
        signals = rearrange(cond.without("interval").signal_stack(), "b t d -> (b t) d")
        return signals[:, : self.config.signal_dim]

    def _maps(self, cond: Conditions | None, n: int, size: tuple[int, int]) -> Tensor:
        cells = (size[0] * self.config.map_factor, size[1] * self.config.map_factor)
        if cond is None:
            return self.maps.weight.new_zeros(n, self.config.map_channels, *cells)
        maps = rearrange(cond.map_stack(), "b t k h w -> (b t) k h w")[:, : self.config.map_channels]
        if maps.shape[-2:] != cells:
            maps = F.interpolate(maps, cells, mode="bilinear", antialias=True)
        return maps

    def _tokens(self, cond: Conditions | None, n: int) -> tuple[Tensor, Tensor]:
        weight = self.maps.weight
        if cond is None:
            return weight.new_zeros(n, 0, self.config.token_dim), weight.new_zeros(n, 0, dtype=torch.bool)
        tokens, mask = cond.token_stack()
        return rearrange(tokens, "b t m d -> (b t) m d"), rearrange(mask, "b t m -> (b t) m")


def condition_weights(network: nn.Module) -> dict[str, str]:
    """The weights whose inputs (their dimension 1) are conditions, and which of `conditioning.channels.CHANNELS`.

    Modules that have some say so by ``reads``.
    """
    there = dict(network.named_parameters())
    found = {
        f"{path}.{name}".lstrip("."): kind
        for path, module in network.named_modules()
        for name, kind in getattr(module, "reads", {}).items()
    }
    return {name: kind for name, kind in found.items() if name in there}

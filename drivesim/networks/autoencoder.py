"""The autoencoder: pictures to latents of an eighth of the size and back, with a KL or a VQ regulariser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from drivesim.networks.blocks import Between, Down, ResBlock, Up, group_norm, identity, zeroed
from drivesim.networks.codebook import Codebook, Unquantised
from drivesim.networks.config import Config, Site

CERTAIN = -6.0  # log-variance of fresh latents: at 0 they would drown in their own noise
COLOURS = 3  # latent channels that hold the picture made small; the others hold its detail
DETAIL = 0.5  # deviation of scaled detail, of which most cannot be predicted: as loud as colour it would drown colour


@dataclass(frozen=True)
class AutoencoderConfig(Config):
    """The sizes of an autoencoder.

    ``size``: (h, w) of the pictures the blocks are named for; other sizes run too. ``channels``: of the latent.
    ``patch``: pixels per place of the first level, each way. ``widths``: large to small, each level half the size of
    the one before. ``encoder_depth, decoder_depth``: residual blocks per level. ``norm``: which levels have GroupNorms.
    ``codebook``: codes that the decoder rounds latents to (VQ); 0: none, latents are kept near a normal (KL).
    """

    size: tuple[int, int] = (128, 256)
    channels: int = 8
    patch: int = 2
    widths: tuple[int, ...] = (32, 64, 128)
    encoder_depth: tuple[int, ...] = (1, 2, 2)
    decoder_depth: tuple[int, ...] = (2, 3, 3)
    norm: tuple[bool, ...] = (False, True, True)
    codebook: int = 0

    @property
    def factor(self) -> int:
        """How many pixels, each way, one latent cell stands for."""
        return self.patch << (len(self.widths) - 1)

    def place(self, level: int) -> str:
        """The size of a level as its blocks are named: "16x32"."""
        return "x".join(str(side // self.patch >> level) for side in self.size)

    def sites(self) -> tuple[Site, ...]:
        """All named blocks of the decoder, in the order in which they run.

        The factor is 1 throughout: it places context frames, and a decoder is given none.
        """
        levels = reversed(list(enumerate(self.widths)))
        return tuple(
            Site(f"{self.place(level)}_up{i}", width, 1)
            for level, width in levels
            for i in range(self.decoder_depth[level])
        )


class Posterior(NamedTuple):
    """A diagonal normal over latents: ``mean`` and ``logvar`` (n c h w)."""

    mean: Tensor
    logvar: Tensor

    def mode(self) -> Tensor:
        """The most likely latent (n c h w)."""
        return self.mean

    def sample(self, generator: torch.Generator) -> Tensor:
        """A random latent (n c h w); the noise is drawn on the CPU."""
        noise = torch.randn(self.mean.shape, generator=generator).to(self.mean)
        return self.mean + torch.exp(0.5 * self.logvar) * noise

    def losses(self) -> dict[str, Tensor]:
        """``kl``: the divergence from the standard normal in nats per latent value."""
        return {"kl": 0.5 * (self.mean.square() + self.logvar.exp() - 1 - self.logvar).mean()}


class Encoder(nn.Module):
    """Pictures (n 3 H W) to latents, or to their mean and log-variance where there is no codebook.

    The picture, made small, is added to the first three channels; the decoder adds those, made large, to its output.
    A fresh autoencoder does just that: hues are right from the first step, and the networks learn what lacks.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        patch = config.patch
        self.stem = nn.Conv2d(3, config.widths[0], 3 * patch, stride=patch, padding=patch)  # 3 x 3 patches
        self.blocks = nn.ModuleDict()
        for level, width in enumerate(config.widths):
            if level:
                self.blocks[f"{config.place(level)}_in"] = Down(config.widths[level - 1], width, shortcut=True)
            for i in range(config.encoder_depth[level]):
                self.blocks[f"{config.place(level)}_down{i}"] = ResBlock(width, width, norm=config.norm[level])
        self.norm = group_norm(config.widths[-1])
        told = config.channels if config.codebook else 2 * config.channels
        self.head = zeroed(nn.Conv2d(config.widths[-1], told, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """(n 3 H W) -> (n c h w), or (n 2c h w) with the log-variances last; float32."""
        h = self.stem(x)
        for block in self.blocks.values():
            h = block(h)
        told = self.head(F.silu(self.norm(h))).float()
        small = F.avg_pool2d(x.float(), x.shape[2] // h.shape[2])
        return torch.cat([told[:, :COLOURS] + small, told[:, COLOURS:]], dim=1)


class Decoder(nn.Module):
    """Latents (n c h w) to pictures (n 3 H W), with a hook after each named block."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.patch, width = config.patch, config.widths[-1]
        self.stem = nn.Conv2d(config.channels, width, 3, padding=1)
        self.blocks = nn.ModuleDict()
        for level, width in reversed(list(enumerate(config.widths))):
            if level < len(config.widths) - 1:
                self.blocks[f"{config.place(level)}_in"] = Up(config.widths[level + 1], width, shortcut=True)
            for i in range(config.decoder_depth[level]):
                self.blocks[f"{config.place(level)}_up{i}"] = ResBlock(width, width, norm=config.norm[level])
        self.head = zeroed(nn.Conv2d(config.widths[0], 3 * config.patch**2, 3, padding=1))

    def forward(self, z: Tensor, *, between: Between = identity) -> Tensor:
        """(n c h w) -> (n 3 H W)."""
        h = self.stem(z)
        for name, block in self.blocks.items():
            h = block(h) if isinstance(block, Up) else between(name, block(h))
        x = F.pixel_shuffle(self.head(F.silu(h)), self.patch)
        # With a fourth channel, which is thrown away, last digits do not depend on torch's number of threads (2.13)
        some = z[:, : COLOURS + 1].contiguous(memory_format=torch.channels_last)
        return x + F.interpolate(some, x.shape[2:], mode="bilinear")[:, :COLOURS].to(x.dtype)


class Autoencoder(nn.Module):
    """Encoder and decoder. Two buffers scale the latents.

    Once fitted, each channel has mean 0, the colours deviation 1 and the detail `DETAIL`: a diffusion model then
    settles colours first, detail after.

    With a codebook, latents are given out and taken as the encoder makes them, and quantised first thing in decoding,
    before which their scaling is undone: a diffusion model works on what is not quantised (Rombach et al. 2022,
    arXiv 2112.10752, Sec. 3.1), and its small errors are rounded away.
    """

    latent_shift: Tensor
    latent_scale: Tensor

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        if config.channels < COLOURS:
            raise ValueError(f"{config.channels} latent channels, expected 3 or more: three hold the colours")
        if config.codebook < 0:
            raise ValueError(f"a codebook of {config.codebook} codes, expected 0 (none) or more")
        self.config = config
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        self.codebook = Codebook(config.codebook, config.channels) if config.codebook else None
        self.register_buffer("latent_shift", torch.zeros(config.channels))
        self.register_buffer("latent_scale", torch.ones(config.channels))

    def encode(self, x: Tensor) -> Posterior | Unquantised:
        """Pictures (n 3 H W) in [-1, 1] -> latents (n c H/8 W/8), scaled.

        Raises ``ValueError`` for a size that does not divide.
        """
        factor = self.config.factor
        if x.shape[-2] % factor or x.shape[-1] % factor:
            raise ValueError(f"pictures are {x.shape[-2]} x {x.shape[-1]} pixels, expected multiples of {factor}")
        told, shift, scale = self.encoder(x), self.latent_shift[:, None, None], self.latent_scale[:, None, None]
        if self.codebook is not None:
            return Unquantised((told - shift) * scale, told, self.codebook)
        mean, logvar = told.chunk(2, dim=1)
        return Posterior((mean - shift) * scale, (logvar + CERTAIN).clamp(-20, 10) + 2 * scale.log())

    def decode(self, z: Tensor, *, between: Between = identity) -> Tensor:
        """Scaled latents (n c h w) -> pictures (n 3 8h 8w), about in [-1, 1].

        ``between(name, h)`` is called after every block of the decoder and may change ``h``.
        """
        z = z / self.latent_scale[:, None, None] + self.latent_shift[:, None, None]
        return self.decoder(z if self.codebook is None else self.codebook(z), between=between)

    @torch.no_grad()
    def fit_latents(self, mean: Tensor, std: Tensor) -> None:
        """From now on scale latents by these statistics (c,) of the latents as they are scaled now.

        Afterwards such latents have mean 0, colours deviation 1 and detail `DETAIL`.

        Raises ``ValueError`` for a deviation that is not positive: a channel says nothing.
        """
        if not (std > 0).all():
            raise ValueError(f"the latents' deviations are {std.tolist()}, expected all positive")
        self.latent_shift += mean.to(self.latent_shift) / self.latent_scale
        self.latent_scale /= std.to(self.latent_scale)
        self.latent_scale[COLOURS:] *= DETAIL

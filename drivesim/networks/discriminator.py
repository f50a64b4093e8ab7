"""Patch discriminators: is each patch of a picture, or of a clip, real? Used in training only."""

from __future__ import annotations

from einops import rearrange
from torch import Tensor, nn

from drivesim.networks.blocks import group_norm


def _layers(conv: type[nn.Module], channels: int, widths: tuple[int, ...], **shape: object) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, width in enumerate(widths):
        layers += [conv(channels, width, **shape), group_norm(width) if i else nn.Identity(), nn.LeakyReLU(0.2)]
        channels = width
    return nn.Sequential(*layers)


class ImageDiscriminator(nn.Module):
    """Pictures (n c H W) to one logit per patch (n 1 h w): each width halves the size (PatchGAN, Isola et al. 2017)."""

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        self.layers = _layers(nn.Conv2d, channels, widths, kernel_size=4, stride=2, padding=1)
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n c H W) -> (n 1 h w)."""
        return self.head(self.layers(x))


class VideoDiscriminator(nn.Module):
    """Clips (b t c H W) to one logit per patch (b t 1 h w), by 3-D convolutions (Video LDM Sec. 3.1.1)."""

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        shape = {"kernel_size": (3, 4, 4), "stride": (1, 2, 2), "padding": (1, 1, 1)}
        self.layers = _layers(nn.Conv3d, channels, widths, **shape)
        self.head = nn.Conv3d(widths[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(b t c H W) -> (b t 1 h w)."""
        x = self.head(self.layers(rearrange(x, "b t c h w -> b c t h w")))
        return rearrange(x, "b c t h w -> b t c h w")

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


def _features(layers: nn.Sequential, x: Tensor) -> list[Tensor]:
    """What each width makes of ``x``, after its non-linearity."""
    features = []
    for layer in layers:
        x = layer(x)
        if isinstance(layer, nn.LeakyReLU):
            features.append(x)
    return features


class ImageDiscriminator(nn.Module):
    """Pictures (n c H W) to one logit per patch: each width halves the size (PatchGAN, Isola et al. 2017)."""

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        self.layers = _layers(nn.Conv2d, channels, widths, kernel_size=4, stride=2, padding=1)
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(n c H W) -> logits (n 1 h w), and the features of each width (n c' h' w')."""
        features = _features(self.layers, x)
        return self.head(features[-1]), features


class VideoDiscriminator(nn.Module):
    """Clips (b t c H W) to one logit per patch, by 3-D convolutions (Video LDM Sec. 3.1.1)."""

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = (32, 64, 128)) -> None:
        super().__init__()
        shape = {"kernel_size": (3, 4, 4), "stride": (1, 2, 2), "padding": (1, 1, 1)}
        self.layers = _layers(nn.Conv3d, channels, widths, **shape)
        self.head = nn.Conv3d(widths[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(b t c H W) -> logits (b t 1 h w), and the features of each width (b c' t h' w')."""
        features = _features(self.layers, rearrange(x, "b t c h w -> b c t h w"))
        return rearrange(self.head(features[-1]), "b c t h w -> b t c h w"), features

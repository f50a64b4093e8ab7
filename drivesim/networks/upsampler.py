"""The pixel upsampler: a low-resolution picture and what is known of it to a picture four times as large."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conditioning.conditions import Conditions
from drivesim.networks.blocks import Between, identity
from drivesim.networks.conditioner import ConditionerConfig
from drivesim.networks.config import Config, Site
from drivesim.networks.unet import UNet, UNetConfig

RESIDUAL_SCALE = 4.0  # brings what a bilinear enlargement lacks to about unit size


def _small_unet() -> UNetConfig:
    return UNetConfig(
        channels=3,
        extra_channels=4,
        size=(512, 1024),
        patch=4,
        widths=(32, 48, 96),
        depth=1,
        attention=(),
        embed=64,
        norm=False,
        smooth=True,
        conditions=ConditionerConfig(map_factor=1, map_width=16, token_layers=0),
    )


@dataclass(frozen=True)
class UpsamplerConfig(Config):
    """``unet``: 3 channels, ``patch`` is the enlargement; 4 extra channels: the small picture and its level."""

    unet: UNetConfig = field(default_factory=_small_unet)

    def sites(self) -> tuple[Site, ...]:
        """All named blocks, in the order in which they run."""
        return self.unet.sites()


class Upsampler(nn.Module):
    """A denoiser of the *residual*: what the large picture has and the small one, enlarged bilinearly, has not.

    The small picture may be noised, ``c = a x_low + s e`` (Video LDM Eq. 5); its level is told. So the network does not
    believe every grain of a generated picture. One call at ``u = 1`` needs no sampler:
    nothing of the residual is in the input there, and v is its negative. Trained on that alone it is a regression.
    """

    def __init__(self, config: UpsamplerConfig) -> None:
        super().__init__()
        if (config.unet.channels, config.unet.extra_channels) != (3, 4):
            raise ValueError(
                f"{config.unet.channels} and {config.unet.extra_channels} extra channels, expected 3 and 4"
            )
        self.config = config
        self.unet = UNet(config.unet)

    def residual(self, high: Tensor, low: Tensor) -> Tensor:
        """What is to be generated, (n 3 H W), for pictures in [-1, 1]: ``high`` (n 3 H W), clean ``low`` (n 3 h w)."""
        return RESIDUAL_SCALE * (high - self.enlarged(low))

    def picture(self, residual: Tensor, low: Tensor) -> Tensor:
        """The inverse of `residual`: the picture (n 3 H W), clamped to [-1, 1]."""
        return self.enlarged(low).add_(residual, alpha=1 / RESIDUAL_SCALE).clamp_(-1, 1)

    def enlarged(self, low: Tensor) -> Tensor:
        """``low`` (n 3 h w), bilinearly enlarged to (n 3 H W)."""
        return F.interpolate(low, scale_factor=self.config.unet.patch, mode="bilinear")

    def forward(
        self,
        x: Tensor,
        noise: Tensor,
        cond: Conditions | None = None,
        *,
        low: Tensor,
        level: Tensor,
        between: Between = identity,
    ) -> Tensor:
        """The prediction (n 3 H W) for the noised residual ``x`` (n 3 H W) at noise ``u`` (n,).

        ``low`` (n 3 h w) is the small picture at noise ``level`` (n,) in [0, 1]. At ``u`` = 1 ``x`` is not looked at:
        a single step is a plain regression of the residual, the same whatever the noise.
        """
        x = torch.where(noise.view(-1, 1, 1, 1) < 1, x, 0.0)  # pure noise tells nothing; learning to ignore it fails
        plane = level.to(low).view(-1, 1, 1, 1).expand(-1, 1, *low.shape[2:])
        return self.unet(x, noise, cond, extra=torch.cat([low, plane], dim=1), between=between)

"""The generating parts: what each is made of, and which part it was trained on."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, NamedTuple

from torch import nn

from drivesim.networks.autoencoder import Autoencoder, AutoencoderConfig
from drivesim.networks.config import Config
from drivesim.networks.temporal import TemporalBlocks, TemporalConfig
from drivesim.networks.unet import UNet, UNetConfig
from drivesim.networks.upsampler import Upsampler, UpsamplerConfig


class Kind(NamedTuple):
    """What a part is: the class of its config, its network, and the part it stands on (None for the first).

    ``on_latents``: it knows nothing of its parent, an autoencoder, but latents.
    """

    config: type[Config]
    network: Any  # (config) -> nn.Module
    parent: str | None
    on_latents: bool = False

    def build(self, config: Config) -> nn.Module:
        """The network of this config, freshly initialised. Raises ``ValueError`` for the config of another kind."""
        if type(config) is not self.config:
            raise ValueError(f"config is a {type(config).__name__}, expected {self.config.__name__}")
        return self.network(config)


# In the order of training. A temporal part stands on the image part whose blocks it follows.
PARTS: MappingProxyType[str, Kind] = MappingProxyType(
    {
        "ae.image": Kind(AutoencoderConfig, Autoencoder, None),
        "unet.image": Kind(UNetConfig, UNet, "ae.image", on_latents=True),
        "unet.temporal_key": Kind(TemporalConfig, TemporalBlocks, "unet.image"),
        "unet.temporal_interp": Kind(TemporalConfig, TemporalBlocks, "unet.image"),
        "ae.temporal": Kind(TemporalConfig, TemporalBlocks, "ae.image"),
        "up.image": Kind(UpsamplerConfig, Upsampler, "ae.image"),
        "up.temporal": Kind(TemporalConfig, TemporalBlocks, "up.image"),
    }
)

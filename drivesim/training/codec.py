"""The finished parts that a stage stands on: read from the run's weights, frozen."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from drivesim.networks.video import VideoDecoder
from drivesim.parts import PARTS, load_part, part_file
from drivesim.presets import load_preset


def new_part(preset: str, part: str) -> nn.Module:
    """A freshly initialised part of a preset."""
    return PARTS[part].build(load_preset(preset)[part])


def frozen_part(weights: str | Path, part: str) -> nn.Module:
    """A finished part without gradients."""
    return load_part(weights, part).network.requires_grad_(False).eval()


class Codec(nn.Module):
    """The finished autoencoder, with its temporal decoder if there is one: it makes latents, and pictures of latents."""

    def __init__(self, weights: str | Path) -> None:
        """``weights``: folder of the finished parts."""
        super().__init__()
        image = load_part(weights, "ae.image")
        self.autoencoder = image.network
        self.fingerprints = {"ae.image": image.fingerprint}
        self.video: VideoDecoder | None = None
        if part_file(weights, "ae.temporal").is_file():
            temporal = load_part(weights, "ae.temporal", parent=image.fingerprint)
            self.video = VideoDecoder(self.autoencoder, temporal.network)
            self.fingerprints["ae.temporal"] = temporal.fingerprint
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def encode(self, colour: Tensor) -> Tensor:
        """Latents (t c h w) of frames (t 3 H W) in [-1, 1]."""
        return self.autoencoder.encode(colour).mode()

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Frames (t 3 H W) of the latents (t c h w) of neighbouring frames."""
        return self.autoencoder.decode(latents) if self.video is None else self.video(latents[None])[0]

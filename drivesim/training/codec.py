"""The part that a stage trains, freshly made, and the finished parts that it stands on, frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from drivesim.networks.autoencoder import Autoencoder
from drivesim.networks.video import VideoDecoder
from drivesim.parts import PARTS, load_part
from drivesim.presets import load_preset
from drivesim.weight_files import find_part


def has_bf16(device: str) -> bool:
    """Whether a device ("auto", "cpu", "cuda", ...) multiplies in bfloat16 faster than in float32."""
    if device in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def fast_layout(module: nn.Module) -> None:
    """Weights of 2-D convolutions in channels_last: up to twice as fast on CPUs."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def new_part(preset: str, part: str) -> nn.Module:
    """A freshly initialised part of a preset."""
    return PARTS[part].build(load_preset(preset)[part])


def frozen_part(weights: str | Path, part: str) -> nn.Module:
    """A finished part without gradients."""
    return load_part(weights, part).network.requires_grad_(False).eval()


class Codec(nn.Module):
    """The finished autoencoder, with its temporal decoder if there is one: frames to latents and back."""

    def __init__(self, weights: str | Path) -> None:
        """``weights``: folder of the finished parts."""
        super().__init__()
        image: Any = load_part(weights, "ae.image")
        self.autoencoder: Autoencoder = image.network
        self.fingerprints, self.latents = {"ae.image": image.fingerprint}, image.latents
        self.video: VideoDecoder | None = None
        if find_part(weights, "ae.temporal").is_file():
            temporal: Any = load_part(weights, "ae.temporal", parent=image)
            self.video = VideoDecoder(self.autoencoder, temporal.network)
            self.fingerprints["ae.temporal"] = temporal.fingerprint
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def encode(self, colour: Tensor) -> Tensor:
        """Latents (t c h w), float32, of frames (t 3 H W) in [-1, 1]."""
        with self._fast():
            return self.autoencoder.encode(colour.to(self.device)).mode().float()

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Frames (t 3 H W), float32, of the latents (t c h w) of neighbouring frames."""
        latents = latents.to(self.device)
        with self._fast():
            return (self.autoencoder.decode(latents) if self.video is None else self.video(latents[None])[0]).float()

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.autoencoder.latent_scale.device

    def _fast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=has_bf16(self.device.type))

"""What each network does in a rollout: the first frame, key frames, the frames between, pictures, large pictures.

Noise is drawn for each frame by itself, keyed by (seed, purpose, frame number): no frame depends on which
others happen to be made in one call, or on what was drawn before.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from conditioning import Conditions, Context
from drivesim.diffusion import SAMPLERS, Denoiser, context_guidance, ddim, levels
from drivesim.diffusion.denoiser import Predict
from drivesim.errors import UserError
from drivesim.networks.blocks import channels_last
from drivesim.networks.guided import guided
from drivesim.parts import Weights
from drivesim.rollout.pictures import enlarged, sharpened
from drivesim.rollout.watch import working
from scenarios.randomness import key


@dataclass(frozen=True)
class Sampling:
    """How the networks are asked.

    ``*_steps``: denoiser steps. ``guidance``: of the first frame, by set of conditions: "all", or names joined by "+",
    -> scale (1 is none; every other set costs one more call). ``key_guidance``: of key frames; None: the same.
    ``between_guidance``: of the frames between. ``context_guidance``: of key frames towards their
    context (Video LDM Eq. 4; 1 is none). ``context_level``: share of noise on the given key frames, as the key network
    sees them, which is told of it. ``low_level``: share of noise put on a small picture before it is
    enlarged (Video LDM Eq. 5). ``sampler``: of all networks, a name in `SAMPLERS`. ``eta``: of "ddim", how much of
    the noise it takes away at a step it replaces by new noise, 0 (none) to 1 (all, DDPM). ``memory``: s after which
    half of a surface's look is forgotten (`drivesim.rollout.reprojection`); 0: pictures are not mixed. ``sharpen``:
    how many times what a blur takes away is added to a small picture before it is enlarged, against what is smoothed
    by mixing.

    Raises `UserError` for another sampler, or another number than those, or an eta for a sampler without.
    """

    first_steps: int = 8
    key_steps: int = 8
    between_steps: int = 4
    enlarge_steps: int = 2
    guidance: Mapping[str, float] = field(default_factory=lambda: {"all": 2.0})
    key_guidance: Mapping[str, float] | None = None
    between_guidance: Mapping[str, float] = field(default_factory=dict)
    context_guidance: float = 1.0
    context_level: float = 0.0
    low_level: float = 0.0
    sampler: str = "ddim"
    eta: float = 0.0
    memory: float = 0.0
    sharpen: float = 0.0

    def __post_init__(self) -> None:
        if self.sampler not in list(SAMPLERS):
            raise UserError(f"the sampler is {self.sampler!r}, expected one of {', '.join(SAMPLERS)}")
        if not 0 <= self.context_level < 1:
            raise UserError(f"the noise on context frames is {self.context_level}, expected from 0 to below 1")
        if not 0 <= self.eta <= 1:
            raise UserError(f"the sampler's eta is {self.eta}, expected 0 to 1")
        if not 0 <= self.memory < math.inf:
            raise UserError(f"the memory of looks is {self.memory} s, expected 0 or more")
        if not 0 <= self.sharpen < math.inf:
            raise UserError(f"small pictures are sharpened by {self.sharpen}, expected 0 or more")
        if self.eta > 0 and self.sampler != "ddim":
            raise UserError(f"the sampler {self.sampler!r} has eta {self.eta}, expected 0: only ddim adds noise")

    @classmethod
    def of(
        cls,
        row: Mapping[str, Any],
        *,
        steps: int | None = None,
        sampler: str | None = None,
        context_level: float | None = None,
    ) -> Sampling:
        """The sampling that a card states, with ``steps`` (not the upsampler's) and others instead of its own.

        Raises `UserError` for a setting that does not exist or will not do, or for no step at all.
        """
        names = [item.name for item in dataclasses.fields(cls)]
        unknown = sorted(set(row) - set(names))
        if unknown:
            raise UserError(f"the card's sampling has {unknown[0]!r}, expected some of {names}")
        if steps is not None and steps < 1:
            raise UserError(f"got {steps} denoiser steps, expected 1 or more")
        asked: dict[str, Any] = {}
        if steps is not None:
            asked |= dict.fromkeys(("first_steps", "key_steps", "between_steps"), steps)
        if sampler is not None:
            asked["sampler"] = sampler
        if context_level is not None:
            asked["context_level"] = context_level
        return cls(**{**row, **asked})

    def guidance_of(self, frames: str) -> Mapping[str, float]:
        """The guidance of the "first" frame, of "key" frames or of those "between"."""
        if frames == "between":
            return self.between_guidance
        return self.guidance if frames == "first" or self.key_guidance is None else self.key_guidance


IMAGE_ONLY = ("decoder", "upsampler")
"""What can work frame by frame, without its temporal layers."""


class Stages:
    """The networks of a rollout, each as a function of what it is given, the seed and frame numbers of the clip.

    At this door all tensors are on the CPU: latents (t c h w) and pictures (t 3 H W) in [-1, 1] float32, large pictures
    as they are stored.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        sampling: Sampling,
        seed: int,
        device: torch.device,
        first_seed: int | None = None,
        image_only: Sequence[str] = (),
    ) -> None:
        """Bring ``weights`` to ``device``.

        ``first_seed``: of the noise of frame 0, if it is not ``seed``. ``image_only``: some of `IMAGE_ONLY`.
        """
        self.alphas = {name: 1.0 if name in image_only else None for name in IMAGE_ONLY}
        self.weights, self.sampling, self.seed, self.device = weights, sampling, seed, device
        self.first_seed = seed if first_seed is None else first_seed
        self.denoiser = Denoiser()
        for net in (weights.key, weights.interp, weights.ae_temporal, weights.up_temporal):
            channels_last(net.to(device).eval())
        autoencoder, unet = weights.autoencoder.config, weights.unet.config
        height, width = autoencoder.size
        self.low_size = (height, width)
        """(H, W) of decoded pictures in pixels, and of the condition maps of `enlarge` in cells."""
        latent = (height // autoencoder.factor, width // autoencoder.factor)
        self.latent_shape = (autoencoder.channels, *latent)
        cells = unet.conditions.map_factor
        self.map_size = (latent[0] // unet.patch * cells, latent[1] // unet.patch * cells)
        """(h, w) of the condition maps of all other stages in cells."""
        self.large_size = (height * weights.up.config.unet.patch, width * weights.up.config.unet.patch)
        """Of enlarged pictures in pixels."""

    @torch.inference_mode()
    def encode(self, picture: Tensor) -> Tensor:
        """The latent (1 c h w) of a picture (3 H W) of `low_size`."""
        with self._precision():
            return self.weights.autoencoder.encode(picture[None].to(self.device)).mode().float().cpu()

    @working("first")
    @torch.inference_mode()
    def first(self, conditions: Conditions) -> Tensor:
        """The latent (1 c h w) of frame 0 by the image network; ``conditions`` are of that frame alone."""

        def ask(told: Conditions) -> Predict:
            return lambda x, u: self.weights.unet(x, u, told).float()

        def noise(purpose: str) -> Tensor:
            return self._noise(purpose, [0], self.latent_shape)

        predict = guided(ask, conditions.to(self.device), self.sampling.guidance_of("first"))
        return self._sample(predict, "first", noise, self.sampling.first_steps)

    @working("keys")
    @torch.inference_mode()
    def keys(self, given: Tensor, conditions: Conditions, frames: Sequence[int]) -> Tensor:
        """Key frames (t c h w), the first ``given`` (k c h w); ``conditions`` (b = 1) and ``frames`` are of all t."""
        latents = torch.zeros(1, len(frames), *self.latent_shape)
        latents[0, : len(given)] = given
        context = Context.predict(latents, len(given))
        if self.sampling.context_level:
            grain = torch.zeros_like(latents)
            grain[0, : len(given)] = self._noise("context", frames[: len(given)], self.latent_shape)
            context = context.noised(torch.tensor([self.sampling.context_level]), grain)
        told = conditions.to(self.device)

        def ask(told: Conditions, context: Context = context) -> Predict:
            c_s = context.stack().to(self.device)
            return lambda x, u: self.weights.key(x, u, told, context=c_s).float()

        def noise(purpose: str) -> Tensor:
            return self._noise(purpose, frames, self.latent_shape)[None]

        predict = guided(ask, told, self.sampling.guidance_of("key"))
        if self.sampling.context_guidance != 1.0:
            predict = context_guidance(predict, ask(told, Context.none(latents)), self.sampling.context_guidance)
        made = self._sample(predict, "key", noise, self.sampling.key_steps)
        return torch.cat([given, made[0, len(given) :]])

    @working("between")
    @torch.inference_mode()
    def between(self, ends: Tensor, conditions: Conditions, frames: Sequence[Sequence[int]]) -> Tensor:
        """The frames (b t-2 c h w) inside windows of t frames whose ``ends`` (b 2 c h w) are there.

        ``conditions`` (b t) at the windows' interval; ``frames``: the numbers of the t frames of each window.
        """
        latents = torch.zeros(len(ends), len(frames[0]), *self.latent_shape)
        latents[:, [0, -1]] = ends
        c_s = Context.interpolate(latents).stack().to(self.device)

        def ask(told: Conditions) -> Predict:
            return lambda x, u: self.weights.interp(x, u, told, context=c_s).float()

        def noise(purpose: str) -> Tensor:
            return torch.stack([self._noise(purpose, window, self.latent_shape) for window in frames])

        predict = guided(ask, conditions.to(self.device), self.sampling.guidance_of("between"))
        return self._sample(predict, "between", noise, self.sampling.between_steps)[:, 1:-1]

    @working("decode")
    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (t 3 H W) of one window of latents (t c h w)."""
        with self._precision():
            return (
                self.weights.ae_temporal(latents[None].to(self.device), alpha=self.alphas["decoder"])[0]
                .float()
                .clamp(-1, 1)
                .cpu()
            )

    @working("enlarge")
    @torch.inference_mode()
    def enlarge(self, low: Tensor, conditions: Conditions, frames: Sequence[int]) -> Tensor:
        """Large pictures (t 4H 4W 3, uint8 RGB) of decoded ones (t 3 H W), which are sharpened first.

        ``conditions`` (b = 1): with maps of `low_size`.
        """
        low = sharpened(low, self.sampling.sharpen)
        told = conditions.to(self.device, self._type())
        level = torch.full((1, len(low)), self.sampling.low_level, device=self.device)
        grain = self._noise("grain", frames, low.shape[1:])
        seen = ((1 - self.sampling.low_level**2) ** 0.5 * low + self.sampling.low_level * grain).to(self.device)[None]

        def predict(x: Tensor, u: Tensor) -> Tensor:
            return self.weights.up_temporal(x, u, told, low=seen, level=level, alpha=self.alphas["upsampler"])

        def noise(purpose: str) -> Tensor:
            return self._noise(purpose, frames, (3, *self.large_size))[None]

        if self.sampling.enlarge_steps > 1:
            residual = self._sample(predict, "large", noise, self.sampling.enlarge_steps)
        else:
            # Of pure noise, at which the network does not look (`Upsampler`), x_0 is -v: to draw noise of large
            # pictures, and to mix them with it, would take as long as the network.
            x = torch.zeros((), dtype=self._type(), device=self.device).expand(1, len(low), 3, *self.large_size)
            with self._precision():
                residual = predict(x, torch.ones(1, device=self.device)).neg_().cpu()
        return enlarged(low, residual[0])

    def _sample(self, predict: Predict, purpose: str, noise: Callable[[str], Tensor], steps: int) -> Tensor:
        """What ``noise(purpose)`` becomes; step i, where it adds noise, adds ``noise("purpose/i")``."""

        def denoise(x: Tensor, u: Tensor) -> Tensor:
            return self.denoiser.denoise(predict, x, u)

        sampler = SAMPLERS[self.sampling.sampler]
        if self.sampling.eta > 0:
            sampler = partial(ddim, eta=self.sampling.eta, noise=lambda step: noise(f"{purpose}/{step}"))
        with self._precision():
            return sampler(denoise, noise(purpose).to(self.device), levels(steps, self.denoiser.schedule)).cpu()

    def _noise(self, purpose: str, frames: Sequence[int], shape: Sequence[int]) -> Tensor:
        """Noise (t ...) of so many ``frames``, each by itself."""
        keys = (key(self.seed if frame else self.first_seed, purpose, frame) for frame in frames)
        generators = (torch.Generator().manual_seed(number) for number in keys)
        return torch.stack([torch.randn(tuple(shape), generator=generator) for generator in generators])

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=works_in_bf16(self.device))

    def _type(self) -> torch.dtype:
        """What convolutions work with within `_precision`."""
        return torch.bfloat16 if works_in_bf16(self.device) else torch.float32


def works_in_bf16(device: torch.device) -> bool:
    """Whether the networks work in bfloat16 there: on GPUs, and on CPUs that are built for it."""
    return device.type != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()

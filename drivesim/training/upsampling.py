"""The stage of the upsampler, on patches of pictures: from what the autoencoder gives back to the full size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import repeat
from torch import Tensor

from conditioning.layout import KINDS
from drivesim.errors import UserError
from drivesim.networks.upsampler import RESIDUAL_SCALE
from drivesim.training.data import Batch
from drivesim.training.losses import psnr
from drivesim.training.pictures import PictureLoss
from drivesim.training.stages import DiffusionStage, beside
from scenarios.randomness import key

LOSSES = ("diffusion", "picture")


class UpsamplerStage(DiffusionStage):
    """A diffusion stage in pixels whose input, a small picture, is noised by a level that the network is told.

    With ``loss="picture"`` only the first step is trained, at pure noise, by the losses of the autoencoder and, where
    asked for, a discriminator: one step gives the picture, where a small network trained for all steps gives grain.
    With ``blur`` the input is softened, too, as pictures of sampled latents are: so it learns to look at the layout.
    """

    def __init__(
        self,
        part: str,
        preset: str,
        weights: str,
        *,
        low_noise: float = 0.3,
        blur: float = 0.0,
        loss: str = "diffusion",
        gradient: float = 1.0,
        motion: float = 1.0,
        perceptual: float = 0.0,
        contrast: float = 0.0,
        adversarial: float = 0.0,
        matching: float = 0.0,
        adversarial_from: float = 0.5,
        **settings: Any,
    ) -> None:
        """Build the part on its parents.

        Args:
            part: "up.image" or "up.temporal".
            preset: whose network.
            weights: folder of the finished parts.
            low_noise: the input is noised by up to this share (Video LDM Eq. 5).
            blur: before that, it is blurred by a Gaussian of up to this standard deviation, in its pixels.
            loss: "diffusion", at all levels (Video LDM Eq. 1), or "picture", of the first step; there ``foreground``
                weighs errors inside boxes, the mean of their kinds: people cover too little to count otherwise.
            gradient: weight of the gradient loss of a picture.
            motion: weight of the L1 between the differences of neighbouring pictures.
            perceptual: weight of the normalised Laplacian pyramid distance of pictures.
            contrast: weight of the L1 between local contrasts.
            adversarial: weight of the discriminator's judgement of pictures.
            matching: weight of the L1 between the discriminator's features of made and of real pictures.
            adversarial_from: share of the run without it, at its start.
            **settings: of `DiffusionStage` and `Stage`.
        """
        super().__init__(part, preset, weights, **settings)
        if loss not in LOSSES:
            raise UserError(f"loss is {loss!r}, expected one of {LOSSES}")
        if self.context is not None:
            raise UserError(f"context is {self.context!r}, expected none: the upsampler is given a picture, no frames")
        if blur < 0.0:
            raise UserError(f"blur is {blur:g}, expected 0 or more pixels")
        if loss == "diffusion" and (perceptual or contrast or adversarial or matching):
            raise UserError(
                "perceptual, contrast, adversarial and matching weigh losses of pictures, expected 0 with 'diffusion'"
            )
        self.low_noise, self.blur, self.loss = low_noise, blur, loss
        self.picture_loss = PictureLoss(
            gradient, motion, perceptual, adversarial, matching,
            begins=adversarial_from * self.batches, contrast=contrast, coarser=self.image.config.unet.patch,
            foreground=self.foreground if loss == "picture" else 0.0,
        )  # fmt: skip
        self.adversary = self.picture_loss.adversary(windows=part == "up.temporal")

    def sampling(self) -> dict[str, Any]:
        """How a rollout is to sample: in one step, where only that was trained."""
        return {"enlarge_steps": 1} if self.loss == "picture" else {}

    def compute(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The losses of a diffusion stage, or those of pictures made in one step."""
        if self.loss == "diffusion":
            return super().compute(batch, generator)
        truth = batch["truth"]
        x, inputs = self.problem(batch, generator)
        conditions = batch["conditions"].drop(self.drop, generator, everything=self.drop_all)
        noise = torch.randn(x.shape, generator=generator).to(x)
        u = x.new_ones(len(x))
        residual = self.denoiser.denoise(lambda x_u, u: self.predict(x_u, u, conditions, inputs), noise, u)
        picture = self._enlarged(batch["low"]) + residual / RESIDUAL_SCALE
        boxes = batch["conditions"].maps["boxes"][:, :, : len(KINDS)].to(x)
        return self.picture_loss(picture, truth, self.adversary, batch=batch["number"], boxes=boxes)

    @torch.no_grad()
    def measure(self, batches: Sequence[Batch]) -> dict[str, float]:
        """The losses on held-out batches, and PSNR in dB: after one and two steps, and of the input enlarged."""
        measured = super().measure(batches)
        for steps in (1,) if self.loss == "picture" else (1, 2):
            generator = torch.Generator().manual_seed(key(self.seed, f"{self.part}/measure"))
            made = [(self.sample(batch, generator, steps=steps), batch["truth"]) for batch in batches]
            measured[f"psnr_{steps}"] = _mean_psnr(made)
        measured["psnr_bilinear"] = _mean_psnr([(self._enlarged(b["low"]), b["truth"]) for b in batches])
        return measured

    @torch.no_grad()
    def show(self, batch: Batch) -> dict[str, np.ndarray]:
        """From above: the truth, the input enlarged, and what the network makes of it."""
        generator = torch.Generator().manual_seed(key(self.seed, f"{self.part}/show"))
        made = self.sample(batch, generator, steps=self.sampling().get("enlarge_steps", 2))
        return beside(f"{self.part}/sample", batch["truth"], self._enlarged(batch["low"]), made)

    def sample(self, batch: Batch, generator: torch.Generator, *, steps: int) -> Tensor:
        """Pictures (b t 3 H W) by DDIM for a batch's conditions and its input, not noised."""
        residual = super().sample(batch, generator, steps=steps)
        flat = self.image.picture(residual.flatten(0, 1), batch["low"].flatten(0, 1).to(residual))
        return flat.view_as(residual)

    def problem(
        self, batch: Batch, generator: torch.Generator, *, clean: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The residual (b t 3 H W); the small picture at its level, 0 if ``clean``, which is not blurred, either."""
        truth, low = batch["truth"], batch["low"]
        x = self.image.residual(truth.flatten(0, 1), low.flatten(0, 1)).view_as(truth)
        if self.blur and not clean:
            low = blurred(low, self.blur * torch.rand(len(x), generator=generator).to(x))
        level = (0.0 if clean else self.low_noise) * torch.rand(len(x), generator=generator).to(x)
        s = level[:, None, None, None, None]
        low = (1.0 - s**2).sqrt() * low + s * torch.randn(low.shape, generator=generator).to(x)
        return x, {"low": low, "level": repeat(level, "b -> b t", t=x.shape[1])}

    def _enlarged(self, low: Tensor) -> Tensor:
        """``low`` (b t 3 h w), enlarged bilinearly."""
        return self.image.enlarged(low.flatten(0, 1)).unflatten(0, low.shape[:2])


def blurred(pictures: Tensor, deviation: Tensor) -> Tensor:
    """Windows (b t c h w), each blurred by a Gaussian of its ``deviation`` (b) in pixels; 0 leaves it as it is."""
    reach = math.ceil(3.0 * deviation.max().item())
    offsets = torch.arange(-reach, reach + 1).to(deviation)
    weights = (-(offsets**2) / (2.0 * deviation.clamp(min=1e-3)[:, None] ** 2)).softmax(dim=1)
    weights = repeat(weights, "b k -> (b t) k 1 1 1", t=pictures.shape[1])
    flat = pictures.flatten(0, 1)
    for dim, border in ((-1, (reach, reach, 0, 0)), (-2, (0, 0, reach, reach))):
        wide = F.pad(flat, border, mode="replicate")
        flat = torch.stack([weights[:, k] * wide.narrow(dim, k, flat.shape[dim]) for k in range(len(offsets))]).sum(0)
    return flat.view_as(pictures)


def _mean_psnr(pairs: Sequence[tuple[Tensor, Tensor]]) -> float:
    return float(np.mean([psnr(made.flatten(0, 1), truth.flatten(0, 1)).mean().item() for made, truth in pairs]))

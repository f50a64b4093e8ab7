"""The stages of training as Lightning modules: what is trained, and on which loss.

A stage trains exactly one part, ``trained``; its parents are read from the run's finished parts and frozen. The loss of
a batch is a pure function of the weights and of the batch's number, so a resumed run repeats the uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import lightning as L
import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from conditioning import NAMES, Conditions, Context
from conditioning.context import PREDICT_FROM
from conditioning.layout import KINDS
from drivesim.diffusion import Denoiser, ddim, levels, spread_levels
from drivesim.errors import UserError
from drivesim.networks.blocks import identity
from drivesim.networks.video import VideoNet
from drivesim.parts import PARTS
from drivesim.training.adversary import Adversary
from drivesim.training.codec import Codec, frozen_part, new_part
from drivesim.training.data import Batch, pixels
from drivesim.training.losses import even_weights
from drivesim.training.pictures import PictureLoss
from drivesim.training.revival import Revival
from scenarios.randomness import key


class Stage(L.LightningModule):
    """What all stages share: the optimiser, its rate over the run, and randomness keyed by the batch's number."""

    trained: Any  # the part's network
    only_goes_on = False  # whether it makes sense only with weights to go on from, some of which it keeps as they are

    def __init__(
        self,
        part: str,
        *,
        batches: int = 1000,
        seed: int = 0,
        rate: float = 3e-4,
        warm_up: int = 100,
        cool_down: float = 0.4,
        clip: float = 1.0,
        snapshots: int = 8,
    ) -> None:
        """Note the settings.

        Args:
            part: name of the part that is trained.
            batches: length of the run.
            seed: of all noise.
            rate: learning rate.
            warm_up: batches over which the rate rises from zero.
            cool_down: share of the run, at its end, over which the rate falls to zero.
            clip: the largest norm of the gradient.
            snapshots: of the averaged weights, stored to choose the average's width at the end; see `post_hoc`.
        """
        super().__init__()
        self.part, self.batches, self.seed, self.snapshots = part, batches, seed, snapshots
        self.rate, self.warm_up, self.cool_down, self.clip = rate, warm_up, cool_down, clip
        self.losses: dict[str, float] = {}
        self.codec: Codec | None = None
        self.adversary: Adversary | None = None

    @property
    def batches_done(self) -> int:
        """How many batches the weights have seen."""
        return self.trainer.global_step

    def configure_optimizers(self) -> Any:
        """Adam on the trained part."""
        optimizer = torch.optim.AdamW(self.groups(), self.rate, (0.9, 0.99), weight_decay=0.0, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.share_of_rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def groups(self) -> list[dict[str, Any]]:
        """The parameters to train, in groups with settings of their own: the part, and its discriminator."""
        return [{"params": self.trained.parameters()}] + ([self.adversary.group()] if self.adversary else [])

    def on_before_optimizer_step(self, _: torch.optim.Optimizer) -> None:
        """Clip the gradient; Lightning's own clipping refuses fused optimisers in mixed precision."""
        torch.nn.utils.clip_grad_norm_(self.trained.parameters(), self.clip)

    def share_of_rate(self, batch: int) -> float:
        """The learning rate at a batch, as a share of the full one."""
        left = (self.batches - batch) / max(1.0, self.cool_down * self.batches)
        return min(1.0, (batch + 1) / max(1, self.warm_up), max(0.0, left))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The first of `compute`'s losses is trained; all are noted."""
        generator = torch.Generator().manual_seed(key(self.seed, f"{self.part}/noise", batch["number"]))
        with _fast_attention(self.device):
            losses = self.compute(batch, generator)
        self.losses = {name: value.item() for name, value in losses.items()}
        self.log_dict({f"{self.part}/{name}": value for name, value in self.losses.items()})
        return next(iter(losses.values()))

    def compute(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The losses of a batch, the trained one first. All randomness comes from ``generator``, on the CPU."""
        raise NotImplementedError

    def measure(self, batches: Sequence[Batch]) -> dict[str, float]:
        """The losses on held-out batches, by the same noise each time."""
        rows = []
        with torch.no_grad():
            for batch in batches:
                generator = torch.Generator().manual_seed(key(self.seed, f"{self.part}/measure", batch["number"]))
                rows.append({name: value.item() for name, value in self.compute(batch, generator).items()})
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def sampling(self) -> dict[str, Any]:
        """What the card is to say of how a rollout samples with the part, beyond its defaults."""
        return {}

    def plan(self) -> dict[str, int]:
        """What the card is to say of a rollout's plan."""
        return {}

    def show(self, batch: Batch) -> dict[str, np.ndarray]:
        """Pictures (h w 3) and videos (t h w 3), uint8: the truth above what the network makes of a held-out batch."""
        raise NotImplementedError


class AutoencoderStage(Stage):
    """ae.image: encoder and decoder, on frames. ae.temporal: the decoder's temporal blocks alone, on windows.

    With ``adversarial`` or ``matching`` above 0 a patch discriminator of frames, or of windows, is trained beside.
    """

    def __init__(
        self,
        part: str,
        preset: str,
        weights: str,
        *,
        gradient: float = 1.0,
        motion: float = 1.0,
        kl: float = 1e-4,
        vq: float = 1.0,
        perceptual: float = 0.0,
        adversarial: float = 0.0,
        matching: float = 0.0,
        adversarial_from: float = 0.5,
        foreground: float = 0.0,
        decoder_only: bool = False,
        **settings: Any,
    ) -> None:
        """Build the part on its parents.

        Args:
            part: "ae.image" or "ae.temporal".
            preset: whose network.
            weights: folder of the finished parts.
            gradient: weight of the gradient loss beside L1.
            motion: weight of the L1 between the differences of neighbouring frames, where a batch has windows.
            kl: weight of the KL divergence, for an ae.image without codebook.
            vq: weight of the distance between latents and codes, for one with a codebook.
            perceptual: weight of the normalised Laplacian pyramid distance.
            adversarial: weight of the discriminator's judgement.
            matching: weight of the L1 between the discriminator's features of decoded and of real frames.
            adversarial_from: share of the run without it, at its start.
            foreground: weight of errors inside boxes, the mean of their kinds; needs data with boxes.
            decoder_only: keep the encoder of an ae.image that is gone on from: latents stay, and what makes them.
            **settings: of `Stage`.
        """
        super().__init__(part, **settings)
        if decoder_only and part != "ae.image":
            raise UserError(f"decoder_only is set for {part}, expected it for ae.image")
        self.regulariser = {"kl": kl, "vq": vq}
        self.trained = new_part(preset, part)
        self.autoencoder: Any = self.trained if part == "ae.image" else frozen_part(weights, "ae.image")
        self.only_goes_on = decoder_only
        if decoder_only:
            self.trained.encoder.requires_grad_(False)
        codes = self.trained.config.codebook if part == "ae.image" else 0
        self.revival = Revival(codes) if codes else None
        self.picture_loss = PictureLoss(
            gradient, motion, perceptual, adversarial, matching, adversarial_from * self.batches, foreground=foreground
        )
        self.adversary = self.picture_loss.adversary(windows=part == "ae.temporal")

    def compute(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss, what it is made of, and PSNR in dB."""
        truth, number, boxes = batch["colour"], batch["number"], batch.get("boxes")
        told = self.autoencoder.encode(truth.flatten(0, 1))
        if self.part != "ae.image":
            picture = self._decoded(told.mode(), truth)
            return self.picture_loss(picture, truth, self.adversary, batch=number, boxes=boxes)
        if self.revival is not None and torch.is_grad_enabled() and number < (1.0 - self.cool_down) * self.batches:
            self.revival.revive(self.trained.codebook, told.plain, generator)  # later it would blur averaged codes
        picture = self._decoded(told.sample(generator), truth)
        losses = self.picture_loss(picture, truth, self.adversary, batch=number, boxes=boxes) | told.losses()
        kept = [weight * losses[name] for name, weight in self.regulariser.items() if name in losses]
        return losses | {"loss": losses["loss"] + sum(kept)}

    @torch.no_grad()
    def show(self, batch: Batch) -> dict[str, np.ndarray]:
        """Reconstructions: a picture, or a video of windows."""
        truth = batch["colour"]
        latents = self.autoencoder.encode(truth.flatten(0, 1)).mode()
        return beside(f"{self.part}/reconstruction", truth, self._decoded(latents, truth))

    def _decoded(self, latents: Tensor, like: Tensor) -> Tensor:
        """Frames in the shape of ``like`` (b t 3 H W)."""
        between = identity if self.part == "ae.image" else self.trained.between(like.shape[1])
        return self.autoencoder.decode(latents, between=between).float().view_as(like)


class DiffusionStage(Stage):
    """unet.*, on latents: v-prediction at a noise level per sample, conditions dropped at random.

    An image part trains on single frames; a temporal part on windows, with its image part frozen (Video LDM Eq. 2).
    """

    def __init__(
        self,
        part: str,
        preset: str,
        weights: str,
        *,
        context: str | None = None,
        context_frames: int = PREDICT_FROM,
        context_noise: float = 0.3,
        context_noise_share: float = 0.5,
        foreground: float = 0.0,
        drop: float = 0.1,
        drop_boxes: float = 0.1,
        drop_all: float = 0.1,
        **settings: Any,
    ) -> None:
        """Build the part on its parents.

        Args:
            part: "unet.image", "unet.temporal_key" or "unet.temporal_interp".
            preset: whose network.
            weights: folder of the finished parts.
            context: which frames are given: "predict", "interpolate" or none.
            context_frames: of "predict": how many leading frames are given at most, 0 to so many being equally
                likely. A rollout continues from so many.
            context_noise: largest level of noise on given frames; each noised sample draws its own below it, evenly,
                and the network is told.
            context_noise_share: share of the samples whose given frames are noised.
            foreground: how much errors inside boxes count beside all of them, their kinds alike: they cover little, and
                a short training spends itself on houses (as GeoDiffusion, arXiv 2306.04607, but not by size).
            drop: probability that a condition of a sample is made unknown.
            drop_boxes: the same of the boxes: only without them crowdedness is heard.
            drop_all: probability that all of them are.
            **settings: of `Stage`.
        """
        super().__init__(part, **settings)
        if context_frames < 1 or (context != "predict" and context_frames != PREDICT_FROM):
            expected = "1 or more" if context == "predict" else f"{PREDICT_FROM}: only prediction has another number"
            raise UserError(f"context_frames is {context_frames} with context {context!r}, expected {expected}")
        for name, value in (("context_noise", context_noise), ("context_noise_share", context_noise_share)):
            if not 0 <= value <= 1:
                raise UserError(f"{name} is {value}, expected 0 to 1")
        self.context, self.context_frames, self.foreground = context, context_frames, foreground
        self.context_noise, self.context_noise_share = context_noise, context_noise_share
        self.drop, self.drop_all = {**dict.fromkeys(NAMES, drop), "boxes": drop_boxes}, drop_all
        self.denoiser = Denoiser()
        self.codec = Codec(weights)
        self.trained = new_part(preset, part)
        parent = str(PARTS[part].parent)
        self.image: Any = self.trained
        if not part.endswith(".image"):
            self.image = frozen_part(weights, parent)
        self.video: Any = None if part.endswith(".image") else VideoNet(self.image, self.trained)

    def plan(self) -> dict[str, int]:
        """How many key frames a rollout is to continue from."""
        return {"context": self.context_frames} if self.context == "predict" else {}

    def compute(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The squared error of the prediction (Video LDM Eq. 1), weighted, and that of the less noised samples."""
        x, inputs = self.problem(batch, generator)
        conditions = batch["conditions"].drop(self.drop, generator, everything=self.drop_all)
        u = spread_levels(len(x), generator).to(x)
        noise = torch.randn(x.shape, generator=generator).to(x)
        weight = self.weight(batch["conditions"], x, inputs)
        each = self.denoiser.loss(lambda x_u, u: self.predict(x_u, u, conditions, inputs), x, u, noise, weight=weight)
        clear = (u < 0.5).to(each)
        return {"loss": each.mean(), "clear": (each.detach() * clear).sum() / clear.sum().clamp_min(1.0)}

    def weight(self, conditions: Conditions, x: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """How much the error of each place of ``x`` (b t c h w) counts, (b t 1 h w): more in boxes, not where given."""
        boxes = conditions.maps["boxes"] * conditions.known["boxes"][:, :, None, None, None]
        covered = F.interpolate(boxes[:, :, : len(KINDS)].flatten(0, 1).to(x), x.shape[-2:], mode="area")
        weight = 1.0 + self.foreground * even_weights(covered).unflatten(0, x.shape[:2])
        return weight * (inputs["context"][:, :, -1:] == 0) if "context" in inputs else weight

    @torch.no_grad()
    def show(self, batch: Batch) -> dict[str, np.ndarray]:
        """Samples for a batch's conditions, beside the truth as the autoencoder gives it back."""
        generator = torch.Generator().manual_seed(key(self.seed, f"{self.part}/show"))
        sampled = self.sample(batch, generator, steps=8)
        assert self.codec is not None
        rows = [torch.stack([self.codec.decode(z) for z in latents]) for latents in (batch["latents"], sampled)]
        return beside(f"{self.part}/sample", *rows)

    def sample(self, batch: Batch, generator: torch.Generator, *, steps: int) -> Tensor:
        """What DDIM makes of a batch's conditions, (b t c h w), unguided and with clean context."""
        x, inputs = self.problem(batch, generator, clean=True)
        start = torch.randn(x.shape, generator=generator).to(x)

        def denoise(x_u: Tensor, u: Tensor) -> Tensor:
            return self.denoiser.denoise(lambda x_u, u: self.predict(x_u, u, batch["conditions"], inputs), x_u, u)

        return ddim(denoise, start, levels(steps, self.denoiser.schedule))

    def problem(
        self, batch: Batch, generator: torch.Generator, *, clean: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What is to be generated (b t c h w), and the network's inputs: noised as a rollout would, or clean."""
        x = batch["latents"]
        if self.context is None:
            return x, {}
        context = Context.draw(self.context, x, generator, frames=self.context_frames)
        luck = torch.rand(2, len(x), generator=generator).to(x)
        level = (0.0 if clean else self.context_noise) * luck[0] * (luck[1] < self.context_noise_share)
        return x, {"context": context.noised(level, torch.randn(x.shape, generator=generator)).stack()}

    def predict(self, x: Tensor, u: Tensor, conditions: Conditions, inputs: dict[str, Tensor]) -> Tensor:
        """The network's prediction (b t c h w) for ``x`` (b t c h w) at noise ``u`` (b,)."""
        if self.video is not None:
            return self.video(x, u, conditions, **inputs)
        t = x.shape[1]
        flat = {name: value.flatten(0, 1) for name, value in inputs.items()}
        y = self.image(x.flatten(0, 1), repeat(u, "b -> (b t)", t=t), conditions.flat(), **flat)
        return y.view_as(x)


def _fast_attention(device: torch.device) -> AbstractContextManager[None]:
    """Plain attention on CPUs: over a few dozen places a training step takes 0.83 of its time with the fused kernel."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def beside(name: str, *rows: Tensor) -> dict[str, np.ndarray]:
    """Batches (b t 3 h w) one above the other, samples side by side: a picture if t = 1, else a video."""
    both = rearrange(pixels(torch.cat([row.to(rows[0]) for row in rows], dim=-2)), "b t h w c -> t h (b w) c")
    return {name: both[0] if len(both) == 1 else both}

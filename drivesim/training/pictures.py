"""The loss of made pictures, which the stages of the autoencoder and of the upsampler share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from drivesim.training.adversary import Adversary
from drivesim.training.losses import contrast_l1, gradient_l1, inside_l1, nlpd, psnr, pyramid_l1


@dataclass(frozen=True)
class PictureLoss:
    """L1, and what is weighed beside it; a loss of weight 0 is not computed.

    ``gradient``: of neighbouring pixels. ``motion``: of neighbouring pictures, where there are several.
    ``perceptual``: the normalised Laplacian pyramid distance. ``adversarial, matching``: the discriminator's judgement,
    and how far its features are apart. ``begins``: the batch from which on it judges. ``contrast``: of local contrasts,
    of pictures reduced by ``coarser``. ``foreground``: of errors inside boxes, kind by kind.
    """

    gradient: float
    motion: float
    perceptual: float
    adversarial: float
    matching: float
    begins: float
    contrast: float = 0.0
    coarser: int = 1
    foreground: float = 0.0

    def adversary(self, *, windows: bool) -> Adversary | None:
        """A fresh discriminator of pictures or of windows, if these weights ask for one."""
        return Adversary(windows=windows) if self.adversarial or self.matching else None

    def __call__(
        self, picture: Tensor, truth: Tensor, adversary: Adversary | None, *, batch: int, boxes: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The loss of windows (b t 3 H W), what it is made of, and PSNR in dB.

        ``boxes`` (b t k h w): how much of each cell of a map boxes of each kind cover; needed for ``foreground``.
        The discriminator judges in training only: not without gradients, and not before its batch.
        """
        flat, true = picture.flatten(0, 1), truth.flatten(0, 1)
        parts = {"l1": pyramid_l1(flat, true), "gradient": gradient_l1(flat, true)}
        total = parts["l1"] + self.gradient * parts["gradient"]
        if truth.shape[1] > 1:
            parts["motion"] = (picture - truth).diff(dim=1).abs().mean()
            total = total + self.motion * parts["motion"]
        if self.perceptual:
            parts["perceptual"] = nlpd(flat, true)
            total = total + self.perceptual * parts["perceptual"]
        if self.contrast:
            parts["contrast"] = contrast_l1(flat, true, coarser=self.coarser)
            total = total + self.contrast * parts["contrast"]
        if self.foreground:
            assert boxes is not None
            covered = F.interpolate(boxes.flatten(0, 1), flat.shape[-2:], mode="nearest")
            parts["foreground"] = inside_l1(flat, true, covered)
            total = total + self.foreground * parts["foreground"]
        if adversary is not None and torch.is_grad_enabled():
            nothing = dict.fromkeys(("fooling", "matching", "critic"), picture.new_zeros(()))
            judged = adversary.losses(picture, truth) if batch >= self.begins else nothing
            total = total + self.adversarial * judged["fooling"] + self.matching * judged["matching"] + judged["critic"]
            parts |= judged
        return {"loss": total, **parts, "psnr": psnr(flat.detach(), true).mean()}

"""What the network is asked for, and how its answer becomes a clean sample: used by training and sampling alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from drivesim.diffusion.schedule import Schedule

TARGETS = ("v", "eps")
Predict = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Denoiser:
    """A schedule and a prediction target (Video LDM Eq. 1): "v" or "eps".

    Raises ``ValueError`` for an unknown target, and for "eps" with a schedule that ends in pure noise: there the noise
    says nothing about the sample, and ``x_0`` cannot be had from it.
    """

    schedule: Schedule = field(default_factory=Schedule)
    target: str = "v"

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise ValueError(f"target is {self.target!r}, expected one of {TARGETS}")
        if self.target == "eps" and self.schedule.zero_terminal_snr:
            raise ValueError(
                "target 'eps' cannot start from zero SNR; expected 'v' or Schedule(zero_terminal_snr=False)"
            )

    def noised(self, x: Tensor, u: Tensor, noise: Tensor) -> Tensor:
        """``x_u = a x + s e`` for ``x`` and ``noise`` (b ...) at levels ``u`` (b,)."""
        a, s = self._shares(x, u)
        return a * x + s * noise

    def loss(self, predict: Predict, x: Tensor, u: Tensor, noise: Tensor, *, weight: Tensor | None = None) -> Tensor:
        """The mean squared error of the prediction for each sample, (b,) float32.

        ``weight`` broadcasts against ``x`` (b ...) and makes it a weighted mean: a mask leaves out given frames.
        """
        a, s = self._shares(x, u)
        target = a * noise - s * x if self.target == "v" else noise
        error = (predict(self.noised(x, u, noise), u).float() - target).square()
        if weight is None:
            return error.flatten(1).mean(1)
        weight = weight.expand_as(error)
        return (weight * error).flatten(1).sum(1) / weight.flatten(1).sum(1)

    def denoise(self, predict: Predict, x: Tensor, u: Tensor) -> Tensor:
        """The clean sample ``x_0`` that the prediction at the noised ``x`` (b ...), levels ``u`` (b,), stands for."""
        a, s = self._shares(x, u)
        y = predict(x, u).to(x.dtype)
        return a * x - s * y if self.target == "v" else (x - s * y) / a

    def _shares(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        if u.shape != x.shape[:1]:
            raise ValueError(f"noise levels have shape {tuple(u.shape)}, expected one per sample: ({x.shape[0]},)")
        return self.schedule.shares(u, x)

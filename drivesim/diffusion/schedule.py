"""How much signal and how much noise there is at each noise level."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

KINDS = ("cosine", "linear")
LINEAR_BETAS = (0.0015, 0.0195)  # Video LDM, Table 6, latent models
LINEAR_STEPS = 1000
COSINE_LAST = 0.995  # where the cosine stops if it may not reach pure noise: alpha = 0.0079 there


@dataclass(frozen=True)
class Schedule:
    """A variance-preserving schedule over the continuous noise level ``u`` in [0, 1].

    ``kind``: "cosine" (Nichol & Dhariwal 2021, without its offset) or "linear" (the paper's betas, linear in their
    square roots as the public latent-diffusion code has it; level ``u`` stands for step ``1000 u``).
    ``zero_terminal_snr``: nothing of the signal is left at ``u = 1``, so that sampling may start from pure noise
    (Lin et al. 2023, Algorithm 1). Raises ``ValueError`` for an unknown kind.
    """

    kind: str = "cosine"
    zero_terminal_snr: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"schedule kind is {self.kind!r}, expected one of {KINDS}")

    def alpha_sigma(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """The shares ``(a, s)`` of signal and noise at levels ``u``, same shape as ``u``.

        ``x_u = a x_0 + s e`` with ``a^2 + s^2 = 1``.
        """
        if self.kind == "cosine":
            angle = (u if self.zero_terminal_snr else COSINE_LAST * u) * (math.pi / 2)
            return torch.sin(math.pi / 2 - angle), torch.sin(angle)  # this form of the cosine is exactly 0 at u = 1
        a = self._linear_alpha(u)
        return a, torch.sqrt((1 - a.square()).clamp(min=0))

    def shares(self, u: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """The same for samples ``like`` (b ...) at levels ``u`` (b,): (b 1 ...), of their type."""
        a, s = self.alpha_sigma(u)
        shape = (-1, *[1] * (like.ndim - 1))
        return a.to(like.dtype).view(shape), s.to(like.dtype).view(shape)

    def _linear_alpha(self, u: Tensor) -> Tensor:
        roots = torch.linspace(LINEAR_BETAS[0] ** 0.5, LINEAR_BETAS[1] ** 0.5, LINEAR_STEPS, dtype=torch.float64)
        log_a = torch.cat([torch.zeros(1, dtype=torch.float64), 0.5 * torch.log1p(-roots.square()).cumsum(0)])
        position = u.detach().double().cpu().clamp(0, 1) * LINEAR_STEPS
        low = position.floor().clamp(max=LINEAR_STEPS - 1).long()
        a = torch.lerp(log_a[low], log_a[low + 1], position - low).exp()
        if self.zero_terminal_snr:
            last = log_a[-1].exp()
            a = (a - last) / (1 - last)
        return a.to(u)


def spread_levels(count: int, generator: torch.Generator) -> Tensor:
    """Noise levels (count,) in [0, 1] to train at: each is even by itself, and each of ``count`` equal parts has one.

    So the loss of a small batch varies less with its levels (Kingma et al. 2021, "Variational diffusion models",
    App. I.1).
    """
    start = torch.rand(1, generator=generator)
    return ((start + torch.arange(count)) / count)[torch.randperm(count, generator=generator)]

"""Context: the frames that a video network is given clean. c_S = (m_S * z, m_S), Video LDM (arXiv 2304.08818) eq. 3."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PREDICT_FROM = 2  # leading frames given to prediction, at most: the last two carry direction and speed
NO_CONTEXT = 0.1  # share of interpolation samples that see no key frames, so that guidance has its other branch


@dataclass(frozen=True, eq=False, slots=True)
class Context:
    """Latents (b t c h w) of which ``mask`` (b t 1 1 1) says which frames are given: 1 given, 0 not.

    A value between is the share of signal left in a given frame that was noised on purpose (`noised`).
    """

    latents: Tensor
    mask: Tensor

    @classmethod
    def none(cls, z: Tensor) -> Context:
        """No frame of ``z`` (b t c h w) is given."""
        return cls(z, z.new_zeros(*z.shape[:2], 1, 1, 1))

    @classmethod
    def predict(cls, z: Tensor, frames: int) -> Context:
        """The first ``frames`` frames of ``z`` are given."""
        if not 0 <= frames < z.shape[1]:
            raise ValueError(f"context is {frames} frames, expected 0 to {z.shape[1] - 1} of {z.shape[1]}")
        context = cls.none(z)
        context.mask[:, :frames] = 1.0
        return context

    @classmethod
    def interpolate(cls, z: Tensor) -> Context:
        """The first and the last frame of ``z`` are given."""
        if z.shape[1] < 3:
            raise ValueError(f"got {z.shape[1]} frames, expected at least 3: both ends and one between")
        context = cls.none(z)
        context.mask[:, [0, -1]] = 1.0
        return context

    @classmethod
    def draw(cls, kind: str, z: Tensor, generator: torch.Generator, *, frames: int = PREDICT_FROM) -> Context:
        """A random context for training, one draw per clip.

        ``kind`` "predict": 0, 1, ... or ``frames`` leading frames, equally likely (the paper's categorical, over 0, 1
        and 2); "interpolate": both ends, or with probability `NO_CONTEXT` none. ``generator``: on the CPU.
        """
        luck = torch.rand(z.shape[0], generator=generator)
        context = cls.none(z)
        if kind == "predict":
            counts = (luck * (frames + 1)).long()
            given = torch.arange(z.shape[1]) < counts[:, None]
        elif kind == "interpolate":
            ends = cls.interpolate(z).mask[:, :, 0, 0, 0].bool().cpu()
            given = ends & (luck >= NO_CONTEXT)[:, None]
        else:
            raise ValueError(f"context kind is {kind!r}, expected 'predict' or 'interpolate'")
        return cls(z, given[:, :, None, None, None].to(context.mask))

    def noised(self, share: Tensor, noise: Tensor) -> Context:
        """The same with given frames noised, sqrt(1 - s^2) z + s e for a ``share`` s (b,) of noise; the mask tells it.

        A rollout continues its own, imperfect frames; noise on the context in training makes such frames familiar
        (GameNGen, arXiv 2408.14837). ``noise`` e: (b t c h w), standard normal.
        """
        s = share.to(self.latents)[:, None, None, None, None]
        signal = (1.0 - s**2).sqrt()
        return Context(signal * self.latents + s * noise.to(self.latents), self.mask * signal)

    def stack(self) -> Tensor:
        """What the network reads: c_S (b t c+1 h w)."""
        b, t, _, h, w = self.latents.shape
        given = (self.mask > 0).to(self.latents)
        return torch.cat([self.latents * given, self.mask.to(self.latents).expand(b, t, 1, h, w)], dim=2)

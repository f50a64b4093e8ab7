"""Several steps of a teacher as one of a student: progressive distillation (Salimans & Ho 2022, Algorithm 2).

The student's step is DDIM's. For a sample on its way it is asked for the clean sample whose one step leads to where the
teacher's many steps lead; the teacher walks from where the student stands, so that no sample is made in full.
"""

from __future__ import annotations

import torch
from torch import Tensor

from drivesim.diffusion.sampler import Denoise
from drivesim.diffusion.schedule import Schedule


def spread_steps(count: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Where ``count`` samples stand on a walk of even steps, and where their next ones end: levels (count,).

    All steps are equally likely, and as evenly drawn as they can be.
    """
    order = (torch.arange(count) + torch.randint(steps, (1,), generator=generator)) % steps
    order = order[torch.randperm(count, generator=generator)]
    return (order + 1) / steps, order / steps


def walk(denoise: Denoise, x: Tensor, u: Tensor, to: Tensor, *, steps: int, schedule: Schedule) -> Tensor:
    """Where ``steps`` even steps of DDIM lead ``x`` (b ...) from levels ``u`` to ``to`` (b,), lower ones."""
    for k in range(steps):
        here, next_one = (torch.lerp(u, to, n / steps) for n in (k, k + 1))
        (a, s), (a_to, s_to) = (schedule.shares(level, x) for level in (here, next_one))
        x_0 = denoise(x, here)
        x = a_to * x_0 + s_to * (x - a * x_0) / s
    return x


def straightened(x: Tensor, u: Tensor, end: Tensor, to: Tensor, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """The clean sample and the noise of which one step of DDIM from ``x`` at ``u`` leads to ``end`` at ``to``.

    (Salimans & Ho 2022, Algorithm 2: ``x~ = (z'' - (s''/s) z) / (a'' - (s''/s) a)``.)
    """
    (a, s), (a_to, s_to) = (schedule.shares(level, x) for level in (u, to))
    x_0 = (end - s_to / s * x) / (a_to - s_to / s * a)
    return x_0, (x - a * x_0) / s

"""DDIM (Song et al. 2021): a sampler is a function of a denoiser, a start and a list of noise levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from drivesim.diffusion.schedule import Schedule

Denoise = Callable[[Tensor, Tensor], Tensor]


class Levels(NamedTuple):
    """The noise levels a sampler visits, first to last: ``u`` (n + 1,) and the schedule's shares ``a``, ``s`` there."""

    u: Tensor
    a: Tensor
    s: Tensor


def levels(n: int, schedule: Schedule, *, first: float = 1.0, last: float = 0.0) -> Levels:
    """``n`` even steps from level ``first`` down to ``last``.

    Raises ``ValueError`` unless ``1 >= first > last >= 0`` and ``n >= 1``.

    >>> [round(u, 2) for u in levels(4, Schedule()).u.tolist()]
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    if n < 1 or not 1.0 >= first > last >= 0.0:
        raise ValueError(f"got n={n}, first={first}, last={last}, expected n >= 1 and 1 >= first > last >= 0")
    u = torch.linspace(first, last, n + 1)
    return Levels(u, *schedule.alpha_sigma(u))


def ddim(
    denoise: Denoise,
    x: Tensor,
    levels: Levels,
    *,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    callback: Callable[[dict[str, Any]], None] | None = None,
) -> Tensor:
    """The sample (b ...) that ``x``, noised to the first level, becomes at the last one.

    ``denoise(x_u, u)`` gives ``x_0`` for levels ``u`` (b,). ``eta``: 0 is deterministic, 1 as random as DDPM; its noise
    is drawn on the CPU from ``generator``. ``callback`` is called after each step with ``index, u, x, x_0``.
    Raises ``ValueError`` when ``eta > 0`` without a generator.
    """
    if eta > 0 and generator is None:
        raise ValueError(f"eta is {eta} and there is no generator, expected one: DDIM with eta > 0 draws noise")
    u, a, s = (values.tolist() for values in levels)
    for i in range(len(u) - 1):
        x_0 = denoise(x, x.new_full((x.shape[0],), u[i]))
        noise = (x - a[i] * x_0) / s[i]
        s_new = eta * s[i + 1] / s[i] * max(1 - (a[i] / a[i + 1]) ** 2, 0) ** 0.5  # DDIM Eq. 16
        x = a[i + 1] * x_0 + max(s[i + 1] ** 2 - s_new**2, 0) ** 0.5 * noise  # DDIM Eq. 12
        if s_new > 0:
            x = x + s_new * torch.randn(x.shape, generator=generator).to(x)
        if callback is not None:
            callback({"index": i, "u": u[i], "x": x, "x_0": x_0})
    return x

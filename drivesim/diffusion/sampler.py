"""Samplers: functions of a denoiser, a start and a list of noise levels. `SAMPLERS` has them by name.

All follow the probability flow, the equation without randomness that turns noise into data; only DDIM may add noise on
the way. A step of DDIM is exact where ``x_0`` stays the same along it; the others heed that it does not.

Where ``x_0 ~ N(0, 1/4)`` the best denoiser is known, and so is the sample that 1 becomes, 1/2:

>>> def denoise(x, u):
...     a, s = Schedule().alpha_sigma(u)
...     return a / 4 / (a**2 / 4 + s**2) * x
>>> {name: round(sample(denoise, torch.ones(1), levels(8, Schedule())).item(), 2) for name, sample in SAMPLERS.items()}
{'ddim': 0.41, 'dpm': 0.46, 'heun': 0.48}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from drivesim.diffusion.schedule import Schedule

Denoise = Callable[[Tensor, Tensor], Tensor]
Callback = Callable[[dict[str, Any]], None]


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


class Sampler(Protocol):
    """What all samplers are."""

    def __call__(self, denoise: Denoise, x: Tensor, levels: Levels, *, callback: Callback | None = None) -> Tensor:
        """The sample (b ...) that ``x``, noised to the first level, becomes at the last one.

        ``denoise(x_u, u)`` gives ``x_0`` for levels ``u`` (b,). ``callback`` is called after each step with
        ``index, u, x, x_0``: the step's number and first level, where it led, and what ``denoise`` said at ``u``.
        """
        ...


def ddim(
    denoise: Denoise,
    x: Tensor,
    levels: Levels,
    *,
    eta: float = 0.0,
    noise: Callable[[int], Tensor] | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """A `Sampler` of first order (Song et al. 2021); one call of ``denoise`` a step.

    ``eta``: 0 is deterministic, 1 as random as DDPM; its noise at step i is ``noise(i)``, of the shape of ``x``.
    Raises ``ValueError`` when ``eta > 0`` without ``noise``.
    """
    if eta > 0 and noise is None:
        raise ValueError(f"eta is {eta} and there is no noise, expected it: DDIM with eta > 0 adds noise")
    u, a, s = (values.tolist() for values in levels)
    for i in range(len(u) - 1):
        x_0 = denoise(x, x.new_full((x.shape[0],), u[i]))
        e = (x - a[i] * x_0) / s[i]
        s_new = eta * s[i + 1] / s[i] * max(1 - (a[i] / a[i + 1]) ** 2, 0) ** 0.5  # DDIM Eq. 16
        x = a[i + 1] * x_0 + max(s[i + 1] ** 2 - s_new**2, 0) ** 0.5 * e  # DDIM Eq. 12
        if noise is not None and s_new > 0:
            x = x + s_new * noise(i).to(x)
        if callback is not None:
            callback({"index": i, "u": u[i], "x": x, "x_0": x_0})
    return x


def dpm(denoise: Denoise, x: Tensor, levels: Levels, *, callback: Callback | None = None) -> Tensor:
    """DPM-Solver++(2M), a `Sampler` of second order (Lu et al. 2022, Algorithm 2); one call of ``denoise`` a step.

    A step is DDIM's with ``x_0`` as it will be half-way: the line through its last two values over the log-SNR ``l``
    goes on. There is no line, and the step is DDIM's, where there is one value (the first step) or where ``l`` is
    infinite: from pure noise (``a = 0``) the second step too, into clean data (``s = 0``) the last.
    """
    u, a, s = (values.tolist() for values in levels)
    h = torch.log(levels.a / levels.s).diff().tolist()  # of each step, in l = log(a / s)
    before = x
    for i in range(len(u) - 1):
        x_0 = denoise(x, x.new_full((x.shape[0],), u[i]))
        line = i > 0 and a[i - 1] > 0 and s[i + 1] > 0
        d = x_0 + h[i] / (2 * h[i - 1]) * (x_0 - before) if line else x_0  # D_i, with 1 / r_i = h_i / h_(i-1)
        x = a[i + 1] * d + s[i + 1] * ((x - a[i] * d) / s[i])  # since e^-h = (a_i / s_i) (s_(i+1) / a_(i+1))
        before = x_0
        if callback is not None:
            callback({"index": i, "u": u[i], "x": x, "x_0": x_0})
    return x


def heun(denoise: Denoise, x: Tensor, levels: Levels, *, callback: Callback | None = None) -> Tensor:
    """Heun's method, a `Sampler` of second order (Karras et al. 2022, Algorithm 1); two calls of ``denoise`` a step.

    In ``y = x / a`` and ``t = s / a`` the probability flow is ``dy/dt = (y - x_0) / t``, which is the noise ``e``. A
    step goes by the mean of ``e`` at its two ends, the other end found by Euler, whose step is DDIM's. From pure
    noise (``a = 0``: ``t`` is infinite) and into clean data (``s = 0``: no ``e`` there) the step is Euler's, one call.
    It is for ten steps and more: with fewer, DDIM with as many calls may be nearer.
    """
    u, a, s = (values.tolist() for values in levels)
    for i in range(len(u) - 1):
        x_0 = denoise(x, x.new_full((x.shape[0],), u[i]))
        e = (x - a[i] * x_0) / s[i]
        end = a[i + 1] * x_0 + s[i + 1] * e
        if a[i] > 0 and s[i + 1] > 0:
            e_end = (end - a[i + 1] * denoise(end, x.new_full((x.shape[0],), u[i + 1]))) / s[i + 1]
            e = (e + e_end) / 2
            end = a[i + 1] * ((x - s[i] * e) / a[i]) + s[i + 1] * e  # y + (t_(i+1) - t_i) e
        x = end
        if callback is not None:
            callback({"index": i, "u": u[i], "x": x, "x_0": x_0})
    return x


SAMPLERS: dict[str, Sampler] = {"ddim": ddim, "dpm": dpm, "heun": heun}

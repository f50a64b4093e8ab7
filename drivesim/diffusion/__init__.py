"""Diffusion in four words, four places: schedule, denoiser, guidance, sampler. Torch only: no networks, no conditions.

The axis of diffusion is the noise level ``u`` in [0, 1]: 0 is clean data, 1 is the most noise the schedule knows.
A *predict* is any callable ``(x_u, u) -> prediction`` (of v or epsilon); a *denoise* is any ``(x_u, u) -> x_0``.
"""

from drivesim.diffusion.denoiser import Denoiser
from drivesim.diffusion.guidance import classifier_free, context_guidance
from drivesim.diffusion.sampler import SAMPLERS, Levels, Sampler, ddim, dpm, heun, levels
from drivesim.diffusion.schedule import Schedule, spread_levels

__all__ = [
    "SAMPLERS",
    "Denoiser",
    "Levels",
    "Sampler",
    "Schedule",
    "classifier_free",
    "context_guidance",
    "ddim",
    "dpm",
    "heun",
    "levels",
    "spread_levels",
]

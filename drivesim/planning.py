"""What a sweep will come to before anything runs: points, frames, minutes, size, time, and what it covers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from scenarios.coverage import Coverage, coverage
from scenarios.loading import Template, Variant
from scenarios.variations import Point

FRAME_BYTES = 30_000  # video, overlay and facts of a 512 x 1024 frame of nano's rollouts, on average
PACE = 0.2  # s of a frame: a rollout with nano on two CPU cores without AVX-512


@dataclass(frozen=True)
class Plan:
    """The points of one template's sweep and what they will take.

    ``frames``: per point. ``covered``: None where the file has no ``variations``.
    """

    name: str
    fps: float
    pace: float
    variants: tuple[Variant, ...]
    frames: tuple[int, ...]
    covered: Coverage | None

    def summary(self) -> dict[str, Any]:
        """Totals: ``points``, ``frames``, ``video_minutes``, ``estimated_gigabytes``, ``estimated_hours``."""
        total = sum(self.frames)
        return {
            "scenario": self.name,
            "points": len(self.variants),
            "fps": self.fps,
            "frames": total,
            "video_minutes": round(total / self.fps / 60, 2),
            "estimated_gigabytes": round(total * FRAME_BYTES / 1e9, 3),
            "estimated_hours": round(total * self.pace / 3600, 2),
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row per point: its number, id, values, seed of its first clip, frames."""
        return [
            {"k": variant.k, "id": variant.id, "values": variant.values, "seed": variant.seed(), "frames": frames}
            for variant, frames in zip(self.variants, self.frames, strict=True)
        ]


def plan(
    template: Template,
    *,
    fps: float | None = None,
    pace: float = PACE,
    part: tuple[int, int] = (1, 1),
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """The plan of a template's sweep.

    ``fps``: frames per second of the clips; None: what the scenario asks for (``generation.fps``). ``pace``: seconds
    that a frame takes. ``part``: (i, n), only the i-th of n shards, from 1. ``progress(done, total)`` is called after
    each point. Raises `ScenarioError` for a point that is no scenario, ``ValueError`` for a sweep without points.

    >>> from scenarios import template
    >>> plan(template("empty_road"), fps=7.5).summary()["fps"]
    7.5
    """
    variants = []
    total = len(template)
    for variant in template.variants(part):
        variants.append(variant)
        if progress is not None:
            progress(variant.k + 1, total)
    if fps is None:
        fps = template.scenario().generation.fps
    rate = Fraction(fps).limit_denominator(10**6)
    frames = tuple(
        max(1, math.floor(Fraction(variant.scenario.clock.duration).limit_denominator(10**6) * rate))
        for variant in variants
    )
    reached = [Point(variant.k, variant.values) for variant in variants]
    covered = None if template.variations is None else coverage(reached, template.variations)
    name = variants[0].scenario.name if variants else template.name
    return Plan(name, fps, pace, tuple(variants), frames, covered)

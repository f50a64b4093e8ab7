"""Where a road user is in the world on one frame, whether it is in the picture or not."""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.facts import Lights


@dataclass(frozen=True, slots=True)
class ObjectState:
    """A road user in the world frame.

    ``x, y, z``: centre of its base, m. ``heading``: rad. ``speed``: m/s along its heading. ``size``: (length, width,
    height), m. ``lights``: None for people. ``appearance``: (r, g, b). ``travelled``: m since it appeared, which gives
    the phase of walking.
    """

    track_id: int
    category: str
    x: float
    y: float
    heading: float
    speed: float
    size: tuple[float, float, float]
    lights: Lights | None
    appearance: tuple[int, int, int]
    travelled: float
    z: float = 0.0

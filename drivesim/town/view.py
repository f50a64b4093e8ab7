"""The moment that is drawn: where the ego stands and what light there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivesim.town.looks import Look

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class View:
    """One moment.

    ``x, y, heading``: the ego in the world, m and rad. ``eye`` (3,): the camera seen from the ego, world axes, m.
    ``to_ego`` (3, 3): world axes to ego axes. ``beams`` (k, 8): lit lamps of others, see `looks.glare`. ``time``: s.
    ``speed``: of the ego, m/s.
    """

    x: float
    y: float
    heading: float
    eye: Floats
    to_ego: Floats
    look: Look
    beams: Floats
    time: float
    speed: float

    def in_world(self, points: Floats) -> Floats:
        """Points (n, 3) of the ego frame in the world, m."""
        return points.astype(np.float64) @ self.to_ego + (self.x, self.y, 0.0)

"""The moment that is drawn: where the ego stands and what light there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivesim.town.looks import Look

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """``x, y, heading``: the ego in the world. ``eye``: camera (3,), m, world axes, seen from the ego. ``to_ego``: (3, 3) turns
    world axes to ego axes. ``beams`` (k, 8): lit lamps of others near the ground, see `looks.glare`. ``time``: s."""

    x: float
    y: float
    heading: float
    eye: Floats
    to_ego: Floats
    look: Look
    beams: Floats
    time: float

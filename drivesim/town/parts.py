"""The parts of a stretch of street: surfaces of one class each, and their colours by the light of the moment."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivesim.town.looks import LAMP_COLOUR, Look, Surface, daylit
from drivesim.town.weather import FILM, covered, film

Floats = NDArray[np.floating]


@dataclass(eq=False)
class Part:
    """One surface of a stretch, in the frame of the stretch: the world's axes, from the world point ``origin``, m.

    ``faces`` (m, 3); ``uv`` (n, 2) or None; ``lamps`` (n,): the light of street lamps on it; ``kind``: its class;
    ``pool``: the name of the pool that draws it; ``is_open`` (n,): which points no roof keeps rain and snow from, None
    means all. By the look ``lit_by``: ``lit`` (n, 3), its colour without haze and beams; ``albedo`` (n, 3) and ``film``
    (n,), what the weather makes of the surface, see `weather`. ``outline``: the same without what is painted on it;
    the passes of labels, depth and flow draw that instead.
    """

    surface: Surface
    faces: NDArray[np.int32]
    uv: Floats | None
    lamps: Floats
    kind: str
    pool: str
    origin: tuple[float, float]
    is_ground: bool
    is_open: NDArray[np.bool_] | None = None
    outline: Part | None = None
    lit: Floats = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    lit_by: Look | None = None
    albedo: Floats = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    film: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def light(self, look: Look) -> None:
        """Compute what depends on ``look`` alone, unless it is there."""
        if self.lit_by is look:
            return
        surface = covered(self.surface, self.kind, look, self.origin, self.is_open)
        mirrors = self.is_ground and look.wet and FILM[self.kind]
        points = surface.points
        self.film = (
            film(points, self.kind, look, self.origin, self.is_open) if mirrors else np.zeros(len(points), np.float32)
        )
        self.albedo = surface.albedo
        street = self.lamps[:, None] * LAMP_COLOUR * np.float32(look.shine)
        self.lit = (daylit(surface, look) + surface.albedo * street + surface.glow * look.lamps).astype(np.float32)
        self.lit_by = look

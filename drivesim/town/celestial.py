"""The sun by day, the moon and stars by night, where no cloud hides them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivesim.town import textures
from drivesim.town.engine import Canvas, Layer, texture
from drivesim.town.looks import Look
from drivesim.town.meshes import unit
from drivesim.town.view import View

Floats = NDArray[np.floating]
FAR = 590.0  # m, just inside the dome of the sky
STARS, STAR = 700, 0.0011  # number, radius in rad
ASIDE = 0.3  # cosine of the angle to the ego's x axis below which nothing is in the picture
DIMMEST, OPEN = 0.07, 0.5  # light of the sun from which it is seen, cloud cover up to which
# Radius of the glow in rad; (share of it, brightness): a disc and what the air around it takes.
SUN_RADIUS, SUN = 0.17, ((0.0, 1.0), (0.11, 1.0), (0.14, 0.42), (0.4, 0.16), (1.0, 0.0))
MOON_RADIUS, MOON = 0.06, ((0.0, 1.0), (0.27, 0.94), (0.32, 0.15), (0.6, 0.05), (1.0, 0.0))
MOON_COLOUR = np.array([0.86, 0.88, 0.92], np.float32)
MOON_PLACE = unit(np.array([[1.0, 0.055, 0.245]], np.float32))[0]  # above the end of a street along x, world frame


class Celestial:
    """Lights of the sky that add to the dome behind them."""

    def __init__(self, far: Canvas, canvas: Canvas) -> None:
        """Hang the stars on ``far``, behind the clouds; sun and moon, on ``canvas``, shine through them."""
        self._sun, self._moon = _Disc(canvas, SUN_RADIUS, SUN), _Disc(canvas, MOON_RADIUS, MOON)
        self._stars = far.batch(Layer(0, blend="add"))
        dice = np.random.default_rng(51)
        azimuth, rise = dice.uniform(0, 2 * np.pi, STARS), np.arcsin(dice.uniform(0.03, 1, STARS))
        way = np.stack([np.cos(rise) * np.cos(azimuth), np.cos(rise) * np.sin(azimuth), np.sin(rise)], -1)
        size = STAR * FAR * dice.uniform(0.7, 1.3, STARS)
        side, up = _across(way)
        corners = [way * FAR + size[:, None] * (a * side + b * up) for a, b in ((-1, -0.6), (1, -0.6), (0, 1))]
        self._stars.shape(np.stack(corners, 1).reshape(-1, 3), np.arange(3 * STARS).reshape(-1, 3))
        self._bright = np.repeat(dice.uniform(0.4, 1.0, (STARS, 1)) ** 2 * (255, 255, 255, 255), 3, axis=0)

    def draw(self, view: View) -> None:
        """Show what is seen at the moment of ``view``."""
        look = view.look
        night = _night(look)
        self._stars.show(night > 0)
        if night > 0:
            self._stars.place(0, 0, -view.heading)
            self._stars.colours((self._bright * night).astype(np.uint8))
        day = float(np.clip((look.sun.max() - DIMMEST) / 0.3, 0, 1)) if look.grey < OPEN else 0.0
        self._sun.draw(look.sun_direction, 1.5 * day * look.sun, view)
        self._moon.draw(MOON_PLACE, MOON_COLOUR * night, view)


def _night(look: Look) -> float:
    """How bright moon and stars are, 0..1."""
    return float(np.clip((2 * DIMMEST - look.sun.max()) / 0.09, 0, 1)) if look.grey < OPEN else 0.0


class _Disc:
    def __init__(self, canvas: Canvas, radius: float, rings: tuple[tuple[float, float], ...]) -> None:
        self._radius = radius
        self._batch = canvas.batch(Layer(2, blend="add"), texture(textures.glow(rings, 512), mipmaps=False))

    def draw(self, way: Floats, colour: Floats, view: View) -> None:
        """Show the disc in the direction ``way`` (3,), world axes; black shows nothing."""
        is_seen = bool(colour.max() > 0.02) and float(view.to_ego[0] @ way) > ASIDE
        self._batch.show(is_seen)
        if not is_seen:
            return
        side, up = _across(way[None])
        points = way + self._radius * (textures.GLOW_TRIANGLE[:, :1] * side + textures.GLOW_TRIANGLE[:, 1:] * up)
        self._batch.shape(FAR * points, np.arange(3).reshape(1, 3), textures.GLOW_UV)
        self._batch.place(0, 0, -view.heading)
        rgba = np.append(np.clip(colour, 0, 1), 1.0) * 255
        self._batch.colours(np.tile(rgba.astype(np.uint8), (3, 1)))


def _across(way: Floats) -> tuple[Floats, Floats]:
    """Unit vectors (n, 3) to the right of and above the directions ``way`` (n, 3), as seen from within."""
    side = unit(np.stack([way[:, 1], -way[:, 0], 0 * way[:, 0]], -1))
    return side, np.cross(side, way)

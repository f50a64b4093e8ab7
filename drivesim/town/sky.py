"""The sky: a dome whose colours follow daylight and weather, clouds that the ego drives under, and a hazy skyline."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivesim.town import textures
from drivesim.town.celestial import Celestial
from drivesim.town.engine import Canvas, Layer, texture
from drivesim.town.layers import over
from drivesim.town.looks import Look
from drivesim.town.view import View
from scenarios.facts import Camera

Floats = NDArray[np.floating]
RADIUS = 600.0  # m
BRIGHTEST = 0.97  # colours that the rasteriser interpolates above 1 would come out as another
FOOT = 1.0  # m above the ground where silhouettes begin: about at the horizon
LOWEST = math.radians(1.0)  # below the horizon, from where the ground hides the sky
FAINTEST = 0.3  # alpha below which clouds are not drawn, as haze hides them
CLOUD_HEIGHT, CLOUD_TILE, CLOUD_REACH = 150.0, 520.0, 1700.0  # m


class Sky:
    """Everything behind the street. It stays around the ego; only its colours and the clouds' place change.

    Clouds have a canvas of their own: blended over the dome, the edges that two of their triangles share would be seen,
    as both fill them.
    """

    def __init__(self, background: Canvas, canvas: Canvas, camera: Camera) -> None:
        """Hang dome and earth on the ``background``, on the ``canvas`` over it what has edges against them."""
        azimuth, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 49), np.deg2rad([-2, 0, 1.5, 4, 8, 14, 22, 35, 55, 90]))
        self._way = np.stack(
            [np.cos(rise) * np.cos(azimuth), np.cos(rise) * np.sin(azimuth), np.sin(rise)], -1
        ).reshape(-1, 3)
        self._background = background
        above = _above_ground(camera.resized(background.width, background.height))
        self._cloud_canvas = Canvas(above, above.width, above.height)
        self._dome = background.batch(Layer(0))
        self._dome.shape(self._way * RADIUS, grid_faces(10, 49))
        self._skyline = canvas.batch(Layer(2))
        self._far = _silhouettes()
        self._skyline.shape(
            self._far.reshape(-1, 3), 4 * np.arange(len(self._far))[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
        )
        self._earth = background.batch(Layer(3))
        self._disc = _disc((30.0, 70.0, 150.0, 300.0, 850.0), 32)  # nearer, the street's own ground hides all of it
        self._earth.shape(*self._disc)
        self._clouds = self._cloud_canvas.batch(Layer(0), texture(textures.clouds(), mipmaps=False))
        self._is_clouded = False
        self._look: Look | None = None  # by which it is coloured
        self._celestial = Celestial(background, canvas)
        self._ceiling = _disc(tuple(np.linspace(0.0, 1.0, 14) ** 2 * CLOUD_REACH), 48)

    def draw(self, view: View) -> None:
        """Colour the sky for ``view``."""
        self._dome.place(0, 0, -view.heading)
        self._skyline.place(0, 0, -view.heading)
        if self._look is not view.look:
            self._look = view.look
            self._colour(view.look)
        self._celestial.draw(view)
        self._draw_clouds(view)

    def _colour(self, look: Look) -> None:
        self._dome.colours(_bytes(dome_colours(self._way, look)))
        tone = look.fog + (look.ambient * 0.4 - look.fog) * (0.3 * np.exp(-150 / look.haze))
        self._skyline.colours(_bytes(np.broadcast_to(tone, (4 * len(self._far), 3))))
        points = self._disc[0]
        clear = np.exp(-np.linalg.norm(points, axis=1) / look.haze)[:, None]
        ground = np.array([0.22, 0.27, 0.15]) * (look.ambient + 0.5 * look.sun)
        self._earth.colours(_bytes(ground * clear + look.fog * (1 - clear)))

    def _draw_clouds(self, view: View) -> None:
        look = view.look
        share = 0.9 * math.exp(-150 / look.haze)
        self._is_clouded = share > FAINTEST
        if not self._is_clouded:
            return
        points, faces = self._ceiling
        self._clouds.place(0, 0, -view.heading)
        drift = np.array([view.x, view.y]) + 3.0 * view.time
        uv = points[:, :2] / CLOUD_TILE + np.mod(drift / CLOUD_TILE, 1.0)
        self._clouds.shape(points + np.array([0, 0, CLOUD_HEIGHT], np.float32), faces, uv)
        bright = (
            np.clip(look.ambient * 1.15 + look.sun * 0.75 + look.horizon * 0.15, 0, 1) * (1 - look.grey)
            + look.zenith * 0.9 * look.grey
        )
        far = np.linalg.norm(points, axis=1) / CLOUD_REACH
        colour = np.outer(np.clip(share * (1 - far), 0, 1), np.append(bright, 1.0))
        self._clouds.colours((colour * 255 + 0.5).astype(np.uint8))

    def picture(self) -> NDArray[np.uint8]:
        """The background with the clouds in it, as `Canvas.draw` returns it."""
        whole = self._background.draw()
        if self._is_clouded:
            whole = whole.copy()
            clouds = self._cloud_canvas.draw()
            whole[-len(clouds) :] = over(clouds, whole[-len(clouds) :])
        return whole

    def close(self) -> None:
        """Give the engine's buffer back."""
        self._cloud_canvas.close()


def _above_ground(camera: Camera) -> Camera:
    """The ``camera`` of the upper rows of its picture, down to `LOWEST` below the horizon."""
    rows = math.ceil(camera.cy + camera.fy * math.tan(LOWEST - camera.pitch))
    return replace(camera, height=min(max(rows, 1), camera.height))


def dome_colours(way: Floats, look: Look) -> Floats:
    """The colour (n, 3) of the sky in the directions ``way`` (n, 3), world axes."""
    height = np.clip(way[:, 2:3], 0, 1)
    share = 1 - np.exp(-height / 0.22)
    clear = look.horizon + (look.zenith - look.horizon) * share
    low = np.exp(-height / (0.05 + 14 / look.haze))  # haze hides more of the sky the thicker it is
    clear = clear + (look.fog - clear) * low
    toward = np.clip(way @ look.sun_direction, 0, 1)[:, None]
    glow = look.sun * (0.42 * toward**5 + 0.5 * toward**48) * (1 - look.grey)
    return np.minimum(clear + glow, BRIGHTEST)


def grid_faces(rows: int, columns: int) -> NDArray[np.int32]:
    """Triangles over a grid of points, seen from its inside when rows rise and columns turn counter-clockwise."""
    i = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]
    return np.stack([np.stack([a, c, b], -1), np.stack([a, d, c], -1)], 2).reshape(-1, 3).astype(np.int32)


def _disc(radii: tuple[float, ...], sides: int) -> tuple[Floats, NDArray[np.int32]]:
    """A flat disc at z = 0, drawn on both of its faces."""
    angles = 2 * np.pi * np.arange(sides + 1) / sides
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(sides + 1)], -1)
    faces = grid_faces(len(radii), sides + 1)
    return (np.asarray(radii)[:, None, None] * ring).reshape(-1, 3).astype(np.float32), np.concatenate(
        [faces, faces[:, ::-1]]
    )


def _silhouettes() -> Floats:
    """Far house fronts (k, 4, 3) all around, hardly darker than the haze."""
    dice = np.random.default_rng(21)
    fronts, angle = [], 0.0
    while angle < 2 * np.pi:
        wide, tall = dice.uniform(0.02, 0.06), dice.uniform(8, 36)
        a, b = (560 * np.cos(angle), 560 * np.sin(angle)), (560 * np.cos(angle + wide), 560 * np.sin(angle + wide))
        fronts.append([(*b, FOOT), (*a, FOOT), (*a, tall), (*b, tall)])
        angle += wide * dice.uniform(0.9, 1.3)
    return np.array(fronts, np.float32)


def _bytes(colour: NDArray) -> NDArray[np.uint8]:
    rgba = np.full((len(colour), 4), 255, np.uint8)
    rgba[:, :3] = np.clip(colour, 0, 1) * 255 + 0.5
    return rgba

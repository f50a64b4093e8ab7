"""Rain and snow in the air: drops and flakes that hang in the world, fall with time and are driven through by the ego.

Where a flake is follows from the time and the place of the ego alone, so any frame can be drawn without those before
it. Flakes fill a box that repeats without end in all directions; of every flake the copy in the box before the camera
is drawn, and it fades towards the border of the box, where it is replaced by the next copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivesim.town.engine import Batch, Canvas, Layer
from drivesim.town.looks import LAMP_COLOUR, TOWN_GLOW, Look, head_light
from drivesim.town.view import View
from drivesim.town.weather import under
from scenarios.facts import Camera

Floats = NDArray[np.floating]
NEAREST = 1.1  # m before the camera
BROADEST = 0.0034  # radius per m of distance: nearer pieces would be blots
LAMPS, LAMP_SIGHT = 24, 60.0  # lamps that light the air, m ahead
FINEST = 0.0006  # radius per m of distance: thinner ones would flicker
FAINTEST = 3  # alpha: the rasteriser must not interpolate below 0


@dataclass(frozen=True, slots=True)
class Fall:
    """One swarm: ``count`` pieces in a ``box`` (3,), m, that move by ``drift`` (3,), m/s, world axes.

    ``radius``: of a piece, m. ``sway``: m to each side. ``exposure``: s of movement that smear a piece. ``alpha``: of
    its middle. ``sides``: 2 for a streak that is sharp at its ends, more for a round flake. ``nearest``: m before the
    camera from which it is drawn.
    """

    count: int
    box: tuple[float, float, float]
    drift: tuple[float, float, float]
    radius: float
    sway: float
    exposure: float
    alpha: float
    sides: int
    nearest: float = NEAREST


RAIN = (
    Fall(700, (13, 13, 7), (1.3, -0.8, -8.5), 0.0050, 0.0, 0.036, 0.50, 2),
    Fall(2200, (34, 34, 13), (1.3, -0.8, -8.5), 0.0130, 0.0, 0.045, 0.42, 2, 3.0),
)
SNOW = (
    Fall(450, (13, 13, 7), (0.9, -0.5, -1.3), 0.017, 0.30, 0.010, 0.90, 6),
    Fall(2000, (36, 36, 14), (0.9, -0.5, -1.3), 0.034, 0.45, 0.010, 0.80, 4, 5.0),
)


class Precipitation:
    """What falls in one frame after another."""

    def __init__(self, canvas: Canvas, camera: Camera) -> None:
        """Draw onto ``canvas``, as seen by ``camera``."""
        self._wide = max(camera.cx, camera.width - camera.cx) / camera.fx
        self._swarms = [
            (fall, _Swarm(fall, canvas.batch(Layer(62, depth="test", blend="alpha")), dice), fall in RAIN)
            for dice, fall in enumerate((*RAIN, *SNOW))
        ]

    def draw(self, view: View, lamps: Floats, roofs: Floats) -> None:
        """Show rain or snow outside of ``roofs``, see `weather.under`.

        It is lit by the sky, the ego's head lights and ``lamps`` (k, 7), see `lights.lamps`.
        """
        for _, swarm, is_rain in self._swarms:
            if swarm.show(view.look.rain if is_rain else view.look.snow):
                swarm.draw(view, lamps, roofs, self._wide)


class _Swarm:
    def __init__(self, fall: Fall, batch: Batch, seed: int) -> None:
        self._fall, self._batch = fall, batch
        dice = np.random.default_rng(40 + seed)
        self._start = dice.uniform(0, 1, (fall.count, 3)) * fall.box
        self._phase = dice.uniform(0, 2 * np.pi, (fall.count, 2))
        self._size = dice.uniform(0.65, 1.35, fall.count)

    def show(self, visible: bool) -> bool:
        """Draw the swarm or leave it out; returns ``visible``."""
        self._batch.show(visible)
        return visible

    def draw(self, view: View, lamps: Floats, roofs: Floats, wide: float) -> None:
        """Fill the swarm; ``wide``: tangent of half the camera's angle of view."""
        fall = self._fall
        way, fade = self._places(view)
        smear = (view.to_ego @ np.array(fall.drift) - (view.speed, 0.0, 0.0)) * (fall.exposure / 2)
        is_seen = (
            (way[:, 0] > fall.nearest - smear[0])
            & (np.abs(way[:, 1]) < wide * way[:, 0] + 0.5)
            & (way[:, 2] > -view.eye[2])
            & (fade > 0.02)
        )
        way, fade, size = (values[is_seen] for values in (way, fade, self._size))
        if len(roofs):
            is_out = ~under(view.in_world(way + view.to_ego @ view.eye), roofs)
            way, fade, size = way[is_out], fade[is_out], size[is_out]
        points, faces, edge = _pieces(way, smear, size * fall.radius, fall.sides)
        eye = (view.to_ego @ view.eye).astype(np.float32)
        rgba = np.empty((len(way), len(edge), 4), np.uint8)
        rgba[..., :3] = (_lit(way + eye, view.look, lamps) * 255)[:, None]
        rgba[..., 3] = np.maximum((fade * fall.alpha * 255)[:, None] * edge, FAINTEST)
        self._batch.shape((points + eye).reshape(-1, 3), faces)
        self._batch.colours(rgba.reshape(-1, 4))

    def _places(self, view: View) -> tuple[Floats, Floats]:
        """Where the pieces are seen from the camera (n, 3), ego axes, m, and how much of each is left (n,)."""
        fall, box = self._fall, np.array(self._fall.box, float)
        middle = view.to_ego.T.astype(float) @ np.array([0.36 * box[0], 0.0, 0.08 * box[2]])
        place = self._start + np.array(fall.drift) * view.time
        if fall.sway:
            place[:, :2] += fall.sway * np.sin((1.1 + self._size)[:, None] * view.time + self._phase)
        camera = np.array([view.x, view.y, 0.0]) + view.eye
        around = np.mod(place - camera - middle + box / 2, box) - box / 2
        rim = np.sqrt(np.square(around / (box / 2)).sum(1))
        return ((around + middle) @ view.to_ego.T).astype(np.float32), np.clip(2.5 * (1 - rim), 0, 1)


def _pieces(way: Floats, smear: Floats, radius: Floats, sides: int) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Pieces at ``way`` (n, 3) from the eye, facing it: points (n, p, 3), faces, and alpha (p,) of each point.

    ``smear`` (3,): half the way, in m, that a piece moves while the picture is taken.
    """
    smear = smear.astype(np.float32)
    far = np.sqrt(np.einsum("nc,nc->n", way, way))[:, None]
    sight = way / far
    along = smear - (sight @ smear)[:, None] * sight
    long = np.sqrt(np.einsum("nc,nc->n", along, along))[:, None]
    along = along / np.maximum(long, 1e-6)
    across = np.cross(along, sight)
    wide = np.clip(radius[:, None], FINEST * far, BROADEST * far)
    long = (long + wide)[:, None]
    if sides == 2:
        ring = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)], np.float32)
        faces, edge = np.array([(0, 1, 3), (2, 3, 1)]), np.array([0.0, 1.0, 0.35, 1.0])
    else:
        angles = 2 * np.pi * np.arange(sides) / sides
        ring = np.concatenate([[(0, 0)], np.stack([np.cos(angles), np.sin(angles)], -1)]).astype(np.float32)
        i = np.arange(sides)
        faces = np.stack([0 * i, 1 + i, 1 + (i + 1) % sides], -1)
        edge = np.concatenate([[1.0], np.full(sides, 0.25)])
    points = way[:, None] + ring[:, :1] * long * along[:, None] + ring[:, 1:] * wide[:, None] * across[:, None]
    return points, (faces[None] + len(ring) * np.arange(len(way))[:, None, None]).reshape(-1, 3), edge


def _lit(points: Floats, look: Look, lamps: Floats) -> Floats:
    """The colours (n, 3) of pieces in the ego frame."""
    colour = np.broadcast_to(0.30 * look.fog + look.ambient * (0.95 if look.snow else 0.75), points.shape)
    if look.shine:
        back = np.broadcast_to(np.array([-1, 0, 0], np.float32), points.shape)
        colour = colour + look.shine * TOWN_GLOW + 0.75 * (head_light(points, back) * np.float32(look.shine))[:, None]
        ahead = lamps[(lamps[:, 0] > 0) & (lamps[:, 0] < LAMP_SIGHT)]
        near = ahead[np.argsort(np.hypot(ahead[:, 0], ahead[:, 1]), kind="stable")[:LAMPS]]
        square = (points * points).sum(1)[:, None] - 2 * points @ near[:, :3].T + (near[:, :3] ** 2).sum(1)
        colour = colour + (near[:, 3] / (1 + np.maximum(square, 0) / 2.5)) @ (near[:, 4:] * LAMP_COLOUR * 0.6)
    return np.clip(colour, 0, 1)

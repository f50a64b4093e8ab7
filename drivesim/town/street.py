"""The still part of the town: stretches of street built when they come into sight and dropped behind."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from drivesim.town import textures
from drivesim.town.culling import Frustum
from drivesim.town.engine import Canvas, Layer, texture
from drivesim.town.pool import Pool
from drivesim.town.shadows import CAST
from drivesim.town.stretches import GROUND, LENGTH, THINGS, WALLS, Stretch
from drivesim.town.view import View
from scenarios.facts import Camera
from scenarios.scenery import World

Floats = NDArray[np.floating]
AHEAD, BEHIND = 312.0, 36.0  # m of s that are kept around the ego
COARSE_FROM = 120.0  # m of s ahead of the ego from which stretches are built without what is finer than a pixel there
INNER = ("grass", "asphalt")  # ground whose edges lie under other ground
HIDDEN = LENGTH  # m behind the ego beyond which nothing of a stretch can be in the picture
# All these are whole stretches ahead of the ego (`BEHIND` shows nothing): what is drawn changes once in each of them.


class Street:
    """The stretches around the ego. Memory is bounded: what lies more than `BEHIND` m behind is dropped."""

    def __init__(self, background: Canvas, colour: Canvas, label: Canvas, camera: Camera) -> None:
        """Draw onto the canvases what ``camera`` sees; onto the ``background`` the ground that has kerbs around it."""
        self._colour, self._frustum = colour, Frustum(camera)
        pictures = {
            "asphalt": texture(textures.asphalt()),
            "paving": texture(textures.paving()),
            "grass": texture(textures.grass()),
            WALLS: texture(textures.wall()),
        }
        layers = {name: Layer(10 + order) for order, name in enumerate(GROUND)}
        layers |= {THINGS: Layer(41, depth="solid"), WALLS: Layer(42, depth="solid")}  # the nearer first, as `SOLID`
        self._pools = {
            name: Pool(background if name in INNER else colour, label, layer, pictures.get(name))
            for name, layer in layers.items()
        }
        self._world: World | None = None
        self._stretches: dict[int, Stretch] = {}
        self._shown: list[Stretch] = []

    def draw(self, world: World, s: float, view: View) -> None:
        """Build, drop, place and light so that the street around ``s`` shows."""
        if world is not self._world:
            self._drop(self._stretches.copy())
            self._world = world
        wanted = range(math.floor((s - BEHIND) / LENGTH), math.ceil((s + AHEAD) / LENGTH))
        self._drop(index for index in tuple(self._stretches) if index not in wanted)
        self._shown = []
        for index in wanted:
            if index not in self._stretches:
                self._stretches[index] = Stretch(world, index, self._colour.batch(CAST))
            stretch = self._stretches[index]
            if (index + 1) * LENGTH > s - HIDDEN:
                stretch.choose(is_coarse=index * LENGTH - s > COARSE_FROM)
                stretch.draw(view)
                self._shown.append(stretch)
            else:
                stretch.shadow.show(False)
        for name, pool in self._pools.items():
            parts = [part for stretch in self._shown for part in stretch.parts if part.pool == name]
            pool.draw(parts, view, self._frustum)

    def bulbs(self, view: View) -> Floats:
        """The street lamps (k, 3) around the ego, in its frame, m."""
        found = [
            (stretch.bulbs + np.array([stretch.origin[0] - view.x, stretch.origin[1] - view.y, 0])) @ view.to_ego.T
            for stretch in self._stretches.values()
        ]
        return np.concatenate(found).astype(np.float32)

    def roofs(self) -> Floats:
        """The roofs over the street in sight, see `weather.under`."""
        return np.concatenate([stretch.roofs for stretch in self._shown])

    def triangles(self, view: View, *, ground: bool) -> list[tuple[Floats, NDArray[np.int32]]]:
        """Points (n, 3) in the ego frame, m, and faces (m, 3) of the ``ground`` drawn last or of what stands on it."""
        return [triangles for stretch in self._shown for triangles in stretch.triangles(view, ground=ground)]

    def _drop(self, indices: Iterable[int]) -> None:
        for index in indices:
            self._stretches.pop(index).shadow.remove()

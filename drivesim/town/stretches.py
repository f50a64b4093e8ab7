"""Stretches of street: the ground, houses and things along some metres of road, near and far away."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from drivesim.town import buildings, furniture, ground, signs, tunnels
from drivesim.town.engine import Batch
from drivesim.town.facades import COARSE, FINE, PLAIN
from drivesim.town.looks import Look, Surface, lamp_light
from drivesim.town.meshes import Mesh, merge
from drivesim.town.parts import Part
from drivesim.town.shadows import crown, draw_cast, outline
from drivesim.town.view import View
from drivesim.town.weather import under
from scenarios.road import Road
from scenarios.scenery import Scenery, World

Floats = NDArray[np.floating]
LENGTH = 24.0  # m of s in one stretch
WALL_TILE = 2.4  # m
NEIGHBOUR = 30.0  # m of s around a stretch within which lamps light it and roofs cover it
GROUND = ("grass", "asphalt", "paving", "paint")
GROUND_CLASS = {"grass": "terrain", "asphalt": "road", "paving": "sidewalk", "paint": "marking"}
SCENERY_CLASS = {
    "building": "building", "tree": "vegetation", "lamp": "pole", "sign": "pole", "signal": "pole",
    "tunnel": "building", "portal": "building",
}  # fmt: skip
WALLS, THINGS = "walls", "things"  # the pools of what stands: houses, all else


class Stretch:
    """All parts of one stretch, in a frame with the world's axes whose origin is the world point ``origin``.

    ``bulbs`` (k, 3): its street lamps in that frame, m. ``roofs``: its own, see `weather.under`. ``parts``: those of
    the detail chosen last.
    """

    def __init__(self, world: World, index: int, shadow: Batch) -> None:
        """The ``index``-th of ``world``; ``shadow``: where to draw the shadows that it casts."""
        self._world, self.shadow = world, shadow
        self._from, self._to = index * LENGTH, (index + 1) * LENGTH
        x, y, _ = world.road.pose(self._from)
        self.origin = (x, y)
        self._shift = np.array([x, y, 0], np.float32)
        around = world.scenery(self._from - NEIGHBOUR, self._to + NEIGHBOUR)
        self._lamps, self._cover = _bulbs(around) - self._shift, _roofs(around)
        self._things = world.scenery(self._from, self._to)
        self.bulbs, self.roofs = _bulbs(self._things) - self._shift, _roofs(self._things)
        self._outlines = [
            _outline(thing) - self._shift for thing in self._things if SCENERY_CLASS[thing.kind] != "pole"
        ]
        self._casts = False
        self._shadow_by: Look | None = None
        self._same = [self._solid(kind) for kind in SCENERY_CLASS if kind != "building"]
        self._outline = self._solid("building", PLAIN)
        self._built: dict[bool, list[Part]] = {}
        self.parts: list[Part] = []

    def choose(self, *, is_coarse: bool) -> None:
        """Show it as it is near the ego, or without what is finer than a pixel far away."""
        if is_coarse not in self._built:
            houses = self._solid("building", COARSE if is_coarse else FINE)
            if houses is not None:
                houses.outline = self._outline
            made = [*self._ground(is_coarse=is_coarse), houses, *self._same]
            self._built[is_coarse] = [part for part in made if part is not None]
        self.parts = self._built[is_coarse]

    def draw(self, view: View) -> None:
        """Put its shadows in their place."""
        offset = np.array([self.origin[0] - view.x, self.origin[1] - view.y], np.float32)
        x, y = (view.to_ego[:2, :2] @ offset).tolist()
        self.shadow.place(x, y, -view.heading)
        if self._shadow_by is not view.look:
            self._casts = draw_cast(self.shadow, self._outlines, view.look, 0.0)
            self._shadow_by = view.look
        self.shadow.show(self._casts)

    def triangles(self, view: View, *, ground: bool) -> list[tuple[Floats, NDArray[np.int32]]]:
        """Points (n, 3) in the ego frame, m, and faces (m, 3) of its ``ground`` or of all that stands on it."""
        offset = np.array([self.origin[0] - view.x, self.origin[1] - view.y, 0], np.float32)
        outlines = [part.outline or part for part in self.parts if part.is_ground == ground]
        return [((part.surface.points + offset) @ view.to_ego.T, part.faces) for part in outlines]

    def _ground(self, *, is_coarse: bool) -> Iterator[Part]:
        strips = ground.surfaces(self._world.road, self._from, self._to, self.origin, is_coarse=is_coarse)
        for name, strip in strips.items():
            up = np.broadcast_to(np.array([0, 0, 1], np.float32), strip.points.shape)
            zero = np.zeros_like(strip.points)
            surface = Surface(strip.points, up, strip.albedo, zero, zero[:, 0])
            yield self._part(surface, strip.faces, strip.uv, GROUND_CLASS[name], name)

    def _solid(self, kind: str, detail: int = FINE) -> Part | None:
        """The things of one kind, if there are any."""
        chosen = [_solid(self._world, thing, detail) for thing in self._things if thing.kind == kind]
        if not chosen:
            return None
        mesh = merge([m for m, _ in chosen]).moved(-self._shift)
        paint = np.concatenate([p for _, p in chosen])
        uv, pool = (wall_uv(mesh, paint[:, 6]), WALLS) if kind == "building" else (None, THINGS)
        surface = Surface(mesh.points, mesh.normals, paint[:, :3], paint[:, 3:6], paint[:, 6])
        return self._part(surface, mesh.faces, uv, SCENERY_CLASS[kind], pool)

    def _part(self, surface: Surface, faces: NDArray[np.int32], uv: Floats | None, kind: str, pool: str) -> Part:
        lamps = lamp_light(surface.points, surface.normals, self._lamps)
        is_open = ~under(surface.points + self._shift, self._cover) if len(self._cover) else None
        return Part(surface, faces, uv, lamps, kind, pool, self.origin, is_ground=pool in GROUND, is_open=is_open)


def _outline(thing: Scenery) -> Floats:
    """What of a thing casts a shadow: a house whole, of a tree its crown; a tunnel lets no sun onto its own ground."""
    if thing.kind == "tree":
        return crown(thing.x, thing.y, thing.size)
    if thing.kind == "tunnel":
        length, width, _ = thing.size
        return outline(thing.x, thing.y, thing.heading, (length / 0.96, width / 0.96, 0.0))  # outlines lie 4 % inside
    return outline(thing.x, thing.y, thing.heading, thing.size)


def wall_uv(mesh: Mesh, gloss: Floats) -> Floats:
    """Texture coordinates (n, 2) that lay bricks along every wall; glossy panes take the plain corner."""
    along = mesh.points[:, 0] * -mesh.normals[:, 1] + mesh.points[:, 1] * mesh.normals[:, 0]
    uv = np.stack([along, mesh.points[:, 2]], -1) / WALL_TILE
    return np.where(gloss[:, None] > 0.3, 0.004, uv).astype(np.float32)


def _bulbs(things: Iterable[Scenery]) -> Floats:
    """The street lamps (k, 3) of ``things``, those of tunnels among them, in the world, m."""
    places = []
    for thing in things:
        if thing.kind == "lamp":
            own = [furniture.bulb(thing.size, thing.front)]
        else:
            own = tunnels.lamp_places(thing.size) if thing.kind == "tunnel" else []
        c, s = math.cos(thing.heading), math.sin(thing.heading)
        places += [(thing.x + c * x - s * y, thing.y + s * x + c * y, z) for x, y, z in own]
    return np.array(places, np.float32).reshape(-1, 3)


def _roofs(things: Iterable[Scenery]) -> Floats:
    """The roofs of tunnels, see `weather.under`."""
    rows = [(thing.x, thing.y, thing.heading, *thing.size) for thing in things if thing.kind == "tunnel"]
    return np.array(rows, np.float64).reshape(-1, 6)


def _opening(road: Road) -> tuple[float, float]:
    """Width and height of a tunnel's mouth, m: it lets carriageway and sidewalks through."""
    return road.left_edge - road.right_edge + 2 * road.sidewalk_width + 0.4, 5.5


def _solid(world: World, thing: Scenery, detail: int) -> tuple[Mesh, Floats]:
    """A thing of the scenery as a mesh in the world and its paint (n, 7)."""
    size, variant = thing.size, thing.variant
    if thing.kind == "building":
        mesh = buildings.building(size, variant, front=thing.front, detail=detail)
        palette = buildings.palette(variant)
    elif thing.kind == "sign":
        mesh, palette = signs.sign(size, variant), signs.palette()
    elif thing.kind == "signal":
        mesh, palette = signs.mast(size, thing.front), signs.palette()
    elif thing.kind == "tunnel":
        mesh, palette = tunnels.tunnel(size), tunnels.palette(variant)
    elif thing.kind == "portal":
        mesh, palette = tunnels.portal(size, _opening(world.road), variant), tunnels.palette(variant)
    elif thing.kind == "tree":
        mesh, palette = furniture.tree(size, variant), furniture.palette(variant)
    else:
        mesh, palette = furniture.lamp(size, thing.front), furniture.palette(variant)
    return mesh.turned(thing.heading).moved((thing.x, thing.y, 0)), palette[mesh.slots]

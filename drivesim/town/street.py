"""The still part of the town: stretches of street built when they come into sight and dropped behind."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivesim.town import buildings, furniture, ground, signs, textures, tunnels
from drivesim.town.culling import Frustum
from drivesim.town.engine import Batch, Canvas, Layer, texture
from drivesim.town.looks import Look, Surface, lamp_light
from drivesim.town.meshes import Mesh, merge
from drivesim.town.parts import Part
from drivesim.town.pool import Pool
from drivesim.town.shadows import CAST, crown, draw_cast, outline
from drivesim.town.traffic import SOLID
from drivesim.town.view import View
from drivesim.town.weather import under
from scenarios.facts import Camera
from scenarios.road import Road
from scenarios.scenery import Scenery, World

Floats = NDArray[np.floating]
LENGTH = 24.0  # m of s in one stretch
AHEAD, BEHIND = 312.0, 36.0  # m of s that are kept around the ego
WALL_TILE = 2.4  # m
HIDDEN = 6.0  # m behind the ego beyond which nothing of a stretch can be in the picture
GROUND = ("grass", "asphalt", "paving", "paint")
GROUND_CLASS = {"grass": "terrain", "asphalt": "road", "paving": "sidewalk", "paint": "marking"}
SCENERY_CLASS = {
    "building": "building", "tree": "vegetation", "lamp": "pole", "sign": "pole", "signal": "pole",
    "tunnel": "building", "portal": "building",
}  # fmt: skip
WALLS, THINGS = "walls", "things"  # the pools of what stands: houses, all else


@dataclass
class Stretch:
    """All parts of one stretch, in a frame with the world's axes whose origin is the world point ``origin``."""

    origin: tuple[float, float]
    parts: list[Part]
    bulbs: Floats  # (k, 3) in the frame of the stretch
    shadow: Batch
    outlines: list[Floats]  # of what casts a shadow, in the frame of the stretch
    roofs: Floats  # see `weather.under`
    casts: bool = False  # whether it has shadows by the look ``shadow_by``
    shadow_by: Look | None = None

    def draw(self, view: View) -> None:
        """Put its shadows in their place."""
        offset = np.array([self.origin[0] - view.x, self.origin[1] - view.y], np.float32)
        x, y = (view.to_ego[:2, :2] @ offset).tolist()
        self.shadow.place(x, y, -view.heading)
        if self.shadow_by is not view.look:
            self.casts = draw_cast(self.shadow, self.outlines, view.look, 0.0)
            self.shadow_by = view.look
        self.shadow.show(self.casts)

    def triangles(self, view: View, *, ground: bool) -> list[tuple[Floats, NDArray[np.int32]]]:
        """Points (n, 3) in the ego frame, m, and faces (m, 3) of its ``ground`` or of all that stands on it."""
        offset = np.array([self.origin[0] - view.x, self.origin[1] - view.y, 0], np.float32)
        return [
            ((part.surface.points + offset) @ view.to_ego.T, part.faces)
            for part in self.parts
            if part.is_ground == ground
        ]


class Street:
    """The stretches around the ego. Memory is bounded: what lies more than `BEHIND` m behind is dropped."""

    def __init__(self, colour: Canvas, label: Canvas, camera: Camera) -> None:
        """Draw onto both canvases what ``camera`` sees."""
        self._colour, self._frustum = colour, Frustum(camera)
        pictures = {
            "asphalt": texture(textures.asphalt()),
            "paving": texture(textures.paving()),
            "grass": texture(textures.grass()),
            WALLS: texture(textures.wall()),
        }
        layers = {name: Layer(10 + order) for order, name in enumerate(GROUND)}
        layers |= {WALLS: SOLID, THINGS: SOLID}
        self._pools = {name: Pool(colour, label, layer, pictures.get(name)) for name, layer in layers.items()}
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
                self._stretches[index] = self._build(world, index)
            stretch = self._stretches[index]
            if (index + 1) * LENGTH > s - HIDDEN:
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

    def _build(self, world: World, index: int) -> Stretch:
        s_from, s_to = index * LENGTH, (index + 1) * LENGTH
        x, y, _ = world.road.pose(s_from)
        origin = np.array([x, y, 0], np.float32)
        bulbs = _bulbs(world, world.scenery(s_from - 30, s_to + 30)) - origin

        def part(surface: Surface, faces: NDArray[np.int32], uv: Floats | None, kind: str, pool: str) -> Part:
            lamps = lamp_light(surface.points, surface.normals, bulbs)
            return Part(surface, faces, uv, lamps, kind, pool, (x, y), is_ground=pool in GROUND)

        parts = []
        for name, strip in ground.surfaces(world.road, s_from, s_to, (x, y)).items():
            up = np.broadcast_to(np.array([0, 0, 1], np.float32), strip.points.shape)
            zero = np.zeros_like(strip.points)
            surface = Surface(strip.points, up, strip.albedo, zero, zero[:, 0])
            parts.append(part(surface, strip.faces, strip.uv, GROUND_CLASS[name], name))
        things = world.scenery(s_from, s_to)
        for kind in SCENERY_CLASS:
            chosen = [_solid(world, thing) for thing in things if thing.kind == kind]
            if chosen:
                mesh = merge([m for m, _ in chosen]).moved((-x, -y, 0))
                paint = np.concatenate([p for _, p in chosen])
                uv, pool = (wall_uv(mesh, paint[:, 6]), WALLS) if kind == "building" else (None, THINGS)
                surface = Surface(mesh.points, mesh.normals, paint[:, :3], paint[:, 3:6], paint[:, 6])
                parts.append(part(surface, mesh.faces, uv, SCENERY_CLASS[kind], pool))
        outlines = [_outline(thing) - origin for thing in things if SCENERY_CLASS[thing.kind] != "pole"]
        roofs = _roofs(world.scenery(s_from - 30, s_to + 30))
        if len(roofs):
            for made in parts:
                made.is_open = ~under(made.surface.points + origin, roofs)
        lamps, roofs = _bulbs(world, things) - origin, _roofs(things)
        return Stretch((x, y), parts, lamps, self._colour.batch(CAST), outlines, roofs)


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


def _bulbs(world: World, things: Iterable[Scenery]) -> Floats:
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


def _solid(world: World, thing: Scenery) -> tuple[Mesh, Floats]:
    """A thing of the scenery as a mesh in the world and its paint (n, 7)."""
    size, variant = thing.size, thing.variant
    if thing.kind == "building":
        mesh, palette = buildings.building(size, variant, front=thing.front), buildings.palette(variant)
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

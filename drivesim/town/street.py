"""The still part of the town: stretches of street built when they come into sight and dropped behind."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from panda3d.core import Texture

from drivesim.town import buildings, furniture, ground, signs, textures, tunnels
from drivesim.town.classes import CLASS, label_colours
from drivesim.town.engine import Batch, Canvas, Layer, texture
from drivesim.town.looks import (
    GLARE_REACH,
    HEAD_LIGHT_REACH,
    LAMP_COLOUR,
    Look,
    Surface,
    daylit,
    glare,
    hazed,
    head_light,
    lamp_light,
)
from drivesim.town.meshes import Mesh, merge
from drivesim.town.shadows import CAST, crown, draw_cast, outline
from drivesim.town.view import View
from drivesim.town.weather import FILM, MIRROR_SIGHT, covered, film, mirrored, under
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
VEILED = 0.9  # distances of haze from which surfaces are drawn without grain
SOLID = Layer(40, depth="solid")


@dataclass
class Part:
    """One batch of a stretch with what is needed to light it: its surface in the frame of the stretch.

    ``lamps`` (n,): the light of street lamps on it. ``lit`` (n, 3): its colour without haze by the look ``lit_by``,
    ``albedo`` (n, 3) and ``film`` (n,): what the weather of that look makes of the surface; see `weather`.
    """

    surface: Surface
    faces: NDArray[np.int32]
    lamps: Floats
    colour: Batch
    label: Batch
    kind: str  # its class
    is_ground: bool
    picture: Texture | None
    is_veiled: bool = False  # so far away in haze that the picture is left out
    lit: Floats = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    lit_by: Look | None = None
    albedo: Floats = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    film: Floats | None = None
    is_open: NDArray[np.bool_] | None = None  # (n,): which points no roof keeps rain and snow from; None: all

    def light(self, view: View, offset: Floats, origin: tuple[float, float]) -> None:
        """Colour the batch for ``view``; it starts at ``origin``, ``offset`` (2,) m from the ego, in world axes."""
        if self.lit_by is not view.look:
            surface = covered(self.surface, self.kind, view.look, origin, self.is_open)
            is_wet = self.is_ground and view.look.wet and FILM[self.kind]
            self.film = film(surface.points, self.kind, view.look, origin, self.is_open) if is_wet else None
            self.albedo = surface.albedo
            street = self.lamps[:, None] * LAMP_COLOUR * view.look.shine
            self.lit = daylit(surface, view.look) + surface.albedo * street + surface.glow * view.look.lamps
            self.lit_by = view.look
        colour = self.lit
        eye = np.array([view.eye[0] - offset[0], view.eye[1] - offset[1], view.eye[2]], np.float32)
        far = math.hypot(*offset.tolist())
        if view.look.shine > 0 and far < HEAD_LIGHT_REACH + LENGTH:
            colour = colour + self._by_head_lights(view, offset)
        if self.film is not None and far < MIRROR_SIGHT:
            points = (self.surface.points + np.array([*offset, 0], np.float32)) @ view.to_ego.T
            colour = colour + mirrored(points, self.film, view)
        self._veil(far > VEILED * view.look.haze)
        gain = 1.0 if self.picture is None or self.is_veiled else 1 / textures.MEAN  # a picture darkens colours
        self.colour.colours(hazed(colour, self.surface.points, view.look, eye, gain=gain))

    def _veil(self, is_far: bool) -> None:
        """Haze covers the grain of surfaces, too; a picture would lie over the haze."""
        if self.picture is not None and is_far != self.is_veiled:
            self.colour.path.set_texture_off() if is_far else self.colour.path.set_texture(self.picture)
            self.is_veiled = is_far

    def _by_head_lights(self, view: View, offset: Floats) -> Floats:
        shift = np.array([*offset, 0], np.float32)
        points = (self.surface.points + shift) @ view.to_ego.T
        beam = head_light(points, self.surface.normals @ view.to_ego.T)[:, None] * np.array(
            [1.0, 0.95, 0.82], np.float32
        )
        if self.is_ground:
            middle = points.mean(0)
            near = np.hypot(view.beams[:, 0] - middle[0], view.beams[:, 1] - middle[1]) < GLARE_REACH + LENGTH
            beam = beam + glare(points, view.beams[near])
        return self.albedo * beam * view.look.shine


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
        """Put the stretch in its place and light it."""
        offset = np.array([self.origin[0] - view.x, self.origin[1] - view.y])
        x, y = (view.to_ego[:2, :2] @ offset.astype(np.float32)).tolist()
        for part in self.parts:
            part.colour.place(x, y, -view.heading)
            part.label.place(x, y, -view.heading)
            part.light(view, offset.astype(np.float32), self.origin)
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

    def show(self, visible: bool) -> None:
        """Draw the stretch or leave it out."""
        self.shadow.show(visible and self.casts)
        for part in self.parts:
            part.colour.show(visible)
            part.label.show(visible)

    def remove(self) -> None:
        """Free the batches."""
        self.shadow.remove()
        for part in self.parts:
            part.colour.remove()
            part.label.remove()


class Street:
    """The stretches around the ego. Memory is bounded: what lies more than `BEHIND` m behind is dropped."""

    def __init__(self, colour: Canvas, label: Canvas) -> None:
        """Draw onto both canvases."""
        self._colour, self._label = colour, label
        self._textures: dict[str, Texture] = {
            "asphalt": texture(textures.asphalt()),
            "paving": texture(textures.paving()),
            "grass": texture(textures.grass()),
            "building": texture(textures.wall()),
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
                self._stretches[index] = self._build(world, index)
            is_visible = (index + 1) * LENGTH > s - HIDDEN
            self._stretches[index].show(is_visible)
            if is_visible:
                self._stretches[index].draw(view)
                self._shown.append(self._stretches[index])

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
            self._stretches.pop(index).remove()

    def _build(self, world: World, index: int) -> Stretch:
        s_from, s_to = index * LENGTH, (index + 1) * LENGTH
        x, y, _ = world.road.pose(s_from)
        origin = np.array([x, y, 0], np.float32)
        bulbs = _bulbs(world, world.scenery(s_from - 30, s_to + 30)) - origin
        parts = []
        for name, strip in ground.surfaces(world.road, s_from, s_to, (x, y)).items():
            up = np.broadcast_to(np.array([0, 0, 1], np.float32), strip.points.shape)
            zero = np.zeros_like(strip.points)
            surface = Surface(strip.points, up, strip.albedo, zero, zero[:, 0])
            layer = Layer(10 + GROUND.index(name))
            parts.append(
                self._part(surface, strip.faces, strip.uv, bulbs, layer, self._textures.get(name), GROUND_CLASS[name])
            )
        things = world.scenery(s_from, s_to)
        for kind in SCENERY_CLASS:
            chosen = [_solid(world, thing) for thing in things if thing.kind == kind]
            if chosen:
                mesh = merge([m for m, _ in chosen]).moved((-x, -y, 0))
                paint = np.concatenate([p for _, p in chosen])
                uv = wall_uv(mesh, paint[:, 6]) if kind == "building" else None
                surface = Surface(mesh.points, mesh.normals, paint[:, :3], paint[:, 3:6], paint[:, 6])
                parts.append(
                    self._part(surface, mesh.faces, uv, bulbs, SOLID, self._textures.get(kind), SCENERY_CLASS[kind])
                )
        outlines = [_outline(thing) - origin for thing in things if SCENERY_CLASS[thing.kind] != "pole"]
        roofs = _roofs(world.scenery(s_from - 30, s_to + 30))
        if len(roofs):
            for part in parts:
                part.is_open = ~under(part.surface.points + origin, roofs)
        lamps, roofs = _bulbs(world, things) - origin, _roofs(things)
        return Stretch((x, y), parts, lamps, self._colour.batch(CAST), outlines, roofs)

    def _part(
        self,
        surface: Surface,
        faces: NDArray,
        uv: NDArray | None,
        bulbs: Floats,
        layer: Layer,
        picture: Texture | None,
        label: str,
    ) -> Part:
        colour, plain = self._colour.batch(layer, picture), self._label.batch(layer)
        colour.shape(surface.points, faces, uv)
        plain.shape(surface.points, faces)
        plain.colours(label_colours(CLASS[label], 0, len(surface.points)))
        lamps = lamp_light(surface.points, surface.normals, bulbs)
        return Part(surface, faces, lamps, colour, plain, label, layer.order < SOLID.order, picture)


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

"""The still part of the town: stretches of street built when they come into sight and dropped behind."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from panda3d.core import Texture

from drivesim.town import buildings, furniture, ground, textures
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
    wetted,
)
from drivesim.town.meshes import Mesh, merge
from drivesim.town.shadows import CAST, crown, draw_cast, outline
from drivesim.town.view import View
from scenarios.scenery import Scenery, World

Floats = NDArray[np.floating]
LENGTH = 24.0  # m of s in one stretch
AHEAD, BEHIND = 312.0, 36.0  # m of s that are kept around the ego
WALL_TILE = 2.4  # m
HIDDEN = 6.0  # m behind the ego beyond which nothing of a stretch can be in the picture
GROUND = ("grass", "asphalt", "paving", "paint")
GROUND_CLASS = {"grass": "terrain", "asphalt": "road", "paving": "sidewalk", "paint": "marking"}
SCENERY_CLASS = {"building": "building", "tree": "vegetation", "lamp": "pole"}
SOLID = Layer(40, depth="solid")


@dataclass
class Part:
    """One batch of a stretch with what is needed to light it: its surface in the frame of the stretch.

    ``lamps`` (n,): the light of street lamps on it. ``lit`` (n, 3): its colour without haze by the look ``lit_by``.
    """

    surface: Surface
    faces: NDArray[np.int32]
    lamps: Floats
    colour: Batch
    label: Batch
    is_ground: bool
    gain: float  # by which colours are brighter than seen, because a texture darkens them
    lit: Floats = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    lit_by: Look | None = None

    def light(self, view: View, offset: Floats) -> None:
        """Colour the batch for ``view``; the stretch starts ``offset`` (2,) m from the ego, in world axes."""
        if self.lit_by is not view.look:
            surface = wetted(self.surface, view.look) if self.is_ground else self.surface
            street = self.lamps[:, None] * LAMP_COLOUR * view.look.lamps
            self.lit = daylit(surface, view.look) + surface.albedo * street + surface.glow * view.look.lamps
            self.lit_by = view.look
        colour = self.lit
        eye = np.array([view.eye[0] - offset[0], view.eye[1] - offset[1], view.eye[2]], np.float32)
        if view.look.lamps > 0.01 and np.hypot(*offset) < HEAD_LIGHT_REACH + LENGTH:
            colour = colour + self._by_head_lights(view, offset)
        self.colour.colours(hazed(colour, self.surface.points, view.look, eye, gain=self.gain))

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
        return self.surface.albedo * beam * view.look.lamps


@dataclass
class Stretch:
    """All parts of one stretch, in a frame with the world's axes whose origin is the world point ``origin``."""

    origin: tuple[float, float]
    parts: list[Part]
    bulbs: Floats  # (k, 3) in the frame of the stretch
    shadow: Batch
    outlines: list[Floats]  # of what casts a shadow, in the frame of the stretch
    casts: bool = False  # whether it has shadows by the look ``shadow_by``
    shadow_by: Look | None = None

    def draw(self, view: View) -> None:
        """Put the stretch in its place and light it."""
        offset = np.array([self.origin[0] - view.x, self.origin[1] - view.y])
        x, y = (view.to_ego[:2, :2] @ offset.astype(np.float32)).tolist()
        for part in self.parts:
            part.colour.place(x, y, -view.heading)
            part.label.place(x, y, -view.heading)
            part.light(view, offset.astype(np.float32))
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

    def triangles(self, view: View, *, ground: bool) -> list[tuple[Floats, NDArray[np.int32]]]:
        """Points (n, 3) in the ego frame, m, and faces (m, 3) of the ``ground`` drawn last or of what stands on it."""
        return [triangles for stretch in self._shown for triangles in stretch.triangles(view, ground=ground)]

    def _drop(self, indices: Iterable[int]) -> None:
        for index in indices:
            self._stretches.pop(index).remove()

    def _build(self, world: World, index: int) -> Stretch:
        s_from, s_to = index * LENGTH, (index + 1) * LENGTH
        x, y, _ = world.road.pose(s_from)
        near = [thing for thing in world.scenery(s_from - 30, s_to + 30) if thing.kind == "lamp"]
        bulbs = np.array([_bulb(world, thing) for thing in near], np.float32).reshape(-1, 3) - np.array(
            [x, y, 0], np.float32
        )
        parts = []
        for order, (name, strip) in enumerate(ground.surfaces(world.road, s_from, s_to, (x, y)).items()):
            up = np.broadcast_to(np.array([0, 0, 1], np.float32), strip.points.shape)
            zero = np.zeros_like(strip.points)
            surface = Surface(strip.points, up, strip.albedo, zero, zero[:, 0])
            layer = Layer(10 + order)
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
        own = [i for i, thing in enumerate(near) if s_from <= thing.s < s_to]
        outlines = [_outline(thing) - np.array([x, y, 0], np.float32) for thing in things if thing.kind != "lamp"]
        return Stretch((x, y), parts, bulbs[own], self._colour.batch(CAST), outlines)

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
        gain = 1.0 if picture is None else 1 / textures.MEAN
        return Part(surface, faces, lamps, colour, plain, layer.order < SOLID.order, gain)


def _outline(thing: Scenery) -> Floats:
    """What of a thing casts a shadow: a house whole, of a tree its crown."""
    if thing.kind == "building":
        return outline(thing.x, thing.y, thing.heading, thing.size)
    return crown(thing.x, thing.y, thing.size)


def wall_uv(mesh: Mesh, gloss: Floats) -> Floats:
    """Texture coordinates (n, 2) that lay bricks along every wall; glossy panes take the plain corner."""
    along = mesh.points[:, 0] * -mesh.normals[:, 1] + mesh.points[:, 1] * mesh.normals[:, 0]
    uv = np.stack([along, mesh.points[:, 2]], -1) / WALL_TILE
    return np.where(gloss[:, None] > 0.3, 0.004, uv).astype(np.float32)


def _side(world: World, thing: Scenery) -> float:
    """+1 if the road lies to the left of a thing (towards +y of its frame), else -1."""
    _, d = world.road.project(thing.x, thing.y, thing.s)
    return 1.0 if d < 0 else -1.0


def _bulb(world: World, thing: Scenery) -> tuple[float, float, float]:
    _, y, z = furniture.bulb(thing.size, _side(world, thing))
    return thing.x - y * math.sin(thing.heading), thing.y + y * math.cos(thing.heading), z


def _solid(world: World, thing: Scenery) -> tuple[Mesh, Floats]:
    """A thing of the scenery as a mesh in the world and its paint (n, 7)."""
    if thing.kind == "building":
        mesh, palette = (
            buildings.building(thing.size, thing.variant, front=_side(world, thing)),
            buildings.palette(thing.variant),
        )
    else:
        palette = furniture.palette(thing.variant)
        mesh = (
            furniture.tree(thing.size, thing.variant)
            if thing.kind == "tree"
            else furniture.lamp(thing.size, _side(world, thing))
        )
    return mesh.turned(thing.heading).moved((thing.x, thing.y, 0)), palette[mesh.slots]

"""The road users of one frame: bodies in their boxes, painted and lit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from drivesim.town import animals, people
from drivesim.town.classes import CLASS, label_colours
from drivesim.town.culling import Bounds, compact
from drivesim.town.engine import Canvas, Layer
from drivesim.town.looks import LAMP_COLOUR, Surface, daylit, hazed, head_light, lamp_light
from drivesim.town.meshes import Mesh, rotation
from drivesim.town.paint import paint_of, seed_of
from drivesim.town.people import POSES
from drivesim.town.props import obstacle
from drivesim.town.signals import traffic_light
from drivesim.town.slots import SLOT
from drivesim.town.vehicles import vehicle
from drivesim.town.view import View
from drivesim.town.weather import dusted
from scenarios.facts import Camera, EgoState
from scenarios.object_state import ObjectState

Floats = NDArray[np.floating]
SIGHT = 260.0  # m
LAMP_REACH = 30.0  # m at which a street lamp still lights a body
VARIANTS = 28  # of each body; a track keeps its own
STRIDES = {"pedestrian": people.STRIDE, "animal": animals.STRIDE}  # m in which legs swing once to and fro
CHILD_BELOW = 1.4  # m
SOLID = Layer(40, depth="solid")


@dataclass(frozen=True, slots=True)
class Seen:
    """A road user that may be in the picture.

    ``slot``: its number in the label pass. ``x, y, heading``: its place in the ego frame, m and rad.
    """

    state: ObjectState
    slot: int
    x: float
    y: float
    heading: float

    def to_ego(self, places: Floats) -> Floats:
        """Places (k, 3) of its unit box in the ego frame, m."""
        turned = places * np.asarray(self.state.size, np.float32) @ rotation(self.heading).T
        return turned + np.array([self.x, self.y, self.state.z], np.float32)


def in_view(states: Sequence[ObjectState], ego: EgoState, camera: Camera) -> list[Seen]:
    """The road users of which something may be in the picture; slots count ``states`` from 1."""
    bodies = (placed(state, slot, ego) for slot, state in enumerate(states, start=1))
    return [body for body in bodies if _in_sight(body, camera)]


def placed(state: ObjectState, slot: int, ego: EgoState) -> Seen:
    """A road user as the ego sees it."""
    c, s = math.cos(ego.heading), math.sin(ego.heading)
    dx, dy = state.x - ego.x, state.y - ego.y
    return Seen(state, slot, c * dx + s * dy, -s * dx + c * dy, state.heading - ego.heading)


class Traffic:
    """Draws the road users of one frame after another."""

    def __init__(self, colour: Canvas, label: Canvas) -> None:
        """Draw onto both canvases."""
        self._colour, self._label = colour.batch(SOLID), label.batch(SOLID)

    def draw(self, seen: Sequence[Seen], meshes: Sequence[Mesh], bulbs: Floats, view: View) -> None:
        """Show the ``meshes`` of the road users ``seen``, lit by street lamps at ``bulbs`` (k, 3), ego frame, m."""
        self._colour.show(bool(seen))
        self._label.show(bool(seen))
        if not seen:
            return
        eye = view.to_ego @ view.eye
        front, owner = _fronts(seen, meshes, eye)
        paint = np.stack([paint_of(body.state, view.time) for body in seen])[owner, front.slots]
        labels = np.concatenate([label_colours(CLASS[body.state.category], body.slot, 1) for body in seen])
        for batch, colours in (
            (self._colour, _shaded(front, paint, _street_light(front, owner, seen, bulbs, view), view)),
            (self._label, labels.take(owner, axis=0)),
        ):
            batch.shape(front.points, front.faces)
            batch.colours(colours)


def _fronts(seen: Sequence[Seen], meshes: Sequence[Mesh], eye: Floats) -> tuple[Mesh, NDArray[np.intp]]:
    """What of ``meshes`` is turned to ``eye`` (3,), as one mesh; and the number (n,) of the body that a point is of."""
    faces, start = [], 0
    for body, mesh in zip(seen, meshes, strict=True):
        c, s, x, y = math.cos(body.heading), math.sin(body.heading), eye[0] - body.x, eye[1] - body.y
        way = np.array([c * x + s * y, -s * x + c * y, eye[2] - body.state.z], np.float32)
        faces.append(mesh.faces.take(_bounds(*_model(body.state)).facing(way), axis=0) + np.int32(start))
        start += len(mesh.points)
    rows, compacted = compact(np.concatenate(faces), start)
    points, normals, slots = (
        np.concatenate([getattr(mesh, name) for mesh in meshes]).take(rows, axis=0)
        for name in ("points", "normals", "slots")
    )
    owner = np.repeat(np.arange(len(meshes)), [len(mesh.points) for mesh in meshes]).take(rows)
    return Mesh(points, normals, compacted, slots), owner


def _in_sight(body: Seen, camera: Camera) -> bool:
    radius = 0.5 * math.hypot(*body.state.size) + 0.5
    ahead = body.x - camera.x
    widest = max(camera.cx, camera.width - camera.cx) / camera.fx
    return -radius < ahead < SIGHT and abs(body.y - camera.y) < widest * max(ahead, 0) + radius * (1 + widest)


def body_mesh(body: Seen) -> Mesh:
    """The body in the ego frame, in its box. A point of a track keeps its number from frame to frame."""
    return _sized(*_model(body.state)).turned(body.heading).moved((body.x, body.y, body.state.z))


def _model(state: ObjectState) -> tuple[str, int, int, tuple[float, float, float]]:
    """Category, variant, pose and size: what tells one mesh from another."""
    stride = STRIDES.get(state.category)
    pose = 0 if stride is None else int(state.travelled / stride * POSES) % POSES
    return state.category, _variant(state), pose, state.size


def _variant(state: ObjectState) -> int:
    return 0 if state.category == "traffic_light" else seed_of(state) % VARIANTS


@lru_cache(maxsize=768)
def _sized(category: str, variant: int, pose: int, size: tuple[float, float, float]) -> Mesh:
    if category == "pedestrian":
        mesh = people.pedestrian(variant, pose, is_child=size[2] < CHILD_BELOW)
    elif category == "animal":
        mesh = animals.animal(variant, pose, POSES, size[2])
    elif category == "obstacle":
        mesh = obstacle(variant, size)
    else:
        mesh = traffic_light() if category == "traffic_light" else _unit_vehicle(category, variant)
    return mesh.scaled(size)


@lru_cache(maxsize=768)
def _bounds(category: str, variant: int, pose: int, size: tuple[float, float, float]) -> Bounds:
    mesh = _sized(category, variant, pose, size)
    return Bounds(mesh.points, mesh.faces)


@cache
def _unit_vehicle(category: str, variant: int) -> Mesh:
    return vehicle(category, variant).fitted((1, 1, 1))


def _street_light(mesh: Mesh, owner: NDArray[np.intp], seen: Sequence[Seen], bulbs: Floats, view: View) -> Floats:
    """The light (n,) of the street lamps near each body on its points; ``owner`` (n,): the body of each, in order."""
    light = np.zeros(len(mesh.points), np.float32)
    if view.look.shine:
        ends = np.searchsorted(owner, np.arange(len(seen) + 1)).tolist()
        for body, low, high in zip(seen, ends[:-1], ends[1:], strict=True):
            near = bulbs[np.hypot(bulbs[:, 0] - body.x, bulbs[:, 1] - body.y) < LAMP_REACH]
            light[low:high] = lamp_light(mesh.points[low:high], mesh.normals[low:high], near)
    return light


def _shaded(mesh: Mesh, paint: Floats, street: Floats, view: View) -> NDArray[np.uint8]:
    """The colours (n, 4) of bodies of ``paint`` (n, 7) by all lights; ``street`` (n,): the light of street lamps."""
    surface = dusted(Surface(mesh.points, mesh.normals, paint[:, :3], paint[:, 3:6], paint[:, 6]), view.look)
    colour = daylit(surface, view.look, heading=view.heading) + surface.glow
    if view.look.shine:
        light = street[:, None] * LAMP_COLOUR + head_light(mesh.points, mesh.normals)[:, None]
        colour = colour + surface.albedo * light * view.look.shine
    return hazed(colour, mesh.points, view.look, view.to_ego @ view.eye)


def lamp_places(state: ObjectState) -> Mapping[str, Floats]:
    """Where the lamps of a vehicle are: name -> (k, 3) in its unit box."""
    return _lamp_places(state.category, _variant(state))


@cache
def _lamp_places(category: str, variant: int) -> Mapping[str, Floats]:
    mesh = _unit_vehicle(category, variant)

    def middles(slot: str, keep: NDArray[np.bool_]) -> Floats:
        own = mesh.points[(mesh.slots == SLOT[slot]) & keep]
        sides = [own[own[:, 1] > 0.1], own[own[:, 1] < -0.1]]
        found = [side.mean(0) for side in sides if len(side)] or ([own.mean(0)] if len(own) else [])
        return np.array(found, np.float32).reshape(-1, 3)

    front = mesh.points[:, 0] > 0
    places = {name: middles(name, np.ones_like(front)) for name in ("head", "tail", "brake")}
    for side in ("left", "right"):
        places[f"{side} front"], places[f"{side} rear"] = middles(side, front), middles(side, ~front)
    return places

"""The road users of one frame: bodies in their boxes, painted and lit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drivesim.town.bodies import Shape, shape_of
from drivesim.town.classes import CLASS, label_colour
from drivesim.town.culling import compact
from drivesim.town.engine import Canvas, Layer
from drivesim.town.looks import LAMP_COLOUR, Surface, daylit, hazed, head_light, lamp_light
from drivesim.town.meshes import Mesh, rotation
from drivesim.town.paint import paint_of
from drivesim.town.slots import SLOTS
from drivesim.town.view import View
from drivesim.town.weather import dusted
from scenarios.facts import Camera, EgoState
from scenarios.object_state import ObjectState

Floats = NDArray[np.floating]
SIGHT = 260.0  # m
LAMP_REACH = 30.0  # m at which a street lamp still lights a body
COARSE_FROM = 50.0  # m from the ego at which bodies are drawn without what is finer than a pixel there
SOLID = Layer(40, depth="solid")  # before the street, as most of them are nearer: what is hidden is drawn faster


@dataclass(frozen=True, slots=True)
class Seen:
    """A road user that may be in the picture.

    ``slot``: its number in the label pass. ``x, y, heading``: its place in the ego frame, m and rad. ``is_coarse``: in
    which detail all passes draw it.
    """

    state: ObjectState
    slot: int
    x: float
    y: float
    heading: float
    is_coarse: bool

    @property
    def shape(self) -> Shape:
        """Its shape in its own frame."""
        return shape_of(self.state, is_coarse=self.is_coarse)

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
    is_coarse = math.hypot(dx, dy) > COARSE_FROM
    return Seen(state, slot, c * dx + s * dy, -s * dx + c * dy, state.heading - ego.heading, is_coarse)


class Traffic:
    """Draws the road users of one frame after another."""

    def __init__(self, colour: Canvas, label: Canvas) -> None:
        """Draw onto both canvases."""
        self._colour, self._label = colour.batch(SOLID), label.batch(SOLID)

    def draw(self, seen: Sequence[Seen], bulbs: Floats, view: View) -> None:
        """Show the road users ``seen``, lit by street lamps at ``bulbs`` (k, 3), ego frame, m."""
        self._colour.show(bool(seen))
        self._label.show(bool(seen))
        if not seen:
            return
        seen = sorted(seen, key=lambda body: body.x)
        eye = view.to_ego @ view.eye
        front, owner = _fronts(seen, eye)
        paint = np.concatenate([paint_of(body.state, view.time) for body in seen])
        paint = paint.take(owner * len(SLOTS) + front.slots, axis=0)
        labels = np.array([label_colour(CLASS[body.state.category], body.slot) for body in seen], np.uint8)
        for batch, colours in (
            (self._colour, _shaded(front, paint, _street_light(front, owner, seen, bulbs, view), view)),
            (self._label, labels.take(owner, axis=0)),
        ):
            batch.shape(front.points, front.faces)
            batch.colours(colours)


def body_mesh(body: Seen) -> Mesh:
    """The body in the ego frame, in its box. A point of a track keeps its number from frame to frame in one detail."""
    return body.shape.mesh.turned(body.heading).moved((body.x, body.y, body.state.z))


def _fronts(seen: Sequence[Seen], eye: Floats) -> tuple[Mesh, NDArray[np.intp]]:
    """What of the bodies ``seen`` is turned to ``eye`` (3,), as one mesh; and the number (n,) of each point's body."""
    shapes = [body.shape for body in seen]
    meshes = [shape.mesh for shape in shapes]
    counts, sizes = [len(mesh.points) for mesh in meshes], [len(mesh.faces) for mesh in meshes]
    c, s, x, y, z = (
        np.array([(math.cos(body.heading), math.sin(body.heading), body.x, body.y, body.state.z) for body in seen])
        .astype(np.float32)
        .T
    )
    way_x, way_y = eye[0] - x, eye[1] - y
    eyes = np.stack([c * way_x + s * way_y, -s * way_x + c * way_y, eye[2] - z, np.ones_like(z)])
    planes = np.concatenate([shape.planes for shape in shapes], axis=1)
    is_front = np.einsum("ij,ij->j", np.repeat(eyes, sizes, axis=1), planes) > 0
    faces = np.concatenate([mesh.faces for mesh in meshes]) + np.repeat(_starts(counts), sizes)[:, None]
    rows, faces = compact(faces[is_front], sum(counts))
    owner = np.repeat(np.arange(len(seen)), counts).take(rows)
    points, normals, slots = (
        np.concatenate([getattr(mesh, name) for mesh in meshes]).take(rows, axis=0)
        for name in ("points", "normals", "slots")
    )
    c, s, place = c.take(owner), s.take(owner), np.stack([x, y, z], -1).take(owner, axis=0)
    return Mesh(_turned(points, c, s) + place, _turned(normals, c, s), faces, slots), owner


def _starts(counts: Sequence[int]) -> NDArray[np.int32]:
    return np.cumsum([0, *counts[:-1]], dtype=np.int32)


def _turned(vectors: Floats, cos: Floats, sin: Floats) -> Floats:
    """Vectors (n, 3) turned about the z axis, each by its own angle."""
    x, y, z = vectors.T
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], -1)


def _in_sight(body: Seen, camera: Camera) -> bool:
    radius = 0.5 * math.hypot(*body.state.size) + 0.5
    ahead = body.x - camera.x
    widest = max(camera.cx, camera.width - camera.cx) / camera.fx
    return -radius < ahead < SIGHT and abs(body.y - camera.y) < widest * max(ahead, 0) + radius * (1 + widest)


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

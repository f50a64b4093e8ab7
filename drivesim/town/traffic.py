"""The road users of one frame: bodies in their boxes, contact shadows, and the glow of their lamps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from drivesim.town.classes import CLASS, label_colours
from drivesim.town.engine import Canvas, Layer
from drivesim.town.looks import LAMP_COLOUR, Surface, daylit, hazed, head_light, lamp_light
from drivesim.town.meshes import Mesh
from drivesim.town.paint import paint_of
from drivesim.town.people import POSES, STRIDE, pedestrian
from drivesim.town.vehicles import SLOT, vehicle
from drivesim.town.view import View
from scenarios.facts import Camera
from scenarios.timeline import ObjectState

Floats = NDArray[np.float32]
SIGHT = 260.0  # m


class Traffic:
    """Draws the road users of one frame after another."""

    def __init__(self, colour: Canvas, label: Canvas, camera: Camera) -> None:
        """Draw onto both canvases what ``camera`` can see."""
        self._camera = camera
        self._colour, self._label = colour.batch(Layer(40, depth="solid")), label.batch(Layer(40, depth="solid"))

    def draw(self, states: Sequence[ObjectState], bulbs: Floats, view: View) -> None:
        """Show ``states``; the slot of a state in the label pass is its place in ``states`` plus one."""
        bodies, labels = [], []
        faces, start = [], 0
        for slot, state in enumerate(states, start=1):
            x, y, heading = placed(state, view)
            if not in_sight(state, x, y, self._camera):
                continue
            mesh = _body(state).scaled(state.size)
            bodies.append(_lit(mesh, state, (x, y, heading), bulbs, view))
            labels.append(label_colours(CLASS[state.category], slot, len(mesh.points)))
            faces.append(mesh.faces + start)
            start += len(mesh.points)
        self._colour.show(bool(bodies))
        self._label.show(bool(bodies))
        if bodies:
            points, joined = np.concatenate([p for p, _ in bodies]), np.concatenate(faces)
            for batch, colours in ((self._colour, np.concatenate([c for _, c in bodies])), (self._label, np.concatenate(labels))):
                batch.shape(points, joined)
                batch.colours(colours)


def placed(state: ObjectState, view: View) -> tuple[float, float, float]:
    """Where a road user stands in the ego frame: x, y in m and heading in rad."""
    dx, dy = state.x - view.x, state.y - view.y
    c, s = math.cos(view.heading), math.sin(view.heading)
    return c * dx + s * dy, -s * dx + c * dy, state.heading - view.heading


def in_sight(state: ObjectState, x: float, y: float, camera: Camera) -> bool:
    """Whether any of it may be in the picture."""
    radius = 0.5 * math.hypot(*state.size) + 0.5
    ahead = x - camera.x
    widest = max(camera.cx, camera.width - camera.cx) / camera.fx
    return -radius < ahead < SIGHT and abs(y - camera.y) < widest * max(ahead, 0) + radius * (1 + widest)


def _body(state: ObjectState) -> Mesh:
    """The body in a unit box, shared by all tracks of a kind."""
    if state.category == "pedestrian":
        return pedestrian(state.track_id % 12, int(state.travelled / STRIDE * POSES) % POSES)
    return _unit_vehicle(state.category, state.track_id % 6)


@cache
def _unit_vehicle(category: str, variant: int) -> Mesh:
    return vehicle(category, variant).fitted((1, 1, 1))


def _lit(mesh: Mesh, state: ObjectState, place: tuple[float, float, float], bulbs: Floats, view: View) -> tuple[Floats, NDArray[np.uint8]]:
    """Points (n, 3) in the ego frame and their colours (n, 4)."""
    x, y, heading = place
    mesh = mesh.turned(heading).moved((x, y, 0))
    paint = paint_of(state, view.time)[mesh.slots]
    surface = Surface(mesh.points, mesh.normals, paint[:, :3], paint[:, 3:6], paint[:, 6])
    colour = daylit(surface, view.look, heading=view.heading) + surface.glow
    if view.look.lamps > 0.01:
        near = bulbs[np.hypot(bulbs[:, 0] - x, bulbs[:, 1] - y) < 30]
        street = lamp_light(mesh.points, mesh.normals, near)[:, None] * LAMP_COLOUR
        colour = colour + surface.albedo * (street + head_light(mesh.points, mesh.normals)[:, None]) * view.look.lamps
    eye = view.to_ego @ view.eye
    return mesh.points, hazed(colour, mesh.points, view.look, eye)


@cache
def lamp_places(category: str, variant: int) -> dict[str, Floats]:
    """Where the lamps of a vehicle are: slot name -> (k, 3) in its unit box, one per side."""
    mesh, places = _unit_vehicle(category, variant), {}
    for name in ("head", "tail", "brake"):
        own = mesh.points[mesh.slots == SLOT[name]]
        sides = [own[own[:, 1] * sign > 0.1] for sign in (1, -1)] if len(own) else []
        if own.size and not any(len(side) for side in sides):
            sides = [own]
        places[name] = np.array([side.mean(0) for side in sides if len(side)], np.float32).reshape(-1, 3)
    return places

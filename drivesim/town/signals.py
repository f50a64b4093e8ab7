"""Traffic lights: the housing with its three lamps, of which one is lit."""

from __future__ import annotations

from functools import cache

import numpy as np

from drivesim.town.meshes import Floats, Mesh, box, fan, merge, quads
from drivesim.town.slots import DARK, SLOT, TRIM
from scenarios.object_state import ObjectState

# Slot -> the colour that `ObjectState.appearance` names, and the light that the lamp gives.
LAMPS = {
    "red lamp": ((220, 40, 40), (1.0, 0.10, 0.06)),
    "amber lamp": ((245, 180, 30), (1.0, 0.62, 0.06)),
    "green lamp": ((40, 200, 90), (0.10, 1.0, 0.50)),
}
_HEIGHTS = {"red lamp": 0.80, "amber lamp": 0.50, "green lamp": 0.20}  # m
_RADIUS, _FRONT = 0.125, 0.02  # m


@cache
def traffic_light() -> Mesh:
    """A head whose lamps shine towards +x, in a unit box: a dark housing before a board with a white rim."""
    parts = [
        box((-0.13, -0.20, 0.0), (-0.10, 0.20, 1.0), SLOT["white"]),
        box((-0.14, -0.18, 0.02), (-0.085, 0.18, 0.98), DARK),
        box((-0.10, -0.155, 0.04), (_FRONT, 0.155, 0.96), TRIM),
    ]
    for name, z in _HEIGHTS.items():
        angles = 2 * np.pi * np.arange(12) / 12
        ring = np.c_[np.full(12, _FRONT + 0.012), _RADIUS * np.cos(angles), z + _RADIUS * np.sin(angles)]
        parts += [fan(ring, SLOT[name]), _visor(z)]
    return merge(parts).fitted((1, 1, 1))


def _visor(z: float) -> Mesh:
    """A hood over a lamp, seen from inside and outside."""
    angles = np.linspace(-0.1, np.pi + 0.1, 6)
    near = np.c_[np.full(6, _FRONT), 0.145 * np.cos(angles), z + 0.145 * np.sin(angles)]
    far = near + np.array([0.17, 0, 0])
    outer = np.stack([near[:-1], far[:-1], far[1:], near[1:]], 1)
    return quads(np.concatenate([outer, outer[:, ::-1]]), DARK)


def lit_lamp(appearance: tuple[int, int, int]) -> str:
    """The slot of the lamp that is lit: the one whose colour is nearest to ``appearance``."""
    return min(LAMPS, key=lambda name: float(np.square(np.subtract(LAMPS[name][0], appearance)).sum()))


def signal_lamp(state: ObjectState) -> tuple[Floats, Floats]:
    """Where the lit lamp of a traffic light is, (3,) in its unit box, and the colour of its light (3,)."""
    name, mesh = lit_lamp(state.appearance), traffic_light()
    return mesh.points[mesh.slots == SLOT[name]].mean(0), np.array(LAMPS[name][1], np.float32)

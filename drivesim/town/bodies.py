"""The shapes of road users: which mesh a state has, in its own frame and size, near and far away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from drivesim.town import animals, people
from drivesim.town.culling import planes
from drivesim.town.meshes import Mesh
from drivesim.town.paint import seed_of
from drivesim.town.people import POSES
from drivesim.town.props import obstacle
from drivesim.town.signals import traffic_light
from drivesim.town.slots import SLOT
from drivesim.town.vehicles import vehicle
from scenarios.object_state import ObjectState

Floats = NDArray[np.floating]
VARIANTS = 28  # of each body; a track keeps its own
STRIDES = {"pedestrian": people.STRIDE, "animal": animals.STRIDE}  # m in which legs swing once to and fro
CHILD_BELOW = 1.4  # m


@dataclass(frozen=True, slots=True)
class Shape:
    """The ``mesh`` of a road user, m, and the ``planes`` (4, m) of its faces, see `culling.planes`."""

    mesh: Mesh
    planes: Floats


def shape_of(state: ObjectState, *, is_coarse: bool) -> Shape:
    """The shape of a road user, standing on the origin with its front towards +x.

    ``is_coarse``: as it is drawn far away. Points of a track keep their numbers as it walks, but not from one detail to
    the other.
    """
    stride = STRIDES.get(state.category)
    pose = 0 if stride is None else int(state.travelled / stride * POSES) % POSES
    return _shape(state.category, _variant(state), pose, state.size, is_coarse)


def _variant(state: ObjectState) -> int:
    return 0 if state.category == "traffic_light" else seed_of(state) % VARIANTS


@lru_cache(maxsize=1024)
def _shape(category: str, variant: int, pose: int, size: tuple[float, float, float], is_coarse: bool) -> Shape:
    if category == "pedestrian":
        mesh = people.pedestrian(variant, pose, is_child=size[2] < CHILD_BELOW, is_coarse=is_coarse)
    elif category == "animal":
        mesh = animals.animal(variant, pose, POSES, size[2])
    elif category == "obstacle":
        mesh = obstacle(variant, size)
    else:
        mesh = traffic_light() if category == "traffic_light" else _unit_vehicle(category, variant, is_coarse)
    mesh = mesh.scaled(size)
    return Shape(mesh, planes(mesh.points, mesh.faces))


@cache
def _unit_vehicle(category: str, variant: int, is_coarse: bool) -> Mesh:
    return vehicle(category, variant, is_coarse=is_coarse).fitted((1, 1, 1))


def lamp_places(state: ObjectState) -> Mapping[str, Floats]:
    """Where the lamps of a vehicle are: name -> (k, 3) in its unit box."""
    return _lamp_places(state.category, _variant(state))


@cache
def _lamp_places(category: str, variant: int) -> Mapping[str, Floats]:
    mesh = _unit_vehicle(category, variant, False)

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

"""The fixed rows of nuScenes' tables, and the geometry between our frames of reference and its own.

nuScenes: global and ego frames as ours (x forward, y left, z up), the camera's as ours (z forward); rotations are unit
quaternions (w, x, y, z) that turn the inner frame into the outer one; sizes are (width, length, height), m.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

from scenarios.facts import Camera, EgoState, ObjectFacts

Record = dict[str, Any]
CHANNEL = "CAM_FRONT"
TABLES = (
    "category", "attribute", "visibility", "instance", "sensor", "calibrated_sensor", "ego_pose", "log", "scene",
    "sample", "sample_data", "sample_annotation", "map",
)  # fmt: skip
ATTRIBUTES = ("vehicle.moving", "vehicle.stopped", "cycle.with_rider", "pedestrian.moving", "pedestrian.standing")
LEVELS = ("v0-40", "v40-60", "v60-80", "v80-100")
"""Of visibility; the tokens are "1" to "4"."""
MOVING = 0.1  # m/s, from which on a road user moves


def token(*key: object) -> str:
    """The token of a row: the md5 of what tells it from all others, so that the same dataset gives the same tables.

    >>> token("scene", "town-0")
    '69ec5991b5e2c9fc3bce038d7ecef78b'
    """
    return hashlib.md5("/".join(map(str, key)).encode(), usedforsecurity=False).hexdigest()


def yaw(heading: float) -> list[float]:
    """The quaternion of a turn by ``heading`` rad about the z axis."""
    return [math.cos(heading / 2), 0.0, 0.0, math.sin(heading / 2)]


def camera_rotation(camera: Camera) -> list[float]:
    """The quaternion that turns the camera's frame into the ego's (the inverse of `scenarios.camera.to_camera`).

    The turn of a level camera, (1, -1, 1, -1) / 2, followed by the pitch about the ego's y axis.

    >>> camera_rotation(Camera())
    [0.5, -0.5, 0.5, -0.5]
    """
    cos, sin = math.cos(camera.pitch / 2) / 2, math.sin(camera.pitch / 2) / 2
    return [cos - sin, -cos - sin, cos + sin, sin - cos]


def intrinsic(camera: Camera) -> list[list[float]]:
    """The camera's matrix (3 3), px. An image reaches from 0 to its width, as in the dev-kit's `box_in_image`."""
    return [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]]


def global_box(ego: EgoState, thing: ObjectFacts) -> Record:
    """Centre, size and rotation of a thing's box in the global frame, which is our world's."""
    assert thing.center is not None
    assert thing.size is not None
    assert thing.heading is not None
    (x, y, z), (length, width, height) = thing.center, thing.size
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    return {
        "translation": [ego.x + cos * x - sin * y, ego.y + sin * x + cos * y, z],
        "size": [width, length, height],
        "rotation": yaw(ego.heading + thing.heading),
    }


def visibility(occlusion: float | None) -> str:
    """The token of what is seen of a box, in four bins; "" where it is unknown.

    >>> visibility(0.0), visibility(0.3), visibility(0.9), visibility(None)
    ('4', '3', '1', '')
    """
    if occlusion is None:
        return ""
    seen = 1.0 - occlusion
    return str(1 + (seen >= 0.4) + (seen >= 0.6) + (seen >= 0.8))


def attribute(thing: ObjectFacts) -> str | None:
    """The attribute that nuScenes gives a thing of this kind; None: none, or its speed is unknown."""
    if thing.category in ("bicycle", "motorcycle"):
        return "cycle.with_rider"
    if thing.group == "other" or thing.speed is None:
        return None
    moves = abs(thing.speed) >= MOVING
    if thing.group == "person":
        return "pedestrian.moving" if moves else "pedestrian.standing"
    return "vehicle.moving" if moves else "vehicle.stopped"


def fixed_tables(categories: list[str]) -> dict[str, list[Record]]:
    """All tables, with the rows that do not depend on any clip. ``categories``: names, each once."""
    tables: dict[str, list[Record]] = {name: [] for name in TABLES}
    tables["category"] = [
        {"token": token("category", name), "name": name, "description": "", "index": index}
        for index, name in enumerate(categories, start=1)
    ]
    tables["attribute"] = [{"token": token("attribute", name), "name": name, "description": ""} for name in ATTRIBUTES]
    tables["visibility"] = [
        {"token": str(index), "level": level, "description": f"{level[1:]}% of the box is seen by the front camera"}
        for index, level in enumerate(LEVELS, start=1)
    ]
    tables["sensor"] = [{"token": token("sensor", CHANNEL), "channel": CHANNEL, "modality": "camera"}]
    return tables

"""What stands beside the road and how far the ego has come, as maps (k h w) drawn from the camera. Unknown is not none.

The scenery is drawn face by face, far to near, so that near covers far and a house shows its edges. The ground carries
waves that are fixed to the road and stand still in the world: how they move from frame to frame is the ego's own
motion, at every place of the picture. They are longer than twice the way between two key frames at any usual speed, but
for the first, which is that of a dashed line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from conditioning.layout import NEAR, SHIFT, fixed_point
from scenarios.camera import NEAR as NEAR_PLANE
from scenarios.camera import boxes_corners, project_points, project_polygon
from scenarios.facts import Camera, SceneryFacts
from scenarios.still_facts import SCENERY_KINDS

SCENERY_CHANNELS = {
    **{kind: f"1: the nearest scenery is a {kind}" for kind in SCENERY_KINDS},
    "distance": "NEAR / distance of the face, at most 1",
    "facing": "cosine between the face and the line of sight to it: 1 is seen from ahead, 0 from aside",
}
WAVES = (9.0, 48.0)  # m: of the ground
GROUND_CHANNELS = {
    f"{shape}_{wave:g}": f"{shape} of the way along the road, a turn every {wave:g} m"
    for wave in WAVES
    for shape in ("sin", "cos")
}
_FACES = np.array([(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (0, 3, 2, 1), (4, 5, 6, 7)])
"""Corners of `box_corners`, counter-clockwise from outside."""
FINE_ROWS = 256  # rows that faces are drawn on, at most four for a cell, before they are averaged down
_FINER = 16  # rows of the ground that are averaged into one


@dataclass(frozen=True)
class Faces:
    """The sides of the scenery that one frame shows.

    ``numbers`` (h w): of the face that each pixel shows, from 1; 0: none. ``corners`` (f 4 3): of all faces, seen or
    not, in the ego frame, m. ``away`` (f): their distances from the eye, m. ``facing`` (f): cosine between a face and
    the line of sight to it. ``kinds``: their scenery's.
    """

    numbers: np.ndarray
    corners: np.ndarray
    away: np.ndarray
    facing: np.ndarray
    kinds: Sequence[str]


def draw_faces(scenery: Sequence[SceneryFacts], camera: Camera, size: tuple[int, int]) -> Faces:
    """The faces of the scenery of one frame, drawn finer than maps of ``size`` (h, w) cells."""
    h, w = size
    finer = max(1, min(4, FINE_ROWS // h))
    numbers = np.zeros((h * finer, w * finer), np.int32)
    if not scenery:
        return Faces(numbers, np.zeros((0, 4, 3)), np.zeros(0), np.zeros(0), ())
    eye = np.array([camera.x, camera.y, camera.z])
    corners = boxes_corners([(thing.center, thing.size, thing.heading) for thing in scenery])
    faces = corners[:, _FACES].reshape(-1, 4, 3)
    normals = np.cross(faces[:, 1] - faces[:, 0], faces[:, 3] - faces[:, 0])
    sight = eye - faces.mean(1)
    away = np.linalg.norm(sight, axis=1)
    facing = (sight * normals).sum(1) / (away * np.linalg.norm(normals, axis=1))
    nearest = np.linalg.norm(faces - eye, axis=2).min(1)
    large, seen = camera.resized(w * finer, h * finer), np.flatnonzero(facing > 0)
    far_to_near = seen[np.argsort(-nearest[seen], kind="stable")]
    pixels, depths = project_points(large, faces[far_to_near].reshape(-1, 3))
    whole = np.asarray((depths.reshape(-1, 4) >= NEAR_PLANE).all(axis=1))
    outlines = iter(fixed_point(pixels.reshape(-1, 4, 2)[whole]))  # most; the near plane cuts the others
    for face, uncut in zip(far_to_near.tolist(), whole.tolist(), strict=True):
        outline = next(outlines) if uncut else fixed_point(project_polygon(large, faces[face]))
        if len(outline) >= 3:
            cv2.fillPoly(numbers, [outline], face + 1, cv2.LINE_8, SHIFT)
    kinds = [thing.kind for thing in scenery for _ in _FACES]
    return Faces(numbers, faces, away, facing, kinds)


def scenery_maps(faces: Faces, size: tuple[int, int]) -> np.ndarray:
    """The scenery of one frame as float32 maps (6 h w) in [0, 1]; channels: `SCENERY_CHANNELS`.

    ``size``: (h, w) of the maps in cells, that the ``faces`` were drawn for.
    """
    h, w = size
    kinds = [[name == kind for name in faces.kinds] for kind in SCENERY_KINDS]
    nearness = NEAR / np.maximum(faces.away, NEAR)
    values = np.concatenate([np.array(kinds), nearness[None], faces.facing[None]]).astype(np.float32)
    values = np.pad(values, ((0, 0), (1, 0)))  # no face: all zero
    return np.stack([cv2.resize(value[faces.numbers], (w, h), interpolation=cv2.INTER_AREA) for value in values])


def ground_maps(odometer: float, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """The waves of flat ground ahead of an ego that has come ``odometer`` m, as maps (4 h w) in [-1, 1].

    Channels: `GROUND_CHANNELS`; where a wave is finer than a cell it fades. ``size``: (h, w) of the maps in cells.
    """
    h, w = size
    rows = (np.arange(h * _FINER) + 0.5) * camera.height / (h * _FINER)
    down = (rows - camera.cy) / camera.fy
    cos, sin = math.cos(camera.pitch), math.sin(camera.pitch)
    fall = sin + cos * down  # of a row's rays, per unit of depth
    depth = camera.z / np.maximum(fall, 1e-9)
    way = odometer + camera.x + depth * (cos - sin * down)
    step = np.abs(np.gradient(way))  # m from row to row: a wave finer than two of them cannot be drawn
    waves = [
        shape(way * (2 * math.pi / wave)) * ((fall > 0) & (2 * step < wave))
        for wave in WAVES
        for shape in (np.sin, np.cos)
    ]
    cells = np.stack(waves).reshape(len(waves), h, _FINER).mean(2)
    return np.repeat(cells[..., None], w, axis=2).astype(np.float32)

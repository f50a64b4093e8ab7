"""What every place of a picture shows of the still world: flat ground, a face of the scenery, or the sky."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from conditioning.surroundings import Faces
from scenarios.facts import Camera, EgoState

UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Surfaces:
    """The surfaces that one frame shows. Ground is wherever no face is and the line of sight leads down.

    ``camera``: of pictures of h x w cells. ``eye`` (3): its place in the world, m. ``turn`` (3 3): from the ego's axes
    to the world's. ``numbers`` (h w): 0 ground or sky, else a face. ``normals`` (f + 1, 3): of the ground, then of each
    face, in the world's axes. ``offsets`` (f + 1): from the eye to each plane along its normal, m.
    """

    camera: Camera
    eye: np.ndarray
    turn: np.ndarray
    numbers: np.ndarray
    normals: np.ndarray
    offsets: np.ndarray

    @classmethod
    def seen(cls, faces: Faces, ego: EgoState, camera: Camera, size: tuple[int, int]) -> Surfaces:
        """What ``camera`` sees from the pose of ``ego`` in pictures of ``size`` (h, w).

        ``faces``: of the scenery, drawn by this camera for maps of this size.
        """
        h, w = size
        finer = len(faces.numbers) // h
        cos, sin = math.cos(ego.heading), math.sin(ego.heading)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        mount = turn @ [camera.x, camera.y, camera.z]  # from the ego's origin
        corners = faces.corners @ turn.T - mount
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])
        normals = np.concatenate([UP[None], normals / np.linalg.norm(normals, axis=1, keepdims=True)])
        points = np.concatenate([-mount[None], corners[:, 0]])
        return cls(
            camera=camera.resized(w, h), eye=np.array([ego.x, ego.y, 0.0]) + mount, turn=turn,
            numbers=faces.numbers[finer // 2 :: finer, finer // 2 :: finer],  # at the middle of each cell
            normals=normals, offsets=(points * normals).sum(1),
        )  # fmt: skip

    @cached_property
    def rays(self) -> np.ndarray:
        """The line of sight (h w 3) of the middle of each cell, in the world's axes; 1 long along the optical axis."""
        camera = self.camera
        right = (np.arange(camera.width) + 0.5 - camera.cx) / camera.fx
        down = ((np.arange(camera.height) + 0.5 - camera.cy) / camera.fy)[:, None]
        cos, sin = math.cos(camera.pitch), math.sin(camera.pitch)
        forward, left, up = np.broadcast_arrays(cos - sin * down, -right, -sin - cos * down)
        return np.stack([forward, left, up], -1) @ self.turn.T

    @cached_property
    def depth(self) -> np.ndarray:
        """The distance (h w) of what is seen along the optical axis, m; infinite in the sky."""
        towards = (self.normals[self.numbers] * self.rays).sum(-1)
        sky = (self.numbers == 0) & (towards >= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(sky, np.inf, self.offsets[self.numbers] / towards)

    def project(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where points at ``directions`` (... 3, m, from the eye, in the world's axes) are seen: x, y and depth (...).

        Pixels count from the middle of the first, as OpenCV does; they mean nothing where the depth is not positive.
        """
        forward, left, up = np.moveaxis(directions @ self.turn, -1, 0)
        camera = self.camera
        cos, sin = math.cos(camera.pitch), math.sin(camera.pitch)
        depth = cos * forward - sin * up
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = -left / depth, (-sin * forward - cos * up) / depth
        return camera.fx * x + camera.cx - 0.5, camera.fy * y + camera.cy - 0.5, depth

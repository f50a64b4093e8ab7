"""Exact depth and optical flow of the pixels of a frame, given the triangle that each pixel sees.

A pixel's ray meets the plane of a triangle at a weighted mean of its corners a, b, c. The weights are, up to a common
factor, the triple products of the ray with (b, c), (c, a) and (a, b). The same mean of the corners where they are in
the next frame is where the surface point goes, whatever moves them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivesim.town.meshes import cross
from scenarios.camera import NEAR
from scenarios.facts import Camera

Doubles = NDArray[np.float64]
ROWS = 32  # of pixels at a time: what is worked on stays in the processor's cache
SLACK = 0.05  # share of its depth by which a triangle's plane is followed beyond its corners


def depth_and_flow(
    faces: NDArray[np.intp], corners: Doubles, after: Doubles | None, camera: Camera
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Depth (h w), m along the optical axis, and flow (h w 2), px, of what is seen at the pixels' centres.

    ``faces`` (h w): which triangle a pixel sees. ``corners`` (f 3 3): the corners of the triangles in the camera frame,
    m. ``after``: the same in the camera frame of the next frame; None gives no flow.

    Flow is where the point is in the next image less where it is in this one, x right, y down, whether or not something
    hides it there. It is NaN where ``after`` is, and where the point will be less than `scenarios.camera.NEAR` m before
    the camera.

    The rasteriser also gives a triangle pixels whose centres it just misses. Their rays are met by its plane, but by
    the triangle's edge where the plane is so steep that this would be far from the triangle.
    """
    height, width = faces.shape
    x = (np.arange(width) + 0.5 - camera.cx) / camera.fx
    y = (np.arange(height)[:, None] + 0.5 - camera.cy) / camera.fy
    sides, now, later = _tables(_sides(corners)), _tables(corners), None if after is None else _tables(after)
    nearest, farthest = corners[..., 2].min(axis=1) * (1 - SLACK), corners[..., 2].max(axis=1) * (1 + SLACK)
    depth = np.empty((height, width), np.float32)
    flow = None if later is None else np.empty((height, width, 2), np.float32)
    for top in range(0, height, ROWS):
        band = slice(top, top + ROWS)
        face = faces[band]
        weights = [side[0].take(face) * x + side[1].take(face) * y[band] + side[2].take(face) for side in sides]
        z = _mean(weights, now, face)[2] / sum(weights)
        is_near = (z >= nearest.take(face)) & (z <= farthest.take(face))
        weights = [np.where(is_near, weight, np.maximum(weight, 1e-200)) for weight in weights]
        u, v, z = _mean(weights, now, face)
        depth[band] = z / sum(weights)
        if flow is not None and later is not None:
            u_later, v_later, z_later = _mean(weights, later, face)
            z_later[z_later < NEAR * sum(weights)] = np.nan
            flow[band, :, 0] = camera.fx * (u_later / z_later - u / z)
            flow[band, :, 1] = camera.fy * (v_later / z_later - v / z)
    return depth, flow


def _sides(corners: Doubles) -> Doubles:
    """Opposite to each corner (f 3 3): the normal of the plane through the eye and that side, towards the corner."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    sides = np.stack([cross(b, c), cross(c, a), cross(a, b)], axis=1)
    return sides * np.where(np.einsum("fc,fc->f", a, sides[:, 0]) < 0, -1.0, 1.0)[:, None, None]


def _tables(rows: Doubles) -> Doubles:
    """Rows (f 3 3) as nine tables (3 3 f), each in one piece of memory."""
    return np.ascontiguousarray(rows.transpose(1, 2, 0))


def _mean(weights: list[Doubles], tables: Doubles, face: NDArray[np.intp]) -> list[Doubles]:
    """The three coordinates of the weighted sum of the corners of each pixel's ``face``."""
    a, b, c = weights
    return [a * p.take(face) + b * q.take(face) + c * r.take(face) for p, q, r in tables.transpose(1, 0, 2)]

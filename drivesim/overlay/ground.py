"""From places to pixels: the world in the ego frame, the dashes of a line, lines and areas before the camera."""

from __future__ import annotations

import math

import numpy as np

from scenarios.camera import NEAR, project_line, project_points, project_polygon
from scenarios.facts import Camera, EgoState
from scenarios.road import DASH, DASH_PERIOD


def to_ego(ego: EgoState, points: np.ndarray) -> np.ndarray:
    """World points (n 2) in the ego frame (n 2), metres."""
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    x, y = points[:, 0] - ego.x, points[:, 1] - ego.y
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=1)


def dashes(points: np.ndarray, start: float) -> list[np.ndarray]:
    """The painted parts (2 2) of a dashed line through ``points`` (n 2), whose first point lies at s = ``start`` m.

    Dashes are painted where s modulo 9 m is below 3 m.

    >>> [part[:, 0].tolist() for part in dashes(np.array([[0.0, 0.0], [20.0, 0.0]]), start=8.0)]
    [[1.0, 4.0], [10.0, 13.0], [19.0, 20.0]]
    """
    along = start + np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    first = math.floor(along[0] / DASH_PERIOD) * DASH_PERIOD
    parts = []
    for begin in np.arange(first, along[-1], DASH_PERIOD):
        ends = np.clip([begin, begin + DASH], along[0], along[-1])
        if ends[1] > ends[0]:
            parts.append(np.stack([np.interp(ends, along, points[:, axis]) for axis in (0, 1)], axis=1))
    return parts


def line_pixels(camera: Camera, points: np.ndarray) -> list[np.ndarray]:
    """`project_line`, at a tenth of its time where the whole line (n 3, ego frame) lies before the camera."""
    pixels, depth = project_points(camera, points)
    return [pixels] if depth.min() >= NEAR else project_line(camera, points)


def area_pixels(camera: Camera, points: np.ndarray) -> np.ndarray:
    """`project_polygon`, at a tenth of its time where the whole polygon (n 3, ego frame) lies before the camera."""
    pixels, depth = project_points(camera, points)
    return pixels if depth.min() >= NEAR else project_polygon(camera, points)

"""From places to pixels: the world in the ego frame, outlines from above, lines and areas before the camera."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely

from scenarios.camera import NEAR, project_points
from scenarios.facts import Camera, EgoState, Point, RoadFacts
from scenarios.road import DASH, DASH_PERIOD, Road

STRIPE = 0.5  # m, the width of a zebra crossing's stripe, and of the gap beside it


def to_ego(ego: EgoState, points: np.ndarray) -> np.ndarray:
    """World points (n 2) in the ego frame (n 2), metres."""
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    x, y = points[:, 0] - ego.x, points[:, 1] - ego.y
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=1)


def poses_to_ego(ego: EgoState, poses: Sequence[tuple[float, float, float]]) -> np.ndarray:
    """World poses (x, y, heading) in the ego frame (n 3), metres and rad."""
    rows = np.array(poses, dtype=float).reshape(-1, 3)
    return np.concatenate([to_ego(ego, rows[:, :2]), rows[:, 2:] - ego.heading], axis=1)


def s_of(point: Point, ego: EgoState, road: Road, ego_s: float) -> float:
    """How far along ``road``, m, a point in the ego frame lies; the ego is at about ``ego_s`` m."""
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    x, y = ego.x + cos * point[0] - sin * point[1], ego.y + sin * point[0] + cos * point[1]
    return road.project(x, y, ego_s + point[0])[0]


def rectangles(poses: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Outlines (n 4 2) from above, from front left counter-clockwise, of bodies with these poses (n 3: x, y, heading).

    ``sizes`` (n 2 or more): length and width, m.

    >>> rectangles(np.array([[10.0, 0.0, np.pi / 2]]), np.array([[4.0, 2.0]])).round(3).tolist()
    [[[9.0, 2.0], [9.0, -2.0], [11.0, -2.0], [11.0, 2.0]]]
    """
    along = 0.5 * sizes[:, :1] * np.array([1.0, -1.0, -1.0, 1.0])
    across = 0.5 * sizes[:, 1:2] * np.array([1.0, 1.0, -1.0, -1.0])
    cos, sin = np.cos(poses[:, 2:3]), np.sin(poses[:, 2:3])
    return np.stack([poses[:, :1] + cos * along - sin * across, poses[:, 1:2] + sin * along + cos * across], axis=2)


def beside(road: RoadFacts, width: float) -> np.ndarray:
    """The drivable area widened by ``width`` m all around, as a polygon (n 2) in the ego frame."""
    wide = shapely.buffer(shapely.polygons(road.drivable), width, join_style="mitre")
    return shapely.get_coordinates(shapely.get_exterior_ring(wide))


def flat(points: np.ndarray) -> np.ndarray:
    """Points (n 2) on the ground as points (n 3) in space."""
    return np.concatenate([points, np.zeros((len(points), 1))], axis=1)


def dashes(points: np.ndarray, start: float) -> list[np.ndarray]:
    """The painted parts (each 2 k) of a dashed line through ``points`` (n k), whose first point is at s = ``start`` m.

    Dashes are painted where s modulo 9 m is below 3 m.

    >>> [part[:, 0].tolist() for part in dashes(np.array([[0.0, 0.0], [20.0, 0.0]]), start=8.0)]
    [[1.0, 4.0], [10.0, 13.0], [19.0, 20.0]]
    """
    along = start + np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    first = math.floor(along[0] / DASH_PERIOD) * DASH_PERIOD
    begins = np.arange(first, along[-1], DASH_PERIOD)
    ends = np.clip(np.stack([begins, begins + DASH], axis=1), along[0], along[-1])
    ends = ends[ends[:, 1] > ends[:, 0]]
    return list(np.stack([np.interp(ends, along, points[:, axis]) for axis in range(points.shape[1])], axis=2))


def line_pixels(camera: Camera, *lines: np.ndarray) -> list[np.ndarray]:
    """Polylines (n 3, ego frame) as pixel polylines (m 2), cut at the near plane: `project_line`, many at once."""
    if not lines:
        return []
    points = np.concatenate(lines)
    pixels, depth = project_points(camera, points)
    ahead = depth >= NEAR
    turns = np.flatnonzero(ahead[1:] != ahead[:-1])
    share = (NEAR * (1 + 1e-9) - depth[turns]) / (depth[turns + 1] - depth[turns])
    cuts, _ = project_points(camera, points[turns] + share[:, None] * (points[turns + 1] - points[turns]))
    parts, end = [], 0
    for line in lines:
        start, end = end, end + len(line)
        if ahead[start:end].all():
            parts.append(pixels[start:end])
            continue
        edges = start + np.flatnonzero(np.diff(ahead[start:end], prepend=False, append=False))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            before = cuts[turns == first - 1] if first > start else cuts[:0]
            after = cuts[turns == last - 1] if last < end else cuts[:0]
            parts.append(np.concatenate([before, pixels[first:last], after]))
    return parts


def area_pixels(camera: Camera, points: np.ndarray) -> np.ndarray:
    """The flat polygon ``points`` (n 3, ego frame) as pixels (m 2), cut at the near plane; (0 2) when behind it."""
    parts = line_pixels(camera, np.concatenate([points, points[:1]]))
    return np.concatenate(parts) if parts else np.zeros((0, 2))


def stripes(corners: np.ndarray) -> list[np.ndarray]:
    """The painted stripes (4 2) of a zebra crossing, m. ``corners`` (4 2): near and far right, far and near left."""
    near, far = corners[[0, 3]], corners[[1, 2]]
    count = max(1, int(np.linalg.norm(near[1] - near[0]) / (2 * STRIPE)))
    shares = (np.arange(2 * count + 1) / (2 * count))[:, None]
    near, far = (side[0] + shares * (side[1] - side[0]) for side in (near, far))
    return [np.stack([near[i], far[i], far[i + 1], near[i + 1]]) for i in range(0, 2 * count, 2)]

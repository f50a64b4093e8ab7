"""The pinhole camera: points, 3-D boxes and ground shapes to pixels; which box hides which.

This is the only place where 3-D becomes 2-D; inputs of networks and labels both come from here. Points are given in the
ego frame (metres), pixels as (x right, y down). Only elementwise arithmetic is used, so results are alike on every
processor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import Polygon

from scenarios.facts import Box, Camera

NEAR = 0.1  # metres: what is nearer to the image plane is cut off
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))


@dataclass(frozen=True, slots=True)
class Projection:
    """A 3-D box as the camera sees it.

    ``hull``: convex outline in the image, cut at the image border (shapely polygon, px). ``box``: its bounds (x1, y1,
    x2, y2).
    ``amodal_box``: bounds of the outline before the cut. ``truncation``: 1 - area(box) / area(amodal_box).
    ``depth``: distance of the box's centre along the optical axis, m. ``footprint``: the base's corners (4 2) in the
    ego frame, m.
    ``eye``: the camera's position (x, y) in the ego frame, m.
    """

    hull: Polygon = field(repr=False)
    box: Box
    amodal_box: Box
    truncation: float
    depth: float
    footprint: tuple[tuple[float, float], ...] = field(repr=False)
    eye: tuple[float, float] = field(repr=False)


def to_camera(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Points (n 3) of the ego frame in the camera frame (n 3): x right, y down, z forward."""
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    forward, left, up = points[:, 0] - camera.x, points[:, 1] - camera.y, points[:, 2] - camera.z
    cos, sin = math.cos(camera.pitch), math.sin(camera.pitch)
    return np.stack([-left, -sin * forward - cos * up, cos * forward - sin * up], axis=1)


def project_points(camera: Camera, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n 2) and depths (n) of points (n 3) in the ego frame; a pixel is NaN where the depth is below `NEAR`.

    >>> pixels, depth = project_points(Camera(pitch=0.0, x=0.0, z=1.5), np.array([[10.0, 0.0, 1.5]]))
    >>> pixels.tolist(), depth.tolist()
    ([[512.0, 256.0]], [10.0])
    """
    seen = to_camera(camera, points)
    depth = seen[:, 2]
    pixels = _pixels(camera, np.where(depth[:, None] >= NEAR, seen, np.nan))
    return pixels, depth


def box_corners(center: Sequence[float], size: Sequence[float], heading: float) -> np.ndarray:
    """Corners (8 3) of a box: the base counter-clockwise from front left, then the top in the same order."""
    length, width, height = size
    along = np.array([0.5, -0.5, -0.5, 0.5] * 2) * length
    across = np.array([0.5, 0.5, -0.5, -0.5] * 2) * width
    above = np.array([-0.5] * 4 + [0.5] * 4) * height
    cos, sin = math.cos(heading), math.sin(heading)
    x, y, z = center
    return np.stack([x + cos * along - sin * across, y + sin * along + cos * across, z + above], axis=1)


def project_box(camera: Camera, center: Sequence[float], size: Sequence[float], heading: float) -> Projection | None:
    """The box of ``center`` (x, y, z), ``size`` (l, w, h) and ``heading``, all in the ego frame, as the camera sees it.

    The 12 edges are clipped at the near plane, their convex hull at the image border. None when nothing of it is in
    the image.
    """
    corners = box_corners(center, size, heading)
    seen = to_camera(camera, corners)
    pixels = _edge_pixels(camera, seen)
    if len(pixels) < 3:
        return None
    (x1, y1), (x2, y2) = pixels.min(axis=0), pixels.max(axis=0)
    if x1 >= camera.width or y1 >= camera.height or x2 <= 0 or y2 <= 0:
        return None
    hull = shapely.multipoints(pixels).convex_hull
    if x1 < 0 or y1 < 0 or x2 > camera.width or y2 > camera.height:
        hull = shapely.clip_by_rect(hull, 0, 0, camera.width, camera.height)
    if hull.geom_type != "Polygon" or hull.area <= 0:
        return None
    box = _rounded(hull.bounds)
    amodal = _rounded((x1, y1, x2, y2))
    return Projection(
        hull=hull,
        box=box,
        amodal_box=amodal,
        truncation=round(min(1.0, max(0.0, 1.0 - _area(box) / _area(amodal))), 4) if _area(amodal) > 0 else 0.0,
        depth=round(float(seen[:, 2].mean()), 4),
        footprint=tuple((float(x), float(y)) for x, y in corners[:4, :2]),
        eye=(camera.x, camera.y),
    )


def project_line(camera: Camera, points: np.ndarray) -> list[np.ndarray]:
    """The polyline ``points`` (n 3, ego frame) as pixel polylines (m 2), cut at the near plane only, not the border."""
    seen = to_camera(camera, points)
    pieces: list[list[np.ndarray]] = [[]]
    for start, end in pairwise(seen):
        part = _clip_near(start, end)
        if part is None:
            continue
        if pieces[-1] and not np.array_equal(pieces[-1][-1], part[0]):
            pieces.append([])
        pieces[-1].extend(part if not pieces[-1] else part[1:])
    return [_pixels(camera, np.stack(piece)) for piece in pieces if piece]


def project_polygon(camera: Camera, points: np.ndarray) -> np.ndarray:
    """The flat polygon ``points`` (n 3, ego frame) as pixels (m 2), cut at the near plane; (0 2) when behind it."""
    seen = to_camera(camera, points)
    kept: list[np.ndarray] = []
    for start, end in zip(seen, np.roll(seen, -1, axis=0), strict=True):
        part = _clip_near(start, end)
        if part is not None:
            kept.extend(part)
    return _pixels(camera, np.stack(kept)) if kept else np.zeros((0, 2))


def occlusions(things: Sequence[Projection], hiders: Sequence[Projection] = ()) -> list[float]:
    """For each of ``things`` the share of its outline that other things and ``hiders`` hide, in [0, 1].

    A body hides another when a vertical plane through a side of one of them separates the two and the camera stands on
    the first one's side of it. That is exact for upright boxes that do not touch, where ordering by the centres' depth
    is not.
    """
    shares = []
    bodies = [*things, *hiders]
    for thing in things:
        before = [
            body.hull
            for body in bodies
            if body is not thing and _overlap(body.box, thing.box) and in_front(body, thing)
        ]
        hidden = shapely.intersection(thing.hull, shapely.union_all(before)).area if before else 0.0
        shares.append(round(min(1.0, hidden / thing.hull.area), 4))
    return shares


def in_front(first: Projection, second: Projection) -> bool:
    """Whether ``first`` stands between the camera and ``second`` (both upright boxes seen by one camera)."""
    eye = first.eye
    for a, b in _sides(second.footprint):
        if _outside(a, b, eye) and all(_outside(a, b, corner) for corner in first.footprint):
            return True
    for a, b in _sides(first.footprint):
        if not _outside(a, b, eye) and all(_outside(a, b, corner) for corner in second.footprint):
            return True
    return False


def _sides(footprint: tuple[tuple[float, float], ...]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return list(zip(footprint, (*footprint[1:], footprint[0]), strict=True))


def _outside(a: tuple[float, float], b: tuple[float, float], point: tuple[float, float]) -> bool:
    """Whether ``point`` lies right of a -> b: outside a counter-clockwise outline; touching counts as outside."""
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0]) <= 1e-9


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _rounded(bounds: Sequence[float]) -> Box:
    x1, y1, x2, y2 = (round(float(value), 3) for value in bounds)
    return (x1, y1, x2, y2)


def _pixels(camera: Camera, seen: np.ndarray) -> np.ndarray:
    return np.stack(
        [camera.cx + camera.fx * seen[:, 0] / seen[:, 2], camera.cy + camera.fy * seen[:, 1] / seen[:, 2]], axis=1
    )


def _edge_pixels(camera: Camera, seen: np.ndarray) -> np.ndarray:
    """Pixels (n 2) of the ends of the 12 edges, clipped at the near plane; corners (8 3) are in the camera frame."""
    if seen[:, 2].min() >= NEAR:
        return _pixels(camera, seen)
    parts = [part for a, b in _EDGES if (part := _clip_near(seen[a], seen[b])) is not None]
    return _pixels(camera, np.concatenate(parts)) if parts else np.zeros((0, 2))


def _clip_near(start: np.ndarray, end: np.ndarray) -> np.ndarray | None:
    """The piece (2 3) of the segment start -> end (camera frame) that lies beyond the near plane, or None."""
    if start[2] < NEAR and end[2] < NEAR:
        return None
    if start[2] < NEAR:
        start = end + (start - end) * ((NEAR - end[2]) / (start[2] - end[2]))
    elif end[2] < NEAR:
        end = start + (end - start) * ((NEAR - start[2]) / (end[2] - start[2]))
    return np.stack([start, end])

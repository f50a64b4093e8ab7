"""The pinhole camera: points, 3-D boxes and ground shapes to pixels; which box hides which.

This is the only place where 3-D becomes 2-D; inputs of networks and labels both come from here. Points are given in the
ego frame (metres), pixels as (x right, y down). Only elementwise arithmetic is used, so results are alike on every
processor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry import Polygon

from scenarios.facts import Box, Camera

NEAR = 0.1  # metres: what is nearer to the image plane is cut off
_EDGES = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7)])


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


Box3 = tuple[Sequence[float], Sequence[float], float]
"""Centre (x, y, z), size (length, width, height), m, and heading, rad, in the ego frame."""


def box_corners(center: Sequence[float], size: Sequence[float], heading: float) -> np.ndarray:
    """Corners (8 3) of a box: the base counter-clockwise from front left, then the top in the same order."""
    return np.asarray(boxes_corners([(center, size, heading)])[0])


def boxes_corners(boxes: Sequence[Box3]) -> np.ndarray:
    """`box_corners` of many boxes (n 8 3)."""
    centers, sizes = (np.array([box[part] for box in boxes], dtype=float)[:, None] for part in (0, 1))
    cos, sin = (np.array([turn(box[2]) for box in boxes])[:, None] for turn in (math.cos, math.sin))
    along = np.array([0.5, -0.5, -0.5, 0.5] * 2) * sizes[..., 0]
    across = np.array([0.5, 0.5, -0.5, -0.5] * 2) * sizes[..., 1]
    above = np.array([-0.5] * 4 + [0.5] * 4) * sizes[..., 2]
    x, y, z = (centers[..., axis] for axis in range(3))
    return np.stack([x + cos * along - sin * across, y + sin * along + cos * across, z + above], axis=2)


def project_box(camera: Camera, center: Sequence[float], size: Sequence[float], heading: float) -> Projection | None:
    """The box of ``center`` (x, y, z), ``size`` (l, w, h) and ``heading``, all in the ego frame, as the camera sees it.

    The 12 edges are clipped at the near plane, their convex hull at the image border. None when nothing of it is in
    the image.
    """
    return project_boxes(camera, [(center, size, heading)])[0]


def project_boxes(camera: Camera, boxes: Sequence[Box3]) -> list[Projection | None]:
    """`project_box` of many boxes, at a fraction of the time."""
    found: list[Projection | None] = [None] * len(boxes)
    if not boxes:
        return found
    corners = boxes_corners(boxes)
    seen = to_camera(camera, corners.reshape(-1, 3)).reshape(corners.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        every = _pixels(camera, seen.reshape(-1, 3)).reshape(len(boxes), 8, 2)
    ahead = seen[:, :, 2].min(axis=1) >= NEAR
    least, most = every.min(axis=1).tolist(), every.max(axis=1).tolist()
    rows, outlines = [], []
    for row in range(len(boxes)):
        pixels, (x1, y1), (x2, y2) = every[row], least[row], most[row]
        if not ahead[row]:
            pixels = _edge_pixels(camera, seen[row])
            if len(pixels) < 3:
                continue
            (x1, y1), (x2, y2) = pixels.min(axis=0).tolist(), pixels.max(axis=0).tolist()
        if x1 < camera.width and y1 < camera.height and x2 > 0 and y2 > 0:
            rows.append(row)
            outlines.append((pixels, (x1, y1, x2, y2)))
    if not rows:
        return found
    counts = [len(pixels) for pixels, _ in outlines]
    points = shapely.points(np.concatenate([pixels for pixels, _ in outlines]))
    hulls = shapely.convex_hull(shapely.multipoints(points, indices=np.repeat(np.arange(len(rows)), counts)))
    bounds = np.array([edges for _, edges in outlines])
    cut = (bounds[:, :2] < 0).any(axis=1) | (bounds[:, 2] > camera.width) | (bounds[:, 3] > camera.height)
    hulls[cut] = shapely.clip_by_rect(hulls[cut], 0, 0, camera.width, camera.height)
    fine = (shapely.get_type_id(hulls) == shapely.GeometryType.POLYGON) & (shapely.area(hulls) > 0)
    eye = (camera.x, camera.y)
    for row, hull, box, (_, edges), is_fine in zip(
        rows, hulls, shapely.bounds(hulls).tolist(), outlines, fine, strict=True
    ):
        if not is_fine:
            continue
        box, amodal = _rounded(box), _rounded(edges)
        found[row] = Projection(
            hull=hull,
            box=box,
            amodal_box=amodal,
            truncation=round(min(1.0, max(0.0, 1.0 - _area(box) / _area(amodal))), 4) if _area(amodal) > 0 else 0.0,
            depth=round(float(seen[row, :, 2].mean()), 4),
            footprint=tuple((x, y) for x, y in corners[row, :4, :2].tolist()),
            eye=eye,
        )
    return found


def project_line(camera: Camera, points: np.ndarray) -> list[np.ndarray]:
    """The polyline ``points`` (n 3, ego frame) as pixel polylines (m 2), cut at the near plane only, not the border."""
    seen = to_camera(camera, points)
    if len(seen) > 1 and seen[:, 2].min() >= NEAR:
        return [_pixels(camera, seen)]
    starts, ends = _clip_near(seen[:-1], seen[1:])
    breaks = 1 + np.flatnonzero((ends[:-1] != starts[1:]).any(axis=1))
    pieces = zip(np.split(starts, breaks), np.split(ends, breaks), strict=True)
    return [_pixels(camera, np.concatenate([start[:1], end])) for start, end in pieces if len(start)]


def project_polygon(camera: Camera, points: np.ndarray) -> np.ndarray:
    """The flat polygon ``points`` (n 3, ego frame) as pixels (m 2), cut at the near plane; (0 2) when behind it."""
    seen = to_camera(camera, points)
    if seen[:, 2].min(initial=NEAR) >= NEAR:
        return _pixels(camera, seen)
    both = np.stack(_clip_near(seen, np.roll(seen, -1, axis=0)), axis=1)
    return _pixels(camera, both.reshape(-1, 3))


def occlusions(things: Sequence[Projection], others: Sequence[Projection] = ()) -> list[float]:
    """For each of ``things`` the share of its outline that the rest and ``others`` hide, in [0, 1].

    A body hides another when a vertical plane through a side of one of them separates the two and the camera stands on
    the first one's side of it. That is exact for upright boxes that do not touch, where ordering by the centres' depth
    is not.
    """
    if not things:
        return []
    bodies = [*things, *others]
    boxes = np.array([body.box for body in bodies])
    low, high = boxes[:, :2], boxes[:, 2:]
    count = len(things)
    overlap = np.asarray((low < high[:count, None]).all(axis=2) & (low[:count, None] < high).all(axis=2))
    np.fill_diagonal(overlap, False)
    behind, before = np.nonzero(overlap)
    prints = np.array([body.footprint for body in bodies])
    hides = _in_front(prints[before], prints[behind], np.array(bodies[0].eye))
    behind, before = behind[hides], before[hides]
    hulls = np.array([body.hull for body in bodies])
    shares = np.zeros(count)
    shares[behind[shapely.covers(hulls[before], hulls[behind])]] = 1.0
    for thing in np.unique(behind[shares[behind] == 0.0]):
        hiders = hulls[before[behind == thing]]
        hull, cover = things[thing].hull, hiders[0] if len(hiders) == 1 else shapely.union_all(hiders)
        shares[thing] = round(min(1.0, shapely.intersection(hull, cover).area / hull.area), 4)
    return [float(share) for share in shares]


def _in_front(first: np.ndarray, second: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """`in_front` of many pairs (n) by their footprints (n 4 2). ``eye``: the camera's (x, y)."""

    def outside(sides: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Of each side (n 4) and point (... k 2): (n 4 k)."""
        (x, y), (dx, dy) = (np.moveaxis(part, 2, 0)[..., None] for part in (sides, np.roll(sides, -1, 1) - sides))
        return np.asarray(dx * (points[..., None, :, 1] - y) - dy * (points[..., None, :, 0] - x) <= 1e-9)

    nearer = (outside(second, eye[None])[..., 0] & outside(second, first).all(axis=2)).any(axis=1)
    beyond = (~outside(first, eye[None])[..., 0] & outside(first, second).all(axis=2)).any(axis=1)
    return np.asarray(nearer | beyond)


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
    return _pixels(camera, np.concatenate(_clip_near(*seen[_EDGES.T])))


def _clip_near(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What of segments (n 3 each end, camera frame) lies beyond the near plane: both ends (m 3) of those that do."""
    beyond = (starts[:, 2] >= NEAR) | (ends[:, 2] >= NEAR)
    starts, ends = starts[beyond], ends[beyond]
    return _cut(starts, ends), _cut(ends, starts)


def _cut(ends: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Ends of segments, moved to the near plane where they lie before it."""
    before = ends[:, 2] < NEAR
    end, other = ends[before], others[before]
    moved = ends.copy()
    moved[before] = other + (end - other) * ((NEAR - other[:, 2:]) / (end[:, 2:] - other[:, 2:]))
    return moved

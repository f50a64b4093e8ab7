"""What stands where in the image: boxes and road as maps (k h w), boxes as tokens (n d). Unknown is not none.

Maps are drawn with anti-aliasing from image coordinates, so any size works, down to the latent's own. A cell of a box
map holds the exact share of the cell that a box covers; a value (a colour, a heading) is that share times the value.
Boxes are painted far to near, each with its clipped box and the weight ``1 - occlusion``: near covers far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from scenarios.camera import project_line, project_polygon
from scenarios.facts import Camera, Lights, ObjectFacts, RoadFacts, categories

# Channel of the "boxes" map -> meaning, as painted inside a box. Zero is "no box" or "this fact of the box is unknown":
# no known value is zero, but for a mid-grey colour, which is also the best guess for an unknown one.
BOX_CHANNELS = {
    "vehicle": "1: a car, van, truck or bus",
    "person": "1: a pedestrian",
    "two_wheeler": "1: a ridden motorcycle or bicycle",
    "other": "1: an animal, an obstacle or a traffic light",
    "outline": "1 on the border of the box, a cell wide; 0 inside",
    "inverse_distance": "NEAR / depth, at most 1",
    "heading_sin": "sin of the heading against the line of sight, [-1, 1]",
    "heading_cos": "cos of the same: 1 shows its back, -1 its front, [-1, 1]",
    "rear_light": "brake 1, tail lamp 0.5, off -1",
    "head_light": "on 1, off -1",
    "red": "body colour, of a traffic light the colour that is lit, [-1, 1]",
    "green": "the same, [-1, 1]",
    "blue": "the same, [-1, 1]",
}
KINDS = ("vehicle", "person", "two_wheeler", "other")  # the first channels: the share of a cell that boxes of it cover
ROAD_CHANNELS = {
    "drivable": "share of the cell that is drivable ground",
    "solid": "a solid line, a stop line or an edge of the road",
    "dashed": "a dashed line (the whole line, gaps too)",
    "yellow": "a line of any kind painted yellow",
    "crossing": "share of the cell that a zebra crossing covers",
}
# Part of a box token -> its length. A part that may be unknown is followed by its flag: 1 known, 0 unknown (all zero).
TOKEN_PARTS = {
    "box": 4,  # clipped x1, y1, x2, y2 as shares of the image, scaled to [-1, 1]
    "category": len(categories()),  # one-hot
    "heading": 2,  # sin, cos against the line of sight
    "heading_known": 1,
    "inverse_distance": 1,
    "distance_known": 1,
    "occlusion": 1,
    "occlusion_known": 1,
    "lights": 4,  # rear, head (as in the maps), left and right indicator in {0, 1}
    "lights_known": 1,
    "colour": 3,  # r, g, b in [-1, 1]
    "colour_known": 1,
}
TOKEN_DIM = sum(TOKEN_PARTS.values())
MAX_TOKENS = 32
NEAR = 5.0  # m: the depth at which inverse distance reaches 1
HIDDEN = 0.95  # a box occluded more than this is not seen: it gets no token
FINE_ROWS = 128  # rows of the canvas that small road maps are drawn on before they are averaged down
LINE_CELLS = 0.75  # width of a drawn line in cells

_CATEGORY_INDEX = {name: index for index, name in enumerate(categories())}
_OUTLINE = list(BOX_CHANNELS).index("outline")
_KIND_INDEX = {name: KINDS.index(category.group) for name, category in categories().items()}
_KIND_INDEX |= dict.fromkeys(("motorcycle", "bicycle"), KINDS.index("two_wheeler"))


def box_maps(objects: Sequence[ObjectFacts], image_size: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """The boxes of one frame as float32 maps (13 h w); channels as in `BOX_CHANNELS`.

    Args:
        objects: what is in the road; their boxes are in pixels of the image.
        image_size: (height, width) of that image in pixels.
        size: (h, w) of the maps in cells.
    """
    h, w = size
    maps = np.zeros((len(BOX_CHANNELS), h, w), np.float32)
    far_to_near = sorted(objects, key=_distance, reverse=True)
    if not far_to_near:
        return maps
    x1, y1, x2, y2 = np.array([thing.box for thing in far_to_near]).T[:, :, None]
    x1, x2, y1, y2 = x1 * w / image_size[1], x2 * w / image_size[1], y1 * h / image_size[0], y2 * h / image_size[0]
    across, down = _shares(x1, x2, w), _shares(y1, y2, h)
    inner_across, inner_down = _shares(x1 + 1, x2 - 1, w), _shares(y1 + 1, y2 - 1, h)
    for k, thing in enumerate(far_to_near):
        rows, columns = _touched(y1[k, 0], y2[k, 0], h), _touched(x1[k, 0], x2[k, 0], w)
        weight = np.float32(1.0 - (thing.occlusion or 0.0))
        cover = weight * down[k, rows, None] * across[k, None, columns]
        patch = maps[:, rows, columns]
        patch *= 1.0 - cover
        patch += _painted(thing)[:, None, None] * cover
        patch[_OUTLINE] -= weight * inner_down[k, rows, None] * inner_across[k, None, columns]
    return maps


def road_maps(road: RoadFacts, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """The road of one frame, seen by ``camera``, as float32 maps (5 h w) in [0, 1]; channels as in `ROAD_CHANNELS`.

    ``size``: (h, w) of the maps in cells.
    """
    h, w = size
    finer = max(1, min(4, FINE_ROWS // h))  # drawn this much larger, then averaged down
    large = camera.resized(w * finer, h * finer)
    canvas = {name: np.zeros((h * finer, w * finer), np.uint8) for name in ROAD_CHANNELS}
    for name, areas in (("drivable", (road.drivable,)), ("crossing", road.crossings)):
        for area in areas:
            polygon = project_polygon(large, _on_ground(area))
            if len(polygon) >= 3:
                cv2.fillPoly(canvas[name], [fixed_point(polygon)], 255, cv2.LINE_AA, SHIFT)
    thickness = max(1, round(LINE_CELLS * finer))
    for line in road.lines:
        pieces = [fixed_point(piece) for piece in project_line(large, _on_ground(line.points))]
        names = ["dashed" if line.kind == "dashed" else "solid"] + ["yellow"] * (line.colour == "yellow")
        for name in names:
            cv2.polylines(canvas[name], pieces, False, 255, thickness, cv2.LINE_AA, SHIFT)
    small = [cv2.resize(channel, (w, h), interpolation=cv2.INTER_AREA) for channel in canvas.values()]
    return np.stack(small) / np.float32(255)


def box_tokens(objects: Sequence[ObjectFacts], image_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The `MAX_TOKENS` largest visible boxes as float32 tokens (n d), parts as in `TOKEN_PARTS`, and a bool mask (n,).

    ``image_size``: (height, width) in pixels of the image that the boxes are in.
    """
    seen = [thing for thing in objects if (thing.occlusion or 0.0) <= HIDDEN]
    seen.sort(key=lambda thing: (-_area(thing), thing.track_id))
    tokens = np.zeros((MAX_TOKENS, TOKEN_DIM), np.float32)
    for token, thing in zip(tokens, seen, strict=False):
        token[:] = _token(thing, image_size)
    return tokens, np.arange(MAX_TOKENS) < len(seen)


def _token(thing: ObjectFacts, image_size: tuple[int, int]) -> list[float]:
    height, width = image_size
    box = [2.0 * edge / side - 1.0 for edge, side in zip(thing.box, (width, height, width, height), strict=True)]
    category = [0.0] * len(_CATEGORY_INDEX)
    category[_CATEGORY_INDEX[thing.category]] = 1.0
    heading, distance, lights, colour = _heading(thing), _inverse_distance(thing), thing.lights, thing.appearance
    turn = lights.indicator if lights is not None else "off"
    return [
        *(box + category),
        *(heading or (0.0, 0.0)),
        float(heading is not None),
        *(distance or 0.0, float(distance is not None)),
        *(thing.occlusion or 0.0, float(thing.occlusion is not None)),
        *_lamps(lights),
        *(float(turn in ("left", "both")), float(turn in ("right", "both"))),
        float(lights is not None),
        *_colour(colour),
        float(colour is not None),
    ]


def _painted(thing: ObjectFacts) -> np.ndarray:
    """The values (13,) of `BOX_CHANNELS` for one box."""
    kind = [0.0] * len(KINDS)
    kind[_KIND_INDEX[thing.category]] = 1.0
    heading = _heading(thing) or (0.0, 0.0)
    distance = _inverse_distance(thing) or 0.0
    return np.array([*kind, 1.0, distance, *heading, *_lamps(thing.lights), *_colour(thing.appearance)], np.float32)


def _heading(thing: ObjectFacts) -> tuple[float, float] | None:
    """(sin, cos) of the heading against the line of sight, on which a body's looks depend more than on the heading."""
    if thing.heading is None or thing.center is None:
        return None
    angle = thing.heading - math.atan2(thing.center[1], thing.center[0])
    return math.sin(angle), math.cos(angle)


def _inverse_distance(thing: ObjectFacts) -> float | None:
    return None if thing.depth is None else NEAR / max(thing.depth, NEAR)


def _lamps(lights: Lights | None) -> tuple[float, float]:
    """(rear, head) lamps; zero where unknown."""
    if lights is None:
        return 0.0, 0.0
    return (1.0 if lights.brake else 0.5 if lights.head else -1.0), (1.0 if lights.head else -1.0)


def _colour(rgb: tuple[int, int, int] | None) -> tuple[float, float, float]:
    if rgb is None:
        return 0.0, 0.0, 0.0
    red, green, blue = (channel / 127.5 - 1.0 for channel in rgb)
    return red, green, blue


def _distance(thing: ObjectFacts) -> tuple[float, int]:
    """Sort key, near first. Of unknown depths the lower foot in the image is nearer; they go behind known ones."""
    return (thing.depth if thing.depth is not None else 1e6 - thing.box[3], thing.track_id)


def _area(thing: ObjectFacts) -> float:
    x1, y1, x2, y2 = thing.box
    return (x2 - x1) * (y2 - y1)


def _shares(low: np.ndarray, high: np.ndarray, cells: int) -> np.ndarray:
    """The share of each cell that the intervals [low, high), each (n 1), cover: float32 (n cells)."""
    edges = np.arange(cells)
    return np.clip(np.minimum(edges + 1, high) - np.maximum(edges, low), 0.0, 1.0).astype(np.float32)


def _touched(low: float, high: float, cells: int) -> slice:
    return slice(max(math.floor(low), 0), max(min(math.ceil(high), cells), 0))


def _on_ground(points: Sequence[tuple[float, float]]) -> np.ndarray:
    return np.column_stack([np.asarray(points, float).reshape(-1, 2), np.zeros(len(points))])


SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates
_FAR_OUTSIDE = (
    2.0**20
)  # OpenCV overflows on larger coordinates; a line that leaves the image this far keeps its direction


def fixed_point(points: np.ndarray) -> np.ndarray:
    """Image points (m 2) for OpenCV, whose integer coordinates are the centres of pixels."""
    return np.round(np.clip(points - 0.5, -_FAR_OUTSIDE, _FAR_OUTSIDE) * 2**SHIFT).astype(np.int32)

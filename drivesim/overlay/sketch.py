"""A plain view through the camera: sky, ground, road, and everything else as shaded boxes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import cv2
import numpy as np

from drivesim.overlay.annotate import HIDDEN
from drivesim.overlay.ground import (
    area_pixels,
    beside,
    dashes,
    flat,
    line_pixels,
    poses_to_ego,
    rectangles,
    s_of,
    stripes,
)
from drivesim.overlay.pen import FAR, LINE_COLOURS, Colour, dot, fill, mixed, shaded, stroke
from scenarios.camera import NEAR, project_points
from scenarios.facts import Camera, FrameFacts, ObjectFacts
from scenarios.scenery import REACH, TUNNEL_HEIGHT, Scenery
from scenarios.timeline import Timeline

SIGHT = 120.0  # m
_SKIES: tuple[tuple[Colour, Colour], ...] = (  # (zenith, horizon) at night, at dawn or dusk, by day
    ((10, 12, 28), (34, 38, 62)), ((74, 84, 124), (232, 160, 112)), ((104, 158, 222), (206, 224, 240)),
)  # fmt: skip
_CLOUDS: dict[str, tuple[Colour, float]] = {  # colour by day, share of the sky
    "clear": ((255, 255, 255), 0.0), "overcast": ((172, 178, 184), 0.85),
    "rainy": ((128, 136, 146), 0.9), "foggy": ((196, 200, 202), 0.95), "snowy": ((206, 212, 220), 0.9),
}  # fmt: skip
_GROUND, _WALK, _ROAD = (116, 128, 100), (158, 156, 150), (96, 98, 102)
_WALLS: tuple[Colour, ...] = ((190, 164, 140), (170, 130, 112), (202, 196, 184), (150, 156, 164), (186, 178, 132))
_STOP_LINE = 0.4  # m, its width
_TREE, _POST, _CONCRETE = (84, 132, 72), (104, 96, 88), (150, 148, 142)
_FACES = (  # front, rear, left, right, top, bottom: corners as `box_corners` numbers them, brightness
    ([0, 3, 7, 4], 0.78), ([1, 2, 6, 5], 0.72), ([0, 1, 5, 4], 0.60), ([3, 2, 6, 7], 0.90), ([4, 5, 6, 7], 1.0),
    ([0, 1, 2, 3], 0.50),
)  # fmt: skip


def sketch(timeline: Timeline, facts: FrameFacts, camera: Camera | None = None) -> np.ndarray:
    """The frame of ``timeline`` with these ``facts`` as its camera would roughly see it, uint8 (h w 3) RGB.

    Sky and brightness follow daylight and weather; bodies have their own colours and lit brake lights and indicators,
    traffic lights the colour that is lit, by night, too.
    ``camera``: another than the timeline's own, say the same at another size.
    """
    k, camera, daylight = facts.index, camera or timeline.camera, timeline.daylight(facts.index)
    canvas = _sky(camera, facts, daylight)
    light = 0.28 + 0.72 * daylight
    _ground(canvas, camera, timeline, facts, light)
    _scenery(canvas, camera, timeline, k, light)
    _road_users(canvas, camera, facts, light)
    return canvas


def _sky(camera: Camera, facts: FrameFacts, daylight: float) -> np.ndarray:
    low = min(int(daylight * 2), 1)
    top, bottom = (
        mixed(_SKIES[low][part], _SKIES[low + 1][part], daylight * 2 - low) for part in (0, 1)
    )  # fmt: skip
    cloud, share = _CLOUDS[facts.weather or "clear"]
    cloud = shaded(cloud, 0.15 + 0.85 * daylight)
    top, bottom = mixed(top, cloud, share), mixed(bottom, cloud, share)
    horizon = int(np.clip(camera.cy - camera.fy * np.tan(camera.pitch), 1, camera.height))
    canvas = np.empty((camera.height, camera.width, 3), np.uint8)
    ground = shaded(_GROUND, 0.28 + 0.72 * daylight)
    cv2.rectangle(canvas, (0, horizon), (camera.width, camera.height), ground, -1)
    column = np.linspace(top, bottom, horizon).astype(np.uint8)[:, None]
    cv2.resize(column, (camera.width, horizon), dst=canvas[:horizon], interpolation=cv2.INTER_NEAREST)
    return canvas


def _ground(canvas: np.ndarray, camera: Camera, timeline: Timeline, facts: FrameFacts, light: float) -> None:
    if facts.road is None:
        raise ValueError("the road is unknown, expected the facts of a timeline")
    walk = beside(facts.road, timeline.world.road.sidewalk_width)
    fill(canvas, area_pixels(camera, flat(walk)), shaded(_WALK, light))
    fill(canvas, area_pixels(camera, flat(np.array(facts.road.drivable))), shaded(_ROAD, light))
    paint = shaded(LINE_COLOURS["white"], light)
    for area in [stripe for crossing in facts.road.crossings for stripe in stripes(np.array(crossing))]:
        fill(canvas, area_pixels(camera, flat(area)), paint)
    road, ego, ego_s = timeline.world.road, timeline.ego(facts.index), timeline.ego_s(facts.index)
    styles: dict[tuple[str, int], list[np.ndarray]] = defaultdict(list)
    for line in facts.road.lines:
        if line.kind == "stop":
            fill(canvas, area_pixels(camera, flat(_band(np.array(line.points), _STOP_LINE))), paint)
            continue
        points = flat(np.array(line.points))
        parts = dashes(points, s_of(line.points[0], ego, road, ego_s)) if line.kind == "dashed" else [points]
        styles[line.colour, 1 if line.kind == "edge" else 2] += parts
    for (colour, thickness), parts in styles.items():
        pixels = line_pixels(camera, *parts)
        stroke(canvas, shaded(LINE_COLOURS[colour], light), *pixels, thickness=thickness)


def _band(line: np.ndarray, width: float) -> np.ndarray:
    """A straight line (2 2) as the outline (4 2) of a band, m."""
    along = (line[1] - line[0]) / np.linalg.norm(line[1] - line[0])
    aside = 0.5 * width * np.array([-along[1], along[0]])
    return np.concatenate([line + aside, line[::-1] - aside])


def _scenery(canvas: np.ndarray, camera: Camera, timeline: Timeline, k: int, light: float) -> None:
    """Houses, tunnels, posts of all kinds, and trees with their round crowns."""
    ego, s = timeline.ego(k), timeline.ego_s(k)
    things = timeline.world.scenery(s - REACH, s + SIGHT)
    if not things:
        return
    road = timeline.world.road
    opening = road.left_edge - road.right_edge + 2 * road.sidewalk_width
    parts = [(thing, part) for thing in things for part in _parts(thing, opening)]
    poses = poses_to_ego(ego, [(thing.x, thing.y, thing.heading) for thing, _ in parts])
    aside, z = np.array([(part.aside, part.z) for _, part in parts]).T
    centers = np.column_stack([poses[:, 0] - aside * np.sin(poses[:, 2]), poses[:, 1] + aside * np.cos(poses[:, 2]), z])
    solids = _solids(camera, centers, np.array([part.size for _, part in parts]), poses[:, 2])
    radii = np.array([max(thing.size[:2]) / 2 for thing, _ in parts])
    tops = np.array([thing.size[2] for thing, _ in parts])
    crowns, depths = project_points(camera, np.column_stack([poses[:, :2], tops - radii]))
    for i in np.argsort(-np.linalg.norm(centers[:, :2], axis=1)):  # far to near
        thing, part = parts[i]
        _paint(canvas, camera, solids[i], shaded(part.colour, light))
        if thing.kind == "tree" and depths[i] > radii[i]:
            green = shaded(_TREE, light * (0.9 + 0.2 * (thing.variant % 7) / 6))
            dot(canvas, crowns[i], radii[i] * camera.fx / depths[i], green)


class _Part(NamedTuple):
    """A box of a thing of the scenery: its middle ``aside`` m to the thing's left and ``z`` m high; size and colour."""

    aside: float
    z: float
    size: tuple[float, float, float]
    colour: Colour


def _parts(thing: Scenery, opening: float) -> list[_Part]:
    """The boxes that a thing is drawn as. ``opening``: the width of a tunnel inside, m."""
    length, width, height = thing.size
    if thing.kind == "building":
        return [_Part(0.0, height / 2, thing.size, _WALLS[thing.variant % len(_WALLS)])]
    if thing.kind == "tunnel":
        walls = [_Part(0.5 * side * width, height / 2, (length, 0.2, height), _CONCRETE) for side in (-1, 1)]
        return [*walls, _Part(0.0, height, (length, width, 0.2), _CONCRETE)]
    if thing.kind == "portal":
        wing, above = (width - opening) / 2, height - TUNNEL_HEIGHT
        wings = [
            _Part(0.5 * side * (opening + wing), height / 2, (length, wing, height), _WALLS[3]) for side in (-1, 1)
        ]
        return [*wings, _Part(0.0, TUNNEL_HEIGHT + above / 2, (length, opening, above), _WALLS[3])]
    return [_Part(0.0, height / 2, (0.2, 0.2, height), _POST)]


def _road_users(canvas: np.ndarray, camera: Camera, facts: FrameFacts, light: float) -> None:
    shown = [thing for thing in facts.objects or () if (thing.occlusion or 0.0) < HIDDEN]
    shown.sort(key=lambda thing: -(thing.depth or 0.0))
    bodies = [_body(thing) for thing in shown]
    if not bodies:
        return
    centers, sizes, headings, colours = (np.array(column) for column in zip(*bodies, strict=True))
    for thing, solid, colour in zip(shown, _solids(camera, centers, sizes, headings), colours, strict=True):
        _paint(canvas, camera, solid, shaded(colour, 1.0 if thing.category == "traffic_light" else light))
        if abs(thing.heading or 0.0) <= np.pi / 2:  # its rear is turned to the camera
            _lamps(canvas, camera, thing, solid)


def _body(thing: ObjectFacts) -> tuple[Any, ...]:
    if thing.center is None or thing.size is None or thing.heading is None or thing.appearance is None:
        raise ValueError(f"track {thing.track_id} lacks its 3-D box or appearance, expected the facts of a timeline")
    return thing.center, thing.size, thing.heading, thing.appearance


def _lamps(canvas: np.ndarray, camera: Camera, thing: ObjectFacts, solid: _Solid) -> None:
    if thing.lights is None or solid.pixels is None:
        return
    for lower, upper, side in ((1, 5, "left"), (2, 6, "right")):  # rear corners
        blinks = thing.lights.indicator in (side, "both")
        if thing.lights.brake or blinks:
            radius = max(2.0, 0.14 * camera.fx / (thing.depth or 1.0))
            corners = radius * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
            middle = 0.5 * (solid.pixels[lower] + solid.pixels[upper])
            fill(canvas, middle + corners, (255, 170, 20) if blinks else (255, 30, 30))


class _Solid(NamedTuple):
    """A box: corners (8 3) in the ego frame, the numbers of the faces that can be seen, pixels (8 2, int32).

    ``pixels`` are None where a corner is behind the camera or far outside the picture.
    """

    corners: np.ndarray
    faces: list[int]
    pixels: np.ndarray | None


def _solids(camera: Camera, centers: np.ndarray, sizes: np.ndarray, headings: np.ndarray) -> list[_Solid]:
    """Boxes of centres (n 3), sizes (n 3: length, width, height) and headings (n), projected together."""
    outlines = rectangles(np.column_stack([centers[:, :2], headings]), sizes)
    heights = centers[:, 2:] + 0.5 * sizes[:, 2:] * np.repeat([-1.0, 1.0], 4)
    corners = np.concatenate([np.concatenate([outlines, outlines], axis=1), heights[:, :, None]], axis=2)
    flat_pixels, depth = project_points(camera, corners.reshape(-1, 3))
    pixels, depth = flat_pixels.reshape(-1, 8, 2), depth.reshape(-1, 8)
    x, y, z = (np.array([camera.x, camera.y, camera.z]) - centers).T  # from the box to the eye
    cos, sin = np.cos(headings), np.sin(headings)
    along, across = cos * x + sin * y, cos * y - sin * x
    length, width, height = 0.5 * sizes.T
    seen = np.stack([along > length, -along > length, across > width, -across > width, z > height, -z > height], axis=1)
    left, right = pixels[:, :, 0].min(axis=1), pixels[:, :, 0].max(axis=1)  # NaN, so never outside, near the camera
    seen &= ~((depth.max(axis=1) < NEAR) | (x < -SIGHT) | (right < 0) | (left > camera.width))[:, None]
    plain = np.abs(pixels).max(axis=(1, 2)) <= FAR  # not so of NaN
    whole = np.rint(np.where(plain[:, None, None], pixels, 0.0)).astype(np.int32)
    return [
        _Solid(points, [number for number, is_seen in enumerate(faces) if is_seen], outline if is_plain else None)
        for points, faces, outline, is_plain in zip(corners, seen.tolist(), whole, plain.tolist(), strict=True)
    ]


def _paint(canvas: np.ndarray, camera: Camera, solid: _Solid, colour: Colour) -> None:
    """Fill the faces that can be seen, each in its own brightness."""
    for number in solid.faces:
        corners, brightness = _FACES[number]
        if solid.pixels is None:
            fill(canvas, area_pixels(camera, solid.corners[corners]), shaded(colour, brightness))
        else:
            cv2.fillConvexPoly(canvas, solid.pixels[corners], shaded(colour, brightness), cv2.LINE_AA)

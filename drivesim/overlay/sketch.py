"""A plain view through the camera: sky, ground, road, and everything else as shaded boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivesim.overlay.annotate import HIDDEN
from drivesim.overlay.ground import area_pixels, dashes, line_pixels, to_ego
from drivesim.overlay.pen import LINE_COLOURS, Colour, fill, mixed, shaded, stroke
from scenarios.camera import box_corners, project_points
from scenarios.facts import Camera, FrameFacts, ObjectFacts
from scenarios.scenery import REACH, Scenery
from scenarios.timeline import Timeline

SIGHT = 120.0  # m
_SKIES: tuple[tuple[Colour, Colour], ...] = (  # (zenith, horizon) at night, at dawn or dusk, by day
    ((10, 12, 28), (34, 38, 62)), ((74, 84, 124), (232, 160, 112)), ((104, 158, 222), (206, 224, 240)),
)  # fmt: skip
_CLOUDS: dict[str, tuple[Colour, float]] = {  # colour by day, share of the sky
    "clear": ((255, 255, 255), 0.0), "overcast": ((172, 178, 184), 0.85),
    "rainy": ((128, 136, 146), 0.9), "foggy": ((196, 200, 202), 0.95),
}  # fmt: skip
_GROUND, _WALK, _ROAD = (116, 128, 100), (158, 156, 150), (96, 98, 102)
_WALLS: tuple[Colour, ...] = ((190, 164, 140), (170, 130, 112), (202, 196, 184), (150, 156, 164), (186, 178, 132))
_TREE, _POST = (84, 132, 72), (104, 96, 88)
_FACES = (  # corners as `box_corners` numbers them, outward normal (along, across, up), brightness
    ((0, 3, 7, 4), (1, 0, 0), 0.78), ((1, 2, 6, 5), (-1, 0, 0), 0.72),
    ((0, 1, 5, 4), (0, 1, 0), 0.60), ((3, 2, 6, 7), (0, -1, 0), 0.90), ((4, 5, 6, 7), (0, 0, 1), 1.0),
)  # fmt: skip


def sketch(timeline: Timeline, facts: FrameFacts) -> np.ndarray:
    """The frame of ``timeline`` with these ``facts`` as its camera would roughly see it, uint8 (h w 3) RGB.

    Sky and brightness follow daylight and weather; bodies have their own colours and lit brake lights and indicators.
    """
    k, camera, daylight = facts.index, timeline.camera, timeline.daylight(facts.index)
    canvas = _sky(camera, facts, daylight)
    light = 0.28 + 0.72 * daylight
    _ground(canvas, timeline, k, light)
    ego, s = timeline.ego(k), timeline.ego_s(k)
    things = timeline.world.scenery(s - REACH, s + SIGHT)
    places = to_ego(ego, np.array([[thing.x, thing.y] for thing in things]).reshape(-1, 2))
    for index in np.argsort(-np.linalg.norm(places, axis=1)):  # far to near
        x, y = places[index]
        _standing(canvas, camera, things[index], (x, y, things[index].heading - ego.heading), light)
    shown = [thing for thing in facts.objects or () if (thing.occlusion or 0.0) < HIDDEN]
    for thing in sorted(shown, key=lambda thing: -(thing.depth or 0.0)):
        _road_user(canvas, camera, thing, light)
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
    canvas[:horizon] = np.linspace(top, bottom, horizon).astype(np.uint8)[:, None]
    canvas[horizon:] = shaded(_GROUND, 0.28 + 0.72 * daylight)
    return canvas


def _ground(canvas: np.ndarray, timeline: Timeline, k: int, light: float) -> None:
    camera, road, ego, s = timeline.camera, timeline.world.road, timeline.ego(k), timeline.ego_s(k)
    walk = to_ego(ego, np.array(road.area(s - 5, s + SIGHT, margin=road.sidewalk_width).exterior.coords))
    fill(canvas, area_pixels(camera, _flat(walk)), shaded(_WALK, light))
    shapes = road.facts(ego, s, behind=5.0, ahead=SIGHT)
    fill(canvas, area_pixels(camera, _flat(np.array(shapes.drivable))), shaded(_ROAD, light))
    for line in shapes.lines:
        points = np.array(line.points)
        for part in dashes(points, s - 5.0) if line.kind == "dashed" else [points]:
            for pixels in line_pixels(camera, _flat(part)):
                stroke(canvas, pixels, shaded(LINE_COLOURS[line.colour], light), 1 if line.kind == "edge" else 2)


def _standing(
    canvas: np.ndarray, camera: Camera, thing: Scenery, pose: tuple[float, float, float], light: float
) -> None:  # fmt: skip
    """A house, a tree with its round crown, or a lamp; ``pose``: (x, y, heading) in the ego frame."""
    x, y, heading = pose
    length, width, height = thing.size
    if thing.kind == "building":
        wall = shaded(_WALLS[thing.variant % len(_WALLS)], light)
        _solid(canvas, camera, (x, y, height / 2), thing.size, heading, wall)
        return
    _solid(canvas, camera, (x, y, height / 2), (0.2, 0.2, height), heading, shaded(_POST, light))
    if thing.kind == "tree":
        radius = max(length, width) / 2
        (pixel,), (depth,) = project_points(camera, np.array([[x, y, height - radius]]))
        if depth > radius:
            green = shaded(_TREE, light * (0.9 + 0.2 * (thing.variant % 7) / 6))
            angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
            fill(canvas, pixel + around * radius * camera.fx / depth, green)


def _flat(points: np.ndarray) -> np.ndarray:
    return np.pad(points, ((0, 0), (0, 1)))


def _road_user(canvas: np.ndarray, camera: Camera, thing: ObjectFacts, light: float) -> None:
    if thing.center is None or thing.size is None or thing.heading is None or thing.appearance is None:
        raise ValueError(f"track {thing.track_id} lacks its 3-D box or appearance, expected the facts of a timeline")
    _solid(canvas, camera, thing.center, thing.size, thing.heading, shaded(thing.appearance, light))
    if thing.lights is None or abs(thing.heading) > np.pi / 2:  # its rear is turned away
        return
    corners = box_corners(thing.center, thing.size, thing.heading)
    lamps = 0.5 * (corners[[1, 2]] + corners[[5, 6]])  # rear left and right, at half height
    pixels, depth = project_points(camera, lamps)
    for pixel, distance, side in zip(pixels, depth, ("left", "right"), strict=True):
        blinks = thing.lights.indicator in (side, "both")
        if np.isfinite(pixel).all() and (thing.lights.brake or blinks):
            radius = max(2.0, 0.14 * camera.fx / distance)
            corner = radius * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
            fill(canvas, pixel + corner, (255, 170, 20) if blinks else (255, 30, 30))


def _solid(
    canvas: np.ndarray, camera: Camera, center: Sequence[float], size: Sequence[float], heading: float, colour: Colour
) -> None:  # fmt: skip
    """Fill the faces of a box that are turned to the camera, each in its own brightness."""
    corners = box_corners(center, size, heading)
    cos, sin = np.cos(heading), np.sin(heading)
    to_eye = np.array([camera.x, camera.y, camera.z]) - np.array(center)
    eye = np.array([cos * to_eye[0] + sin * to_eye[1], cos * to_eye[1] - sin * to_eye[0], to_eye[2]])
    if to_eye[0] < -SIGHT or -to_eye[0] < -0.5 * (size[0] + size[1]):  # too far, or behind the camera
        return
    for face, normal, brightness in _FACES:
        if eye @ normal > 0.5 * np.abs(np.array(size) @ normal):
            fill(canvas, area_pixels(camera, corners[list(face)]), shaded(colour, brightness))

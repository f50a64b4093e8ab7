"""A frame of a timeline from above: road, houses, road users, the ego and what its camera covers."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from drivesim.overlay.ground import dashes, to_ego
from drivesim.overlay.pen import COLOURS, LINE_COLOURS, WHITE, Colour, fill, shaded, stroke, write
from scenarios.camera import box_corners
from scenarios.facts import FrameFacts, categories
from scenarios.scenery import REACH
from scenarios.timeline import Timeline

AHEAD, BEHIND = 52.0, 14.0  # m of road shown
_GROUND, _WALK, _ROAD = (52, 60, 52), (84, 84, 84), (62, 64, 68)
_HOUSE, _TREE, _LAMP = (112, 100, 92), (60, 110, 60), (200, 190, 120)
_EGO_SIZE, _EGO_CENTRE = (4.6, 1.9, 1.5), 1.4  # m; the centre lies ahead of the rear axle


def birds_eye(timeline: Timeline, facts: FrameFacts, *, width: int = 384, height: int = 512) -> np.ndarray:
    """The frame of ``timeline`` with these ``facts`` from above, uint8 (h w 3) RGB; the ego is low and looks up.

    Road users in the camera's picture have the colour of their category, the others are dim.
    """
    canvas = np.full((height, width, 3), _GROUND, np.uint8)
    scale = height / (AHEAD + BEHIND)  # px per m

    def pixels(points: np.ndarray) -> np.ndarray:
        """Pixels (n 2) of points (n 2) in the ego frame."""
        return np.stack([width / 2 - points[:, 1] * scale, height - (points[:, 0] + BEHIND) * scale], axis=1)

    _draw_street(canvas, timeline, facts, pixels)
    camera = timeline.camera
    far = 2 * AHEAD
    for edge in (camera.cx, camera.cx - camera.width):  # the sides of what the camera sees
        side = np.array([[camera.x, camera.y], [camera.x + far, camera.y + far * edge / camera.fx]])
        stroke(canvas, pixels(side), (120, 130, 140))
    ego, in_picture = timeline.ego(facts.index), {thing.track_id for thing in facts.objects or ()}
    for state in timeline.track(facts.index):
        (x, y), turn = to_ego(ego, np.array([[state.x, state.y]]))[0], state.heading - ego.heading
        colour = shaded(COLOURS[state.category], 1.0 if state.track_id in in_picture else 0.55)
        corners = pixels(box_corners((x, y, 0.0), state.size, turn)[:4, :2])
        if categories()[state.category].group == "person":
            cv2.circle(canvas, np.round(corners.mean(axis=0)).astype(int).tolist(), 3, colour, -1, cv2.LINE_AA)
        else:
            _draw_body(canvas, corners, colour)
        if state.track_id in in_picture and corners[:, 1].min() > 0:
            write(canvas, str(state.track_id), corners[:, 0].max() + 2, corners[:, 1].mean() - 6, scale=0.36)
    _draw_body(canvas, pixels(box_corners((_EGO_CENTRE, 0.0, 0.0), _EGO_SIZE, 0.0)[:4, :2]), WHITE)
    return canvas


def _draw_street(
    canvas: np.ndarray, timeline: Timeline, facts: FrameFacts, pixels: Callable[[np.ndarray], np.ndarray]
) -> None:  # fmt: skip
    road, s, ego = timeline.world.road, timeline.ego_s(facts.index), timeline.ego(facts.index)
    walk = np.array(road.area(s - BEHIND, s + AHEAD, margin=road.sidewalk_width).exterior.coords)
    fill(canvas, pixels(to_ego(ego, walk)), _WALK)
    shapes = road.facts(ego, s, behind=BEHIND, ahead=AHEAD)
    fill(canvas, pixels(np.array(shapes.drivable)), _ROAD)
    for line in shapes.lines:
        points = np.array(line.points)
        for part in dashes(points, s - BEHIND) if line.kind == "dashed" else [points]:
            stroke(canvas, pixels(part), LINE_COLOURS[line.colour])
    for thing in timeline.world.scenery(s - BEHIND - REACH, s + AHEAD + REACH):
        colour = {"building": _HOUSE, "tree": _TREE, "lamp": _LAMP}[thing.kind]
        fill(canvas, pixels(to_ego(ego, np.array(thing.footprint().exterior.coords))), colour)


def _draw_body(canvas: np.ndarray, corners: np.ndarray, colour: Colour) -> None:
    """A body from above, a dark bar at its front; ``corners`` (4 2): front left, rear left, rear right, front right."""
    fill(canvas, corners, colour)
    back = corners[[1, 2]] - corners[[0, 3]]
    stroke(canvas, corners[[0, 3]] + 0.25 * back, (20, 20, 20), 2)
    stroke(canvas, corners, (20, 20, 20), closed=True)

"""A frame of a timeline from above: road, houses, road users, the ego and what its camera covers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivesim.overlay.annotate import labels
from drivesim.overlay.ground import beside, dashes, poses_to_ego, rectangles, s_of, stripes, to_ego
from drivesim.overlay.pen import (
    EGO_COLOUR,
    INK,
    LINE_COLOURS,
    WHITE,
    Colour,
    Names,
    blank,
    dot,
    fill,
    shaded,
    stroke,
    text_size,
    write,
)
from scenarios.facts import FrameFacts, categories
from scenarios.object_state import ObjectState
from scenarios.road_facts import road_facts
from scenarios.scenery import REACH
from scenarios.timeline import Timeline

AHEAD, BEHIND = 60.0, 20.0  # m of road shown
_BEYOND = 12.0  # m, so that a bend, too, leaves the picture at its edge
TRAIL = 3.0  # s
_TRAIL_STEP = 0.1  # s, at least
_NAMED = 600.0  # m: actors further off the map are not named
_GROUND, _WALK, _ROAD = (40, 47, 42), (72, 75, 78), (50, 53, 60)
_HOUSE, _TREE, _LAMP, _SIGHT = (58, 57, 54), (46, 70, 48), (96, 94, 80), (112, 120, 128)
_VEHICLE, _PERSON = (158, 164, 172), (228, 214, 200)
_EGO_SIZE, _EGO_CENTRE = (4.6, 1.9), 1.4  # m; the centre lies ahead of the rear axle
_SCALE_BAR = 10.0  # m


def birds_eye(
    timeline: Timeline, facts: FrameFacts, *, width: int = 384, height: int = 512, text: float = 1.0
) -> np.ndarray:
    """The frame of ``timeline`` with these ``facts`` from above, uint8 (h w 3) RGB; the ego is low and looks up.

    The ego is yellow. Actors have their own colours, their ids, and trails of the last 3 s; who is off the map, but
    within 600 m, is named at its edge, with the distance. All others are grey, dim where the camera does not see them;
    people are dots. ``text``: size of the words as a multiple of the usual.
    """
    sheet = _Map(timeline, facts, width, height, text)
    sheet.draw_street()
    sheet.draw_scenery()
    sheet.draw_sight()
    sheet.draw_trails()
    sheet.draw_others()
    sheet.draw_ego()
    sheet.draw_actors()
    sheet.draw_scale()
    return sheet.canvas


class _Map:
    def __init__(self, timeline: Timeline, facts: FrameFacts, width: int, height: int, text: float) -> None:
        self.timeline, self.facts, self.k = timeline, facts, facts.index
        self.canvas = blank(height, width, _GROUND)
        self.scale, self.size = height / (AHEAD + BEHIND), max(9.0, height / 34) * text  # px per m, px of letters
        self.ego, self.s = timeline.ego(self.k), timeline.ego_s(self.k)
        self.labels = labels(timeline.scenario)

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points (..., 2) in the ego frame."""
        height, width = self.canvas.shape[:2]
        x, y = width / 2 - points[..., 1] * self.scale, height - (points[..., 0] + BEHIND) * self.scale
        return np.stack([x, y], axis=-1)

    def outlines(self, states: Sequence[ObjectState]) -> np.ndarray:
        """The bodies' outlines from above (n 4 2), px."""
        poses = poses_to_ego(self.ego, [(state.x, state.y, state.heading) for state in states])
        return self.pixels(rectangles(poses, np.array([state.size for state in states]).reshape(-1, 3)))

    def draw_street(self) -> None:
        road = self.timeline.world.road
        shapes = road_facts(road, self.ego, self.s, behind=BEHIND + _BEYOND, ahead=AHEAD + _BEYOND)
        fill(self.canvas, self.pixels(beside(shapes, road.sidewalk_width)), _WALK)
        fill(self.canvas, self.pixels(np.array(shapes.drivable)), _ROAD)
        for line in shapes.lines:
            points = np.array(line.points)
            start = s_of(line.points[0], self.ego, road, self.s)
            parts = dashes(points, start) if line.kind == "dashed" else [points]
            stroke(self.canvas, shaded(LINE_COLOURS[line.colour], 0.8), *map(self.pixels, parts))
        for area in shapes.crossings:
            for stripe in stripes(np.array(area)):
                fill(self.canvas, self.pixels(stripe), shaded(LINE_COLOURS["white"], 0.7))

    def draw_scenery(self) -> None:
        things = self.timeline.world.scenery(self.s - BEHIND - REACH, self.s + AHEAD + REACH)
        poses = poses_to_ego(self.ego, [(thing.x, thing.y, thing.heading) for thing in things])
        outlines = self.pixels(rectangles(poses, np.array([thing.size for thing in things]).reshape(-1, 3)))
        for thing, outline, middle in zip(things, outlines, self.pixels(poses[:, :2]), strict=True):
            if thing.kind in ("tunnel", "portal"):
                stroke(self.canvas, shaded(_HOUSE, 1.35), outline[:2], outline[2:])
            elif thing.kind == "building":
                fill(self.canvas, outline, _HOUSE)
                stroke(self.canvas, shaded(_HOUSE, 1.35), outline, closed=True)
            else:
                radius = 0.5 * min(thing.size[:2]) * self.scale
                dot(self.canvas, middle, radius, _TREE if thing.kind == "tree" else _LAMP)

    def draw_sight(self) -> None:
        """The sides of what the camera sees."""
        camera, far = self.timeline.camera, 2 * AHEAD
        for edge in (camera.cx, camera.cx - camera.width):
            side = np.array([[camera.x, camera.y], [camera.x + far, camera.y + far * edge / camera.fx]])
            stroke(self.canvas, _SIGHT, self.pixels(side))

    def draw_trails(self) -> None:
        if not self.labels:
            return
        fps = self.timeline.fps
        past = range(self.k, max(-1, self.k - round(TRAIL * fps) - 1), -max(1, round(_TRAIL_STEP * fps)))
        seen = [{state.track_id: state for state in self.timeline.track(k)} for k in past]
        for track in self.labels.keys() & seen[0].keys():
            places = np.array([(states[track].x, states[track].y) for states in seen if track in states])
            stroke(
                self.canvas, shaded(self.labels[track].colour, 0.6), self.pixels(to_ego(self.ego, places)), thickness=2
            )

    def draw_others(self) -> None:
        states = [state for state in self.timeline.track(self.k) if state.track_id not in self.labels]
        in_picture = {thing.track_id for thing in self.facts.objects or ()}
        for state, outline in zip(states, self.outlines(states), strict=True):
            if state.category == "traffic_light":
                dot(self.canvas, outline.mean(axis=0), max(3.0, self.canvas.shape[0] / 100), state.appearance)
                continue
            colour = _PERSON if _is_person(state) else _VEHICLE
            self.draw_user(state, outline, shaded(colour, 1.0 if state.track_id in in_picture else 0.6))

    def draw_ego(self) -> None:
        outline = rectangles(np.array([[_EGO_CENTRE, 0.0, 0.0]]), np.array([_EGO_SIZE]))[0]
        self.draw_body(self.pixels(outline), EGO_COLOUR)

    def draw_actors(self) -> None:
        """Bodies first, then names, so that no body covers a name; a name gives way to those before it."""
        height = self.canvas.shape[0]
        states = [state for state in self.timeline.track(self.k) if state.track_id in self.labels]
        outlines = self.outlines(states)
        for state, outline in zip(states, outlines, strict=True):
            self.draw_user(state, outline, self.labels[state.track_id].colour)
        names = Names(self.canvas, self.size)
        for state, outline in zip(states, outlines, strict=True):
            name, colour = self.labels[state.track_id]
            x, y = outline.mean(axis=0)
            if 0 <= y < height:
                names.write(name, outline[:, 0].max() + 4, y - 0.6 * self.size, colour, down=y < height / 2)
            else:
                away = abs(height - BEHIND * self.scale - y) / self.scale  # m
                if away < _NAMED:
                    names.write(f"{name} {round(away, -1):.0f} m", x, y, colour, down=y < 0)

    def draw_user(self, state: ObjectState, outline: np.ndarray, colour: Colour) -> None:
        """A person as a dot, a vehicle as its outline."""
        if not _is_person(state):
            self.draw_body(outline, colour)
            return
        radius, middle = max(3.0, self.canvas.shape[0] / 120), outline.mean(axis=0)
        dot(self.canvas, middle, radius + 1, INK)
        dot(self.canvas, middle, radius, colour)

    def draw_body(self, corners: np.ndarray, colour: Colour) -> None:
        """A dark bar at its front; ``corners`` (4 2): front left, rear left, rear right, front right."""
        if corners[:, 1].max() < 0 or corners[:, 1].min() > self.canvas.shape[0]:
            return
        fill(self.canvas, corners, colour)
        back = corners[[1, 2]] - corners[[0, 3]]
        stroke(self.canvas, INK, corners[[0, 3]] + 0.25 * back, thickness=2)
        stroke(self.canvas, INK, corners, closed=True)

    def draw_scale(self) -> None:
        """A bar of ten metres at the bottom left, above the names of who is behind."""
        tall = text_size("", self.size)[1]
        x, y = 8.0, self.canvas.shape[0] - tall - 10.0
        right = x + _SCALE_BAR * self.scale
        bar = np.array([[x, y - 4], [x, y], [right, y], [right, y - 4]])
        stroke(self.canvas, INK, bar, thickness=3)
        stroke(self.canvas, WHITE, bar)
        write(self.canvas, f"{_SCALE_BAR:.0f} m", x, y - tall - 4, size=self.size)


def _is_person(state: ObjectState) -> bool:
    return categories()[state.category].group == "person"

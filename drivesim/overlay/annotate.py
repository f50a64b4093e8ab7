"""Boxes, lane lines and the bar of conditions on a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from drivesim.overlay.ground import area_pixels, flat, line_pixels
from drivesim.overlay.pen import (
    ACTOR_COLOURS,
    COLOURS,
    EGO_COLOUR,
    GREY,
    INK,
    LINE_COLOURS,
    Colour,
    Names,
    clock,
    mixed,
    shaded,
    stroke,
    text_size,
    write,
)
from scenarios import Scenario
from scenarios.camera import NEAR, boxes_corners, project_points
from scenarios.crowdedness import crowdedness_class, is_visible
from scenarios.facts import Camera, FrameFacts, ObjectFacts, RoadFacts, time_of_day

HIDDEN = 0.9  # occlusion from which a box is not drawn
_DIM = 0.5  # occlusion from which a box is drawn dim
_OTHERS: Colour = (205, 212, 218)
_STROKES = (  # through the corners as `box_corners` numbers them; the last two cross the front and so tell the heading
    [0, 1, 2, 3, 0], [4, 5, 6, 7, 4], [0, 4], [1, 5], [2, 6], [3, 7], [0, 7], [3, 4],
)  # fmt: skip


class Label(NamedTuple):
    """What an actor is called, and its colour in every picture."""

    name: str
    colour: Colour


def labels(scenario: Scenario) -> dict[int, Label]:
    """The label of each actor by its track id: actors are the tracks 1, 2, ... in the order of the file.

    >>> from scenarios import load
    >>> labels(load("cut_in"))
    {1: Label(name='cutter', colour=(255, 92, 92))}
    """
    return {
        number: Label(actor.id, ACTOR_COLOURS[(number - 1) % len(ACTOR_COLOURS)])
        for number, actor in enumerate(scenario.actors, start=1)
    }


def event_colours(scenario: Scenario) -> dict[str, Colour]:
    """The colour of each event by its id: that of the actor, or of the ego, that it is about."""
    by_name = {label.name: label.colour for label in labels(scenario).values()}
    return {event.id: by_name.get(event.actor, EGO_COLOUR) for event in scenario.events}


def draw(
    frame: np.ndarray, facts: FrameFacts, *,
    strip: bool = True, labels: Mapping[int, Label] | None = None, text: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """A copy of ``frame`` (uint8 h w 3 RGB) with its lane lines, zebra crossings and objects drawn in.

    With ``strip`` its conditions are written above. An object is drawn as its 3-D box, the front crossed, if its place
    and the camera are known, else as its 2-D box; dim from an occlusion of 0.5 and not at all from 0.9. Those that
    count as seen (`scenarios.crowdedness`) are named. With ``labels`` by track id only those are named and coloured,
    and the others are plain. ``text``: size of the words as a multiple of the usual. Pixels in ``facts`` are those of
    its camera, or of ``frame`` where that is unknown.

    >>> from scenarios import compile, load
    >>> facts = compile(load("cut_in"), fps=1)[5]
    >>> draw(np.zeros((512, 1024, 3), np.uint8), facts).any()
    np.True_
    """
    canvas = np.ascontiguousarray(frame).copy()
    height, width = canvas.shape[:2]
    seen_by = facts.camera or Camera(width=width, height=height)
    scale = np.array([width / seen_by.width, height / seen_by.height])
    camera = facts.camera and facts.camera.resized(width, height)
    if facts.road is not None and camera is not None:
        _draw_road(canvas, facts.road, camera)
    size = max(9.0, height / 34) * text
    objects = [thing for thing in facts.objects or () if (thing.occlusion or 0.0) < HIDDEN]
    far_to_near = sorted(objects, key=lambda thing: -(thing.depth or 0.0))
    for thing, solid in zip(far_to_near, _solids(far_to_near, camera), strict=True):
        _draw_object(canvas, thing, solid, camera, scale, _colour(thing, labels))
    names = Names(canvas, size)
    for thing in objects:
        left, top = thing.box[0] * scale[0], thing.box[1] * scale[1] - text_size("", size)[1] - 2
        if labels is not None and thing.track_id in labels:
            names.write(labels[thing.track_id].name, left, top, _colour(thing, labels), down=False)
        elif labels is None and is_visible(thing, seen_by.height):
            words = thing.category.replace("_", " ") + f" {thing.track_id}" * (thing.track_id >= 0)
            write(canvas, words, left, top, size=size, colour=INK, back=_colour(thing, labels))
    if strip:
        _draw_bar(canvas, facts, size)
    return canvas


def _draw_road(canvas: np.ndarray, road: RoadFacts, camera: Camera) -> None:
    """Lines, and the outlines of zebra crossings."""
    crossings = [area_pixels(camera, flat(np.array(area))) for area in road.crossings]
    stroke(canvas, LINE_COLOURS["white"], *(pixels for pixels in crossings if len(pixels)), closed=True)
    for line in road.lines:
        colour = GREY if line.kind == "edge" else LINE_COLOURS[line.colour]
        stroke(canvas, colour, *line_pixels(camera, flat(np.array(line.points))))


class _Solid(NamedTuple):
    """Corners (8 3) of a 3-D box in the ego frame, m, their pixels (8 2) and depths (8), m."""

    corners: np.ndarray
    pixels: np.ndarray
    depth: np.ndarray


def _solids(things: Sequence[ObjectFacts], camera: Camera | None) -> list[_Solid | None]:
    """The 3-D boxes of things, None where that or the camera is unknown; projected together, for speed."""
    places = [(thing.center, thing.size, thing.heading) for thing in things]
    boxes = [(c, s, h) for c, s, h in places if c is not None and s is not None and h is not None]
    if camera is None or not boxes:
        return [None] * len(things)
    corners = boxes_corners(boxes)
    pixels, depth = project_points(camera, corners.reshape(-1, 3))
    solids = map(_Solid, corners, pixels.reshape(-1, 8, 2), depth.reshape(-1, 8))
    return [None if None in place else next(solids) for place in places]


def _draw_object(
    canvas: np.ndarray, thing: ObjectFacts, solid: _Solid | None, camera: Camera | None, scale: np.ndarray,
    colour: Colour,
) -> None:  # fmt: skip
    thick = max(1, round(canvas.shape[0] / 256))
    if camera is None or solid is None:
        x1, y1, x2, y2 = np.array(thing.box) * np.tile(scale, 2)
        corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
        stroke(canvas, colour, corners, thickness=thick, closed=True)
        return
    near = (thing.box[3] - thing.box[1]) * scale[1] > 0.12 * canvas.shape[0]
    if solid.depth.min() >= NEAR:
        lines = [solid.pixels[path] for path in _STROKES]
    else:
        lines = line_pixels(camera, *(solid.corners[path] for path in _STROKES))
    stroke(canvas, colour, *lines, thickness=thick if near else 1)


def _colour(thing: ObjectFacts, labels: Mapping[int, Label] | None) -> Colour:
    colour = COLOURS[thing.category]
    if labels is not None:
        colour = labels[thing.track_id].colour if thing.track_id in labels else _OTHERS
    return shaded(colour, 0.55 if (thing.occlusion or 0.0) >= _DIM else 1.0)


def _draw_bar(canvas: np.ndarray, facts: FrameFacts, size: float) -> None:
    """A dark bar at the top: time, daylight (with a patch of its brightness), weather, what is seen, speed."""
    tall = text_size("", size)[1] + 6
    canvas[:tall] = canvas[:tall] // 4
    left = 4
    if facts.daylight is not None:
        canvas[4 : tall - 4, 4 : tall - 4] = mixed((25, 30, 70), (255, 240, 170), facts.daylight)
        left = tall
    for words in _conditions(facts):
        write(canvas, words, left, 3, size=size)
        left += text_size(words, size)[0] + round(size)


def _conditions(facts: FrameFacts) -> list[str]:
    light = "daylight ?" if facts.daylight is None else f"{time_of_day(facts.daylight)} {facts.daylight:.2f}"
    seen = "seen ?"
    if facts.crowdedness is not None:
        crowd = facts.crowdedness
        vehicles, people = (
            ("vehicle" if crowd.vehicles == 1 else "vehicles"),
            ("person" if crowd.people == 1 else "people"),
        )
        seen = f"{crowdedness_class(crowd)}: {crowd.vehicles} {vehicles}, {crowd.people} {people}"
    speed = "speed ?" if facts.ego is None else f"{facts.ego.speed * 3.6:.0f} km/h"
    return [clock(facts.time), light, facts.weather or "weather ?", seen, speed]

"""Boxes, lane lines and the strip of conditions on a frame."""

from __future__ import annotations

import numpy as np

from drivesim.overlay.ground import line_pixels
from drivesim.overlay.pen import COLOURS, GREY, LINE_COLOURS, Colour, clock, mixed, shaded, stroke, text_size, write
from scenarios.camera import box_corners
from scenarios.crowdedness import crowdedness_class, is_visible
from scenarios.facts import Camera, FrameFacts, ObjectFacts, time_of_day

HIDDEN = 0.9  # occlusion from which a box is not drawn
_DIM = 0.5  # occlusion from which a box is drawn dim
_STROKES = (  # through the corners as `box_corners` numbers them; the last two cross the front and so tell the heading
    (0, 1, 2, 3, 0), (4, 5, 6, 7, 4), (0, 4), (1, 5), (2, 6), (3, 7), (0, 7), (3, 4),
)  # fmt: skip


def draw(frame: np.ndarray, facts: FrameFacts, *, strip: bool = True) -> np.ndarray:
    """A copy of ``frame`` (uint8 h w 3 RGB) with its lane lines, road users and, if ``strip``, its conditions drawn in.

    A road user is drawn as its 3-D box, the front crossed, if its place and the camera are known, else as its 2-D box;
    dim from an occlusion of 0.5 and not at all from 0.9. Those that count as seen (`scenarios.crowdedness`) are named.
    Pixels in ``facts`` are those of its camera, or of ``frame`` where the camera is unknown.

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
        _draw_lines(canvas, facts, camera)
    objects = [thing for thing in facts.objects or () if (thing.occlusion or 0.0) < HIDDEN]
    for thing in sorted(objects, key=lambda thing: -(thing.depth or 0.0)):
        _draw_object(canvas, thing, camera, scale)
    for thing in objects:
        if is_visible(thing, seen_by.height):
            _name(canvas, thing, scale)
    if strip:
        _draw_strip(canvas, facts)
    return canvas


def _draw_lines(canvas: np.ndarray, facts: FrameFacts, camera: Camera) -> None:
    for line in facts.road.lines if facts.road else ():
        ground = np.pad(np.array(line.points, dtype=float), ((0, 0), (0, 1)))
        colour = GREY if line.kind == "edge" else LINE_COLOURS[line.colour]
        for pixels in line_pixels(camera, ground):
            stroke(canvas, pixels, colour)


def _draw_object(canvas: np.ndarray, thing: ObjectFacts, camera: Camera | None, scale: np.ndarray) -> None:
    colour = _colour(thing)
    if camera is None or thing.center is None or thing.size is None or thing.heading is None:
        x1, y1, x2, y2 = np.array(thing.box) * np.tile(scale, 2)
        stroke(canvas, np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]), colour, _thickness(canvas), closed=True)
        return
    corners = box_corners(thing.center, thing.size, thing.heading)
    near = (thing.box[3] - thing.box[1]) * scale[1] > 0.12 * canvas.shape[0]
    for path in _STROKES:
        for pixels in line_pixels(camera, corners[list(path)]):
            stroke(canvas, pixels, colour, _thickness(canvas) if near else 1)


def _colour(thing: ObjectFacts) -> Colour:
    return shaded(COLOURS[thing.category], 0.55 if (thing.occlusion or 0.0) >= _DIM else 1.0)


def _thickness(canvas: np.ndarray) -> int:
    return max(1, round(canvas.shape[0] / 256))


def _name(canvas: np.ndarray, thing: ObjectFacts, scale: np.ndarray) -> None:
    words, size = f"{thing.category} {thing.track_id}", _text_scale(canvas) * 0.85
    left, top = thing.box[0] * scale[0], thing.box[1] * scale[1] - text_size(words, size)[1] - 3
    write(canvas, words, left, top, scale=size, colour=(10, 10, 10), back=_colour(thing))


def _text_scale(canvas: np.ndarray) -> float:
    return max(0.3, 0.46 * canvas.shape[0] / 512)


def _draw_strip(canvas: np.ndarray, facts: FrameFacts) -> None:
    """A dark bar at the top: time, daylight (with a patch of its brightness), weather, what is seen, speed."""
    scale = _text_scale(canvas)
    words = _conditions(facts)
    tall = text_size(words, scale)[1] + 8
    canvas[:tall] = canvas[:tall] // 4
    left = 4
    if facts.daylight is not None:
        canvas[4 : tall - 4, 4 : tall - 4] = mixed((25, 30, 70), (255, 240, 170), facts.daylight)
        left = tall
    write(canvas, words, left, 3, scale=scale)


def _conditions(facts: FrameFacts) -> str:
    light = "daylight ?" if facts.daylight is None else f"{time_of_day(facts.daylight)} {facts.daylight:.2f}"
    seen = "seen ?"
    if facts.crowdedness is not None:
        crowd = facts.crowdedness
        seen = f"{crowdedness_class(crowd)}: {crowd.vehicles} vehicles, {crowd.people} people"
    speed = "speed ?" if facts.ego is None else f"{facts.ego.speed * 3.6:.0f} km/h"
    return "  |  ".join([clock(facts.time), light, facts.weather or "weather ?", seen, speed])

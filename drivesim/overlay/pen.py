"""Lines, areas and words on a picture, and the colours of things."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import shapely

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "car": (86, 180, 233),
    "van": (0, 190, 140),
    "truck": (230, 159, 0),
    "bus": (240, 228, 66),
    "motorcycle": (180, 130, 255),
    "bicycle": (240, 110, 30),
    "pedestrian": (255, 80, 140),
}
"""The colour of each category, after Okabe and Ito's palette for colour-blind readers."""
LINE_COLOURS: dict[str, Colour] = {"white": (235, 235, 235), "yellow": (250, 205, 60)}
WHITE: Colour = (245, 245, 245)
GREY: Colour = (150, 155, 160)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FAR = 8192  # px outside the picture: beyond it OpenCV's fixed-point coordinates could overflow


def shaded(colour: Sequence[float], share: float) -> Colour:
    """``colour`` with its brightness multiplied by ``share``."""
    red, green, blue = (int(min(255.0, max(0.0, value * share))) for value in colour)
    return red, green, blue


def mixed(first: Sequence[float], second: Sequence[float], share: float) -> Colour:
    """The colour ``share`` of the way from ``first`` to ``second``."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def stroke(canvas: np.ndarray, pixels: np.ndarray, colour: Colour, thickness: int = 1, *, closed: bool = False) -> None:
    """Draw a polyline through ``pixels`` (n 2); parts far outside the picture are cut off."""
    points = np.concatenate([pixels, pixels[:1]]) if closed else pixels
    if len(points) < 2:
        return
    parts = [points]
    if np.abs(points).max() > _FAR:
        line = shapely.clip_by_rect(shapely.linestrings(points), -_FAR, -_FAR, _FAR, _FAR)
        parts = [shapely.get_coordinates(part) for part in shapely.get_parts(line)]
    corners = [np.round(part).astype(np.int32) for part in parts]
    cv2.polylines(canvas, corners, False, colour, thickness, cv2.LINE_AA)


def fill(canvas: np.ndarray, pixels: np.ndarray, colour: Colour) -> None:
    """Fill the polygon ``pixels`` (n 2), which need not be convex."""
    if len(pixels) < 3:
        return
    if np.abs(pixels).max() > _FAR:
        polygon = shapely.clip_by_rect(shapely.make_valid(shapely.polygons(pixels)), -_FAR, -_FAR, _FAR, _FAR)
        parts = [shapely.get_coordinates(shapely.get_exterior_ring(part)) for part in _polygons(polygon)]
    else:
        parts = [pixels]
    for part in parts:
        cv2.fillPoly(canvas, [np.round(part).astype(np.int32)], colour, cv2.LINE_AA)


def _polygons(shape: shapely.Geometry) -> Iterator[shapely.Geometry]:
    return (part for part in shapely.get_parts(shape) if part.geom_type == "Polygon")


def text_size(words: str, scale: float) -> tuple[int, int]:
    """(width, height) of ``words`` in pixels, height with the part below the line."""
    (width, height), below = cv2.getTextSize(words, _FONT, scale, 1)
    return width, height + below


def write(
    canvas: np.ndarray, words: str, x: float, y: float, *,
    scale: float, colour: Colour = WHITE, back: Colour | None = None,
) -> None:  # fmt: skip
    """Write ``words`` with their top left corner at (x, y), kept in the picture, on a patch of ``back`` if given."""
    width, height = text_size(words, scale)
    left = int(min(max(x, 0), max(canvas.shape[1] - width - 4, 0)))
    top = int(min(max(y, 0), max(canvas.shape[0] - height - 2, 0)))
    if back is not None:
        cv2.rectangle(canvas, (left, top), (left + width + 4, top + height + 2), back, -1)
    baseline = top + cv2.getTextSize(words, _FONT, scale, 1)[0][1] + 2
    cv2.putText(canvas, words, (left + 2, baseline), _FONT, scale, colour, 1, cv2.LINE_AA)


def clock(seconds: float) -> str:
    """Minutes, seconds and tenths.

    >>> clock(83.25)
    '1:23.2'
    """
    tenths = int(seconds * 10 + 1e-6)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"

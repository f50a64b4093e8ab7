"""Lines, areas and words on a picture, and the colours of things."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
import shapely
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "car": (86, 180, 233),
    "van": (0, 190, 140),
    "truck": (230, 159, 0),
    "bus": (240, 228, 66),
    "motorcycle": (180, 130, 255),
    "bicycle": (240, 110, 30),
    "pedestrian": (255, 80, 140),
    "animal": (178, 112, 60),
    "obstacle": (200, 200, 200),
    "traffic_light": (150, 230, 70),
}
"""The colour of each category, after Okabe and Ito's palette for colour-blind readers; three are none of it."""
EGO_COLOUR: Colour = (255, 222, 60)
ACTOR_COLOURS: tuple[Colour, ...] = (
    (255, 92, 92), (70, 190, 255), (90, 220, 130), (255, 150, 40), (196, 140, 255), (255, 130, 205),
)  # fmt: skip
"""The colours of a scenario's actors, in turn; the same in every picture."""
LINE_COLOURS: dict[str, Colour] = {"white": (235, 235, 235), "yellow": (250, 205, 60)}
WHITE: Colour = (245, 245, 245)
GREY: Colour = (150, 155, 160)
INK: Colour = (14, 16, 18)
FAR = 8192  # px from the corner: beyond it OpenCV's fixed-point coordinates could overflow


def shaded(colour: Sequence[float], share: float) -> Colour:
    """``colour`` with its brightness multiplied by ``share``."""
    red, green, blue = colour
    return min(255, int(red * share)), min(255, int(green * share)), min(255, int(blue * share))


def mixed(first: Sequence[float], second: Sequence[float], share: float) -> Colour:
    """The colour ``share`` of the way from ``first`` to ``second``."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def blank(height: int, width: int, colour: Colour) -> np.ndarray:
    """A picture of one colour, uint8 (h w 3) RGB."""
    canvas = np.empty((height, width, 3), np.uint8)
    cv2.rectangle(canvas, (0, 0), (width, height), colour, -1)  # 50 times as fast as NumPy's broadcasting
    return canvas


def stroke(
    canvas: np.ndarray, colour: Colour, *lines: np.ndarray, thickness: int = 1, closed: bool = False
) -> None:  # fmt: skip
    """Draw polylines (each n 2, px); parts far outside the picture are cut off."""
    parts = [np.concatenate([line, line[:1]]) if closed else line for line in lines]
    if parts and np.abs(np.concatenate(parts)).max() > FAR:
        shapes = [shapely.linestrings(line) for line in parts if len(line) > 1]
        cut = shapely.get_parts(shapely.clip_by_rect(shapes, -FAR, -FAR, FAR, FAR))
        parts = [shapely.get_coordinates(shape) for shape in cut]
    cv2.polylines(canvas, [np.rint(part).astype(np.int32) for part in parts], False, colour, thickness, cv2.LINE_AA)


def fill(canvas: np.ndarray, pixels: np.ndarray, colour: Colour) -> None:
    """Fill the polygon ``pixels`` (n 2), which need not be convex."""
    if len(pixels) < 3:
        return
    if np.abs(pixels).max() > FAR:
        polygon = shapely.clip_by_rect(shapely.make_valid(shapely.polygons(pixels)), -FAR, -FAR, FAR, FAR)
        parts = [shapely.get_coordinates(shapely.get_exterior_ring(part)) for part in _polygons(polygon)]
    else:
        parts = [pixels]
    for part in parts:
        cv2.fillPoly(canvas, [np.rint(part).astype(np.int32)], colour, cv2.LINE_AA)


def dot(canvas: np.ndarray, pixel: np.ndarray, radius: float, colour: Colour) -> None:
    """Fill the circle of ``radius`` px around ``pixel`` (2), unless it lies outside the picture."""
    height, width = canvas.shape[:2]
    x, y = float(pixel[0]), float(pixel[1])
    if -radius < x < width + radius and -radius < y < height + radius:
        cv2.circle(canvas, (round(x), round(y)), max(1, round(radius)), colour, -1, cv2.LINE_AA)


def _polygons(shape: shapely.Geometry) -> Iterator[shapely.Geometry]:
    return (part for part in shapely.get_parts(shape) if part.geom_type == "Polygon")


def text_size(words: str, size: float) -> tuple[int, int]:
    """(width, height) in pixels that `write` takes for ``words`` in letters of ``size`` px."""
    height, width = _letters(words, round(size)).shape
    return width + 6, height


def write(
    canvas: np.ndarray, words: str, x: float, y: float, *,
    size: float, colour: Colour = WHITE, back: Colour | None = None,
) -> None:  # fmt: skip
    """Write ``words`` in letters of ``size`` px with their top left corner at (x, y), on a patch of ``back`` if given.

    They are moved where they would leave the picture, and cut off where they are wider than it.
    """
    letters = _letters(words, round(size))
    height, width = letters.shape[0], letters.shape[1] + 6
    left = int(min(max(x, 0), max(canvas.shape[1] - width, 0)))
    top = int(min(max(y, 0), max(canvas.shape[0] - height, 0)))
    if back is not None:
        cv2.rectangle(canvas, (left, top), (left + width - 1, top + height - 1), back, -1)
    patch = canvas[top : top + height, left + 3 : left + width - 3]
    share = letters[: patch.shape[0], : patch.shape[1], None].astype(np.float32) / 255
    patch[:] = np.rint(patch + share * (np.array(colour, np.float32) - patch)).astype(np.uint8)


class Names:
    """Names on a picture that give way to each other: each goes to the first place free of those before it."""

    def __init__(self, canvas: np.ndarray, size: float) -> None:
        """Write on ``canvas`` in letters of ``size`` px."""
        self.canvas, self.size = canvas, size
        self._taken: list[tuple[float, float, float]] = []  # left, top, right

    def write(self, words: str, x: float, y: float, back: Colour, *, down: bool) -> None:
        """Write ``words`` on a patch of ``back`` at (x, y), or as far ``down`` (else up) from there as need be."""
        wide, tall = text_size(words, self.size)
        left = float(np.clip(x, 0, max(0, self.canvas.shape[1] - wide)))
        top = float(np.clip(y, 0, max(0, self.canvas.shape[0] - tall)))
        while any(abs(top - y) < tall and x < left + wide and left < right for x, y, right in self._taken):
            top += tall + 1 if down else -tall - 1
        self._taken.append((left, top, left + wide))
        if 0 <= top <= self.canvas.shape[0] - tall:
            write(self.canvas, words, left, top, size=self.size, colour=INK, back=back)


@lru_cache(maxsize=2048)
def _letters(words: str, size: int) -> np.ndarray:
    """How much (h w, 0 to 255) of each pixel the words cover."""
    font, top, bottom = _font(size)
    left, _, right, _ = font.getbbox(words)
    picture = Image.new("L", (max(1, math.ceil(right - left)), bottom - top))
    ImageDraw.Draw(picture).text((-left, -top), words, fill=255, font=font)
    return np.asarray(picture)


@lru_cache(maxsize=64)
def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, int, int]:
    """The font, and the top and bottom of its lines."""
    font = ImageFont.load_default(size)
    _, top, _, bottom = font.getbbox("bgj_|")
    return font, math.floor(top), math.ceil(bottom)


def clock(seconds: float) -> str:
    """Minutes, seconds and tenths.

    >>> clock(83.25)
    '1:23.2'
    """
    tenths = int(seconds * 10 + 1e-6)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"

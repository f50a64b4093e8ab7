"""What a wet road mirrors beside the sky: long streaks of lamps, and the bodies of road users, both blurred."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivesim.town import textures
from drivesim.town.engine import Batch, Canvas, Layer, texture
from drivesim.town.traffic import Seen
from drivesim.town.view import View
from drivesim.town.weather import under

Floats = NDArray[np.floating]
WETTEST = 0.5  # wetness from which the road mirrors
SIGHT, BODY_SIGHT = 120.0, 60.0  # m at which lamps and bodies are still mirrored
SHORTEST = 1.5  # m: what is smaller leaves no image
BODY = 0.55  # how much of a body is left in its mirror image, at its feet
# The triangle of a streak, see `textures.streak`: across, down, and texture coordinates. It is one triangle, as edges
# that two share would be added twice.
_TRIANGLE = np.array([(-1, 0), (0, 1), (1, 0)], np.float32)
_UV = np.array([(0.0, 1.0), (0.5, 0.0), (1.0, 1.0)], np.float32)
_CORNERS = np.array([(-1, -1, 1, 1), (-1, 1, -1, 1)])
# The grid of a body: share of its height, what is left there; and across.
_SINK = ((0.0, 1.0), (0.5, 0.65), (1.0, 0.0))
_SIDES = ((-0.56, 0.0), (-0.44, 1.0), (0.44, 1.0), (0.56, 0.0))
_FAINTEST = 3  # alpha: the rasteriser must not interpolate below 0


class Reflections:
    """The mirror images of one frame."""

    def __init__(self, canvas: Canvas) -> None:
        """Draw onto ``canvas``."""
        self._bodies = canvas.batch(Layer(19, blend="alpha"))
        self._streaks = canvas.batch(Layer(22, blend="add"), texture(textures.streak(), mipmaps=False))

    def draw(self, seen: Sequence[Seen], lamps: Floats, roofs: Floats, view: View) -> None:
        """Show the road users ``seen`` and ``lamps`` (k, 7), see `lights.lamps`, in the wet road of ``view``.

        Under ``roofs``, see `weather.under`, it is dry.
        """
        look = view.look
        is_wet = look.wet > WETTEST
        near = [body for body in seen if 0 < body.x < BODY_SIGHT and body.state.size[0] > SHORTEST] if is_wet else []
        shining = lamps[(lamps[:, 0] < SIGHT) & is_wet]
        if len(roofs) and is_wet:
            shining = shining[~under(view.in_world(shining[:, :3]), roofs)]
            feet = np.array([(body.x, body.y, 0.0) for body in near]).reshape(-1, 3)
            near = [body for body, is_dry in zip(near, under(view.in_world(feet), roofs), strict=True) if not is_dry]
        self._bodies.show(bool(near))
        self._streaks.show(len(shining) > 0)
        eye = view.to_ego @ view.eye
        if len(shining):
            _streaks(self._streaks, shining, look.haze, eye)
        if near:
            _bodies(self._bodies, near, view, eye)


def _streaks(batch: Batch, lamps: Floats, haze: float, eye: Floats) -> None:
    far = np.linalg.norm(lamps[:, :3] - eye, axis=1)
    wide, long = np.maximum(0.18 + 0.4 * lamps[:, 3], 0.007 * far), 1.2 + 2.2 * lamps[:, 2]
    points = np.repeat(lamps[:, None, :3], 3, 1)
    points[:, :, 1] -= _TRIANGLE[:, 0] * wide[:, None]
    points[:, :, 2] = -_TRIANGLE[:, 1] * long[:, None]
    batch.shape(points.reshape(-1, 3), np.arange(3 * len(lamps)).reshape(-1, 3), np.tile(_UV, (len(lamps), 1)))
    colour = np.clip(lamps[:, 4:] * np.exp(-far / (1.6 * haze))[:, None], 0, 1) * 255
    batch.colours(np.repeat(np.c_[colour, np.full(len(lamps), 255)].astype(np.uint8), 3, axis=0))


def _bodies(batch: Batch, seen: Sequence[Seen], view: View, eye: Floats) -> None:
    x, y, heading, length, broad, tall = np.array(
        [(body.x, body.y, body.heading, *body.state.size) for body in seen]
    ).T[..., None]
    c, s, (u, v) = np.cos(heading), np.sin(heading), 0.5 * _CORNERS
    corner_x, corner_y = x + c * u * length - s * v * broad, y + s * u * length + c * v * broad
    near = np.maximum(corner_x.min(1), eye[0] + 1.0)
    slope = (corner_y - eye[1]) / np.maximum(corner_x - eye[0], 1.0)  # of the rays that touch the body
    low, high = (end * (near - eye[0]) + eye[1] for end in (slope.min(1), slope.max(1)))
    feet = np.stack([near, (low + high) / 2, 0 * near], -1)
    points, faces, left = _curtains(feet, high - low, tall[:, 0])
    batch.shape(points, faces)
    look = view.look
    tones = np.array([body.state.appearance for body in seen], np.float32) / 255
    colour = tones * look.ambient * 0.5 + 0.02
    steep = 1 - eye[2] / np.hypot(feet[:, 0] - eye[0], eye[2])
    share = BODY * look.wet * steep**2 * np.exp(-feet[:, 0] / look.haze)
    rgba = np.empty((len(seen), len(left), 4), np.uint8)
    rgba[..., :3] = (np.clip(colour, 0, 1) * 255)[:, None]
    rgba[..., 3] = np.maximum((share * 255)[:, None] * left, _FAINTEST)
    batch.colours(rgba.reshape(-1, 4))


def _curtains(feet: Floats, wide: Floats, long: Floats) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Grids that hang below ``feet`` (k, 3), ego frame, and face the rear; ``wide, long`` (k,): their extents, m.

    Returns points, faces and, for the points of one grid, what is left of the image there.
    """
    (down, sink), (side, spread) = np.array(_SINK).T, np.array(_SIDES).T
    grid = np.repeat(feet[:, None, None], len(down), 1).repeat(len(side), 2)
    grid[..., 1] -= side * wide[:, None, None]
    grid[..., 2] -= (down * long[:, None])[:, :, None]
    i = np.arange(len(down) * len(side)).reshape(len(down), len(side))
    a, b, c, d = (part.reshape(-1) for part in (i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])
    every = (faces[None] + i.size * np.arange(len(feet))[:, None, None]).reshape(-1, 3)
    return grid.reshape(-1, 3), every, np.outer(sink, spread).reshape(-1)

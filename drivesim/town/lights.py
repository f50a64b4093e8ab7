"""Lamps as the eye sees them at night: halos around them, streaks of them on a wet road, and their light on the asphalt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivesim.town.engine import Canvas, Layer
from drivesim.town.looks import Look
from drivesim.town.paint import flashes
from drivesim.town.traffic import Seen, lamp_places

Floats = NDArray[np.float32]
HEAD, TAIL, BRAKE, AMBER, STREET = (1.0, .95, .80), (.75, .06, .05), (1.0, .10, .07), (1.0, .55, .08), (.95, .78, .48)
BEAM_SIGHT = 80.0  # m within which lamps of others light the asphalt
_SIDES = 10
_ANGLES = 2 * np.pi * np.arange(_SIDES) / _SIDES
# A halo: its middle, a bright inner ring and a dark outer ring.
_DISC = np.concatenate([[(0.0, 0.0)], *[r * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1) for r in (0.28, 1.0)]])
_FALL = np.concatenate([[1.0], np.full(_SIDES, 0.34), np.zeros(_SIDES)])
_i, _j = np.arange(_SIDES), (np.arange(_SIDES) + 1) % _SIDES
_FACES = np.concatenate(
    [np.stack([0 * _i, 1 + _i, 1 + _j], -1), np.stack([1 + _i, 11 + _i, 11 + _j], -1), np.stack([1 + _i, 11 + _j, 1 + _j], -1)]
)
_FACES = np.concatenate([_FACES, _FACES[:, ::-1]])


class Lights:
    """Halos and streaks of one frame."""

    def __init__(self, canvas: Canvas) -> None:
        """Draw onto ``canvas``."""
        self._halos = canvas.batch(Layer(60, depth="test", blend="add"))
        self._streaks = canvas.batch(Layer(22, blend="add"))

    def draw(self, lamps: Floats, look: Look, eye: Floats) -> None:
        """Show ``lamps`` (k, 7): place (ego frame, m), radius of the halo (m), colour, as seen from ``eye`` (3,)."""
        self._halos.show(len(lamps) > 0)
        self._streaks.show(len(lamps) > 0 and look.wet > 0.5)
        if not len(lamps):
            return
        way = lamps[:, :3] - eye
        far = np.linalg.norm(way, axis=1, keepdims=True)
        seen = lamps[:, 4:] * np.exp(-far / (1.6 * look.haze))
        radius = np.maximum(lamps[:, 3:4], 0.004 * far)
        near = lamps[:, :3] - way / far * np.minimum(0.3, 0.2 * far)
        _fill(self._halos, near, radius, radius, seen)
        mirrored = lamps[:, :3] * np.array([1, 1, -1], np.float32)
        _fill(self._streaks, mirrored, 0.45 * radius, 0.3 * radius + 0.75 * lamps[:, 2:3], seen * 0.5)


def _fill(batch, places: Floats, wide: Floats, tall: Floats, colours: Floats) -> None:
    """Discs that face the rear, ``wide`` and ``tall`` (k, 1) m in radius, fading outwards."""
    count = len(places)
    points = np.repeat(places[:, None], len(_DISC), 1)
    points[:, :, 1] -= _DISC[:, 0] * wide
    points[:, :, 2] += _DISC[:, 1] * tall
    faces = _FACES[None] + len(_DISC) * np.arange(count)[:, None, None]
    batch.shape(points.reshape(-1, 3), faces.reshape(-1, 3))
    rgba = np.full((count, len(_DISC), 4), 255, np.uint8)
    rgba[..., :3] = np.clip(colours[:, None] * _FALL[:, None], 0, 1) * 255
    batch.colours(rgba.reshape(-1, 4))


def lamps(seen: Sequence[Seen], bulbs: Floats, look: Look, eye: Floats, time: float) -> Floats:
    """The lamps (k, 7) that shine towards ``eye``: street lamps and those of road users."""
    dark = look.lamps
    rows = [(*bulb, 1.3, *np.array(STREET) * 0.9 * dark) for bulb in bulbs if dark > 0.05 and bulb[0] > 0]
    for body in seen:
        lights = body.state.lights
        if lights is None:
            continue
        toward = np.cos(body.heading) * (eye[0] - body.x) + np.sin(body.heading) * (eye[1] - body.y)
        toward /= np.hypot(eye[0] - body.x, eye[1] - body.y) + 1e-6
        places = {name: body.to_ego(place) for name, place in lamp_places(body.state).items()}
        shown = []
        if lights.head and toward > 0.1:
            shown.append(("head", 0.85, np.array(HEAD) * min(1.0, 2 * toward) * (0.25 + 0.75 * dark)))
        if lights.head and toward < -0.1:
            shown.append(("tail", 0.38, np.array(TAIL) * (0.2 + 0.6 * dark)))
        if lights.brake and toward < -0.1:
            shown.append(("brake", 0.55, np.array(BRAKE) * (0.35 + 0.55 * dark)))
        for side in ("left", "right"):
            if flashes(lights, side, time):
                shown.append((f"{side} {'front' if toward > 0 else 'rear'}", 0.45, np.array(AMBER) * (0.35 + 0.45 * dark)))
        rows += [(*place, radius, *colour) for name, radius, colour in shown for place in places[name]]
    return np.array(rows, np.float32).reshape(-1, 7)


def beams(seen: Sequence[Seen], look: Look) -> Floats:
    """What lights the asphalt before and behind other vehicles: rows (k, 8) for `looks.glare`."""
    rows = []
    for body in seen:
        lights, length = body.state.lights, body.state.size[0]
        if lights is None or look.lamps < 0.02 or not 0 < body.x < BEAM_SIGHT:
            continue
        cos, sin = np.cos(body.heading), np.sin(body.heading)
        if lights.head:
            rows.append((body.x + cos * length / 2, body.y + sin * length / 2, cos, sin, 7.0, *np.array(HEAD) * 0.85))
            red = 0.75 if lights.brake else 0.22
            rows.append((body.x - cos * length / 2, body.y - sin * length / 2, -cos, -sin, 2.2, red, red * 0.06, red * 0.05))
    return np.array(rows, np.float32).reshape(-1, 8)

"""Lamps at night: halos around them, streaks of them on a wet road, and their light on the asphalt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivesim.town.engine import Batch, Canvas, Layer
from drivesim.town.looks import Look
from drivesim.town.paint import flashes
from drivesim.town.traffic import Seen, lamp_places

Floats = NDArray[np.floating]
HEAD, TAIL, BRAKE, AMBER, STREET = (
    (1.0, 0.95, 0.80),
    (0.75, 0.06, 0.05),
    (1.0, 0.10, 0.07),
    (1.0, 0.55, 0.08),
    (0.95, 0.78, 0.48),
)
BEAM_SIGHT = 80.0  # m within which lamps of others light the asphalt
_SIDES = 12


def _disc_faces() -> NDArray[np.int64]:
    """Triangles over a middle point 0 and rings of `_SIDES` points around it, seen from both sides."""
    i, j = np.arange(_SIDES), (np.arange(_SIDES) + 1) % _SIDES
    faces = [np.stack([0 * i, 1 + i, 1 + j], -1)]
    for ring in range(len(_RINGS) - 1):
        inner, outer = 1 + ring * _SIDES, 1 + (ring + 1) * _SIDES
        faces += [np.stack([inner + i, outer + i, outer + j], -1), np.stack([inner + i, outer + j, inner + j], -1)]
    whole = np.concatenate(faces)
    return np.concatenate([whole, whole[:, ::-1]])


_ANGLES = 2 * np.pi * np.arange(_SIDES) / _SIDES
# A halo: its middle and rings around it, (radius, brightness). The least is not 0: colours that the rasteriser
# interpolates
# below 0 would come out white.
_RINGS = ((0.16, 0.50), (0.38, 0.17), (0.68, 0.05), (1.0, 0.0))
_DARKEST = 3
_DISC = np.concatenate([[(0.0, 0.0)], *[r * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1) for r, _ in _RINGS]])
_FALL = np.concatenate([[1.0], *[np.full(_SIDES, bright) for _, bright in _RINGS]])
_FACES = _disc_faces()


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
        seen = lamps[:, 4:] * np.exp(-far / (1.6 * look.haze)) * np.clip(far / 18, 0.3, 1)
        radius = np.maximum(lamps[:, 3:4], 0.004 * far)
        near = lamps[:, :3] - way / far * np.minimum(0.3, 0.2 * far)
        _fill(self._halos, near, radius, radius, seen)
        mirrored = lamps[:, :3] * np.array([1, 1, -1], np.float32)
        _fill(self._streaks, mirrored, 0.45 * radius, 0.3 * radius + 0.75 * lamps[:, 2:3], seen * 0.5)


def _fill(batch: Batch, places: Floats, wide: Floats, tall: Floats, colours: Floats) -> None:
    """Discs that face the rear, ``wide`` and ``tall`` (k, 1) m in radius, fading outwards."""
    count = len(places)
    points = np.repeat(places[:, None], len(_DISC), 1)
    points[:, :, 1] -= _DISC[:, 0] * wide
    points[:, :, 2] += _DISC[:, 1] * tall
    faces = _FACES[None] + len(_DISC) * np.arange(count)[:, None, None]
    batch.shape(points.reshape(-1, 3), faces.reshape(-1, 3))
    rgba = np.full((count, len(_DISC), 4), 255, np.uint8)
    rgba[..., :3] = np.maximum(np.clip(colours[:, None] * _FALL[:, None], 0, 1) * 255, _DARKEST)
    batch.colours(rgba.reshape(-1, 4))


def lamps(seen: Sequence[Seen], bulbs: Floats, look: Look, eye: Floats, time: float) -> Floats:
    """The lamps (k, 7) that shine towards ``eye``: street lamps and those of road users."""
    dark = look.lamps
    rows = [(*bulb, 1.9, *np.array(STREET) * 0.9 * dark) for bulb in bulbs if dark > 0.05 and bulb[0] > 0]
    for body in seen:
        lights = body.state.lights
        if lights is None:
            continue
        toward = np.cos(body.heading) * (eye[0] - body.x) + np.sin(body.heading) * (eye[1] - body.y)
        toward /= np.hypot(eye[0] - body.x, eye[1] - body.y) + 1e-6
        places, shown = lamp_places(body.state), []
        if lights.head and toward > 0.1:
            shown.append(("head", 1.25, np.array(HEAD) * min(1.0, 2 * toward) * (0.25 + 0.75 * dark)))
        if lights.head and toward < -0.1:
            shown.append(("tail", 0.5, np.array(TAIL) * (0.2 + 0.6 * dark)))
        if lights.brake and toward < -0.1:
            shown.append(("brake", 0.8, np.array(BRAKE) * (0.35 + 0.55 * dark)))
        for side in ("left", "right"):
            if flashes(lights, side, time):
                shown.append(
                    (f"{side} {'front' if toward > 0 else 'rear'}", 0.6, np.array(AMBER) * (0.35 + 0.45 * dark))
                )
        rows += [(*place, radius, *colour) for name, radius, colour in shown for place in body.to_ego(places[name])]
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
            rows.append(
                (body.x - cos * length / 2, body.y - sin * length / 2, -cos, -sin, 2.2, red, red * 0.06, red * 0.05)
            )
    return np.array(rows, np.float32).reshape(-1, 8)

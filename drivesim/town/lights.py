"""Lamps at night: halos around them, cones of light in thick air, and their light on the asphalt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivesim.town import textures
from drivesim.town.bodies import lamp_places
from drivesim.town.engine import Batch, Canvas, Layer, texture
from drivesim.town.looks import Look
from drivesim.town.paint import flashes
from drivesim.town.signals import signal_lamp
from drivesim.town.traffic import Seen

Floats = NDArray[np.floating]
HEAD, TAIL, BRAKE, AMBER, STREET = (
    (1.0, 0.95, 0.80),
    (0.75, 0.06, 0.05),
    (1.0, 0.10, 0.07),
    (1.0, 0.55, 0.08),
    (0.95, 0.78, 0.48),
)
BEAM_SIGHT = 80.0  # m within which lamps of others light the asphalt
# A halo: (radius, brightness), radius 1 is its rim.
HALO = ((0.0, 1.0), (0.16, 0.50), (0.38, 0.17), (0.68, 0.05), (1.0, 0.0))
_DARKEST = 3  # colours that the rasteriser interpolates below 0 would come out white
CONE_FROM, CONE_SIGHT, CONE_WIDE = 3.5, 60.0, 0.62  # m above the ground; m ahead; half width per m of height
SIGNAL_HALO = 0.7  # m, radius of the halo of a traffic light
CLEAREST = 0.5  # murk below which cones are not seen
# A cone as a fan: across (-1..1), down (0..1), brightness.
_CONE = np.array([
    (-0.05, 0.0, 0.9), (0.05, 0.0, 0.9), (-0.55, 0.5, 0.0), (0.0, 0.5, 0.42), (0.55, 0.5, 0.0), (-1.0, 1.0, 0.0),
    (-0.4, 1.0, 0.12), (0.4, 1.0, 0.12), (1.0, 1.0, 0.0),
], np.float32)  # fmt: skip
_CONE_FACES = np.array([
    (0, 2, 3), (0, 3, 1), (1, 3, 4), (2, 5, 6), (2, 6, 3), (3, 6, 7), (3, 7, 4), (4, 7, 8),
])  # fmt: skip


class Lights:
    """Halos and cones of one frame."""

    def __init__(self, canvas: Canvas) -> None:
        """Draw onto ``canvas``."""
        self._halos = canvas.batch(Layer(60, depth="test", blend="add"), texture(textures.glow(HALO), mipmaps=False))
        self._cones = canvas.batch(Layer(59, depth="test", blend="add"))

    def draw(self, lamps: Floats, look: Look, eye: Floats) -> None:
        """Show ``lamps`` (k, 7): place (ego frame, m), radius of the halo (m), colour, as seen from ``eye`` (3,)."""
        self._draw_cones(lamps[(lamps[:, 2] > CONE_FROM) & (lamps[:, 3] > SIGNAL_HALO)], look, eye)
        self._halos.show(len(lamps) > 0)
        if not len(lamps):
            return
        way = lamps[:, :3] - eye
        far = np.linalg.norm(way, axis=1, keepdims=True)
        seen = lamps[:, 4:] * np.exp(-far / (1.6 * look.haze)) * np.clip(far / 18, 0.3, 1)
        radius = np.maximum(lamps[:, 3:4] * (1 + 3 * look.murk * look.murk), 0.004 * far)
        near = lamps[:, :3] - way / far * np.minimum(0.3, 0.2 * far)
        _fill(self._halos, near, radius, seen)

    def _draw_cones(self, lamps: Floats, look: Look, eye: Floats) -> None:
        """The air under high lamps, lit where it is thick."""
        ahead = lamps[(lamps[:, 0] > eye[0] + 3) & (lamps[:, 0] < CONE_SIGHT)]
        self._cones.show(look.murk > CLEAREST and len(ahead) > 0)
        if look.murk <= CLEAREST or not len(ahead):
            return
        far = np.linalg.norm(ahead[:, :3] - eye, axis=1)
        points = np.repeat(ahead[:, None, :3], len(_CONE), 1)
        points[:, :, 1] -= _CONE[:, 0] * CONE_WIDE * ahead[:, 2:3]
        points[:, :, 2] *= 1 - _CONE[:, 1]
        self._cones.shape(
            points.reshape(-1, 3),
            (_CONE_FACES[None] + len(_CONE) * np.arange(len(ahead))[:, None, None]).reshape(-1, 3),
        )
        share = 0.45 * look.murk * look.lamps * np.clip(far / 40, 0.3, 1) * np.exp(-far / (2 * look.haze))
        bright = ahead[:, None, 4:] * _CONE[:, 2:] * share[:, None, None]
        rgba = np.full((len(ahead), len(_CONE), 4), 255, np.uint8)
        rgba[..., :3] = np.maximum(np.clip(bright, 0, 1) * 255, _DARKEST)
        self._cones.colours(rgba.reshape(-1, 4))


def _fill(batch: Batch, places: Floats, radius: Floats, colours: Floats) -> None:
    """Halos of ``radius`` (k, 1) m that face the rear."""
    count = len(places)
    points = np.repeat(places[:, None], 3, 1)
    points[:, :, 1:] += textures.GLOW_TRIANGLE * (-1, 1) * radius[:, None]
    batch.shape(points.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), np.tile(textures.GLOW_UV, (count, 1)))
    shown = np.c_[np.clip(colours, 0, 1) * 255, np.full(count, 255)].astype(np.uint8)
    batch.colours(np.repeat(shown, 3, axis=0))


def lamps(seen: Sequence[Seen], bulbs: Floats, look: Look, eye: Floats, time: float) -> Floats:
    """The lamps (k, 7) that shine towards ``eye``: street lamps and those of road users."""
    dark = look.lamps
    rows = [(*bulb, 1.9, *np.array(STREET) * 0.9 * dark) for bulb in bulbs if dark > 0.05 and bulb[0] > 0]
    for body in seen:
        lights = body.state.lights
        toward = np.cos(body.heading) * (eye[0] - body.x) + np.sin(body.heading) * (eye[1] - body.y)
        toward /= np.hypot(eye[0] - body.x, eye[1] - body.y) + 1e-6
        if body.state.category == "traffic_light" and toward > 0:
            place, colour = signal_lamp(body.state)
            rows.append((*body.to_ego(place[None])[0], SIGNAL_HALO, *(colour * (0.15 + 0.7 * dark))))
        if lights is None:
            continue
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
        if lights is None or not look.shine or not 0 < body.x < BEAM_SIGHT:
            continue
        cos, sin = np.cos(body.heading), np.sin(body.heading)
        if lights.head:
            rows.append((body.x + cos * length / 2, body.y + sin * length / 2, cos, sin, 7.0, *np.array(HEAD) * 0.85))
            red = 0.75 if lights.brake else 0.22
            rows.append(
                (body.x - cos * length / 2, body.y - sin * length / 2, -cos, -sin, 2.2, red, red * 0.06, red * 0.05)
            )
    return np.array(rows, np.float32).reshape(-1, 8)

"""How the town is lit: daylight and weather -> colours of sky, sun, fog and lamps; and the shading of meshes by them.

The rasteriser has neither shaders nor fog, so light is computed here, per vertex, with numpy. Colours are RGB in [0,
1]. Positions are in the ego frame (x forward, y left, z up, metres); the sun's direction is in the world frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenarios.facts import WEATHERS

Floats = NDArray[np.floating]
SUN_AZIMUTH = 2.3  # rad, world frame
HEAD_LIGHT_REACH, GLARE_REACH = 55.0, 20.0  # m from the ego's head lights, from those of others
HEAD_LAMP = np.array([3.4, 0.0, 0.75], np.float32)  # the ego's head lights as one lamp, ego frame, m

# One row per knot of daylight, interpolated in between; clear weather.
KNOTS = (0.0, 0.2, 0.4, 0.5, 0.65, 1.0)
CLEAR = {
    "zenith": [(.012, .016, .045), (.05, .07, .16), (.17, .22, .40), (.26, .34, .56), (.30, .46, .74), (.24, .47, .82)],
    "horizon": [(.045, .05, .085), (.19, .16, .22), (.78, .50, .36), (.93, .68, .48), (.85, .82, .78), (.72, .83, .92)],
    "ambient": [(.15, .16, .215), (.20, .20, .26), (.33, .31, .38), (.42, .40, .45), (.48, .50, .54), (.50, .53, .58)],
    "sun": [(.03, .035, .05), (.05, .045, .06), (.34, .19, .10), (.56, .36, .20), (.62, .52, .40), (.66, .62, .54)],
    "elevation": [(.6,), (.35,), (.16,), (.22,), (.42,), (.85,)],
    "lamps": [(1.0,), (1.0,), (.75,), (.4,), (.08,), (0.0,)],
}  # fmt: skip
# Weather: share of the sun left, share of grey in the sky, brightness of the diffuse light, distance of haze (m),
# wetness.
WEATHER = {
    "clear": (1.0, 0.0, 1.0, 520.0, 0.0),
    "overcast": (0.12, 0.85, 1.12, 340.0, 0.0),
    "rainy": (0.04, 1.0, 0.86, 190.0, 1.0),
    "foggy": (0.06, 1.0, 1.05, 62.0, 0.25),
}
assert tuple(WEATHER) == WEATHERS


@dataclass(frozen=True, slots=True)
class Look:
    """The light of one moment.

    ``zenith, horizon, fog``: sky colours. ``ambient, sun``: light that falls on surfaces. ``sun_direction``: unit,
    towards the sun, world frame. ``lamps``: how much street lamps and windows are lit, 0..1. ``haze``: distance in m
    at which 63% of the light is lost. ``wet``: 0..1. ``grey``: share of cloud cover.
    """

    zenith: Floats
    horizon: Floats
    fog: Floats
    ambient: Floats
    sun: Floats
    sun_direction: Floats
    lamps: float
    haze: float
    wet: float
    grey: float


def look(daylight: float, weather: str) -> Look:
    """The light at a ``daylight`` in [0, 1] and one of `WEATHERS`; continuous in daylight."""
    sun_share, grey, diffuse, haze, wet = WEATHER[weather]
    values = {
        name: np.array([np.interp(daylight, KNOTS, column) for column in np.array(rows).T], np.float32)
        for name, rows in CLEAR.items()
    }
    overcast = values["ambient"].mean() * np.array([1.24, 1.28, 1.34], np.float32) + 0.02
    zenith = values["zenith"] * (1 - grey) + grey * overcast * 0.94
    horizon = values["horizon"] * (1 - grey) + grey * overcast * 1.1
    elevation = float(values["elevation"][0])
    direction = (np.cos(elevation) * np.cos(SUN_AZIMUTH), np.cos(elevation) * np.sin(SUN_AZIMUTH), np.sin(elevation))
    lamps = float(values["lamps"][0])
    return Look(
        zenith=zenith,
        horizon=horizon,
        fog=horizon * 0.8 + zenith * 0.2,
        ambient=values["ambient"] * (diffuse + 0.1 * grey),
        sun=values["sun"] * sun_share,
        sun_direction=np.array(direction, np.float32),
        lamps=max(lamps, min(1.0, 0.35 * grey * (1.6 - daylight))) if weather in ("rainy", "foggy") else lamps,
        haze=haze,
        wet=wet,
        grey=grey,
    )


@dataclass(frozen=True, slots=True)
class Surface:
    """What light meets, per point.

    ``points, normals, albedo`` (n, 3); ``glow`` (n, 3): its own light; ``gloss`` (n,): how much of the sky it mirrors.
    """

    points: Floats
    normals: Floats
    albedo: Floats
    glow: Floats
    gloss: Floats


def daylit(surface: Surface, now: Look, *, heading: float = 0.0) -> Floats:
    """The colour (n, 3) of a surface by sky and sun alone. ``heading``: of the surface's frame in the world, rad."""
    c, s = np.cos(-heading), np.sin(-heading)
    x, y, z = now.sun_direction
    sun = np.array([c * x - s * y, s * x + c * y, z], np.float32)
    up = surface.normals[:, 2]
    sky, facing, gloss = 0.84 + 0.16 * up, np.maximum(surface.normals @ sun, 0), surface.gloss * 0.6
    high, open_sky = np.clip(up, 0, 1), 0.35 + 0.65 * np.clip(up + 0.3, 0, 1)
    colour = np.empty_like(surface.albedo)
    for channel in range(3):  # one after the other: numpy is several times slower at rows of three
        light = now.ambient[channel] * sky + now.sun[channel] * facing
        mirror = (now.horizon[channel] + (now.zenith[channel] - now.horizon[channel]) * high) * gloss
        colour[:, channel] = surface.albedo[:, channel] * light + mirror * open_sky
    return colour


def head_light(points: Floats, normals: Floats) -> Floats:
    """The light (n,) that the ego's dipped head lights throw on points in the ego frame."""
    way = points - HEAD_LAMP
    far = np.sqrt(np.einsum("nc,nc->n", way, way)) + 1e-3
    ahead = np.maximum(way[:, 0], 1e-3)
    spread = np.exp(-np.square(way[:, 1] / (1.6 + 0.42 * ahead)))
    rise = np.clip(0.035 - way[:, 2] / ahead, 0.0, 0.06) / 0.06  # dipped: little light above the lamp's own height
    facing = np.clip(-np.einsum("nc,nc->n", way, normals) / far, 0, 1)
    light = (
        1.25
        * (0.25 + 0.75 * rise)
        * spread
        * (0.42 + 0.58 * facing)
        / (1 + np.square(far / 17))
        * np.clip(1.4 - 1.4 * far / HEAD_LIGHT_REACH, 0, 1)
    )
    return np.where(way[:, 0] > 0, light * np.clip(way[:, 0] / 2.5, 0, 1), 0).astype(np.float32)


def lamp_light(points: Floats, normals: Floats, lamps: Floats) -> Floats:
    """The light (n,) of street lamps at ``lamps`` (k, 3), all in one frame, metres."""
    total = np.zeros(len(points), np.float32)
    for lamp in lamps:
        way = lamp - points
        square = np.einsum("nc,nc->n", way, way)
        facing = np.einsum("nc,nc->n", way, normals) / np.sqrt(square + 1e-3)
        total += np.clip(0.25 + 0.75 * facing, 0, 1) / np.square(1 + square / 60)
    return total


def hazed(colour: Floats, points: Floats, now: Look, eye: Floats, *, gain: float = 1.0) -> NDArray[np.uint8]:
    """Colours (n, 3) seen from ``eye`` (3,) through the air, times ``gain``, as RGBA bytes (n, 4)."""
    x, y, z = (points[:, axis] - eye[axis] for axis in range(3))
    clear = np.exp(np.sqrt(x * x + y * y + z * z) * np.float32(-1 / now.haze))
    rgba = np.full((len(points), 4), 255, np.uint8)
    for channel, fog in enumerate(now.fog):
        seen = (colour[:, channel] - fog) * clear + fog
        rgba[:, channel] = np.clip(seen, 0, 1 / gain) * np.float32(255 * gain) + np.float32(0.5)
    return rgba


LAMP_COLOUR = np.array([1.0, 0.82, 0.54], np.float32) * np.float32(1.7)


def wetted(surface: Surface, now: Look) -> Surface:
    """The ground as rain leaves it: darker, and a mirror of the sky."""
    if not now.wet:
        return surface
    return replace(
        surface,
        albedo=surface.albedo * np.float32(1 - 0.42 * now.wet),
        gloss=surface.gloss + np.float32(0.16 * now.wet),
    )


def glare(points: Floats, beams: Floats) -> Floats:
    """The light (n, 3) on the ground by lamps of other vehicles.

    ``beams`` (k, 8): x, y of the lamp and the unit direction of its light (ego frame), reach in m, and its colour.
    """
    total = np.zeros((len(points), 3), np.float32)
    for x, y, cos, sin, reach, *colour in beams:
        along = (points[:, 0] - x) * cos + (points[:, 1] - y) * sin
        aside = (points[:, 1] - y) * cos - (points[:, 0] - x) * sin
        ahead = np.maximum(along, 0)
        pool = np.exp(-np.square(aside / (0.9 + 0.25 * ahead)) - ahead / reach) * np.clip(along / 1.2 + 0.3, 0, 1)
        total += pool[:, None] * np.asarray(colour, np.float32)
    return total

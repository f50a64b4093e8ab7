"""How the town is lit: daylight and weather -> colours of sky, sun, fog and lamps; and the shading of meshes by them.

The rasteriser has neither shaders nor fog, so light is computed here, per vertex, with numpy. Colours are RGB in [0,
1]. Positions are in the ego frame (x forward, y left, z up, metres); the sun's direction is in the world frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenarios.facts import WEATHERS

Floats = NDArray[np.floating]
HEAD_LIGHT_REACH = 55.0  # m from the ego's head lights
GLARE_REACH = 7.0  # reaches of a lamp of others beyond which its light on the ground is not seen
HEAD_LAMP = np.array([3.4, 0.0, 0.75], np.float32)  # the ego's head lights as one lamp, ego frame, m

# One row per knot of daylight, interpolated in between; clear weather. ``azimuth, elevation``: of the sun in the world,
# rad. It sets at the far end of a street that runs along x, where every scenario begins.
KNOTS = (0.0, 0.2, 0.4, 0.5, 0.65, 1.0)
CLEAR = {
    "zenith": [(.008, .012, .040), (.05, .07, .17), (.13, .16, .35), (.19, .25, .50), (.29, .44, .73), (.20, .44, .83)],
    "horizon": [(.030, .04, .085), (.22, .16, .22), (.78, .41, .27), (.94, .58, .34), (.92, .82, .70), (.72, .84, .94)],
    "ambient": [(.10, .115, .17), (.18, .18, .235), (.27, .25, .32), (.33, .31, .36), (.53, .54, .57), (.56, .59, .64)],
    "sun": [(.03, .035, .05), (.05, .045, .06), (.38, .19, .09), (.64, .38, .18), (.68, .54, .38), (.70, .65, .55)],
    "azimuth": [(-.25,), (.1,), (.2,), (.3,), (.9,), (2.3,)],
    "elevation": [(.5,), (.06,), (.08,), (.17,), (.40,), (.85,)],
    "lamps": [(1.0,), (1.0,), (.85,), (.5,), (.1,), (0.0,)],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weather:
    """What a weather does to the light of a clear day.

    ``sun``: share of it left. ``grey``: share of cloud cover. ``diffuse``: brightness of the light from all of the sky.
    ``ceiling``: brightness of the clouds. ``haze, wet, rain, snow``: see `Look`.
    """

    sun: float = 1.0
    grey: float = 0.0
    diffuse: float = 1.0
    ceiling: float = 1.0
    haze: float = 520.0
    wet: float = 0.0
    rain: bool = False
    snow: bool = False


WEATHER = {
    "clear": Weather(),
    "overcast": Weather(sun=0.02, grey=0.92, diffuse=1.14, ceiling=1.08, haze=360.0),
    "rainy": Weather(sun=0.0, grey=1.0, diffuse=0.80, ceiling=0.84, haze=130.0, wet=1.0, rain=True),
    "foggy": Weather(sun=0.0, grey=1.0, diffuse=1.0, ceiling=1.0, haze=34.0, wet=0.3),
    "snowy": Weather(sun=0.0, grey=1.0, diffuse=1.3, ceiling=1.06, haze=105.0, snow=True),
}
assert tuple(WEATHER) == WEATHERS
TOWN_GLOW = np.array([0.105, 0.085, 0.066], np.float32)  # the light that a lit town throws on clouds at night
LAMP_GLOW = np.array([0.17, 0.145, 0.105], np.float32)  # and that its lamps throw into thick air
DIM = 0.22  # lamps at which they begin to shine on things
HAZY = 110.0  # m of haze at which about a third of that light comes back


@dataclass(frozen=True, slots=True)
class Look:
    """The light of one moment.

    ``zenith, horizon, fog``: sky colours. ``ambient, sun``: light that falls on surfaces. ``sun_direction``: unit,
    towards the sun (by night the moon), world frame. ``lamps``: how much street lamps and windows are lit, 0..1.
    ``shine``: how much of their light is seen on what they light; by day none, however dull it is.
    ``haze``: distance in m at which 63% of the light is lost. ``murk``: how much of the light of lamps hangs in the
    air, 0..1. ``wet``: of the ground, 0..1. ``grey``: share of cloud cover. ``rain, snow``: whether it falls; snow
    also lies.
    """

    zenith: Floats
    horizon: Floats
    fog: Floats
    ambient: Floats
    sun: Floats
    sun_direction: Floats
    lamps: float
    shine: float
    haze: float
    murk: float
    wet: float
    grey: float
    rain: bool
    snow: bool


def look(daylight: float, weather: str) -> Look:
    """The light at a ``daylight`` in [0, 1] and one of `WEATHERS`; continuous in daylight."""
    air = WEATHER[weather]
    values = {
        name: np.array([np.interp(daylight, KNOTS, column) for column in np.array(rows).T], np.float32)
        for name, rows in CLEAR.items()
    }
    lamps = float(values["lamps"][0])
    if air.wet or air.snow:  # lit earlier when it is dull
        lamps = max(lamps, min(1.0, 0.35 * (1.6 - daylight)))
    murk = math.exp(-air.haze / HAZY)
    tint = values["ambient"] / values["ambient"].mean()
    overcast = values["ambient"].mean() * (0.6 + 0.4 * tint) * np.array([1.36, 1.40, 1.44], np.float32) * air.ceiling
    overcast = overcast - 0.10 * (1 - daylight) + lamps * (1 - daylight) * TOWN_GLOW
    zenith = values["zenith"] * (1 - air.grey) + air.grey * overcast * 0.94
    horizon = values["horizon"] * (1 - air.grey) + air.grey * overcast * 1.06
    elevation, azimuth = float(values["elevation"][0]), float(values["azimuth"][0])
    direction = (math.cos(elevation) * math.cos(azimuth), math.cos(elevation) * math.sin(azimuth), math.sin(elevation))
    return Look(
        zenith=zenith,
        horizon=horizon,
        fog=horizon * 0.8 + zenith * 0.2 + murk * lamps * LAMP_GLOW,
        ambient=values["ambient"] * (air.diffuse + 0.1 * air.grey),
        sun=values["sun"] * air.sun,
        sun_direction=np.array(direction, np.float32),
        lamps=lamps,
        shine=max(0.0, (lamps - DIM) / (1 - DIM)),
        haze=air.haze,
        murk=murk,
        wet=air.wet,
        grey=air.grey,
        rain=air.rain,
        snow=air.snow,
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
        1.1
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


def glare(points: Floats, beams: Floats) -> Floats:
    """The light (n, 3) on the ground by lamps of other vehicles.

    ``beams`` (k, 8): x, y of the lamp and the unit direction of its light (ego frame), reach in m, and its colour.
    """
    total = np.zeros((len(points), 3), np.float32)
    for x, y, cos, sin, reach, *colour in beams:
        far = np.abs(points[:, 0] - x) + np.abs(points[:, 1] - y)
        near = np.flatnonzero(far < GLARE_REACH * reach)
        way_x, way_y = points[near, 0] - x, points[near, 1] - y
        along, aside = way_x * cos + way_y * sin, way_y * cos - way_x * sin
        ahead = np.maximum(along, 0)
        pool = np.exp(-np.square(aside / (0.9 + 0.25 * ahead)) - ahead / reach) * np.clip(along / 1.2 + 0.3, 0, 1)
        total[near] += pool[:, None] * np.asarray(colour, np.float32)
    return total

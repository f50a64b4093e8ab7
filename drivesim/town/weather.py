"""What weather leaves on surfaces: a film of water on the ground that mirrors the sky, snow on all that faces up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drivesim.town.looks import Look, Surface
from drivesim.town.view import View

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
SNOW = np.array([0.94, 0.96, 1.0], np.float32)
SLUSH = np.array([0.36, 0.37, 0.39], np.float32)  # what wheels make of it
# Class of the ground -> share of it that is white under snow, and share of the sky that it mirrors when wet.
LYING: Mapping[str, float] = {"terrain": 0.97, "sidewalk": 0.90, "road": 0.84, "marking": 0.62}
FILM: Mapping[str, float] = {"terrain": 0.0, "sidewalk": 0.45, "road": 1.0, "marking": 0.7}
RIME = 0.42  # share of white on leaves that do not face up
POLISHED = (0.28, 0.298)  # mean albedo of asphalt from which wheels run on it, and where they run most
DUST = 0.8  # of the snow on roofs stays there while they drive
STREET_HALF, STREET_HEIGHT = 13.0, 13.0  # m: the canyon in whose gap the wet road sees the sky


def covered(surface: Surface, kind: str, now: Look, origin: tuple[float, float], is_open: Bools | None) -> Surface:
    """A still ``surface`` of the class ``kind`` as the weather leaves it; its frame has its origin at ``origin``, m.

    ``is_open`` (n,): which points lie under the sky; None means all.
    """
    here = np.ones(len(surface.points), np.float32) if is_open is None else is_open.astype(np.float32)
    if now.snow:
        share = (_lying(surface, kind, origin) * here)[:, None]
        bare = surface.albedo
        if kind == "road":
            bare = np.where(share > 0, np.maximum(bare, SLUSH), bare)
        return replace(surface, albedo=bare + (SNOW - bare) * share, gloss=surface.gloss * (1 - 0.5 * here))
    if now.wet and kind in FILM:
        return replace(surface, albedo=surface.albedo * (1 - 0.5 * now.wet * here)[:, None])
    return surface


def _lying(surface: Surface, kind: str, origin: tuple[float, float]) -> Floats:
    """The share (n,) of a still surface that is white."""
    if kind not in LYING:
        up = np.clip((surface.normals[:, 2] - 0.15) / 0.5, 0, 1)
        if kind != "vegetation":
            return up * np.float32(0.95)
        red, green, blue = surface.albedo.T
        is_bark = (red > green) & (green > blue) & (red < 0.4)
        return np.maximum(up * 0.95, RIME * ~is_bark)
    share = LYING[kind] + 0.10 * patches(surface.points, origin) - 0.10
    if kind == "road":
        low, high = POLISHED
        driven = np.clip((surface.albedo.mean(1) - low) / (high - low), 0, 1)
        share = share - 0.62 * driven
    return np.clip(share, 0, 1).astype(np.float32)


def dusted(surface: Surface, now: Look) -> Surface:
    """What moves, with snow on its roofs; panes and lamps stay clear."""
    if not now.snow:
        return surface
    up = np.clip((surface.normals[:, 2] - 0.72) / 0.2, 0, 1) * np.float32(DUST)
    share = np.where(surface.gloss > 0.3, 0.25, 1.0)[:, None] * up[:, None]
    return replace(surface, albedo=surface.albedo + (SNOW - surface.albedo) * share, gloss=surface.gloss * (1 - up))


def patches(points: Floats, origin: tuple[float, float]) -> Floats:
    """A smooth field (n,) in [0, 1] of spots a few metres wide, the same wherever the frame of ``points`` begins."""
    x, y = points[:, 0] + origin[0], points[:, 1] + origin[1]
    waves = (
        np.sin(0.61 * x + 0.83 * y + 1.9 * np.sin(0.23 * x - 0.31 * y))
        + np.sin(1.27 * y - 0.37 * x + 1.6 * np.sin(0.41 * y + 0.17 * x))
        + 0.6 * np.sin(1.9 * x + 0.7 * y)
    )
    return np.clip(0.5 + 0.32 * waves, 0, 1)


def under(points: Floats, roofs: Floats) -> Bools:
    """Which ``points`` (n, 3) lie under or in ``roofs``; both in the world, m.

    ``roofs`` (k, 6): the middle of each, x and y, its heading in rad, and its length, width and height.
    """
    found = np.zeros(len(points), bool)
    for x, y, heading, length, width, height in roofs:
        ahead, left = points[:, 0] - x, points[:, 1] - y
        c, s = np.cos(heading), np.sin(heading)
        is_inside = (np.abs(c * ahead + s * left) <= length / 2) & (np.abs(c * left - s * ahead) <= width / 2 + 0.2)
        found |= is_inside & (points[:, 2] <= height)
    return found


def film(points: Floats, kind: str, now: Look, origin: tuple[float, float], is_open: Bools | None) -> Floats:
    """How well the ground mirrors (n,): a thin film everywhere, more where puddles stand."""
    puddles = patches(points, origin)
    share = FILM[kind] * now.wet * (0.34 + 0.66 * puddles * puddles)
    return (share if is_open is None else share * is_open).astype(np.float32)


def mirrored(points: Floats, film: Floats, view: View) -> Floats:
    """The sky and the fronts of houses (n, 3) that wet ground at ``points`` (n, 3, ego frame, m) mirrors.

    A flat mirror shows the sky where the ray that leaves it passes above the roofs. From the camera that is a band
    straight ahead whose width on the ground is the same near and far; waves of the water make its edges soft.
    """
    look, height = view.look, float(view.eye[2])
    x, y, _ = (view.to_ego @ view.eye).tolist()
    ahead, aside = points[:, 0] - np.float32(x), points[:, 1] - np.float32(y)
    steep = 1 - height / np.sqrt(ahead * ahead + aside * aside + np.float32(height * height))
    share = film * np.square(np.square(steep))
    gap = share * np.exp(-np.square(aside * np.float32(STREET_HEIGHT / STREET_HALF / 1.8 / height)))
    fronts = look.ambient * 0.30 + look.lamps * np.array([0.085, 0.066, 0.045], np.float32)
    sky = 0.35 * look.zenith + 0.65 * look.horizon
    colour = np.empty_like(points)
    for channel in range(3):
        colour[:, channel] = share * fronts[channel] + gap * max(sky[channel] - fronts[channel], 0)
    return colour

"""Bodies of people: pedestrians whose legs swing with the distance walked, and riders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from drivesim.town.meshes import Mesh, ellipsoid, loft, merge, tube

STRIDE = 1.3  # metres walked in one full swing of both legs
POSES = 16  # poses of one stride that are kept; between them the eye sees no step
WIDEST = (0.76, 0.56)  # length and width in m of the widest stride, which fills the box
HIP, SHOULDER = 0.92, 1.42  # heights of the joints in m, for a person 1.75 m tall


def pedestrian(variant: int, pose: int) -> Mesh:
    """A walking person facing +x in a unit box that the widest stride fills.

    ``pose``: 0..POSES - 1 within one stride; ``variant`` changes hair and clothes.
    """
    return _walker(variant % 4 == 3, variant % 2 == 1, pose)


@cache
def _walker(skirt: bool, long_hair: bool, pose: int) -> Mesh:
    body = merge([*_trunk(skirt, long_hair), *_limbs(pose)])
    low, high = body.points[:, 2].min(), body.points[:, 2].max()
    return body.moved((0, 0, -low)).scaled((1 / WIDEST[0], 1 / WIDEST[1], 1 / (high - low)))


@cache
def _limbs(pose: int) -> list[Mesh]:
    from drivesim.town.vehicles import SLOT

    swing = 0.29 * np.sin(2 * np.pi * pose / POSES)
    parts = []
    for side, sign in ((0.095, 1), (-0.095, -1)):
        bend = 0.42 * max(0.0, np.cos(2 * np.pi * pose / POSES) * sign)
        parts.append(_leg(side, sign * swing, bend, SLOT))
        parts.append(_arm(side * 2.35, -sign * swing * 1.1, SLOT))
    return parts


@cache
def _trunk(skirt: bool, long_hair: bool) -> list[Mesh]:
    from drivesim.town.vehicles import SLOT as slot

    shape = [
        (0.86, 0.11, 0.165),
        (0.98, 0.115, 0.17),
        (1.12, 0.105, 0.15),
        (1.30, 0.125, 0.19),
        (1.42, 0.105, 0.205),
        (1.49, 0.06, 0.08),
    ]
    parts = [_barrel(shape, slot["shirt"])]
    if skirt:
        parts.append(_barrel([(0.5, 0.2, 0.22), (0.9, 0.12, 0.175), (1.0, 0.115, 0.165)], slot["trousers"]))
    parts.append(tube((0, 0, 1.46), (0.01, 0, 1.56), (0.055, 0.05), slot["skin"]))
    parts.append(ellipsoid((0.02, 0, 1.63), (0.098, 0.08, 0.12), slot["skin"]))
    parts.append(ellipsoid((-0.015, 0, 1.67), (0.1, 0.09, 0.09), slot["hair"], rings=4))
    if long_hair:
        parts.append(ellipsoid((-0.06, 0, 1.56), (0.055, 0.085, 0.15), slot["hair"], sides=6, rings=4))
    return parts


def _barrel(shape: list[tuple[float, float, float]], slot: int) -> Mesh:
    """An upright body over ellipses (z, radius along x, radius along y)."""
    angles = 2 * np.pi * np.arange(8) / 8
    return loft([np.c_[a * np.cos(angles), b * np.sin(angles), np.full(8, z)] for z, a, b in shape], slot)


def _leg(y: float, angle: float, bend: float, slot: Mapping[str, int]) -> Mesh:
    knee = np.array([0, y, 0]) + 0.43 * np.array([np.sin(angle), 0, -np.cos(angle)])
    ankle = knee + 0.42 * np.array([np.sin(angle - bend), 0, -np.cos(angle - bend)])
    shank = tube(knee, ankle, (0.068, 0.05), slot["trousers"])
    if shank.points[0, 1] > y:  # steep bars begin on the other side; optical flow needs one number for one place
        shank = shank.renumbered(np.roll(np.arange(len(shank.points)).reshape(-1, 6), 3, axis=1).reshape(-1))
    parts = [
        tube((0, y, 0.03), knee, (0.095, 0.07), slot["trousers"]),
        shank,
        ellipsoid(ankle + _at(0.06, 0, -0.03), (0.13, 0.05, 0.05), slot["shoes"], sides=6, rings=3),
    ]
    return merge(parts).moved((0, 0, HIP))


def _arm(y: float, angle: float, slot: Mapping[str, int]) -> Mesh:
    elbow = np.array([0, y * 1.03, 0]) + 0.29 * np.array([np.sin(angle), 0, -np.cos(angle)])
    hand = elbow + 0.27 * np.array([np.sin(angle + 0.35), 0, -np.cos(angle + 0.35)])
    parts = [
        tube((0, y * 0.92, 0), elbow, (0.06, 0.045), slot["shirt"]),
        tube(elbow, hand, (0.043, 0.035), slot["shirt"]),
        ellipsoid(hand, (0.045, 0.035, 0.06), slot["skin"], sides=5, rings=3),
    ]
    return merge(parts).moved((0, 0, SHOULDER))


def rider(
    seat: tuple[float, float],
    hands: tuple[float, float],
    feet: tuple[float, float],
    *,
    helmet: bool,
    slots: Mapping[str, int],
) -> Mesh:
    """A person on two wheels; ``seat``, ``hands`` and ``feet`` are (x, z) in the frame of the vehicle, metres."""
    hip = np.array([seat[0], 0, seat[1] + 0.08])
    chest = hip + _at(0.22, 0, 0.46)
    head = chest + _at(0.12, 0, 0.27)
    parts = [
        loft(
            [
                hip + _oval(0.11, 0.16),
                (hip + chest) / 2 + _oval(0.11, 0.16),
                chest + _oval(0.11, 0.2),
                chest + _at(0.05, 0, 0.09) + _oval(0.05, 0.08),
            ],
            slots["shirt"],
        )
    ]
    parts.append(ellipsoid(head, (0.1, 0.085, 0.12), slots["skin"]))
    cap = slots["dark"] if helmet else slots["hair"]
    parts.append(ellipsoid(head + _at(-0.015, 0, 0.045), (0.125, 0.105, 0.1), cap, rings=4))
    for side in (1, -1):
        foot = np.array([feet[0], side * 0.12, feet[1] + (0.12 if side > 0 else 0)])
        knee = np.array([hip[0] + 0.36, side * 0.14, (hip[2] + foot[2]) / 2 + 0.16])
        hand = np.array([hands[0], side * 0.25, hands[1] + 0.03])
        shoulder = chest + _at(0, side * 0.19, 0.02)
        elbow = (shoulder + hand) / 2 + _at(0, side * 0.06, -0.09)
        parts += [
            tube(hip + _at(0, side * 0.08, 0), knee, (0.09, 0.065), slots["trousers"]),
            tube(knee, foot, (0.06, 0.045), slots["trousers"]),
        ]
        parts.append(ellipsoid(foot + _at(0.06, 0, -0.03), (0.12, 0.045, 0.045), slots["shoes"], sides=6, rings=3))
        parts += [
            tube(shoulder, elbow, (0.055, 0.045), slots["shirt"]),
            tube(elbow, hand, (0.042, 0.035), slots["skin"]),
        ]
    return merge(parts)


def _at(x: float, y: float, z: float) -> np.ndarray:
    return np.array([x, y, z])


def _oval(a: float, b: float) -> np.ndarray:
    angles = 2 * np.pi * np.arange(8) / 8
    return np.c_[a * np.cos(angles), b * np.sin(angles), np.zeros(8)]

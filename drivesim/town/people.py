"""Bodies of people: pedestrians whose legs swing with the distance walked, and riders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from drivesim.town.meshes import Mesh, box, ellipsoid, loft, merge, quads, tube
from drivesim.town.slots import SLOT

STRIDE = 1.3  # metres walked in one full swing of both legs
POSES = 16  # poses of one stride that are kept; between them the eye sees no step
WIDEST = (0.76, 0.56)  # length and width in m of the widest stride, which fills the box
HIP, SHOULDER = 0.92, 1.42  # heights of the joints in m, for a person 1.75 m tall
COARSE_SIDES = 4  # of the limbs of people far away; even, see `_leg`


HATS = ("", "", "", "cap", "beanie", "brim")
BAGS = ("", "", "rucksack", "rucksack", "handbag", "satchel")


@dataclass(frozen=True, slots=True)
class Outfit:
    """What tells people apart; ``legs``: "trousers", "shorts" or "skirt"; ``hat`` of `HATS`, ``bag`` of `BAGS`."""

    legs: str
    has_long_hair: bool
    hat: str
    bag: str
    is_child: bool


def pedestrian(variant: int, pose: int, *, is_child: bool = False, is_coarse: bool = False) -> Mesh:
    """A walking person facing +x in a unit box that the widest stride fills.

    ``pose``: 0..POSES - 1 within one stride; ``variant`` changes hair, clothes and bags. ``is_coarse``: of few
    triangles, for far away.
    """
    return _walker(_outfit(variant, is_child), pose, is_coarse=is_coarse)


@cache
def _outfit(variant: int, is_child: bool) -> Outfit:
    dice = np.random.default_rng(variant)
    legs = ("trousers", "trousers", "trousers", "shorts", "skirt")[dice.integers(5)]
    hat, bag = HATS[dice.integers(len(HATS))], BAGS[dice.integers(len(BAGS))]
    return Outfit(legs, bool(dice.random() < 0.4), hat, "rucksack" if is_child and bag else bag, is_child)


@cache
def _walker(outfit: Outfit, pose: int, *, is_coarse: bool) -> Mesh:
    trunk = _trunk(outfit, is_coarse=is_coarse)
    body = merge([*trunk, *_limbs(outfit.legs, outfit.bag == "handbag", pose, is_coarse=is_coarse)])
    low, high = body.points[:, 2].min(), body.points[:, 2].max()
    return body.moved((0, 0, -low)).scaled((1 / WIDEST[0], 1 / WIDEST[1], 1 / (high - low)))


def _limbs(legs: str, has_handbag: bool, pose: int, *, is_coarse: bool) -> list[Mesh]:
    other = (pose + POSES // 2) % POSES  # the right leg is half a stride behind the left one
    return [
        _leg(pose, legs, is_coarse=is_coarse).moved((0, 0.095, 0)),
        _arm(1, other, has_bag=has_handbag, is_coarse=is_coarse),
        _leg(other, legs, is_coarse=is_coarse).moved((0, -0.095, 0)),
        _arm(-1, pose, has_bag=False, is_coarse=is_coarse),
    ]


@cache
def _trunk(outfit: Outfit, *, is_coarse: bool) -> list[Mesh]:
    shape = [
        (0.86, 0.11, 0.165),
        (0.98, 0.115, 0.17),
        (1.12, 0.105, 0.15),
        (1.30, 0.125, 0.19),
        (1.42, 0.105, 0.205),
        (1.49, 0.06, 0.08),
    ]
    if is_coarse:
        shape = [shape[0], shape[2], *shape[4:]]
    sides = 6 if is_coarse else 8
    parts = [_barrel(shape, SLOT["shirt"], sides)]
    if outfit.legs == "skirt":
        parts.append(_barrel([(0.5, 0.2, 0.22), (0.9, 0.12, 0.175), (1.0, 0.115, 0.165)], SLOT["trousers"], sides))
    if outfit.bag == "rucksack":
        parts.append(box((-0.29, -0.15, 1.04), (-0.1, 0.15, 1.45), SLOT["bag"], taper=0.85))
    elif outfit.bag == "satchel":
        parts.append(box((-0.14, -0.27, 0.82), (0.14, -0.17, 1.06), SLOT["bag"]))
        strap = [(0.13, -0.18, 1.04), (0.13, -0.12, 1.04), (0.12, 0.14, 1.46), (0.12, 0.08, 1.46)]
        parts.append(quads([strap], SLOT["bag"]))
    neck = COARSE_SIDES if is_coarse else 6
    parts.append(tube((0, 0, 1.46), (0.01, 0, 1.56), (0.055, 0.05), SLOT["skin"], sides=neck, caps=not is_coarse))
    large = 1.4 if outfit.is_child else 1.0  # a child's head is large for its body
    head = (
        merge(_head(outfit, is_coarse=is_coarse)).moved((0, 0, -1.5)).scaled((large, large, large)).moved((0, 0, 1.5))
    )
    return [*parts, head]


def _head(outfit: Outfit, *, is_coarse: bool) -> list[Mesh]:
    cover = SLOT["hat"] if outfit.hat == "beanie" else SLOT["hair"]
    sides, rings = (6, 2) if is_coarse else (8, 5)
    parts = [
        ellipsoid((0.02, 0, 1.63), (0.098, 0.08, 0.12), SLOT["skin"], sides=sides, rings=rings),
        ellipsoid((-0.015, 0, 1.67), (0.1, 0.09, 0.09), cover, sides=sides, rings=min(rings, 4)),
    ]
    if outfit.hat == "cap":
        parts.append(_barrel([(1.69, 0.11, 0.095), (1.77, 0.07, 0.06)], SLOT["hat"], sides))
        parts.append(box((0.06, -0.07, 1.685), (0.2, 0.07, 1.705), SLOT["hat"]))
    elif outfit.hat == "brim":
        parts.append(_barrel([(1.69, 0.18, 0.17), (1.71, 0.11, 0.1), (1.80, 0.09, 0.08)], SLOT["hat"], sides))
    if outfit.has_long_hair:
        parts.append(ellipsoid((-0.06, 0, 1.56), (0.055, 0.085, 0.15), SLOT["hair"], sides=6, rings=min(rings, 4)))
    return parts


def _barrel(shape: list[tuple[float, float, float]], slot: int, sides: int) -> Mesh:
    """An upright body over ellipses (z, radius along x, radius along y)."""
    angles = 2 * np.pi * np.arange(sides) / sides
    return loft([np.c_[a * np.cos(angles), b * np.sin(angles), np.full(sides, z)] for z, a, b in shape], slot)


@cache
def _leg(pose: int, legs: str, *, is_coarse: bool) -> Mesh:
    """A leg below the middle of the body."""
    angle = 0.29 * np.sin(2 * np.pi * pose / POSES)
    bend = 0.42 * max(0.0, np.cos(2 * np.pi * pose / POSES))
    knee = 0.43 * np.array([np.sin(angle), 0, -np.cos(angle)])
    ankle = knee + 0.42 * np.array([np.sin(angle - bend), 0, -np.cos(angle - bend)])
    bare, sides = legs != "trousers", COARSE_SIDES if is_coarse else 6
    radii = (0.06, 0.04) if bare else (0.068, 0.05)
    shank = tube(knee, ankle, radii, SLOT["skin" if bare else "trousers"], sides=sides, caps=not is_coarse)
    if shank.points[0, 1] > 0:  # steep bars begin on the other side; optical flow needs one number for one place
        order = np.arange(len(shank.points)).reshape(-1, sides)
        shank = shank.renumbered(np.roll(order, sides // 2, axis=1).reshape(-1))
    thigh = (0.095, 0.08 if legs == "shorts" else 0.07)
    parts = [
        tube((0, 0, 0.03), knee, thigh, SLOT["trousers"], sides=sides, caps=not is_coarse),
        shank,
        _lump(ankle + _at(0.06, 0, -0.03), (0.13, 0.05, 0.05), SLOT["shoes"], sides=6, is_coarse=is_coarse),
    ]
    return merge(parts).moved((0, 0, HIP))


@cache
def _arm(side: int, pose: int, *, has_bag: bool, is_coarse: bool) -> Mesh:
    """The arm of one ``side``, +1 or -1; it swings like a leg in ``pose``."""
    y, angle = side * 0.223, 0.319 * np.sin(2 * np.pi * pose / POSES)
    elbow = np.array([0, y * 1.03, 0]) + 0.29 * np.array([np.sin(angle), 0, -np.cos(angle)])
    hand = elbow + 0.27 * np.array([np.sin(angle + 0.35), 0, -np.cos(angle + 0.35)])
    sides = COARSE_SIDES if is_coarse else 6
    parts = [
        tube((0, y * 0.92, 0), elbow, (0.06, 0.045), SLOT["shirt"], sides=sides, caps=not is_coarse),
        tube(elbow, hand, (0.043, 0.035), SLOT["shirt"], sides=sides, caps=not is_coarse),
        _lump(hand, (0.045, 0.035, 0.06), SLOT["skin"], sides=5, is_coarse=is_coarse),
    ]
    if has_bag:
        parts.append(box(hand + _at(-0.14, -0.04, -0.36), hand + _at(0.14, 0.04, -0.06), SLOT["bag"]))
    return merge(parts).moved((0, 0, SHOULDER))


def _lump(middle: np.ndarray, radii: tuple[float, float, float], slot: int, *, sides: int, is_coarse: bool) -> Mesh:
    """A hand or a shoe, far away a box."""
    if is_coarse:
        half = 0.9 * np.array(radii) * (1, 1, 1 / 0.9)  # as tall: what stands on the ground still does
        return box(middle - half, middle + half, slot)
    return ellipsoid(middle, radii, slot, sides=sides, rings=3)


def rider(
    seat: tuple[float, float],
    hands: tuple[float, float],
    feet: tuple[float, float],
    *,
    helmet: bool,
    is_coarse: bool = False,
) -> Mesh:
    """A person on two wheels; ``seat``, ``hands`` and ``feet`` are (x, z) in the frame of the vehicle, metres."""
    sides, is_closed = (COARSE_SIDES, False) if is_coarse else (6, True)
    around, rings = (6, 2) if is_coarse else (8, 6)
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
            SLOT["shirt"],
        )
    ]
    parts.append(ellipsoid(head, (0.1, 0.085, 0.12), SLOT["skin"], sides=around, rings=rings))
    cap = SLOT["dark"] if helmet else SLOT["hair"]
    parts.append(ellipsoid(head + _at(-0.015, 0, 0.045), (0.125, 0.105, 0.1), cap, sides=around, rings=min(rings, 4)))
    for side in (1, -1):
        foot = np.array([feet[0], side * 0.12, feet[1] + (0.12 if side > 0 else 0)])
        knee = np.array([hip[0] + 0.36, side * 0.14, (hip[2] + foot[2]) / 2 + 0.16])
        hand = np.array([hands[0], side * 0.25, hands[1] + 0.03])
        shoulder = chest + _at(0, side * 0.19, 0.02)
        elbow = (shoulder + hand) / 2 + _at(0, side * 0.06, -0.09)
        parts += [
            tube(hip + _at(0, side * 0.08, 0), knee, (0.09, 0.065), SLOT["trousers"], sides=sides, caps=is_closed),
            tube(knee, foot, (0.06, 0.045), SLOT["trousers"], sides=sides, caps=is_closed),
        ]
        parts.append(
            _lump(foot + _at(0.06, 0, -0.03), (0.12, 0.045, 0.045), SLOT["shoes"], sides=6, is_coarse=is_coarse)
        )
        parts += [
            tube(shoulder, elbow, (0.055, 0.045), SLOT["shirt"], sides=sides, caps=is_closed),
            tube(elbow, hand, (0.042, 0.035), SLOT["skin"], sides=sides, caps=is_closed),
        ]
    return merge(parts)


def _at(x: float, y: float, z: float) -> np.ndarray:
    return np.array([x, y, z])


def _oval(a: float, b: float) -> np.ndarray:
    angles = 2 * np.pi * np.arange(8) / 8
    return np.c_[a * np.cos(angles), b * np.sin(angles), np.zeros(8)]

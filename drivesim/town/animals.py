"""Bodies of animals on four legs, which trot with the distance walked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from drivesim.town.meshes import Floats, Mesh, box, ellipsoid, loft, merge, tube
from drivesim.town.slots import DARK, SLOT

STRIDE = 1.0  # m trotted in one full swing of all legs
FUR, PAWS, WHITE = SLOT["fur"], SLOT["paws"], SLOT["white"]
_KNEE = 0.52  # of a leg's length, from the ground


@dataclass(frozen=True, slots=True)
class Build:
    """One kind of animal; lengths in shares of its height at the shoulder.

    ``trunk``: stations (x, half width, bottom, top) from rear to front. ``head``: x, z of its middle, length, half
    width. ``ears``: length, how far they stand up (0 hang .. 1 upright). ``tail``: length, x and z of its direction.
    ``leg``: radii at trunk and foot. ``antlers``: their height.
    """

    trunk: tuple[tuple[float, float, float, float], ...]
    head: tuple[float, float, float, float]
    ears: tuple[float, float]
    tail: tuple[float, float, float]
    leg: tuple[float, float]
    antlers: float = 0.0


_DOG = Build(
    trunk=(
        (-.62, .09, .60, .84), (-.50, .18, .46, .97), (-.15, .17, .48, .94), (.22, .21, .38, 1.0),
        (.42, .18, .46, .99), (.56, .14, .66, 1.10), (.68, .12, .84, 1.18),
    ),
    head=(.74, 1.10, .30, .17), ears=(.26, .1), tail=(.46, -.45, .9), leg=(.10, .06),
)  # fmt: skip
_DEER = Build(
    trunk=(
        (-.60, .10, .66, .96), (-.48, .19, .56, 1.04), (-.1, .18, .56, .98), (.28, .19, .52, 1.0),
        (.44, .14, .60, 1.02), (.56, .09, .86, 1.20), (.66, .07, 1.14, 1.42),
    ),
    head=(.78, 1.42, .22, .09), ears=(.20, .9), tail=(.12, -.5, .4), leg=(.075, .032),
)  # fmt: skip
_BOAR = Build(
    trunk=(
        (-.72, .10, .52, .82), (-.58, .20, .36, .96), (-.15, .24, .32, 1.0), (.28, .25, .34, 1.04),
        (.52, .20, .42, .96), (.70, .14, .46, .82),
    ),
    head=(.84, .60, .30, .13), ears=(.18, .9), tail=(.22, -.5, -.6), leg=(.11, .06),
)  # fmt: skip
_STAG = Build(_DEER.trunk, _DEER.head, _DEER.ears, _DEER.tail, (0.08, 0.035), antlers=0.5)
_FOX = Build(
    trunk=(
        (-.62, .08, .56, .78), (-.50, .13, .48, .86), (-.1, .13, .48, .84), (.28, .15, .44, .88),
        (.46, .12, .50, .92), (.58, .09, .68, 1.0),
    ),
    head=(.70, .96, .24, .11), ears=(.20, 1.0), tail=(.62, -.9, -.35), leg=(.06, .04),
)  # fmt: skip
_SMALL, _MIDDLE, _LARGE = (_FOX, _DOG), (_DOG, _DEER, _DOG, _BOAR), (_STAG, _DEER)


def animal(variant: int, pose: int, poses: int, height: float) -> Mesh:
    """A trotting animal facing +x in a unit box.

    ``pose``: 0..poses - 1 within one stride; ``height``, m, tells which animals come into question.
    """
    builds = _SMALL if height < 0.5 else _MIDDLE if height < 1.0 else _LARGE
    build = builds[variant % len(builds)]
    return merge([*_still(build), *_legs(build, 2 * np.pi * pose / poses)]).fitted((1, 1, 1))


@cache
def _still(build: Build) -> list[Mesh]:
    """Trunk, head, ears and tail."""
    angles = 2 * np.pi * np.arange(8) / 8
    rings = [
        np.c_[np.full(8, x), half * np.cos(angles), (low + high) / 2 + (high - low) / 2 * np.sin(angles)]
        for x, half, low, high in build.trunk
    ]
    x, z, length, half = build.head
    ears, upright = build.ears
    parts = [
        loft(rings, FUR),
        ellipsoid((x, 0, z), (0.6 * length, half, 0.9 * half), FUR, sides=6, rings=4),
        tube((x, 0, z), (x + length, 0, z - 0.25 * half), (0.62 * half, 0.42 * half), PAWS, sides=6),
        ellipsoid((x + length, 0, z - 0.15 * half), (0.2 * half, 0.3 * half, 0.25 * half), DARK, sides=5, rings=3),
    ]
    for side in (1, -1):
        root = np.array([x - 0.35 * length, side * 0.6 * half, z + 0.5 * half])
        tip = root + np.array([-0.05, side * 0.5 * (1.2 - upright), 1.6 * upright - 0.6]) * ears
        parts.append(tube(root, tip, (0.35 * ears, 0.08 * ears), PAWS, sides=4))
        parts.append(
            box((x + 0.15, side * 0.7 * half - 0.02, z + 0.02), (x + 0.19, side * 0.7 * half + 0.02, z + 0.06), DARK)
        )
        if build.antlers:
            parts += _antler(root, side, build.antlers)
    rump, tail, (reach, back, up) = build.trunk[0], build.tail[0], build.tail
    start = np.array([rump[0] + 0.04, 0, 0.25 * rump[2] + 0.75 * rump[3]])
    parts.append(
        tube(start, start + reach * np.array([back, 0, up]), (0.06, 0.05 if tail > 0.6 else 0.03), FUR, sides=5)
    )
    if reach < 0.2:  # the white rump of deer
        parts.append(ellipsoid((rump[0], 0, 0.5 * (rump[2] + rump[3])), (0.04, 0.11, 0.13), WHITE, sides=6, rings=3))
    return parts


def _antler(root: Floats, side: int, height: float) -> list[Mesh]:
    bend = root + np.array([-0.1, side * 0.12, 0.5]) * height
    tip = bend + np.array([0.15, side * 0.2, 0.5]) * height
    tine = bend + np.array([0.35, side * 0.05, 0.15]) * height
    return [tube(a, b, (0.035, 0.025), SLOT["hub"], sides=4) for a, b in ((root, bend), (bend, tip), (bend, tine))]


def _legs(build: Build, phase: float) -> list[Mesh]:
    """Diagonal legs swing together; the lower leg folds while its foot goes forward."""
    parts = []
    hips = (build.trunk[1], build.trunk[-3])
    for at, (x, half, low, _) in enumerate(hips):
        for side in (1, -1):
            swing = phase + (np.pi if (side > 0) == (at == 0) else 0.0)
            top, length = low + 0.12, low + 0.10
            angle, fold = 0.42 * np.sin(swing), 0.7 * max(0.0, np.cos(swing))
            hip = np.array([x + (0.05 if at == 0 else -0.06), side * (half - 0.5 * build.leg[0]) * 0.85, top])
            knee = hip + (1 - _KNEE) * length * _down(angle)
            foot = knee + _KNEE * length * _down(angle - fold)
            thigh, thin = build.leg
            parts.append(_limb([hip, knee, foot], (1.25 * thigh, 0.7 * (thigh + thin) / 1.2, thin), PAWS))
    return parts


def _down(angle: float) -> Floats:
    return np.array([np.sin(angle), 0, -np.cos(angle)])


def _limb(joints: list[Floats], radii: tuple[float, ...], slot: int) -> Mesh:
    """A bar over joints from top to bottom; its rings lie level, so that its points keep their numbers in all poses."""
    angles = 2 * np.pi * np.arange(6) / 6
    ring = np.c_[np.cos(angles), -np.sin(angles), np.zeros(6)]
    return loft([joint + radius * ring for joint, radius in zip(joints, radii, strict=True)], slot)

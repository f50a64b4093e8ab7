"""Things that lie or stand in the road: cones, barriers, boxes and the open door of a parked car.

What an obstacle is follows from its size alone, so that facts and picture need no further word for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from drivesim.town.meshes import Mesh, box, loft, merge, patch
from drivesim.town.slots import BODY, DARK, GLASS, SLOT, TRIM

Size = tuple[float, float, float]
ORANGE, WHITE, RED, TAPE = SLOT["orange"], SLOT["white"], SLOT["brake"], SLOT["bag"]
THIN = 0.15  # m: what is thinner is a panel
LONG = 1.2  # m: what is longer, and not as wide, is a barrier


def kind_of(size: Size) -> str:
    """What an obstacle of ``size`` (l, w, h), m, is: "door", "barrier", "cone" or "box"."""
    thick, long = sorted(size[:2])
    if thick <= THIN:
        return "door"
    if long > LONG and thick < 0.7 * long and size[2] < 1.6:
        return "barrier"
    return "cone" if size[2] > 1.2 * long and size[2] < 1.6 else "box"


def obstacle(variant: int, size: Size) -> Mesh:
    """The obstacle that fits ``size`` (l, w, h), m, in a unit box."""
    kind = kind_of(size)
    lies_across = kind in ("door", "barrier") and size[1] > size[0]
    mesh = _MAKERS[kind](variant)
    return (mesh.turned(np.pi / 2) if lies_across else mesh).fitted((1, 1, 1))


def _cone(_: int) -> Mesh:
    """Orange with two white bands on a dark foot."""
    angles = 2 * np.pi * np.arange(10) / 10
    circle = np.stack([np.cos(angles), np.sin(angles)], -1)
    cuts = (0.05, 0.24, 0.38, 0.50, 0.62, 0.75)

    def ring(z: float) -> np.ndarray:
        return np.c_[circle * (0.19 - 0.15 * (z - 0.05) / 0.7), np.full(10, z)]

    parts = [box((-0.25, -0.25, 0), (0.25, 0.25, 0.05), DARK)]
    for i, slot in enumerate((ORANGE, WHITE, ORANGE, WHITE, ORANGE)):
        parts.append(loft([ring(cuts[i]), ring(cuts[i + 1])], slot, caps=i == 4))
    return merge(parts)


def _barrier(_: int) -> Mesh:
    """Two boards striped red and white on feet, along x, with a lamp at each end."""
    half, feet = 1.0, (-0.75, 0.75)
    parts = [box((x - 0.04, -0.25, 0), (x + 0.04, 0.25, 0.08), DARK) for x in feet]
    parts += [box((x - 0.03, -0.03, 0.05), (x + 0.03, 0.03, 0.9), TRIM) for x in feet]
    for z in (0.32, 0.66):
        parts.append(box((-half, -0.035, z), (half, 0.035, z + 0.24), WHITE))
        for x in np.linspace(-half, half, 6)[:-1]:
            parts.append(_slanted(x, x + 0.2, z, z + 0.24, 0.04, 0.12))
    parts += [box((x - 0.07, -0.07, 0.9), (x + 0.07, 0.07, 1.06), SLOT["left"]) for x in feet]
    return merge(parts)


def _slanted(x0: float, x1: float, z0: float, z1: float, out: float, lean: float) -> Mesh:
    """A red stripe on both sides of a board; its top lies ``lean`` m further along x."""
    front = [(x0, -out, z0), (x1, -out, z0), (x1 + lean, -out, z1), (x0 + lean, -out, z1)]
    back = [(x, -y, z) for x, y, z in front[::-1]]
    return merge([patch(corners, (0, 1), (0, 1), RED) for corners in (front, back)])


def _box(variant: int) -> Mesh:
    """A cardboard box under tape, or a wooden crate of boards."""
    if variant % 2:
        slats = [box((-0.5, -0.5, z), (0.5, 0.5, z + 0.17), BODY) for z in (0.04, 0.24, 0.44, 0.64, 0.83)]
        posts = [
            box((x - 0.06, y - 0.06, 0), (x + 0.06, y + 0.06, 1.0), TAPE) for x in (-0.46, 0.46) for y in (-0.46, 0.46)
        ]
        return merge([box((-0.45, -0.45, 0.02), (0.45, 0.45, 0.98), DARK), *slats, *posts])
    tape = [box((-0.51, -0.06, 0.62), (0.51, 0.06, 1.005), TAPE), box((-0.506, -0.5, 0.3), (-0.5, 0.2, 0.55), WHITE)]
    label = box((0.5, -0.3, 0.25), (0.506, 0.05, 0.5), WHITE)
    return merge([box((-0.5, -0.5, 0), (0.5, 0.5, 1.0), BODY), *tape, label])


def _door(_: int) -> Mesh:
    """A car door along x, hinged at +x: a panel with a handle under a window whose front edge leans back."""
    sill, top, thick = 0.62, 1.15, 0.06
    panel = box((-0.5, -thick, 0), (0.5, thick, sill), BODY)
    window = [[BODY] * 3, [BODY, GLASS, BODY], [BODY] * 3]
    cuts = ([0, 0.09, 0.91, 1], [0, 0.04, 0.88, 1])
    right = [(-0.5, -0.03, sill), (0.5, -0.03, sill), (0.12, -0.03, top), (-0.44, -0.03, top)]
    left = [(x, -y, z) for x, y, z in (right[1], right[0], right[3], right[2])]
    edge = [(x, z) for x, _, z in right]
    rim = [
        patch([(x0, -0.03, z0), (x0, 0.03, z0), (x1, 0.03, z1), (x1, -0.03, z1)], (0, 1), (0, 1), BODY)
        for (x0, z0), (x1, z1) in zip(edge[1:], [*edge[2:], edge[0]], strict=True)
    ]
    handles = [box((-0.4, y - 0.012, 0.48), (-0.22, y + 0.012, 0.53), TRIM) for y in (thick, -thick)]
    strips = [box((-0.48, y - 0.006, 0.05), (0.48, y + 0.006, 0.13), DARK) for y in (thick, -thick)]
    mirrored = ([1 - cut for cut in cuts[0]][::-1], cuts[1])
    return merge([panel, patch(right, *cuts, window), patch(left, *mirrored, window), *rim, *handles, *strips])


_MAKERS: Mapping[str, Callable[[int], Mesh]] = {"cone": _cone, "barrier": _barrier, "box": _box, "door": _door}

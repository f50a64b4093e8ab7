"""What stands beside the road around the ego, as boxes in its frame: the facts that a still world gives a frame."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scenarios.facts import Camera, EgoState, SceneryFacts
from scenarios.scenery import PORTAL_ASIDE, REACH, TUNNEL_HEIGHT, Scenery, World

FAR = {"building": 150.0, "tree": 80.0, "pole": 60.0, "wall": 150.0}  # m ahead: beyond, a thing is not told
MAST, TRUNK = 0.2, 0.3  # m across
CROWN_FROM, CROWN_FILLS = 0.38, 0.75  # of a tree's height and width: a round crown covers about as much as this box
WALL = 0.4  # m: how thick the sides and the roof of a tunnel are taken to be

Piece = tuple[str, tuple[float, float, float], tuple[float, float, float]]  # kind, centre in the thing's frame, size


def surroundings(world: World, ego: EgoState, camera: Camera, near_s: float) -> tuple[SceneryFacts, ...]:
    """The scenery that ``camera`` may see of the ego, which is near ``near_s``, hidden parts too, in order of s."""
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    found = []
    for thing in world.scenery(near_s - REACH, near_s + max(FAR.values())):
        turn = thing.heading - ego.heading
        dx, dy = thing.x - ego.x, thing.y - ego.y
        x, y = cos * dx + sin * dy, -sin * dx + cos * dy
        for kind, (along, across, up), size in _pieces(thing):
            center = (
                round(x + math.cos(turn) * along - math.sin(turn) * across, 4),
                round(y + math.sin(turn) * along + math.cos(turn) * across, 4),
                round(up, 4),
            )
            if may_be_seen(camera, center, size, within=FAR[kind]):
                found.append(SceneryFacts(kind, center, size, round(math.remainder(turn, 2 * math.pi), 4)))
    return tuple(found)


def may_be_seen(
    camera: Camera, center: tuple[float, float, float], size: tuple[float, float, float], *, within: float
) -> bool:
    """A cheap look at whether a box of the ego frame can be in the image at all, ``within`` so many m ahead."""
    radius = 0.5 * math.sqrt(size[0] ** 2 + size[1] ** 2)
    forward, left = center[0] - camera.x + radius, center[1] - camera.y
    widest = max(camera.cx, camera.width - camera.cx) / camera.fx
    return 0.0 < forward < within and abs(left) - radius <= widest * (forward + radius)


def _pieces(thing: Scenery) -> Iterator[Piece]:
    """The solid boxes of a thing."""
    length, width, height = thing.size
    if thing.kind == "building":
        yield "building", (0.0, 0.0, height / 2), thing.size
    elif thing.kind == "tree":
        trunk = round(CROWN_FROM * height, 4)
        crown = (round(CROWN_FILLS * length, 4), round(CROWN_FILLS * width, 4), round(height - trunk, 4))
        yield "tree", (0.0, 0.0, trunk + crown[2] / 2), crown
        yield "pole", (0.0, 0.0, trunk / 2), (TRUNK, TRUNK, trunk)
    elif thing.kind in ("lamp", "sign"):
        yield "pole", (0.0, 0.0, height / 2), thing.size
    elif thing.kind == "signal":  # its arm over the lanes is thin
        yield "pole", (0.0, 0.0, height / 2), (MAST, MAST, height)
    elif thing.kind == "tunnel":
        for side in (-1, 1):
            yield "wall", (0.0, side * (width + WALL) / 2, height / 2), (length, WALL, height)
        yield "wall", (0.0, 0.0, height + WALL / 2), (length, width, WALL)
    elif thing.kind == "portal":
        mouth = width - 2 * PORTAL_ASIDE
        for side in (-1, 1):
            yield "wall", (0.0, side * (mouth + PORTAL_ASIDE) / 2, height / 2), (length, PORTAL_ASIDE, height)
        above = round(height - TUNNEL_HEIGHT, 4)
        yield "wall", (0.0, 0.0, TUNNEL_HEIGHT + above / 2), (length, mouth, above)

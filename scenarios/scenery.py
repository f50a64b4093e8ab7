"""What stands beside the road and can hide things: houses, trees, lamps, laid out by seed along an endless street.

The street is made in chunks of `CHUNK` metres of s, each from its own random generator, so that any part of it can be
made at any time, in any order, by any process, and comes out the same.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import shapely
import shapely.affinity

from scenarios.randomness import generator
from scenarios.road import Road

CHUNK = 48.0  # m of s
REACH = 24.0  # m that a house may stick out of its chunk
KINDS = ("building", "tree", "lamp")
_LAMP_SPACING = 24.0
_VERGE = 0.7  # m from the kerb to the middle of lamps and trees
_KEPT = 64  # chunks in memory: three kilometres of street


@dataclass(frozen=True, slots=True)
class Scenery:
    """One standing thing. ``s`` and world pose ``x, y, heading`` of the centre of its base, m and rad.

    ``kind``: one of `KINDS`. ``id``: its own for the whole street. ``size``: (length along the road, width, height), m.
    ``variant``: a seeded number below 2**16 that looks may depend on. Houses face the road with their right or left
    side.
    """

    kind: str
    id: int
    s: float
    x: float
    y: float
    heading: float
    size: tuple[float, float, float]
    variant: int

    def footprint(self) -> shapely.Polygon:
        """The base as a polygon in the world."""
        length, width, _ = self.size
        flat = shapely.box(-length / 2, -width / 2, length / 2, width / 2)
        turned = shapely.affinity.rotate(flat, self.heading, origin=(0, 0), use_radians=True)
        return shapely.affinity.translate(turned, self.x, self.y)


class World:
    """The still world of a timeline: ``road`` and, for every stretch of it, the scenery beside it."""

    def __init__(self, road: Road, seed: int) -> None:
        """Bind the scenery of ``seed`` to ``road``."""
        self.road, self.seed = road, seed
        self._chunks: dict[int, tuple[Scenery, ...]] = {}

    def scenery(self, s_from: float, s_to: float) -> tuple[Scenery, ...]:
        """All scenery whose centre lies at ``s_from <= s < s_to``, in order of chunk."""
        first, last = math.floor(s_from / CHUNK), math.floor(s_to / CHUNK)
        return tuple(
            thing for index in range(first, last + 1) for thing in self._chunk(index) if s_from <= thing.s < s_to
        )

    def _chunk(self, index: int) -> tuple[Scenery, ...]:
        if index not in self._chunks:
            self._chunks[index] = _Builder(self.road, self.seed, index).build()
            while len(self._chunks) > _KEPT:
                del self._chunks[next(iter(self._chunks))]
        return self._chunks[index]


class _Builder:
    """Lays out one chunk."""

    def __init__(self, road: Road, seed: int, index: int) -> None:
        self.road, self.index = road, index
        self.start = index * CHUNK
        self.dice = generator(seed, "scenery", index)
        self.things: list[Scenery] = []
        self.bend = max(abs(road.curvature(self.start + share * CHUNK)) for share in (0.0, 0.25, 0.5, 0.75, 1.0))

    def build(self) -> tuple[Scenery, ...]:
        for side in (-1, 1):
            lamps = self._lamps(side)
            is_park = self.dice.random() < 0.18
            self._street_trees(side, lamps, chance=0.8 if is_park else self.dice.choice((0.0, 0.35, 0.7)))
            if is_park:
                self._park(side)
            else:
                self._houses(side)
        return tuple(self.things)

    def _kerb(self, side: int) -> float:
        return self.road.left_edge if side > 0 else self.road.right_edge

    def _put(self, kind: str, s: float, d: float, size: tuple[float, float, float]) -> None:
        x, y, heading = self.road.pose(s, d)
        pose = (round(x, 4), round(y, 4), round(heading, 4))
        number = (self.index + 2**20) * 256 + len(self.things)
        size = (round(size[0], 2), round(size[1], 2), round(size[2], 2))
        self.things.append(Scenery(kind, number, round(s, 4), *pose, size, self.dice.randrange(2**16)))

    def _lamps(self, side: int) -> list[float]:
        """Lamps every `_LAMP_SPACING` m, those of the left side standing in the gaps of the right side's."""
        offset = 0.25 if side < 0 else 0.75
        places = [self.start + (i + offset) * _LAMP_SPACING for i in range(round(CHUNK / _LAMP_SPACING))]
        for s in places:
            self._put("lamp", s, self._kerb(side) + side * _VERGE, (0.3, 0.3, 7.5))
        return places

    def _street_trees(self, side: int, lamps: list[float], *, chance: float) -> None:
        for i in range(6):
            s = self.start + (i + 0.5) * CHUNK / 6
            if self.dice.random() < chance and all(abs(s - lamp) > 2.5 for lamp in lamps):
                crown = self.dice.uniform(2.0, 3.0)
                self._put("tree", s, self._kerb(side) + side * _VERGE, (crown, crown, self.dice.uniform(5.0, 8.0)))

    def _park(self, side: int) -> None:
        for _ in range(self.dice.randint(5, 10)):
            crown = self.dice.uniform(3.0, 6.0)
            d = self._kerb(side) + side * (self.road.sidewalk_width + crown / 2 + self.dice.uniform(0.5, 18.0))
            s = self.start + self.dice.uniform(crown / 2, CHUNK - crown / 2)
            self._put("tree", s, d, (crown, crown, self.dice.uniform(6.0, 12.0)))

    def _houses(self, side: int) -> None:
        """Fronts along the sidewalk from one end of the chunk to the other, now and then with a gap between two."""
        style = self.dice.choice(((6.0, 12.0), (9.0, 20.0), (16.0, 35.0)))
        s = self.start
        while (left := self.start + CHUNK - s) >= 8.0:
            length = min(_length(self.dice), left if left < 16.0 else left - 8.0)
            depth, height = self.dice.uniform(8.0, 16.0), self.dice.uniform(*style)
            # On the inner side of a bend the kerb bows towards a straight front: by length^2 curvature / 8 at its
            # middle.
            setback = self.dice.choice((0.0, 0.0, 1.0, 3.0)) + 0.3 + length**2 * self.bend / 6
            d = self._kerb(side) + side * (self.road.sidewalk_width + setback + depth / 2)
            self._put("building", s + length / 2, d, (length - 0.2, depth, height))
            s += length + (self.dice.uniform(2.0, 7.0) if self.dice.random() < 0.25 else 0.0)


def _length(dice: random.Random) -> float:
    return dice.uniform(8.0, 30.0)

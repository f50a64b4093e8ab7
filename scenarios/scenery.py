"""What stands beside the road and can hide things: houses, trees, lamps, signs, laid out by seed along the street.

The street is made in chunks of `CHUNK` metres of s, each from its own random generator, so that any part of it can be
made at any time, in any order, by any process, and comes out the same.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import shapely
import shapely.affinity

from scenarios.junctions import ARM_REACH, CORNER, Junction
from scenarios.light_heads import MAST_FROM_KERB, MAST_HEIGHT, arm_end, mast_s
from scenarios.randomness import generator
from scenarios.road import Road

CHUNK = 48.0  # m of s
REACH = 24.0  # m that a house may stick out of its chunk
KINDS = ("building", "tree", "lamp", "sign", "signal", "tunnel", "portal")
_LAMP_SPACING = 24.0
_VERGE = 0.7  # m from the kerb to the middle of lamps and trees
STYLES = ((6.0, 12.0), (9.0, 20.0), (16.0, 35.0))  # m, least and greatest height of houses
_SIGNS = (0, 0, 1, 2, 4, 5)  # of six kinds; a stop sign (3) would have everybody stop
TUNNEL_SEGMENT, TUNNEL_HEIGHT = 12.0, 5.5  # m
PORTAL_ASIDE = 22.0  # m of rock beside a tunnel's mouth
_KEPT = 64  # chunks in memory: three kilometres of street


@dataclass(frozen=True, slots=True)
class Scenery:
    """One standing thing. ``s`` and world pose ``x, y, heading`` of the centre of its base, m and rad.

    ``kind``: one of `KINDS`. ``id``: its own for the whole street. ``size``: (length along the road, width, height), m.
    ``variant``: a seeded number below 2**16 that looks may depend on; of a sign, modulo 6, its kind. ``front``: 1 where
    its street lies to its left (+y of its own frame), -1 to its right. Signs face -x of their own frame.
    """

    kind: str
    id: int
    s: float
    x: float
    y: float
    heading: float
    size: tuple[float, float, float]
    variant: int
    front: float = 1.0

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
        first, last = math.floor(s_from / CHUNK) - 1, math.floor(s_to / CHUNK) + 1  # some stand outside their chunk
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
        self.start, self.end = index * CHUNK, (index + 1) * CHUNK
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
            self._sign(side)
        for junction in self.road.junctions:
            if self.start <= junction.s < self.end:
                self._junction(junction)
        for tunnel in self.road.tunnels:
            self._tunnel(*tunnel)
        return tuple(self.things)

    def _kerb(self, side: int) -> float:
        return self.road.left_edge if side > 0 else self.road.right_edge

    def _put(
        self,
        kind: str,
        s: float,
        d: float,
        size: tuple[float, float, float],
        *,
        turn: float = 0.0,
        front: float = 0.0,
        variant: int | None = None,
    ) -> None:
        """``turn``: of the thing against the road, rad. ``front``: see `Scenery`; 0: towards the main road."""
        x, y, heading = self.road.pose(s, d)
        pose = (round(x, 4), round(y, 4), round(heading + turn, 4))
        number = (self.index + 2**20) * 256 + len(self.things)
        size = (round(size[0], 2), round(size[1], 2), round(size[2], 2))
        front = front or (1.0 if d < 0 else -1.0)
        variant = self.dice.randrange(2**16) if variant is None else variant
        self.things.append(Scenery(kind, number, round(s, 4), *pose, size, variant, front))

    def _taken(self, side: int, beside: float) -> list[tuple[float, float]]:
        """The stretches of s, with ``beside`` m on both ends, that arms of junctions and tunnels take."""
        arms = [junction for junction in self.road.junctions if junction.arm(side)]
        taken = [(junction.s - junction.half - beside, junction.s + junction.half + beside) for junction in arms]
        return sorted([*taken, *((low - beside, high + beside) for low, high in self.road.tunnels)])

    def _is_free(self, s: float, side: int, beside: float) -> bool:
        return not any(low < s < high for low, high in self._taken(side, beside))

    def _lamps(self, side: int) -> list[float]:
        """Lamps every `_LAMP_SPACING` m, those of the left side standing in the gaps of the right side's."""
        offset = 0.25 if side < 0 else 0.75
        places = [self.start + (i + offset) * _LAMP_SPACING for i in range(round(CHUNK / _LAMP_SPACING))]
        places = [s for s in places if self._is_free(s, side, CORNER + 0.5)]
        for s in places:
            self._put("lamp", s, self._kerb(side) + side * _VERGE, (0.3, 0.3, 7.5))
        return places

    def _street_trees(self, side: int, lamps: list[float], *, chance: float) -> None:
        for i in range(6):
            s = self.start + (i + 0.5) * CHUNK / 6
            if self.dice.random() < chance and all(abs(s - lamp) > 2.5 for lamp in lamps):
                crown, height = self.dice.uniform(2.0, 3.0), self.dice.uniform(5.0, 8.0)
                in_the_way = any(zebra.low - 4.0 < s < zebra.high + 4.0 for zebra in self.road.crossings)
                if self._is_free(s, side, CORNER + 3.0) and not in_the_way:
                    self._put("tree", s, self._kerb(side) + side * _VERGE, (crown, crown, height))

    def _park(self, side: int) -> None:
        for _ in range(self.dice.randint(5, 10)):
            crown = self.dice.uniform(3.0, 6.0)
            d = self._kerb(side) + side * (self.road.sidewalk_width + crown / 2 + self.dice.uniform(0.5, 18.0))
            s = self.start + self.dice.uniform(crown / 2, CHUNK - crown / 2)
            height = self.dice.uniform(6.0, 12.0)
            if self._is_free(s, side, self.road.sidewalk_width + crown / 2):
                self._put("tree", s, d, (crown, crown, height))

    def _houses(self, side: int) -> None:
        """Fronts along the sidewalk from one end of the chunk to the other, now and then with a gap between two."""
        style = self.dice.choice(STYLES)
        s, taken = self.start, self._taken(side, self.road.sidewalk_width)
        while s < self.end:
            blocked = next(((low, high) for low, high in taken if high > s), (math.inf, math.inf))
            if (left := min(self.end, blocked[0]) - s) < 8.0:
                s = max(s, blocked[1])
                continue
            length = min(_length(self.dice), left if left < 16.0 else left - 8.0)
            depth, height = self.dice.uniform(8.0, 16.0), self.dice.uniform(*style)
            # On the inner side of a bend the kerb bows towards a straight front: by length^2 curvature / 8 at its
            # middle.
            setback = self.dice.choice((0.0, 0.0, 1.0, 3.0)) + 0.3 + length**2 * self.bend / 6
            setback += 2.0 if self._narrows() else 0.0
            d = self._kerb(side) + side * (self.road.sidewalk_width + setback + depth / 2)
            self._put("building", s + length / 2, d, (length - 0.2, depth, height))
            s += length + (self.dice.uniform(2.0, 7.0) if self.dice.random() < 0.25 else 0.0)

    def _narrows(self) -> bool:
        """Whether the kerbs here do not follow the road."""
        edges = self.road.right_edge, self.road.left_edge
        return any(self.road.across(self.start, d) != self.road.across(self.end, d) for d in edges)

    def _sign(self, side: int) -> None:
        """Now and then a traffic sign for those who drive on that side."""
        s = self.start + self.dice.uniform(2.0, CHUNK - 2.0)
        if self.dice.random() < 0.45 and self._is_free(s, side, CORNER + 1.0):
            turn = math.pi if side > 0 and self.road.oncoming else 0.0
            variant = self.dice.choice(_SIGNS) + 6 * self.dice.randrange(10**4)
            size = (0.1, 0.7, self.dice.uniform(2.3, 2.8))
            self._put("sign", s, self._kerb(side) + side * 0.45, size, turn=turn, variant=variant)

    def _junction(self, junction: Junction) -> None:
        """Its mast with the lights for the ego, and houses along its arms behind those at the corners."""
        if junction.signals is not None:
            s, d = mast_s(junction.s, junction.reach), self.road.right_edge - MAST_FROM_KERB
            self._put("signal", s, d, (0.2, arm_end(self.road) - d, MAST_HEIGHT))
        for side in (-1, 1):
            for along in (-1, 1) if junction.arm(side) else ():
                style, away = self.dice.choice(STYLES), self.road.sidewalk_width + 24.0
                while away < ARM_REACH:
                    length, depth = _length(self.dice) * 0.8, self.dice.uniform(8.0, 14.0)
                    s = junction.s + along * (junction.half + self.road.sidewalk_width + 0.3 + depth / 2)
                    d = self._kerb(side) + side * (away + length / 2)
                    size = (length - 0.2, depth, self.dice.uniform(*style))
                    self._put("building", s, d, size, turn=math.pi / 2, front=float(along))
                    away += length

    def _tunnel(self, low: float, high: float) -> None:
        """The segments and portals of a tunnel that begin in this chunk."""
        middle = 0.5 * (self.road.left_edge + self.road.right_edge)
        width = self.road.left_edge - self.road.right_edge + 2 * self.road.sidewalk_width + 0.4
        count = math.ceil((high - low) / TUNNEL_SEGMENT)
        length = (high - low) / count
        for i in range(count):
            if self.start <= low + i * length < self.end:
                self._put("tunnel", low + (i + 0.5) * length, middle, (length + 0.1, width, TUNNEL_HEIGHT))
        for s, turn in ((low - 0.5, 0.0), (high + 0.5, math.pi)):
            if self.start <= s < self.end:
                self._put("portal", s, middle, (1.0, width + 2 * PORTAL_ASIDE, 12.0), turn=turn)


def _length(dice: random.Random) -> float:
    return dice.uniform(8.0, 30.0)

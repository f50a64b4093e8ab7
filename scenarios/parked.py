"""Parked cars: every place along a parking lane is taken or free by the seed, the same whoever drives by and when."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scenarios.behaviour import Body
from scenarios.facts import categories
from scenarios.randomness import generator
from scenarios.road import Road
from scenarios.traffic import paint, usual_size

PLACE = 6.2  # m of kerb for one car
REACH = (-40.0, 150.0)  # m behind and ahead of the ego in which parked cars are told
FIRST_ID = 50_000  # of their tracks: above those of the traffic
_PULL_OUT = 3.0  # m more ahead of a parked actor
_ROOM = 0.8  # m kept free beside actors that stand or walk at the kerb
_MIX = {"car": 0.82, "van": 0.18}


class ParkedCars:
    """The parked cars of a road with parking lanes. ``share``: of the places that are taken."""

    def __init__(self, road: Road, seed: int, share: float, actors: Iterable[Body]) -> None:
        """Leave the places free at which ``actors`` stand beside the lanes at the start."""
        self.road, self.seed, self.share = road, seed, share
        self._kept_free = [_kept_free(body) for body in actors if body.lane is None]
        self._places: dict[tuple[int, int], Body | None] = {}
        self._span: tuple[int, int] | None = None  # of the places that `near` told last
        self._near: list[Body] = []

    def near(self, s: float) -> list[Body]:
        """The parked cars within `REACH` of ``s`` m, in order of their track ids."""
        if not any(self.road.parking):
            return []
        first, last = math.floor((s + REACH[0]) / PLACE), math.floor((s + REACH[1]) / PLACE)
        if self._span != (first, last):
            places = [(index, side) for index in range(first, last + 1) for side in (-1, 1)]
            self._span = first, last
            self._near = [body for place in places if (body := self._at(*place)) is not None]
        return self._near

    def _at(self, index: int, side: int) -> Body | None:
        if not self.road.parking[side > 0]:
            return None
        if (index, side) not in self._places:
            self._places[index, side] = self._parked(index, side)
        return self._places[index, side]

    def _may_park(self, s: float, side: int) -> bool:
        """Not within junctions, nor near zebra crossings."""
        near = [(zebra.s, 0.5 * (zebra.high - zebra.low) + 5.0) for zebra in self.road.crossings]
        near += [(junction.s, junction.mouth + 5.0) for junction in self.road.junctions if junction.arm(side)]
        return all(abs(s - middle) > room + 0.5 * PLACE for middle, room in near)

    def _parked(self, index: int, side: int) -> Body | None:
        if not self._may_park((index + 0.5) * PLACE, side):
            return None
        dice = generator(self.seed, f"parked.{side}", index)
        if dice.random() >= self.share:
            return None
        category = dice.choices(list(_MIX), list(_MIX.values()))[0]
        size, colour = usual_size(category, dice), paint(category, dice)
        slack = max(0.0, PLACE - size[0] - 0.6)
        s = round((index + 0.5) * PLACE + dice.uniform(-0.5, 0.5) * slack, 4)
        d = round(self.road.parking_center(side) + dice.uniform(-0.1, 0.1), 4)
        for place, sides, length in self._kept_free:
            if side in sides and abs(place - s) < 0.5 * (length + size[0]) + _ROOM:
                return None
        direction = -1 if side > 0 and self.road.oncoming else 1
        body = Body(FIRST_ID + 2 * (index + 10) + (side > 0), category, size, colour, s, d, 0.0, 0.0)
        body.direction = direction
        body.turn = 0.0 if direction > 0 else round(math.pi, 4)
        return body


def _kept_free(body: Body) -> tuple[float, tuple[int, ...], float]:
    """Where an actor beside the lanes needs room: s, the sides, and the length, m.

    On both sides for who may walk across; ahead, too, for who may pull out.
    """
    if categories()[body.category].group != "vehicle":
        return body.s, (-1, 1), body.size[0]
    return body.s + body.direction * 0.5 * _PULL_OUT, (1 if body.d > 0 else -1,), body.size[0] + _PULL_OUT

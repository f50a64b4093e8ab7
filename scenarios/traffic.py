"""Background traffic: who else is on the road and the sidewalks; their number near the ego follows the level.

Densities are chosen so that the crowdedness seen from the ego's camera tends to the class of the same name (``none``
to ``empty``). Measured on a straight road of 2 + 1 lanes at 12 m/s, ten seeds of 20 s: ``none`` is always empty;
``low`` is low in 76 % of the frames (0.7 vehicles and 1.0 people seen on average), ``medium`` medium in 77 % (1.9 and
3.0), ``high`` high in 81 % (3.7 and 7.5). The rest falls into the class beside.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from scenarios.behaviour import COMFORT, HEADWAY, STANDSTILL, Body
from scenarios.facts import categories
from scenarios.randomness import generator
from scenarios.road import Road
from scenarios.schema import Amount, Scenario
from scenarios.story import VEHICLES

VEHICLES_PER_KM = (0.0, 6.0, 18.0, 40.0)  # per lane, by traffic level none, low, medium, high
PEOPLE_PER_KM = (0.0, 15.0, 55.0, 180.0)  # per sidewalk
VEHICLE_REACH = (-80.0, 200.0)  # m behind and ahead of the ego in which vehicles live
PEOPLE_REACH = (-15.0, 110.0)
_OUT_OF_SIGHT = 150.0  # m ahead: a car is less than 10 px wide; what is one too many may vanish there

# Shares after the colour statistics of paint makers: white, black and greys first.
_CAR_PAINT = (
    ((232, 232, 228), 25),
    ((28, 28, 30), 20),
    ((105, 108, 112), 17),
    ((176, 178, 180), 13),
    ((36, 62, 120), 9),
    ((150, 28, 30), 8),
    ((48, 84, 62), 3),
    ((120, 90, 62), 3),
    ((214, 168, 40), 2),
)
_PAINT = {
    "truck": (((236, 236, 232), 4), ((40, 70, 130), 2), ((160, 40, 36), 2), ((120, 122, 126), 2), ((52, 110, 74), 1)),
    "bus": (((226, 184, 40), 3), ((196, 40, 40), 3), ((236, 236, 232), 2), ((44, 92, 160), 2), ((70, 140, 80), 1)),
    "animal": (((96, 72, 50), 4), ((52, 44, 40), 3), ((176, 140, 96), 2), ((210, 204, 192), 1)),
    "obstacle": (((236, 104, 32), 1),),
    "van": (((236, 236, 232), 6), ((120, 122, 126), 2), ((34, 36, 40), 2), ((44, 74, 132), 1), ((190, 60, 40), 1)),
}
_CLOTHES = tuple(
    (colour, 1)
    for colour in (
        (30, 32, 40),
        (52, 66, 104),
        (110, 36, 40),
        (200, 196, 186),
        (84, 92, 70),
        (150, 120, 84),
        (206, 110, 44),
        (60, 120, 150),
        (120, 70, 120),
        (90, 90, 94),
        (220, 190, 60),
        (190, 60, 80),
    )
)


def paint(category: str, dice: random.Random) -> tuple[int, int, int]:
    """A usual colour (r, g, b) for a body of ``category``; of its rider where there is one."""
    clothed = category in ("pedestrian", "bicycle", "motorcycle")
    shades = _CLOTHES if clothed else _PAINT.get(category, _CAR_PAINT)
    base = dice.choices([colour for colour, _ in shades], [weight for _, weight in shades])[0]
    shade = dice.randint(-10, 10)  # of brightness; the hue hardly varies
    red, green, blue = (min(255, max(0, channel + shade + dice.randint(-3, 3))) for channel in base)
    return red, green, blue


def usual_size(category: str, dice: random.Random) -> tuple[float, float, float]:
    """The category's usual size (length, width, height), m, varied by a few percent."""
    length, width, height = categories()[category].size
    return (
        round(length * dice.uniform(0.92, 1.08), 2),
        round(width * dice.uniform(0.97, 1.03), 2),
        round(height * dice.uniform(0.94, 1.06), 2),
    )


class Traffic:
    """Keeps the lists ``vehicles`` and ``people`` at the amount that the scenario asks for."""

    def __init__(self, scenario: Scenario, road: Road, seed: int, *, ego: Body, actors: list[Body]) -> None:
        """Start with the ``actors`` only, a list that the simulation keeps up to date; `refill` adds the background."""
        self.spec, self.road, self.seed, self.ego = scenario.traffic, road, seed, ego
        self.cast = actors
        self.vehicles: list[Body] = []
        self.people: list[Body] = []
        self.base_speed = max(scenario.ego.cruise_speed, 8.0)
        self._born = 0

    def refill(self, level: float, *, at_start: bool = False) -> None:
        """Remove who is out of reach, add newcomers far away (``at_start``: anywhere), by ``level`` in [0, 3]."""
        self.vehicles = [body for body in self.vehicles if self._within(body, VEHICLE_REACH)]
        self.people = [body for body in self.people if self._within(body, PEOPLE_REACH)]
        lanes = self.road.lanes + self.road.oncoming
        missing = _wanted(self.spec.vehicles, level, VEHICLES_PER_KM, VEHICLE_REACH, lanes) - len(self.vehicles)
        for _ in range(missing if at_start else min(missing, 2)):
            self._add_vehicle(at_start)
        if missing < 0:
            self._let_go(-missing)
        missing = _wanted(self.spec.pedestrians, level, PEOPLE_PER_KM, PEOPLE_REACH, 2) - len(self.people)
        for _ in range(missing if at_start else min(missing, 2)):
            self._add_person(at_start)

    def _within(self, body: Body, reach: tuple[float, float]) -> bool:
        return reach[0] - 20.0 <= body.s - self.ego.s <= reach[1] + 20.0

    def _dice(self, purpose: str) -> random.Random:
        self._born += 1
        return generator(self.seed, purpose, self._born)

    def _let_go(self, surplus: int) -> None:
        """What is too many vanishes far ahead; near the ego it drives away faster, or falls back."""
        for body in sorted(self.vehicles, key=lambda body: -abs(body.s - self.ego.s))[:surplus]:
            ahead = body.s - self.ego.s
            if ahead > _OUT_OF_SIGHT:
                self.vehicles.remove(body)
            elif body.direction > 0:
                body.cruise = self.base_speed * (1.4 if ahead > 0 else 0.6)

    def _add_vehicle(self, at_start: bool) -> None:
        dice = self._dice("vehicle")
        names = list(self.spec.classes)
        category = dice.choices(names, [self.spec.classes[name] for name in names])[0]
        size = usual_size(category, dice)
        for _ in range(12 if at_start else 3):
            lane = self._lane(category, dice)
            direction = self.road.direction(lane)
            cruise = self._cruise(category, dice)
            if at_start:
                ahead = dice.uniform(*VEHICLE_REACH)
            elif direction > 0 and dice.random() < 0.35:
                ahead, cruise = VEHICLE_REACH[0], cruise * 1.25
            else:
                ahead = VEHICLE_REACH[1] + dice.uniform(-15.0, 15.0)
                cruise *= 0.85 if direction > 0 else 1.0
            s = round(self.ego.s + ahead, 4)
            if self._is_free(lane, s, size[0], cruise):
                speed = self._entry_speed(lane, s, size[0], cruise)
                body = Body(100 + self._born, category, size, paint(category, dice), s, 0.0, speed, cruise, direction)
                body.d = round(self.road.lane_center(lane), 4)
                body.lane = body.from_lane = lane
                body.turn = 0.0 if direction > 0 else round(math.pi, 4)
                body.headway = round(dice.uniform(0.9, 1.2) * HEADWAY, 4)
                self.vehicles.append(body)
                return

    def _lane(self, category: str, dice: random.Random) -> int:
        both_ways = self.road.oncoming > 0
        if category == "bicycle":
            return dice.choice((-1, self.road.last_lane)) if both_ways else -1
        return dice.randrange(self.road.lanes + self.road.oncoming)

    def _cruise(self, category: str, dice: random.Random) -> float:
        if category == "bicycle":
            return round(dice.uniform(3.5, 6.0), 4)
        slower = 0.9 if category in ("truck", "bus") else 1.0
        return round(self.base_speed * slower * dice.uniform(0.85, 1.1), 4)

    def _is_free(self, lane: int, s: float, length: float, speed: float) -> bool:
        """Whether a newcomer has a fair gap to all in its lane and leaves junctions and the actors' stage empty."""
        if self.road.lane_end(lane, s, self.road.direction(lane)) == s:
            return False
        if any(abs(s - junction.s) < junction.reach + 0.5 * length for junction in self.road.junctions):
            return False
        room = STANDSTILL + 0.7 * speed
        for body in self._in_lane(lane):
            extra = 12.0 if body is self.ego else 0.0
            if abs(body.s - s) < room + extra + 0.5 * (length + body.size[0]):
                return False
        return not self.is_stage(lane, s)

    def _entry_speed(self, lane: int, s: float, length: float, cruise: float) -> float:
        """The most, m/s, from which a newcomer can brake in comfort behind whoever is ahead of it in its lane."""
        direction, speed = self.road.direction(lane), cruise
        for body in self._in_lane(lane):
            gap = direction * (body.s - s) - 0.5 * (length + body.size[0]) - STANDSTILL
            if gap > 0.0:
                theirs = max(0.0, body.speed * math.cos(body.turn) * direction)
                speed = min(speed, math.sqrt(theirs * theirs + 2.0 * COMFORT * gap))
        return round(speed, 4)

    def _in_lane(self, lane: int) -> Iterator[Body]:
        """Those who drive in a lane, or near it while bound to none."""
        for body in (*self.vehicles, self.ego, *(actor for actor in self.cast if actor.category in VEHICLES)):
            near = body.lane is None and abs(body.d - self.road.lane_center(lane)) < self.road.lane_width
            if near or lane in (body.lane, body.from_lane):
                yield body

    def is_stage(self, lane: int, s: float) -> bool:
        """Whether a place is between or ahead of the ego and an actor, where others would spoil the play."""
        for actor in self.cast:
            if actor.category not in VEHICLES:
                continue
            same = lane == actor.lane or (actor.direction > 0 and lane == self.ego.lane)
            low, high = sorted((actor.s, self.ego.s))
            if same and low - 15.0 < s < high + 80.0:
                return True
        return False

    def _add_person(self, at_start: bool) -> None:
        dice = self._dice("person")
        side, direction = dice.choice((-1, 1)), dice.choice((-1, 1))
        kerb = self.road.left_edge if side > 0 else self.road.right_edge
        ahead = dice.uniform(*PEOPLE_REACH) if at_start else PEOPLE_REACH[1] + dice.uniform(0.0, 15.0)
        s = round(self.ego.s + ahead, 4)
        if any(junction.arm(side) and abs(s - junction.s) < junction.mouth + 1.0 for junction in self.road.junctions):
            return
        speed = round(dice.uniform(0.9, 1.7), 4)
        d = round(kerb + side * dice.uniform(1.3, self.road.sidewalk_width - 0.4), 4)
        body = Body(
            100 + self._born,
            "pedestrian",
            usual_size("pedestrian", dice),
            paint("pedestrian", dice),
            s,
            d,
            speed,
            speed,
            direction,
        )
        body.turn = 0.0 if direction > 0 else round(math.pi, 4)
        self.people.append(body)


def _wanted(amount: Amount, level: float, densities: tuple[float, ...], reach: tuple[float, float], rows: int) -> int:
    """How many bodies belong in ``rows`` lanes or sidewalks within ``reach``."""
    if amount.count is not None:
        return amount.count
    below = min(int(level), 2)
    density = densities[below] + (level - below) * (densities[below + 1] - densities[below])
    return round(density * rows * (reach[1] - reach[0]) / 1000.0)

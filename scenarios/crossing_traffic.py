"""Background traffic at junctions and zebra crossings: who comes out of the arms, who turns off, who walks across."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from scenarios.actions import Cross
from scenarios.behaviour import COMFORT, Body
from scenarios.casting import BEYOND_KERB
from scenarios.driving import can_stop_for
from scenarios.junctions import ARM_REACH, Crossing, Junction
from scenarios.randomness import generator
from scenarios.road import Road
from scenarios.routes import ARM_STOP, LEFT, RIGHT, FollowRoute, Turn, route
from scenarios.traffic import paint, usual_size

PER_SECOND = (0.0, 0.04, 0.09, 0.16)  # vehicles that come along one lane of an arm, by traffic level none .. high
REACH = (-60.0, 180.0)  # m behind and ahead of the ego at which junctions are alive
FIRST_ID = 20_000  # of their tracks: above those of the traffic on the main road
_BEYOND = 30.0  # m beyond `REACH` before they are let go
_QUEUE = 4  # vehicles at most that wait on one lane of an arm
_MIX = {"car": 0.78, "van": 0.12, "truck": 0.06, "motorcycle": 0.04}
_ARM_SPEED = (7.0, 11.0)  # m/s
_TURN_SPEED = 8.0  # m/s of those who turn off
_TURN_SIGHT = 45.0  # m before the middle of a junction at which drivers decide to turn off
_ROOM = 9.0  # m kept free between newcomers on an arm
_CROSSES = 0.4  # share of the people at a zebra crossing who use it
_KERB_REACH = 0.4  # m of s around the middle of a zebra crossing at which people decide
_WALK = 1.4  # m/s
_STEP = 1.2  # m that people look ahead of their feet
_BRAKING = 4.0  # m/s2 that people trust drivers to brake by


class CrossingTraffic:
    """Keeps ``vehicles``, those that came out of an arm and have not yet found a lane of the main road."""

    def __init__(self, road: Road, seed: int, turning: float) -> None:
        """``turning``: the share of vehicles that turn off the main road where they can."""
        self.road, self.seed, self.turning = road, seed, turning
        self.vehicles: list[Body] = []
        self._known: set[float] = set()
        self._decided: set[tuple[int, float]] = set()
        self._born = 0

    def refill(self, level: float, ego: Body, tick: int) -> None:
        """Let newcomers come to the junctions near ``ego``, by ``level`` in [0, 3]; ``tick``: quarters of a second."""
        self.vehicles = [body for body in self.vehicles if REACH[0] < body.s - ego.s < REACH[1] + _BEYOND]
        for number, junction in enumerate(self.road.junctions):
            if not REACH[0] < junction.s - ego.s < REACH[1]:
                continue
            is_new = junction.s not in self._known
            self._known.add(junction.s)
            for side in (-1, 1):
                for lane in range(junction.lanes if junction.arm(side) else 0):
                    dice = generator(self.seed, f"arm.{number}.{side}.{lane}", tick)
                    for away in self._newcomers(level, dice, is_new):
                        self._add(junction, side, lane, away, dice)

    def _newcomers(self, level: float, dice: random.Random, is_new: bool) -> list[float]:
        """How far from the kerb newcomers appear, m."""
        below = min(int(level), 2)
        flow = PER_SECOND[below] + (level - below) * (PER_SECOND[below + 1] - PER_SECOND[below])
        if is_new:
            return [away for away in (14.0, 40.0, 66.0) if dice.random() < 2.5 * flow]
        return [ARM_REACH] if dice.random() < 0.25 * flow else []

    def _add(self, junction: Junction, side: int, lane: int, away: float, dice: random.Random) -> None:
        category = dice.choices(list(_MIX), list(_MIX.values()))[0]
        size, colour = usual_size(category, dice), paint(category, dice)
        speed = round(dice.uniform(*_ARM_SPEED), 4)
        if not (turns := self._turns(junction, side, lane)):
            return
        turn = dice.choice(turns)
        s = round(junction.lane_s(-side, lane), 4)
        edge = self.road.left_edge if side > 0 else -self.road.right_edge
        d = round(side * (edge + away), 4)
        same = [body for body in self.vehicles if abs(body.s - s) < 2.0 and body.d * side > 0.0]
        if len(same) >= _QUEUE or any(abs(body.d - d) < _ROOM for body in same):
            return
        self._born += 1
        body = Body(FIRST_ID + self._born, category, size, colour, s, d, speed, speed)
        body.speed = round(min(speed, math.sqrt(2.0 * COMFORT * max(0.0, away - ARM_STOP - size[0]))), 4)  # it can stop
        body.turn = round(RIGHT if side > 0 else LEFT, 4)
        body.actions["path"] = FollowRoute(route(self.road, junction, body, turn))
        self.vehicles.append(body)

    def _turns(self, junction: Junction, side: int, lane: int) -> list[Turn]:
        """What those in ``lane`` of an arm may do, oftener what they do oftener: left from the innermost lane only."""
        turns: list[Turn] = ["straight"] * 4 if junction.arm(-side) else []
        if (side < 0 or self.road.oncoming) and lane == junction.lanes - 1:
            turns += ["right", "right"]
        if (side > 0 or self.road.oncoming) and lane == 0:
            turns.append("left")
        return turns

    def turning_off(self, vehicles: Sequence[Body], ego: Body) -> Iterator[tuple[Body, FollowRoute]]:
        """Those of the background ``vehicles`` on the main road that decide now to turn off, and by which route."""
        for junction in self.road.junctions:
            if not REACH[0] < junction.s - ego.s < REACH[1]:
                continue
            for body in vehicles:
                left = body.direction * (junction.s - body.s)
                if not junction.reach + 8.0 < left < _TURN_SIGHT or body.actions or body.category == "bicycle":
                    continue
                if (body.track_id, junction.s) in self._decided:
                    continue
                self._decided.add((body.track_id, junction.s))
                dice = generator(self.seed, f"turn.{junction.s:g}", body.track_id)
                if dice.random() < self.turning and (turn := self._way_off(body, junction)) is not None:
                    body.cruise = min(body.cruise, _TURN_SPEED)
                    yield body, FollowRoute(route(self.road, junction, body, turn))

    def _way_off(self, body: Body, junction: Junction) -> Turn | None:
        """Right from the outermost lane, left from the innermost one, where there is an arm."""
        outer = 0 if body.direction > 0 else self.road.lanes + self.road.oncoming - 1
        inner = self.road.lanes - 1 if body.direction > 0 else self.road.lanes
        if body.lane == outer and junction.arm(-body.direction):
            return "right"
        if body.lane == inner and junction.arm(body.direction):
            return "left"
        return None


class Walkers:
    """The people of the background at zebra crossings and at the arms of junctions."""

    def __init__(self, road: Road, seed: int) -> None:
        """People on ``road``; ``seed`` decides who crosses."""
        self.road, self.seed = road, seed
        self._waiting: dict[int, Crossing] = {}
        self._asked: set[tuple[int, float]] = set()
        self._pace: dict[int, float] = {}
        self._zebras: list[Crossing] = []  # near the ego
        self._junctions: list[Junction] = []

    def decide(
        self, people: Sequence[Body], vehicles: Sequence[Body], ego: Body, time: float
    ) -> Iterator[tuple[Body, Cross]]:
        """Let ``people`` stop at kerbs and go on; those who step onto a zebra crossing now, and how."""
        self._zebras = [zebra for zebra in self.road.crossings if abs(zebra.s - ego.s) < REACH[1]]
        self._junctions = [junction for junction in self.road.junctions if abs(junction.s - ego.s) < REACH[1]]
        if not self._zebras and not self._junctions:
            return
        for body in people:
            if "path" in body.actions:
                body.waits = any(_is_in_way(other, body) for other in vehicles)
                continue
            self._pace.setdefault(body.track_id, body.speed)
            zebra = self._waiting.get(body.track_id) or self._wants(body)
            body.cruise = (
                0.0 if zebra is not None or self._must_wait(body, vehicles, time) else self._pace[body.track_id]
            )
            if zebra is None:
                continue
            self._waiting[body.track_id] = zebra
            if self._may_cross(body, zebra, vehicles, time):
                del self._waiting[body.track_id]
                side = 1 if body.d < 0 else -1
                end = self.road.left_edge + BEYOND_KERB if side > 0 else self.road.right_edge - BEYOND_KERB
                yield body, Cross(round(end, 4), max(_WALK, self._pace[body.track_id]))

    def _wants(self, body: Body) -> Crossing | None:
        for zebra in self._zebras:
            if abs(body.s - zebra.s) < _KERB_REACH and (body.track_id, zebra.s) not in self._asked:
                self._asked.add((body.track_id, zebra.s))
                if generator(self.seed, f"zebra.{zebra.s:g}", body.track_id).random() < _CROSSES:
                    return zebra
        return None

    def _may_cross(self, body: Body, zebra: Crossing, vehicles: Sequence[Body], time: float) -> bool:
        width = self.road.left_edge - self.road.right_edge
        if zebra.signals is not None and zebra.signals.red_left(time) < width / _WALK:
            return False
        return all(can_stop_for(body, other, _BRAKING) for other in vehicles)

    def _must_wait(self, body: Body, vehicles: Sequence[Body], time: float) -> bool:
        """Whether somebody who walks along the main road has to wait at the mouth of an arm."""
        side = 1 if body.d > 0 else -1
        for junction in self._junctions:
            to_mouth = body.direction * (junction.s - body.s) - junction.half
            if not -2.0 * junction.half < to_mouth < 1.0 or not junction.arm(side):
                continue
            if to_mouth < 0.0:  # on the arm already
                return any("path" in other.actions and _is_in_way(other, body) for other in vehicles)
            if junction.signals is not None and junction.signals.main(time) != "green":
                return True
            for other in vehicles:
                comes = "path" in other.actions and other.speed > 0.5 and abs(other.s - junction.s) < junction.mouth
                if comes and abs(other.d - body.d) < max(8.0, 2.5 * other.speed):
                    return True
        return False


def _is_in_way(vehicle: Body, walker: Body) -> bool:
    """Whether ``walker`` would run into the side of ``vehicle`` within a step or two."""
    if abs(vehicle.s - walker.s) > 8.0 or abs(vehicle.d - walker.d) > 8.0:
        return False
    ahead_s, ahead_d = _STEP * math.cos(walker.turn), _STEP * math.sin(walker.turn)
    cos, sin = math.cos(vehicle.turn), math.sin(vehicle.turn)
    ds, dd = walker.s + ahead_s - vehicle.s, walker.d + ahead_d - vehicle.d
    along, across = abs(ds * cos + dd * sin), abs(dd * cos - ds * sin)
    return along < 0.5 * vehicle.size[0] + _STEP / 2 and across < 0.5 * vehicle.size[1] + _STEP / 2

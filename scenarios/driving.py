"""Who brakes for whom: leaders, whoever is in the way, red lights, lanes that end, those who have priority."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise

from scenarios.behaviour import (
    COMFORT,
    HARDEST,
    STANDSTILL,
    Body,
    bend_speed,
    following_acceleration,
    free_acceleration,
)
from scenarios.facts import categories
from scenarios.lane_changes import better_lane
from scenarios.road import Road
from scenarios.routes import FollowRoute, Route

_MERGE_SIGHT = 150.0  # m at which drivers see that their lane ends
_LEAST_SIGHT = 1.6  # s that drivers look ahead at what comes from the side
_SIGHT_BRAKING = 5.0  # m/s2: they look as far ahead as braking by this would take to a stop
_SLOW, _PATIENCE = 4.0, 4.0  # m/s; s that slow drivers look ahead at most
_COMES_NEARER = 2.0  # s
_PASSING = 0.5  # m kept to the side of what one passes
_BEFORE_LINE = 0.8  # m left to a stop line
_AMBER = 4.0  # m/s2: who would have to brake harder passes at amber
_ROUTE_STEP = 1.0  # m between the places looked at along a route
_CROSSING_SPEED = 5.5  # m/s, of somebody who starts from a stop line, on average
_AFTER_CONFLICT = 1.0  # s between who crosses the main road and the next one on it
_HARDLY_MOVES = 0.1  # m/s
_ROUTE_SIGHT, _LONGEST = 40.0, 7.0  # m: the farthest drivers on a route look ahead; half the longest vehicle
_WALKERS_LEAD = 2.5  # s
_NEAR_LINE = 25.0  # m from a stop line at which those with priority count


class Driving:
    """Chooses everybody's acceleration, m/s2. ``lanes``: who is in which lane, set by `accelerate`."""

    def __init__(self, road: Road) -> None:
        """The drivers of ``road``."""
        self.road = road
        self.lanes: dict[int, list[Body]] = {}

    def accelerate(self, vehicles: Iterable[Body], walkers: Iterable[Body], time: float) -> None:
        """Set ``acceleration`` of the ``vehicles`` and the ``walkers``, who look out for nobody, at ``time`` s."""
        self.lanes = {}
        loose: list[Body] = []
        routed: list[Body] = []
        drivers: list[Body] = []
        people = list(walkers)
        for body in people:
            body.acceleration = free_acceleration(body.speed, body.cruise, body.rate)
            if "path" in body.actions:
                loose.append(body)
        for body in vehicles:
            if "path" in body.actions or body.lane is None:
                loose.append(body)
                if isinstance(body.actions.get("path"), FollowRoute):
                    routed.append(body)
                elif "path" not in body.actions:
                    body.acceleration = free_acceleration(body.speed, body.cruise, body.rate)
                continue
            drivers.append(body)
            self._free(body)
            self.lanes.setdefault(body.lane, []).append(body)
            if body.from_lane is not None and body.from_lane != body.lane:
                self.lanes.setdefault(body.from_lane, []).append(body)
        for lane, bodies in self.lanes.items():
            self._follow_leaders(lane, bodies)
        for thing in loose:
            self._yield(thing)
        for body in drivers:
            self._stop_at_lights(body, time)
            self._stop_at_lane_end(body)
        for body in drivers:
            body.acceleration = max(-HARDEST, round(body.acceleration + body.held, 4))
        if routed:
            everybody = [*drivers, *loose, *(body for body in people if "path" not in body.actions)]
            for body in routed:
                self._along_route(body, everybody, drivers, routed, time)
                if body.lane is not None:  # for those who look for a gap
                    self.lanes.setdefault(body.lane, []).append(body)

    def who_can_move_over(self, vehicles: Iterable[Body]) -> Iterator[tuple[Body, int]]:
        """Those of ``vehicles`` that would rather drive in another lane, and that lane."""
        for body in vehicles:
            lane = better_lane(body, self.lanes, self.road)
            if lane is not None:
                yield body, lane

    def must_merge(self, body: Body) -> bool:
        """Whether a body's lane ends within sight, and it has not begun to leave it."""
        if body.lane is None or "sideways" in body.actions or "path" in body.actions:
            return False
        end = self.road.lane_end(body.lane, body.s, body.direction)
        return end is not None and abs(end - body.s) < _MERGE_SIGHT

    # --- in a lane ---

    def _free(self, body: Body) -> None:
        cruise = min(body.cruise, bend_speed(self.road, body))
        body.acceleration, body.held = free_acceleration(body.speed, cruise, body.rate), 0.0
        if body.target is not None:
            _follow(body, body.target.speed, body.gap_to(body.target))

    def _follow_leaders(self, lane: int, bodies: list[Body]) -> None:
        """Everybody follows whoever is ahead in the lane; in a lane change, ahead in both lanes."""
        direction = self.road.direction(lane)
        bodies.sort(key=lambda body: -direction * body.s)
        for leader, follower in pairwise(bodies):
            if follower.lane != lane and abs(leader.d - follower.d) > 0.5 * (leader.size[1] + follower.size[1]) + 0.3:
                continue  # it has all but left the lane
            gap = direction * (leader.s - follower.s) - 0.5 * (leader.size[0] + follower.size[0])
            _follow(follower, leader.speed, gap)

    def _yield(self, thing: Body) -> None:
        """Let everybody brake for a body not bound to a lane that is in theirs, or will be before they could pass."""
        action = thing.actions.get("path")
        if isinstance(action, FollowRoute) and action.route.arm and action.yields and action.waits_for_line:
            return  # it will give way
        sideways, along = thing.speed * math.sin(thing.turn), thing.speed * math.cos(thing.turn)
        length, width = _extent(thing)
        for lane, bodies in self.lanes.items():
            aside = self.road.lane_center(lane) - thing.d
            if abs(aside) >= self.road.lane_width + 0.5 * width and aside * sideways <= 0.0:
                continue  # it is elsewhere, and does not come
            for body in bodies:
                gap = body.direction * (thing.s - body.s) - 0.5 * (body.size[0] + length)
                if gap < -0.5 * body.size[0] - length:
                    continue  # it is beside the driver's back, or passed
                gap -= _COMES_NEARER * max(0.0, -body.direction * along)  # whoever turns comes nearer before it is away
                seconds = max(_LEAST_SIGHT, body.speed / _SIGHT_BRAKING)
                if body.speed < _SLOW:  # whoever has braked waits until the way is free
                    seconds = max(seconds, min(_PATIENCE, (gap + body.size[0] + length) / max(body.speed, 0.5)))
                comes = seconds * sideways
                reach = 0.5 * (body.size[1] + width) + _PASSING
                here = there = body.d - thing.d
                if body.from_lane != body.lane and body.lane is not None:
                    there = self.road.lane_center(body.lane) - thing.d
                if min(0.0, comes) - reach < max(here, there) and min(here, there) < max(0.0, comes) + reach:
                    _follow(body, max(0.0, body.direction * along), gap)

    def _stop_at_lights(self, body: Body, time: float) -> None:
        for junction in self.road.junctions:
            if junction.signals is None:
                continue
            line = junction.s - body.direction * junction.reach
            gap = body.direction * (line - body.s) - 0.5 * body.size[0]
            if gap < -1.0 or gap > 200.0:
                continue
            light = junction.signals.main(time)
            if light == "red" or (light == "amber" and body.speed**2 <= 2.0 * _AMBER * gap):
                _follow(body, 0.0, gap + STANDSTILL - _BEFORE_LINE)

    def _stop_at_lane_end(self, body: Body) -> None:
        end = None if body.lane is None else self.road.lane_end(body.lane, body.s, body.direction)
        if end is not None:
            gap = body.direction * (end - body.s) - 0.5 * body.size[0]
            if gap < _MERGE_SIGHT:
                _follow(body, 0.0, gap)

    # --- on a route ---

    def _along_route(
        self, body: Body, everybody: list[Body], drivers: list[Body], routed: list[Body], time: float
    ) -> None:
        action = _routed(body)
        cruise = min(body.cruise, action.route.speed_limit(action.u))
        free, body.held = free_acceleration(body.speed, cruise, 1.5 * COMFORT), 0.0
        stop = action.route.stop
        if stop is not None and action.yields:
            gap = stop - action.u - 0.5 * body.size[0]
            if gap > -1.0 and not self._may_go(body, gap, drivers, routed, time):
                _follow(body, 0.0, gap + STANDSTILL - _BEFORE_LINE)
        sight = min(4.0 + body.speed * body.speed / (2.0 * _AMBER), _ROUTE_SIGHT)
        reach = sight + 0.5 * body.size[0] + _LONGEST
        for other in everybody:
            if other is body or not (action.yields or math.cos(other.turn - body.turn) > 0.7):
                continue  # who yields to nobody still follows those ahead
            if abs(other.s - body.s) < reach and abs(other.d - body.d) < reach:
                self._follow_on_route(body, action, other, sight)
        body.acceleration = max(-HARDEST, round(free + body.held, 4))

    def _may_go(self, body: Body, gap: float, drivers: list[Body], routed: list[Body], time: float) -> bool:
        """Whether lights and priority let a body pass its stop line, which is ``gap`` m ahead of its front."""
        action = _routed(body)
        route = action.route
        signals, against = route.junction.signals, route.crosses
        if signals is not None:
            light = signals.crossing(time) if route.arm else signals.main(time)
            if light == "red" or (light == "amber" and body.speed**2 <= 2.0 * _AMBER * max(gap, 0.1)):
                return False
        time_needed = (route.clear - action.u) / max(body.speed, _CROSSING_SPEED) + _AFTER_CONFLICT
        if signals is not None and route.arm:
            time_needed = 0.0  # they have red: only those who are still on the junction count
        if route.arm == 0 and route.turn == "right" and self._is_cyclist_beside(body, route, drivers, time_needed):
            return False
        if any(_comes(other, route, time_needed) for other in drivers if other.direction in against):
            return False
        return not any(_goes_first(_routed(other), route) for other in routed if other is not body)

    def _is_cyclist_beside(self, body: Body, route: Route, drivers: list[Body], seconds: float) -> bool:
        """Whether somebody in the bicycle strip, who goes straight on, comes to the turn as well."""
        strip = -1 if body.direction > 0 else self.road.last_lane
        return any(_comes(other, route, seconds) for other in drivers if other.lane == strip)

    def _follow_on_route(self, body: Body, action: FollowRoute, other: Body, sight: float) -> None:
        """Keep away from ``other`` where it is on the way ahead, within ``sight`` m."""
        cos, sin = math.cos(other.turn), math.sin(other.turn)
        front = action.u + 0.5 * body.size[0]
        # Whoever walks is expected anywhere up to where it will soon be.
        lead = 0.5 * _WALKERS_LEAD * other.speed if categories()[other.category].group == "person" else 0.0
        long, wide = 0.5 * (other.size[0] + body.size[1]) + lead + 0.2, 0.5 * (other.size[1] + body.size[1]) + 0.2
        at_s, at_d = other.s + lead * cos, other.d + lead * sin
        for i in range(round(sight / _ROUTE_STEP) + 1):
            s, d, heading = action.route.at(front + i * _ROUTE_STEP)
            ds, dd = s - at_s, d - at_d
            if abs(ds * cos + dd * sin) < long and abs(dd * cos - ds * sin) < wide:
                _follow(body, max(0.0, other.speed * math.cos(other.turn - heading)), i * _ROUTE_STEP)
                return


def can_stop_for(person: Body, vehicle: Body, braking: float) -> bool:
    """Whether ``vehicle``, if it is in a lane, has passed or can stop by ``braking`` m/s2 before ``person``."""
    gap = vehicle.gap_to(person)
    return (
        vehicle.lane is None
        or gap <= -vehicle.size[0] - 1.0
        or gap >= 1.0 + 0.5 * vehicle.speed * vehicle.speed / braking
    )


def _comes(other: Body, route: Route, seconds: float) -> bool:
    """Whether ``other``, on the main road, is at the junction within ``seconds``, or has not left it yet."""
    to_middle = other.direction * (route.junction.s - other.s)
    half, length = route.junction.half, 0.5 * other.size[0]
    if to_middle < -half - length:
        return False
    left = to_middle - half - length
    if left <= 0.0:
        return True
    return other.speed > _HARDLY_MOVES and left / other.speed < seconds


def _goes_first(other: FollowRoute, route: Route) -> bool:
    """Whether somebody on another route over the same junction has priority and is there, or nearly."""
    theirs = other.route
    if theirs.junction is not route.junction or theirs.rank >= route.rank:
        return False
    if theirs.pieces[0].heading == route.pieces[0].heading or other.u > theirs.clear:
        return False
    waits_for_light = route.junction.signals is not None and theirs.arm == 0 != route.arm
    return theirs.stop is None or theirs.stop - other.u < (0.0 if waits_for_light else _NEAR_LINE)


def _routed(body: Body) -> FollowRoute:
    action = body.actions["path"]
    assert isinstance(action, FollowRoute)
    return action


def _extent(thing: Body) -> tuple[float, float]:
    """Its length along the road and width across it, as it is turned, m."""
    cos, sin = abs(math.cos(thing.turn)), abs(math.sin(thing.turn))
    return thing.size[0] * cos + thing.size[1] * sin, thing.size[0] * sin + thing.size[1] * cos


def _follow(body: Body, leader_speed: float, gap: float) -> None:
    body.held = min(body.held, following_acceleration(body.speed, gap, leader_speed, body.headway))

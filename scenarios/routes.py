"""Ways over a junction: straight pieces and arcs in road coordinates, and how a body drives along them.

A route starts in a lane of the main road or of an arm and ends in another. Junctions lie where the road is straight, so
(s, d) are metres there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from scenarios.behaviour import COMFORT, SIDEWAYS, Body
from scenarios.junctions import ARM_REACH, CORNER, Junction
from scenarios.road import Road

Turn = Literal["straight", "left", "right"]
LEFT, RIGHT = 0.5 * math.pi, -0.5 * math.pi  # headings of those who drive towards +d and towards -d
_TURNS: dict[Turn, float] = {"straight": 0.0, "left": LEFT, "right": RIGHT}
_AFTER = 8.0  # m driven in the new lane of the main road before the route is over
_LEFT, _RIGHT = 11.0, 6.0  # m, radii of turns; wide ones keep those who turn left out of each other's way
ARM_STOP = CORNER + 0.9  # m from the kerb of the main road to the stop line of an arm


@dataclass(frozen=True, slots=True)
class Piece:
    """A straight line, or an arc of ``bend`` 1/m (left positive), of ``length`` m from (s, d) with ``heading``, rad."""

    s: float
    d: float
    heading: float
    length: float
    bend: float = 0.0

    def at(self, u: float) -> tuple[float, float, float]:
        """(s, d, heading) ``u`` m along it."""
        if self.bend == 0.0:
            return self.s + u * math.cos(self.heading), self.d + u * math.sin(self.heading), self.heading
        end = self.heading + u * self.bend
        s = self.s + (math.sin(end) - math.sin(self.heading)) / self.bend
        return s, self.d - (math.cos(end) - math.cos(self.heading)) / self.bend, end


@dataclass(frozen=True)
class Route:
    """``pieces`` one after the other, over ``junction``. ``turn``: what it does there.

    ``stop``: m along it to the stop line, None if that is behind. ``crosses``: the directions (1 own, -1 oncoming) of
    the main road whose lanes it crosses or joins. ``arm``: from which arm it comes (1 left, -1 right), 0 from the main
    road. ``clear``: m along it to where it no longer hinders anybody on the main road.
    """

    pieces: tuple[Piece, ...]
    turn: Turn
    junction: Junction
    stop: float | None
    crosses: frozenset[int]
    arm: int
    clear: float
    length: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", sum(piece.length for piece in self.pieces))

    @property
    def rank(self) -> int:
        """Who gives way to whom on routes over one junction: to those of a lower rank."""
        return 2 * (self.arm != 0) + (self.turn == "left")

    def at(self, u: float) -> tuple[float, float, float]:
        """(s, d, heading against the road) ``u`` m along it."""
        for piece in self.pieces:
            if u <= piece.length:
                return piece.at(u)
            u -= piece.length
        return self.pieces[-1].at(self.pieces[-1].length + u)

    def speed_limit(self, u: float, rate: float = COMFORT) -> float:
        """The speed at ``u`` from which braking by ``rate`` still takes every arc ahead at `SIDEWAYS`, m/s."""
        limit, start = math.inf, 0.0
        for piece in self.pieces:
            if piece.bend != 0.0 and u < start + piece.length:
                slow = SIDEWAYS / abs(piece.bend)
                limit = min(limit, math.sqrt(slow + 2.0 * rate * max(0.0, start - u)))
            start += piece.length
        return limit


def route(road: Road, junction: Junction, body: Body, turn: Turn) -> Route:
    """From where ``body`` is, in a lane or on an arm, over ``junction``. Raises ``ValueError`` where no way leads."""
    arm = 0 if body.lane is not None else (1 if body.d > 0 else -1)
    if arm == 0 and body.direction * (junction.s - body.s) <= 0.0:
        raise ValueError(f"found the junction at {junction.s:g} m behind, expected one ahead")
    leaves_by, along = way_out(arm, body.direction, turn, junction.arms, road.oncoming)
    start = Piece(body.s, body.d, _heading(arm, body.direction), 0.0)
    goal = start.heading + _TURNS[turn]
    exit_line = _exit(road, junction, leaves_by, along, turn)
    pieces = _pieces(start, goal, exit_line, turn, road, leaves_by)
    stop, crosses = _stop(road, junction, start, arm), _crossed(arm, turn, body.direction)
    clear = sum(piece.length for piece in pieces) - (ARM_REACH if leaves_by else 0.0)
    return Route(pieces, turn, junction, stop, crosses, arm, clear)


def way_out(arm: int, direction: int, turn: Turn, arms: tuple[bool, bool], oncoming: int) -> tuple[int, int]:
    """By which arm (1 left, -1 right, else 0) and in which direction of the main road (1, -1, else 0) a turn leads.

    ``arm``: where it comes from, 0 being the main road in ``direction``. Raises ``ValueError`` where no way leads.
    """
    if arm == 0 and turn == "straight":
        raise ValueError("found the way straight on along the main road, expected a turn")
    goal = _heading(arm, direction) + _TURNS[turn]
    leaves_by, along = round(math.sin(goal)), round(math.cos(goal))
    if leaves_by and not arms[leaves_by > 0]:
        side = "left" if leaves_by > 0 else "right"
        raise ValueError(f"found a way into the arm on the {side}, which is not there, expected one that leads on")
    if along < 0 and not oncoming:
        raise ValueError("found a turn into oncoming lanes, of which there are none, expected one that leads on")
    return leaves_by, along


def _heading(arm: int, direction: int) -> float:
    if arm:
        return RIGHT if arm > 0 else LEFT
    return 0.0 if direction > 0 else math.pi


def _exit(road: Road, junction: Junction, leaves_by: int, along: int, turn: Turn) -> float:
    """The s (of an arm) or d (of the main road) of the lane that a route ends in."""
    if leaves_by:
        lane = junction.lanes - 1 if turn == "right" else 0
        return junction.lane_s(leaves_by, lane)
    if along > 0:
        return road.lane_center(0 if turn == "right" else road.lanes - 1)
    return road.lane_center(road.lanes + (road.oncoming - 1 if turn == "right" else 0))


def _pieces(start: Piece, goal: float, exit_line: float, turn: Turn, road: Road, leaves_by: int) -> tuple[Piece, ...]:
    if turn == "straight":
        far = road.left_edge + ARM_REACH if leaves_by > 0 else -road.right_edge + ARM_REACH
        return (Piece(start.s, start.d, start.heading, far - leaves_by * start.d),)
    radius = _LEFT if turn == "left" else _RIGHT
    to_corner = abs(exit_line - (start.s if leaves_by else start.d))
    radius = max(2.0, min(radius, to_corner))
    first = Piece(start.s, start.d, start.heading, max(0.0, to_corner - radius))
    s, d, _ = first.at(first.length)
    arc = Piece(s, d, start.heading, 0.5 * math.pi * radius, (1.0 if turn == "left" else -1.0) / radius)
    s, d, _ = arc.at(arc.length)
    last = _AFTER
    if leaves_by:
        last = (road.left_edge if leaves_by > 0 else -road.right_edge) + ARM_REACH - leaves_by * d
    return first, arc, Piece(s, d, goal, last)


def _stop(road: Road, junction: Junction, start: Piece, arm: int) -> float | None:
    """How far, along the first piece, the stop line is."""
    if arm:
        edge = road.left_edge if arm > 0 else -road.right_edge
        left = abs(start.d) - edge - ARM_STOP
    else:
        left = abs(junction.s - start.s) - junction.reach
    return left if left > 0.0 else None


def _crossed(arm: int, turn: Turn, direction: int) -> frozenset[int]:
    """Right-hand traffic: from the right arm (-1) the own lanes come first, then, beyond the divider, the oncoming."""
    if arm == 0:
        return frozenset({-direction} if turn == "left" else ())
    near = 1 if arm < 0 else -1
    return frozenset({near} if turn == "right" else {1, -1})


@dataclass(slots=True)
class FollowRoute:
    """Drive along ``route``; complete at its end. Who is ahead is the simulation's matter.

    ``yields``: stops for red lights and for those who have priority; else it drives whatever comes.
    """

    route: Route
    yields: bool = True
    u: float = 0.0
    channel: ClassVar[str] = "path"

    @property
    def waits_for_line(self) -> bool:
        """Whether the stop line is still ahead."""
        return self.route.stop is not None and self.u < self.route.stop - 1.0

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`; the body's acceleration was chosen before."""
        body.speed = max(0.0, round(body.speed + body.acceleration * dt, 4))
        moved = body.speed * dt
        self.u = round(self.u + moved, 4)
        straight = self.route.pieces[0].length
        if self.u > straight:
            body.lane = body.from_lane = None
        turns = self.route.turn != "straight" and self.u < straight + self.route.pieces[1].length
        body.indicator = self.route.turn if turns else "off"
        s, d, turn = self.route.at(self.u)
        body.s, body.d, body.turn = round(s, 4), round(d, 4), round(math.atan2(math.sin(turn), math.cos(turn)), 4)
        body.travelled = round(body.travelled + moved, 4)
        return self.u >= self.route.length

"""Bodies on the road and what moves them: car following, lane changes, braking, walking across, explicit tracks.

All motion is in road coordinates (s, d) of `scenarios.road`. An action is an object whose ``step(body, dt)`` acts on
its body and returns whether it is complete. Only scalar functions of `math` are used, so that every processor computes
the same bytes.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from scenarios.road import Road

COMFORT = 2.0  # m/s2: the acceleration and braking of a driver who has no reason for more
HARDEST = 9.0  # m/s2: braking limit of tyres on a dry road
HEADWAY = 1.3  # s, kept behind the leader
STANDSTILL = 2.0  # m, gap kept when standing
SIDEWAYS = 3.0  # m/s2, largest lateral acceleration drivers accept in a bend


class Action(Protocol):
    """What a body is doing beside driving along its lane.

    ``channel``: "speed", "sideways", or "path" for an action that moves the body all by itself. A body does one action
    per channel.
    """

    @property
    def channel(self) -> str:
        """The channel's name."""

    def step(self, body: Body, dt: float) -> bool:
        """Act on ``body`` for ``dt`` s; True when complete."""


@dataclass(slots=True)
class Body:
    """A road user. ``s, d``: centre of its box in road coordinates, m. ``turn``: heading minus the road's, rad.

    ``lane`` and ``from_lane`` differ during a lane change: it takes room in both. People have lane None. ``cruise``:
    the speed it wants, m/s. ``rate``: how hard it changes speed towards that, m/s2. ``held``: what those ahead take
    from the free acceleration, m/s2. ``travelled``: m since it appeared.
    """

    track_id: int
    category: str
    size: tuple[float, float, float]
    colour: tuple[int, int, int]
    s: float
    d: float
    speed: float
    cruise: float
    direction: int = 1
    lane: int | None = None
    from_lane: int | None = None
    rate: float = COMFORT
    headway: float = HEADWAY
    acceleration: float = 0.0
    held: float = 0.0
    turn: float = 0.0
    travelled: float = 0.0
    indicator: str = "off"
    actions: dict[str, Action] = field(default_factory=dict)
    target: Body | None = None

    def gap_to(self, other: Body) -> float:
        """Free road from this body's front to ``other`` ahead of it in its direction, m; negative in overlap."""
        return self.direction * (other.s - self.s) - 0.5 * (self.size[0] + other.size[0])


def free_acceleration(speed: float, cruise: float, rate: float) -> float:
    """Acceleration on a free road, m/s2: ``rate`` towards ``cruise``, softer over the last m/s.

    In place of the Intelligent Driver Model's free term, which takes for ever to reach the speed that it is set to.
    """
    return max(-rate, min(rate, 4.0 * (cruise - speed)))


def following_acceleration(speed: float, gap: float, leader_speed: float, headway: float) -> float:
    """What a leader takes from the free acceleration, m/s2, at most 0 (Treiber et al. 2000, eq. 3 and 4).

    ``gap``: m between the bodies. ``headway``: s the driver keeps. Bounded by `HARDEST`.
    """
    wanted = STANDSTILL + max(0.0, speed * headway + speed * (speed - leader_speed) / (2.0 * COMFORT))
    ratio = wanted / max(gap, 0.1)
    return -min(HARDEST, COMFORT * ratio * ratio)


def bend_speed(road: Road, body: Body) -> float:
    """The speed at which the road's curvature 1.5 s ahead costs `SIDEWAYS` of lateral acceleration, m/s."""
    bend = abs(road.curvature(body.s + 1.5 * body.direction * body.speed))
    return math.sqrt(SIDEWAYS / bend) if bend > 1e-4 else math.inf


def drive(body: Body, road: Road, dt: float) -> None:
    """Move a vehicle or a walker along the road for ``dt`` s; a lane change sets its sideways speed before."""
    body.speed = max(0.0, round(body.speed + body.acceleration * dt, 4))
    moved = body.speed * dt
    body.s = round(body.s + body.direction * moved / (1.0 - road.curvature(body.s) * body.d), 4)
    body.travelled = round(body.travelled + moved, 4)


@dataclass(slots=True)
class SetSpeed:
    """Cruise at ``to`` m/s, getting there by ``rate`` m/s2; complete when reached."""

    to: float
    rate: float
    channel: ClassVar[str] = "speed"

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`."""
        body.cruise, body.rate = self.to, self.rate
        reached = abs(body.speed - self.to) <= 0.1
        if reached:
            body.rate = COMFORT
        return reached


@dataclass(slots=True)
class Brake:
    """Slow to ``to`` m/s by ``rate`` m/s2, hold for ``hold`` s, then cruise as ``before``; ``hold`` None: stay."""

    to: float
    rate: float
    hold: float | None
    before: float
    held: float = 0.0
    channel: ClassVar[str] = "speed"

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`."""
        body.cruise, body.rate = self.to, self.rate
        if body.speed > self.to + 0.1:
            return False
        self.held += dt
        if self.hold is not None and self.held < self.hold:
            return False
        body.rate = COMFORT
        if self.hold is not None:
            body.cruise = self.before
        return True


@dataclass(slots=True)
class Follow:
    """Keep ``headway`` s behind ``target`` from now on; complete at once."""

    target: Body
    headway: float
    channel: ClassVar[str] = "speed"

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`."""
        body.target, body.headway, body.cruise = self.target, self.headway, 1.3 * body.cruise
        return True


@dataclass(slots=True)
class ChangeLane:
    """Move from d = ``start`` to the middle ``end`` of ``lane`` in ``over`` s.

    Slower than 3 m/s it takes longer, for wheels do not slide sideways.
    """

    lane: int
    start: float
    end: float
    over: float
    share: float = 0.0
    channel: ClassVar[str] = "sideways"

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`."""
        if body.lane != self.lane:
            body.lane, body.from_lane = self.lane, body.lane
            to_left = (self.end > self.start) == (body.direction > 0)
            body.indicator = "left" if to_left else "right"
        self.share = min(1.0, round(self.share + dt / self.over * min(1.0, body.speed / 3.0), 6))
        u, span = self.share, self.end - self.start
        # The quintic with zero velocity and acceleration at both ends.
        body.d = round(self.start + span * u * u * u * (10.0 + u * (6.0 * u - 15.0)), 4)
        slope = 30.0 * u * u * (1.0 - u) * (1.0 - u) * span / (self.over * max(body.speed, 3.0))
        body.turn = round(math.atan2(slope, body.direction * math.sqrt(max(0.0, 1.0 - slope * slope))), 4)
        if self.share < 1.0:
            return False
        body.d, body.turn = round(self.end, 4), _along(body.direction)
        body.from_lane, body.indicator = body.lane, "off"
        return True


@dataclass(slots=True)
class Cross:
    """Walk straight over the road to ``end`` (d, m) at ``speed`` m/s, then on along the sidewalk."""

    end: float
    speed: float
    channel: ClassVar[str] = "path"

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`."""
        side = 1 if self.end > body.d else -1
        moved = min(self.speed * dt, abs(self.end - body.d))
        body.d = round(body.d + side * moved, 4)
        body.travelled = round(body.travelled + moved, 4)
        body.speed, body.turn = self.speed, round(side * math.pi / 2, 4)
        if abs(self.end - body.d) > 5e-5:
            return False
        body.turn, body.cruise = _along(body.direction), self.speed
        return True


@dataclass(slots=True)
class FollowTrack:
    """Be where ``points`` (time, s, d) say, from time 0 on; complete at the last point, where the body stays."""

    points: Sequence[tuple[float, float, float]]
    steps: int = 0
    channel: ClassVar[str] = "path"

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`."""
        self.steps += 1
        now = self.steps * dt
        i = min(max(bisect_right(self.points, now, key=lambda point: point[0]), 1), len(self.points) - 1)
        (t0, s0, d0), (t1, s1, d1) = self.points[i - 1], self.points[i]
        share = min(1.0, max(0.0, (now - t0) / (t1 - t0)))
        s, d = round(s0 + share * (s1 - s0), 4), round(d0 + share * (d1 - d0), 4)
        moved = math.sqrt((s - body.s) ** 2 + (d - body.d) ** 2)
        body.s, body.d, body.travelled = s, d, round(body.travelled + moved, 4)
        running = 0.0 < share < 1.0
        body.speed = round(math.sqrt((s1 - s0) ** 2 + (d1 - d0) ** 2) / (t1 - t0), 4) if running else 0.0
        if moved > 0:
            body.turn = round(math.atan2(d1 - d0, s1 - s0), 4)
        return now >= self.points[-1][0]


def _along(direction: int) -> float:
    return 0.0 if direction > 0 else round(math.pi, 4)

"""What bodies do beside driving along: speed changes, braking, lane changes, walking across, explicit tracks.

An action's ``step(body, dt)`` acts on its body and returns whether it is complete. Motion is in road coordinates (s, d)
of `scenarios.road`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from scenarios.behaviour import COMFORT, HARDEST, Body


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
class RampSpeed:
    """Go from the speed ``start`` to ``to`` m/s in ``over`` s along an S without kinks; complete when reached."""

    start: float
    to: float
    over: float
    time: float = 0.0
    channel: ClassVar[str] = "speed"

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`."""
        self.time += dt
        u = min(1.0, self.time / self.over)
        body.cruise = self.start + (self.to - self.start) * u * u * (3.0 - 2.0 * u)
        body.rate = HARDEST
        reached = u >= 1.0 and abs(body.speed - self.to) <= 0.1
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
    """Move from d = ``start`` to ``end``, in ``lane``, in ``over`` s; the same lane again is an offset within it.

    Slower than 3 m/s, or than a second for most of a long body's length, it takes longer: wheels do not slide sideways,
    and long vehicles do not stand across the road.
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
        slow = max(3.0, body.size[0] - 1.5)
        self.share = min(1.0, round(self.share + dt / self.over * min(1.0, body.speed / slow), 6))
        u, span = self.share, self.end - self.start
        # The quintic with zero velocity and acceleration at both ends.
        body.d = round(self.start + span * u * u * u * (10.0 + u * (6.0 * u - 15.0)), 4)
        slope = 30.0 * u * u * (1.0 - u) * (1.0 - u) * span / (self.over * max(body.speed, slow))
        body.turn = round(math.atan2(slope, body.direction * math.sqrt(max(0.0, 1.0 - slope * slope))), 4)
        if self.share < 1.0:
            return False
        body.d, body.turn = round(self.end, 4), _along(body.direction)
        if body.from_lane != body.lane:
            body.from_lane, body.indicator = body.lane, "off"
        return True


@dataclass(slots=True)
class Signal:
    """Set the indicator; complete at once."""

    indicator: str
    channel: ClassVar[str] = "indicator"

    def step(self, body: Body, dt: float) -> bool:
        """See `Action`."""
        body.indicator = self.indicator
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
        if body.waits:
            body.speed = 0.0
            return False
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
    """Be where ``points`` (time, s, d) say, times counted from now; complete at the last point.

    There the body stays or, with ``drives_on``, keeps its last speed.
    """

    points: Sequence[tuple[float, float, float]]
    drives_on: bool = False
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
        moves = self.drives_on or 0.0 < share < 1.0
        body.speed = round(math.sqrt((s1 - s0) ** 2 + (d1 - d0) ** 2) / (t1 - t0), 4) if moves else 0.0
        if moved > 0:
            body.turn = round(math.atan2(d1 - d0, s1 - s0), 4)
        return now >= self.points[-1][0]


def _along(direction: int) -> float:
    return 0.0 if direction > 0 else round(math.pi, 4)

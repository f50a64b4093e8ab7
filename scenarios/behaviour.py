"""Bodies on the road and how they drive: car following, bends, one step along the road.

All motion is in road coordinates (s, d) of `scenarios.road`. Only scalar functions of `math` are used, so that every
processor computes the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

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
    from the free acceleration, m/s2. ``travelled``: m since it appeared. ``present``: False before an actor appears and
    after it has disappeared. ``waits``: a walker on the road stands still for a moment.
    ``stretch``: metres of s per metre driven.
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
    present: bool = True
    waits: bool = False
    stretch: float = 1.0

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


def look_at_bend(body: Body, road: Road) -> None:
    """Set how far s a body gets per metre driven: in a bend less on the outside, more on the inside."""
    bend = road.curvature(body.s)
    body.stretch = round(1.0 / (1.0 - bend * road.across(body.s, body.d)), 6) if bend else 1.0


def drive(body: Body, dt: float) -> None:
    """Move a vehicle or a walker along the road for ``dt`` s; a lane change sets its sideways speed before."""
    if body.acceleration:
        body.speed = max(0.0, body.speed + body.acceleration * dt)
    if not body.speed:
        return
    moved = body.speed * dt
    body.s += body.direction * moved * body.stretch
    body.travelled += moved

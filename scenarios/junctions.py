"""Roads that cross the main one: where they are, the phases of their traffic lights, zebra crossings, lane widths.

All in road coordinates (s, d) of `scenarios.road`. A crossing road is straight and square to the main one, which is
straight there. Its carriageway is ``2 half`` m wide; on it, too, one drives on the right: those who come from the right
arm (d < 0) drive at s above the junction's, those from the left arm below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

CORNER = 4.0  # m, radius of the kerb at the corners
ZEBRA_WIDTH = 3.0  # m along the road
ARM_REACH = 90.0  # m from the kerb to where a crossing road leaves the simulation
_ZEBRA_GAP = 0.4  # m between the corner and a zebra crossing
_STOP_GAP = 0.9  # m between a zebra crossing, or the corner, and the stop line
ALL_RED = 2.0  # s in which nobody has green

STATES = ("green", "amber", "red")


@dataclass(frozen=True, slots=True)
class Signals:
    """Traffic lights: for how many s the main road has ``green``, ``amber`` and ``red``.

    ``offset``: s of the cycle that are over at time 0. The crossing road has green while the main one has red, but for
    `ALL_RED` s at both ends and its own amber.
    """

    green: float
    amber: float
    red: float
    offset: float = 0.0

    @property
    def cycle(self) -> float:
        """Length of a cycle, s."""
        return self.green + self.amber + self.red

    def main(self, time: float) -> str:
        """The main road's light at ``time`` s, one of `STATES`."""
        now = (time + self.offset) % self.cycle
        return "green" if now < self.green else "amber" if now < self.green + self.amber else "red"

    def crossing(self, time: float) -> str:
        """The crossing road's light at ``time`` s, one of `STATES`."""
        into_red = (time + self.offset) % self.cycle - self.green - self.amber
        if not ALL_RED <= into_red < self.red - ALL_RED:
            return "red"
        return "green" if into_red < self.red - ALL_RED - self.amber else "amber"

    def red_left(self, time: float) -> float:
        """How long the main road still has red, s; 0 when it has none."""
        return 0.0 if self.main(time) != "red" else self.cycle - (time + self.offset) % self.cycle


@dataclass(frozen=True, slots=True)
class Junction:
    """A road that crosses the main one, or joins it, at ``s`` m.

    ``half``: half the width of its carriageway, m. ``lanes``: in each direction. ``arms``: whether it goes on to the
    right (d < 0) and to the left. ``zebra``: whether people cross the main road on both sides of it.
    """

    s: float
    half: float
    lanes: int = 1
    arms: tuple[bool, bool] = (True, True)
    zebra: bool = False
    signals: Signals | None = None

    @property
    def mouth(self) -> float:
        """Half the length of kerb that it takes, corners and all, m."""
        return self.half + CORNER

    @property
    def reach(self) -> float:
        """From its middle to the stop lines of the main road, m."""
        return self.mouth + _STOP_GAP + (_ZEBRA_GAP + ZEBRA_WIDTH if self.zebra else 0.0)

    def arm(self, side: int) -> bool:
        """Whether it has an arm on the left (``side`` 1) or right (-1)."""
        return self.arms[side > 0]

    def lane_s(self, direction: int, lane: int = 0) -> float:
        """The s of the middle of the lane that leads left (``direction`` 1) or right (-1); 0 is the innermost."""
        return self.s + direction * (lane + 0.5) * self.half / self.lanes

    def zebras(self) -> tuple[Crossing, ...]:
        """Its zebra crossings."""
        if not self.zebra:
            return ()
        near = self.mouth + _ZEBRA_GAP
        spans = (self.s - near - ZEBRA_WIDTH, self.s - near), (self.s + near, self.s + near + ZEBRA_WIDTH)
        return tuple(Crossing(low, high, self.signals) for low, high in spans)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A zebra crossing over the main road from ``low`` to ``high`` m of s, with the lights of its junction, if any."""

    low: float
    high: float
    signals: Signals | None = None

    @property
    def s(self) -> float:
        """Its middle, m."""
        return 0.5 * (self.low + self.high)

    @classmethod
    def at(cls, s: float) -> Crossing:
        """A crossing of its own in the middle of a block."""
        return cls(s - 0.5 * ZEBRA_WIDTH, s + 0.5 * ZEBRA_WIDTH)


class Widths:
    """The width of every lane along the road: ``start`` m, then as the changes (at, over, lane or None, width) say."""

    def __init__(self, start: float, lanes: int, changes: Sequence[tuple[float, float, int | None, float]]) -> None:
        """Raises ``ValueError`` where a change begins before the one before it, of the same lane, has ended."""
        self.start = start
        self._knots: dict[int, list[tuple[float, float]]] = {}
        for at, over, which, width in changes:
            for lane in range(lanes) if which is None else (which,):
                knots = self._knots.setdefault(lane, [])
                if knots and knots[-1][0] > at:
                    raise ValueError(f"lane {lane} changes at {at:g} m, expected {knots[-1][0]:g} m or later")
                knots += [(at, knots[-1][1] if knots else start), (at + over, width)]

    def __bool__(self) -> bool:
        """Whether anything changes at all."""
        return bool(self._knots)

    def at(self, lane: int, s: float) -> float:
        """The width of ``lane`` at ``s``, m; 0 where it is closed."""
        knots = self._knots.get(lane)
        if knots is None or s <= knots[0][0]:
            return self.start
        for (s0, w0), (s1, w1) in pairwise(knots):
            if s < s1:
                return w0 + (w1 - w0) * (s - s0) / (s1 - s0)
        return knots[-1][1]

    def narrow_from(self, lane: int, s: float, direction: int, least: float) -> float | None:
        """Where, looking from ``s`` in ``direction``, ``lane`` gets narrower than ``least`` m; None: nowhere."""
        if self.at(lane, s) < least:
            return s
        knots = self._knots.get(lane, [])
        for (s0, w0), (s1, w1) in pairwise(knots) if direction > 0 else pairwise(reversed(knots)):
            if direction * (s1 - s) > 0 and w1 < least <= w0:
                return s0 + (s1 - s0) * (w0 - least) / (w0 - w1)
        return None

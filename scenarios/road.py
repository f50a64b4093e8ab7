"""The road: one endless reference line with lanes on both sides, driven on the right.

Road coordinates are ``(s, d)``: s metres along the reference line, d metres to its left. The line d = 0 is the divider:
own lanes lie at d < 0, oncoming lanes at d > 0. Beyond the outermost lanes lies a strip for bicycles, then perhaps a
parking lane, then the kerb, then the sidewalk.

Lanes are numbered from right to left: -1 the bicycle strip, 0 .. lanes - 1 the own lanes, then the oncoming lanes, then
their strip. The world's origin is s = 0 with the x axis along the road. World metres; radians counter-clockwise.

Where lanes change their width, d stays a name for the place across: half-way through lane 0 is always the same d, and
`Road.across` tells how many metres from the divider that is at some s. Elsewhere d is those metres.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import shapely

from scenarios.facts import Point
from scenarios.junctions import Crossing, Junction, Widths

STRIP_WIDTH = 1.6  # m, the bicycle strip beside the outermost lane
PARKING_WIDTH = 2.2  # m
SIDEWALK_WIDTH = 3.5  # m
DASH, DASH_PERIOD = 3.0, 9.0  # m: a dashed line is painted where s modulo DASH_PERIOD < DASH
NARROWEST = 2.4  # m: a lane that is narrower is closed
_SPACING = 4.0  # m between the points of shapes


@dataclass(frozen=True, slots=True)
class Marking:
    """A line along the whole road at ``d`` m; ``kind`` and ``colour`` as in `LaneLine` ("edge" is a kerb)."""

    d: float
    kind: str
    colour: str


class Road:
    """The geometry of a road with ``curvature`` given as (s, 1/m) pairs, linear in between and constant outside."""

    def __init__(
        self,
        lanes: int,
        oncoming: int,
        *,
        lane_width: float = 3.5,
        curvature: Sequence[tuple[float, float]] = ((0.0, 0.0),),
        parking: tuple[bool, bool] = (False, False),
        junctions: Sequence[Junction] = (),
        crossings: Sequence[float] = (),
        tunnels: Sequence[tuple[float, float]] = (),
        changes: Sequence[tuple[float, float, int | None, float]] = (),
    ) -> None:
        """Build the road. Raises ``ValueError`` where the curvature's s values do not increase, or changes overlap.

        ``parking``: whether there is a parking lane on the right and on the left. ``crossings``: the s of zebra
        crossings beside those of ``junctions``. ``tunnels``: (from, to), m. ``changes``: of lane widths, as `Widths`
        takes them.
        """
        self.lanes, self.oncoming, self.lane_width = lanes, oncoming, lane_width
        self.sidewalk_width = SIDEWALK_WIDTH
        self.parking = parking
        self.junctions = tuple(sorted(junctions, key=lambda junction: junction.s))
        zebras = [zebra for junction in self.junctions for zebra in junction.zebras()]
        self.crossings = tuple(sorted([*zebras, *map(Crossing.at, crossings)], key=lambda zebra: zebra.s))
        self.tunnels = tuple(sorted(tunnels))
        self.widths = Widths(lane_width, lanes + oncoming, changes)
        self.right_strip = -(lanes * lane_width + STRIP_WIDTH)  # the strips' outer edges
        self.left_strip = oncoming * lane_width + (STRIP_WIDTH if oncoming else 0.0)
        self.right_edge = self.right_strip - PARKING_WIDTH * parking[0]
        self.left_edge = self.left_strip + PARKING_WIDTH * parking[1]
        self._knots = [s for s, _ in curvature]
        self._bends = [bend for _, bend in curvature]
        if not self._knots or any(b <= a for a, b in zip(self._knots, self._knots[1:], strict=False)):
            raise ValueError(f"curvature is given at s = {self._knots}, expected strictly increasing values")
        self._headings = [0.0]
        for i in range(1, len(self._knots)):
            mean = 0.5 * (self._bends[i] + self._bends[i - 1])
            self._headings.append(self._headings[-1] + mean * (self._knots[i] - self._knots[i - 1]))
        self._origin = 0.0
        self._origin = self.heading(0.0)
        # The reference line at s = 0, 1, 2, ... and at 0, -1, -2, ...; grown on demand, always in the same order.
        self._line: dict[int, list[Point]] = {1: [(0.0, 0.0)], -1: [(0.0, 0.0)]}

    # --- along the line ---

    def curvature(self, s: float) -> float:
        """Curvature of the reference line at ``s``, 1/m, left positive."""
        if len(self._bends) == 1:
            return self._bends[0]
        i = bisect_right(self._knots, s)
        if i == 0 or i == len(self._knots):
            return self._bends[max(i - 1, 0)]
        share = (s - self._knots[i - 1]) / (self._knots[i] - self._knots[i - 1])
        return self._bends[i - 1] + share * (self._bends[i] - self._bends[i - 1])

    def heading(self, s: float) -> float:
        """Heading of the reference line at ``s`` in the world, rad: the integral of the curvature, 0 at s = 0."""
        i = max(bisect_right(self._knots, s) - 1, 0)
        mean = 0.5 * (self._bends[i] + self.curvature(s))
        return self._headings[i] + mean * (s - self._knots[i]) - self._origin

    def pose(self, s: float, d: float = 0.0) -> tuple[float, float, float]:
        """World (x, y, heading) of the point ``(s, d)``; the heading is that of the own direction, rad."""
        side = 1 if s >= 0 else -1
        nodes = self._line[side]
        whole = int(abs(s))
        while len(nodes) <= whole:
            i = len(nodes) - 1
            nodes.append(self._advance(nodes[i], side * i, side * 1.0))
        x, y = self._advance(nodes[whole], side * whole, s - side * whole)
        heading, d = self.heading(s), self.across(s, d)
        return x - d * math.sin(heading), y + d * math.cos(heading), heading

    def _advance(self, start: Point, s: float, step: float) -> Point:
        """One step by the midpoint rule; its error is curvature^2 step^3 / 24, at most 2e-5 m per metre."""
        middle = self.heading(s + 0.5 * step)
        return start[0] + step * math.cos(middle), start[1] + step * math.sin(middle)

    def project(self, x: float, y: float, near_s: float) -> tuple[float, float]:
        """The s of a world point and its metres left of the divider, the solution near ``near_s``.

        A bend may meet itself again. The metres are d where no lane has changed its width.
        """
        s = near_s
        for _ in range(20):
            px, py, heading = self.pose(s)
            along = (x - px) * math.cos(heading) + (y - py) * math.sin(heading)
            d = -(x - px) * math.sin(heading) + (y - py) * math.cos(heading)
            step = along / max(1.0 - self.curvature(s) * d, 0.1)
            s += step
            if abs(step) < 1e-7:
                break
        return s, d

    # --- across it ---

    def across(self, s: float, d: float) -> float:
        """The metres left of the divider at which ``d`` lies at ``s``."""
        if not self.widths:
            return d
        side = 1 if d > 0 else -1
        left, metres = abs(d), 0.0
        for lane in range(self.lanes, self.lanes + self.oncoming) if d > 0 else range(self.lanes - 1, -1, -1):
            metres += min(1.0, left / self.lane_width) * self.widths.at(lane, s)
            left -= self.lane_width
            if left <= 0.0:
                return side * metres
        return side * (metres + left)

    def slope(self, s: float, d: float) -> float:
        """The angle at which the line of constant ``d`` leads away from the road's heading at ``s``, rad."""
        return math.atan(self.across(s + 0.5, d) - self.across(s - 0.5, d)) if self.widths else 0.0

    def lane_end(self, lane: int, s: float, direction: int) -> float | None:
        """Where, from ``s`` in ``direction``, a lane becomes too narrow to drive in; None: nowhere."""
        if not self.widths or not 0 <= lane < self.lanes + self.oncoming:
            return None
        return self.widths.narrow_from(lane, s, direction, NARROWEST)

    def lane_center(self, lane: int) -> float:
        """The d of the middle of a lane, m. Raises ``ValueError`` for a lane that is not there."""
        if not self.has_lane(lane):
            raise ValueError(f"lane is {lane}, expected -1 (bicycle strip) .. {self.last_lane}")
        if lane == -1:
            return self.right_strip + STRIP_WIDTH / 2
        if lane == self.lanes + self.oncoming:
            return self.left_strip - STRIP_WIDTH / 2
        return (lane + 0.5 - self.lanes) * self.lane_width

    def parking_center(self, side: int) -> float:
        """The d of the middle of the parking lane on the left (``side`` 1) or right (-1), m."""
        return (self.left_edge if side > 0 else self.right_edge) - side * PARKING_WIDTH / 2

    def has_lane(self, lane: int) -> bool:
        """Whether there is a lane of that number, the bicycle strips among them."""
        return -1 <= lane <= self.last_lane

    def lane_at(self, d: float) -> int | None:
        """The lane (strips among them) that ``d`` m lies in, or None beside the road."""
        lanes = range(-1, self.last_lane + 1)
        return next((i for i in lanes if abs(d - self.lane_center(i)) <= 0.5 * self.width_of(i)), None)

    def width_of(self, lane: int) -> float:
        """The width of a lane, m."""
        return STRIP_WIDTH if lane in (-1, self.lanes + self.oncoming) else self.lane_width

    @property
    def last_lane(self) -> int:
        """The number of the leftmost lane: the oncoming bicycle strip, or the last own lane on a one-way road."""
        return self.lanes + self.oncoming - (self.oncoming == 0)

    def direction(self, lane: int) -> int:
        """+1 for lanes of the own direction, -1 for oncoming ones."""
        return 1 if lane < self.lanes else -1

    def markings(self) -> tuple[Marking, ...]:
        """The lines of the road from right to left."""
        own = [Marking((i - self.lanes) * self.lane_width, "dashed", "white") for i in range(1, self.lanes)]
        other = [Marking(i * self.lane_width, "dashed", "white") for i in range(1, self.oncoming)]
        divider = [Marking(0.0, "solid", "yellow")] if self.oncoming else []
        left = [Marking(self.oncoming * self.lane_width, "solid", "white")] if self.oncoming else []
        return (
            Marking(self.right_edge, "edge", "white"),
            *([Marking(self.right_strip, "solid", "white")] if self.parking[0] else []),
            Marking(-self.lanes * self.lane_width, "solid", "white"),
            *own,
            *divider,
            *other,
            *left,
            *([Marking(self.left_strip, "solid", "white")] if self.parking[1] else []),
            Marking(self.left_edge, "edge", "white"),
        )

    # --- as shapes ---

    def area(self, s_from: float, s_to: float, *, margin: float = 0.0) -> shapely.Polygon:
        """The carriageway from kerb to kerb, widened by ``margin`` m on both sides, as a polygon in the world."""
        count = max(1, math.ceil((s_to - s_from) / _SPACING))
        stations = [s_from + i * (s_to - s_from) / count for i in range(count + 1)]
        right = [self.pose(s, self.right_edge - margin)[:2] for s in stations]
        left = [self.pose(s, self.left_edge + margin)[:2] for s in stations]
        return shapely.Polygon([*right, *reversed(left)])

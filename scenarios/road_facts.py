"""The road around the ego as lines and areas: lane lines, kerbs around corners, stop lines, zebra crossings."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scenarios.facts import EgoState, LaneLine, Point, RoadFacts
from scenarios.junctions import CORNER, Junction
from scenarios.road import Marking, Road

ARM = 40.0  # m of a crossing road, from the kerb, that are told
_SPACING = 4.0  # m between the points of a line
_ARC = 4  # pieces of a corner

Place = tuple[float, float]  # (s, d)


def road_facts(road: Road, ego: EgoState, near_s: float, *, behind: float = 5.0, ahead: float = 100.0) -> RoadFacts:
    """What `road` is like from ``behind`` to ``ahead`` m of the ego, which is near ``near_s``, in the ego frame."""
    return _Teller(road, ego, near_s, behind, ahead).tell()


class _Teller:
    """Turns places on the road into points that the ego sees."""

    def __init__(self, road: Road, ego: EgoState, near_s: float, behind: float, ahead: float) -> None:
        self.road, self.ego = road, ego
        s, _ = road.project(ego.x, ego.y, near_s)
        self.low, self.high = s - behind, s + ahead
        count = math.ceil((behind + ahead) / _SPACING)
        self.stations = [self.low + i * (behind + ahead) / count for i in range(count + 1)]
        self._axes: dict[float, tuple[float, float, float, float]] = {}
        self.junctions = [j for j in road.junctions if j.s + j.reach > self.low and j.s - j.reach < self.high]

    def tell(self) -> RoadFacts:
        right, left = self._kerbs(-1), self._kerbs(1)
        lines = [LaneLine("edge", "white", self._seen(piece)) for piece in right]
        for marking in self.road.markings()[1:-1]:
            lines += [LaneLine(marking.kind, marking.colour, self._seen(piece)) for piece in self._pieces(marking)]
        for junction in self.junctions:
            lines += self._stop_lines(junction)
        lines += [LaneLine("edge", "white", self._seen(piece)) for piece in left]
        drivable = [place for piece in right for place in piece]
        drivable += [place for piece in reversed(left) for place in reversed(piece)]
        return RoadFacts(tuple(lines), self._seen(drivable), tuple(self._zebras()))

    # --- places on the road ---

    def _kerbs(self, side: int) -> list[list[Place]]:
        """The kerb of one side from near to far, going out along the arms of junctions; broken at their far ends."""
        edge = self.road.left_edge if side > 0 else self.road.right_edge
        pieces: list[list[Place]] = [[]]
        start = self.low
        for junction in self.junctions:
            if not junction.arm(side):
                continue
            near, far = junction.s - junction.mouth, junction.s + junction.mouth
            pieces[-1] += self._along(start, near, edge)
            out = edge + side * ARM
            pieces[-1] += [*_corner(near, edge, side, 1), (junction.s - junction.half, out)]
            pieces.append([(junction.s + junction.half, out), *reversed(_corner(far, edge, side, -1))])
            start = far
        pieces[-1] += self._along(start, self.high, edge)
        return [piece for piece in pieces if len(piece) > 1]

    def _pieces(self, marking: Marking) -> Iterator[list[Place]]:
        """A marking without the stretches within junctions."""
        start = self.low
        for junction in self.junctions:
            yield from self._whole(start, junction.s - junction.reach, marking.d)
            start = junction.s + junction.reach
        yield from self._whole(start, self.high, marking.d)

    def _whole(self, start: float, end: float, d: float) -> Iterator[list[Place]]:
        if end - start > 0.1:
            yield self._along(start, end, d)

    def _along(self, start: float, end: float, d: float) -> list[Place]:
        """Places from ``start`` to ``end``, both at least, at constant ``d``; none where the end comes first."""
        if end <= start:
            return []
        return [(start, d), *((s, d) for s in self.stations if start < s < end), (end, d)]

    def _stop_lines(self, junction: Junction) -> Iterator[LaneLine]:
        near, far, width = junction.s - junction.reach, junction.s + junction.reach, self.road.lane_width
        yield LaneLine("stop", "white", self._seen([(near, -self.road.lanes * width), (near, 0.0)]))
        if self.road.oncoming:
            yield LaneLine("stop", "white", self._seen([(far, 0.0), (far, self.road.oncoming * width)]))

    def _zebras(self) -> Iterator[tuple[Point, ...]]:
        right, left = self.road.right_edge, self.road.left_edge
        for zebra in self.road.crossings:
            if zebra.high > self.low and zebra.low < self.high:
                corners = [(zebra.low, right), (zebra.high, right), (zebra.high, left), (zebra.low, left)]
                yield self._seen(corners)

    # --- as the ego sees them ---

    def _seen(self, places: list[Place]) -> tuple[Point, ...]:
        return tuple(self._point(s, d) for s, d in places)

    def _point(self, s: float, d: float) -> Point:
        if s not in self._axes:
            x, y, heading = self.road.pose(s)
            turn = heading - self.ego.heading
            self._axes[s] = (*self._to_ego(x, y), -math.sin(turn), math.cos(turn))
        x, y, left_x, left_y = self._axes[s]
        metres = self.road.across(s, d)
        return round(x + metres * left_x, 4), round(y + metres * left_y, 4)

    def _to_ego(self, x: float, y: float) -> Point:
        cos, sin = math.cos(self.ego.heading), math.sin(self.ego.heading)
        dx, dy = x - self.ego.x, y - self.ego.y
        return cos * dx + sin * dy, -sin * dx + cos * dy


def _corner(s: float, edge: float, side: int, along: int) -> list[Place]:
    """The rounded kerb from (``s``, ``edge``) out into an arm that lies ``along`` (1: ahead, -1: behind)."""
    angles = [0.5 * math.pi * i / _ARC for i in range(1, _ARC + 1)]
    return [(s + along * CORNER * math.sin(a), edge + side * CORNER * (1.0 - math.cos(a))) for a in angles]

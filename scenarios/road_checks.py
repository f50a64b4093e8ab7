"""What a road must obey beyond its keys: order of places, room for junctions and tunnels, lanes that can be driven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from scenarios.problem import Problem
from scenarios.road_spec import RoadSpec, WidthChange

JUNCTION_ROOM = 70.0  # m between the middles of two junctions
STRAIGHT = 20.0  # m on both sides of a junction's middle where the road has to be straight
CROSSING_ROOM = 25.0  # m between a zebra crossing and the middle of a junction
TUNNEL_ROOM = 30.0  # m between a tunnel and the middle of a junction or crossing


def road_problems(spec: RoadSpec) -> Iterator[Problem]:
    """All that is wrong with a road."""
    yield from _lines(spec)
    yield from _increasing("junctions", [junction.at for junction in spec.junctions], JUNCTION_ROOM)
    yield from _increasing("crossings", [crossing.at for crossing in spec.crossings], CROSSING_ROOM)
    yield from _changes(spec)
    yield from _junctions(spec)
    yield from _apart(spec)


def _lines(spec: RoadSpec) -> Iterator[Problem]:
    if spec.ego_lane >= spec.lanes:
        message = f"found lane {spec.ego_lane}, expected less than lanes, which is {spec.lanes}"
        yield Problem(("road", "ego_lane"), message)
    if not spec.curvature:
        yield Problem(("road", "curvature"), "found no points, expected at least one [s, 1/m]")
    for i, (before, after) in enumerate(zip(spec.curvature, spec.curvature[1:], strict=False), start=1):
        if after[0] <= before[0]:
            message = f"found s = {after[0]:g} after {before[0]:g}, expected strictly increasing s"
            yield Problem(("road", "curvature", i), message)


def _increasing(key: str, places: Sequence[float], room: float) -> Iterator[Problem]:
    for i, (before, after) in enumerate(pairwise(places), start=1):
        if after < before + room:
            message = f"found {after:g} m after {before:g} m, expected at least {room:g} m more"
            yield Problem(("road", key, i, "at"), message)


def _changes(spec: RoadSpec) -> Iterator[Problem]:
    outermost = {0, spec.lanes + spec.oncoming - 1} - ({spec.lanes - 1} if spec.lanes == 1 else set())
    last: dict[int, WidthChange] = {}
    for i, change in enumerate(spec.changes):
        path = ("road", "changes", i)
        if change.lane is not None and change.lane >= spec.lanes + spec.oncoming:
            message = f"found lane {change.lane}, expected 0 .. {spec.lanes + spec.oncoming - 1}"
            yield Problem((*path, "lane"), message)
            continue
        if change.width == 0.0 and change.lane not in outermost:
            message = f"found lane {change.lane} closed, expected an outermost one, with another beside it"
            yield Problem((*path, "width"), message)
        for lane in range(spec.lanes + spec.oncoming) if change.lane is None else (change.lane,):
            before = last.get(lane)
            if before is not None and change.at < before.at + before.over:
                message = (
                    f"found {change.at:g} m, expected {before.at + before.over:g} m or more, where the last one ends"
                )
                yield Problem((*path, "at"), message)
                break
            last[lane] = change
        for j, junction in enumerate(spec.junctions):
            reach = spec.junction(j).reach + 5.0
            if change.at < junction.at + reach and change.at + change.over > junction.at - reach:
                message = (
                    f"found lanes that change at the junction at {junction.at:g} m, expected them to keep their width"
                )
                yield Problem((*path, "at"), message)


def _junctions(spec: RoadSpec) -> Iterator[Problem]:
    if not spec.curvature or list(_lines(spec)):
        return
    for i, junction in enumerate(spec.junctions):
        path = ("road", "junctions", i)
        knots = [s for s, _ in spec.curvature if abs(s - junction.at) < STRAIGHT]
        ends = (junction.at - STRAIGHT, junction.at + STRAIGHT)
        if any(abs(_bend(spec, s)) > 1e-9 for s in (*knots, *ends)):
            message = f"found a bend within {STRAIGHT:g} m of the junction, expected a straight road"
            yield Problem((*path, "at"), message)
        if junction.signals is not None and junction.signals.red < junction.signals.amber + 6.0:
            message = (
                f"found {junction.signals.red:g} s, expected {junction.signals.amber + 6.0:g} s or more: amber and 6 s"
            )
            yield Problem((*path, "signals", "red"), message)


def _bend(spec: RoadSpec, s: float) -> float:
    """The curvature at ``s``, 1/m."""
    points = spec.curvature
    if s <= points[0][0]:
        return points[0][1]
    for (s0, b0), (s1, b1) in pairwise(points):
        if s <= s1:
            return b0 + (b1 - b0) * (s - s0) / (s1 - s0)
    return points[-1][1]


def _apart(spec: RoadSpec) -> Iterator[Problem]:
    for i, crossing in enumerate(spec.crossings):
        if any(abs(crossing.at - junction.at) < CROSSING_ROOM for junction in spec.junctions):
            message = f"found {crossing.at:g} m, expected {CROSSING_ROOM:g} m or more from every junction"
            yield Problem(("road", "crossings", i, "at"), message)
    places = [junction.at for junction in spec.junctions] + [crossing.at for crossing in spec.crossings]
    for i, tunnel in enumerate(spec.tunnels):
        path = ("road", "tunnels", i)
        if tunnel.end < tunnel.start + 24.0:
            yield Problem((*path, "to"), f"found {tunnel.end:g} m, expected {tunnel.start + 24.0:g} m or more")
        if i and tunnel.start < spec.tunnels[i - 1].end + TUNNEL_ROOM:
            end = spec.tunnels[i - 1].end
            message = (
                f"found {tunnel.start:g} m after a tunnel up to {end:g} m, expected {TUNNEL_ROOM:g} m between them"
            )
            yield Problem((*path, "from"), message)
        if any(tunnel.start - TUNNEL_ROOM < at < tunnel.end + TUNNEL_ROOM for at in places):
            message = f"found a junction or crossing within {TUNNEL_ROOM:g} m of the tunnel, expected none"
            yield Problem((*path, "from"), message)
        if spec.parking != "none":
            yield Problem((*path, "from"), f"found a tunnel on a road with parking {spec.parking}, expected none")

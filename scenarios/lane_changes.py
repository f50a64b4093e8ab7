"""When drivers of the background traffic change lanes: MOBIL (Kesting, Treiber, Helbing 2007, eq. 2 and 3).

A driver changes if that lets it accelerate more by `GAIN`, and nobody behind in the new lane has to brake by more than
`SAFE`. Politeness, how others' gains count, is 0: it only slows changes down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scenarios.behaviour import STANDSTILL, Body, following_acceleration, free_acceleration
from scenarios.road import Road

GAIN = 0.5  # m/s2
SAFE = 2.0  # m/s2
_SLOWEST = 4.0  # m/s: in a jam nobody finds a gap
_REACH = 120.0  # m: whoever is farther away does not count


def better_lane(body: Body, lanes: Mapping[int, Sequence[Body]], road: Road) -> int | None:
    """The lane beside ``body``'s that it would rather drive in, if any. ``lanes``: who is in which lane."""
    lane = body.lane
    if lane is None or body.from_lane != lane or body.actions:
        return None
    must = _ends(lane, body, road)
    if body.speed < _SLOWEST and not must:
        return None
    gains = {}
    for beside in (lane - 1, lane + 1):
        if not 0 <= beside < road.lanes + road.oncoming or road.direction(beside) != body.direction:
            continue
        if _ends(beside, body, road):
            continue
        gain = _gain(body, [other for other in lanes.get(beside, ()) if not _follows_over(other, body, road)])
        if gain is not None and (gain > GAIN or must):
            gains[beside] = gain
    return max(gains, key=lambda beside: gains[beside]) if gains else None


def _follows_over(other: Body, body: Body, road: Road) -> bool:
    """Whether ``other`` stands behind in the same lane and has just begun to change into the same one."""
    if other.from_lane != body.lane or other.lane is None or other.lane == body.lane:
        return False
    is_behind = body.direction * (body.s - other.s) > 0.0
    return is_behind and abs(other.d - road.lane_center(other.lane)) > 0.5 * road.lane_width


def _ends(lane: int, body: Body, road: Road) -> bool:
    end = road.lane_end(lane, body.s, body.direction)
    return end is not None and abs(end - body.s) < _REACH


def _gain(body: Body, others: Sequence[Body]) -> float | None:
    """How much more it could accelerate among ``others``, m/s2; None where there is no room."""
    free = free_acceleration(body.speed, body.cruise, body.rate)
    possible = free
    for other in others:
        if abs(other.s - body.s) > _REACH:
            continue
        ahead = body.direction * (other.s - body.s) > 0
        gap = body.gap_to(other) if ahead else other.gap_to(body)
        if gap < STANDSTILL:
            return None
        if ahead:
            possible = min(possible, free + following_acceleration(body.speed, gap, other.speed, body.headway))
        elif -following_acceleration(other.speed, gap, body.speed, other.headway) > SAFE:
            return None
    return possible - body.acceleration

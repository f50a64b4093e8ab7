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
    if lane is None or body.from_lane != lane or body.actions or body.speed < _SLOWEST:
        return None
    gains = {}
    for beside in (lane - 1, lane + 1):
        if not 0 <= beside < road.lanes + road.oncoming or road.direction(beside) != body.direction:
            continue
        gain = _gain(body, lanes.get(beside, ()))
        if gain is not None and gain > GAIN:
            gains[beside] = gain
    return max(gains, key=lambda beside: gains[beside]) if gains else None


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

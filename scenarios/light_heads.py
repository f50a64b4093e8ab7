"""The heads of the traffic lights that face the ego: beyond the junction, on a mast at the kerb and above the lanes."""

from __future__ import annotations

import math
from typing import NamedTuple

from scenarios.facts import categories
from scenarios.junctions import Signals
from scenarios.object_state import ObjectState
from scenarios.road import Road

FIRST_ID = 60_000  # of their tracks
MAST_FROM_KERB = 0.7  # m
MAST_HEIGHT = 5.9  # m
COLOURS = {"red": (226, 44, 36), "amber": (240, 168, 32), "green": (44, 200, 96)}
_LOW, _HIGH = 2.5, 4.7  # m, where the housings begin


class Head(NamedTuple):
    """One housing at (s, d), its base ``z`` m above the ground."""

    number: int
    s: float
    d: float
    z: float
    signals: Signals

    def state(self, road: Road, time: float) -> ObjectState:
        """As it is at ``time`` s; its heading is where its lamps shine."""
        x, y, heading = road.pose(self.s, self.d)
        heading = math.remainder(heading + math.pi, 2.0 * math.pi)
        size, colour = categories()["traffic_light"].size, COLOURS[self.signals.main(time)]
        pose = round(x, 4), round(y, 4), round(heading, 4)
        return ObjectState(self.number, "traffic_light", *pose, 0.0, size, None, colour, 0.0, self.z)


def light_heads(road: Road) -> tuple[Head, ...]:
    """All heads along ``road``, in order of their track ids."""
    heads = []
    for number, junction in enumerate(road.junctions):
        if junction.signals is not None:
            s = round(mast_s(junction.s, junction.reach), 4)
            places = (road.right_edge - MAST_FROM_KERB + 0.35, _LOW), (arm_end(road), _HIGH)
            for i, (d, z) in enumerate(places):
                heads.append(Head(FIRST_ID + 2 * number + i, s, round(d, 4), z, junction.signals))
    return tuple(heads)


def mast_s(s: float, reach: float) -> float:
    """Where the mast of a junction at ``s`` stands along the road, m."""
    return s + reach + 0.5


def arm_end(road: Road) -> float:
    """The d above which the mast's arm ends: the middle of the own lanes."""
    return -0.5 * road.lanes * road.lane_width

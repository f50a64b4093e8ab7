"""The ground of a road that crosses the main one: its carriageway, corners, sidewalks and lines."""

from __future__ import annotations

import numpy as np

from drivesim.town.strips import (
    ASPHALT,
    GUTTER,
    KERB,
    KERBSTONE,
    LINE_WIDTH,
    PAINTS,
    PAVING,
    STOP_WIDTH,
    Albedo,
    Floats,
    Strip,
    grid,
    sidewalk,
)
from scenarios.junctions import ARM_REACH, CORNER, Junction
from scenarios.road import DASH, DASH_PERIOD, Road
from scenarios.routes import ARM_STOP

FAR = ARM_REACH + 60.0  # m from the kerb to where an arm is lost to sight
_ARC = 6  # pieces of a corner
_ROW = 4.0  # m between rows along an arm


def surfaces(road: Road, junction: Junction, origin: tuple[float, float]) -> dict[str, list[Strip]]:
    """Its "asphalt", "paving" and "paint", seen from the world point ``origin``."""
    found: dict[str, list[Strip]] = {"asphalt": [], "paving": [], "paint": []}
    for side in (-1, 1):
        if junction.arm(side):
            arm = _Arm(road, junction, side, origin)
            found["asphalt"] += arm.asphalt()
            found["paving"] += arm.paving()
            found["paint"] += arm.paint()
    return found


class _Arm:
    """One arm in coordinates of its own: ``away`` m from the main road's kerb, ``aside`` m from its middle along s."""

    def __init__(self, road: Road, junction: Junction, side: int, origin: tuple[float, float]) -> None:
        self.junction, self.side, self.walk = junction, side, road.sidewalk_width
        self.edge = road.left_edge if side > 0 else road.right_edge
        x, y, heading = road.pose(junction.s)
        along = np.array([np.cos(heading), np.sin(heading)])
        self.corner = np.array([x, y]) - origin
        self.along, self.left = along, np.array([-along[1], along[0]])

    def _piece(self, away: Floats, aside: Floats, albedo: Albedo | Floats, tile: float) -> Strip:
        """A grid (r, c) of places; whichever way round they come, it is seen from above."""
        s, d = self.junction.s + aside, self.edge + self.side * away
        flat = self.corner + aside[..., None] * self.along + d[..., None] * self.left
        ds, dd = flat[1, 0] - flat[0, 0], flat[0, 1] - flat[0, 0]
        if ds[0] * dd[1] - ds[1] * dd[0] < 0:
            flat, s, d = flat[:, ::-1], s[:, ::-1], d[:, ::-1]
        return grid(flat, s, d, albedo, tile)

    def _ribbon(self, low: float, high: float, aside: Floats, albedo: Albedo | Floats, tile: float) -> Strip:
        """From ``low`` to ``high`` m away over the values ``aside``."""
        rows = np.linspace(low, high, max(1, round((high - low) / _ROW)) + 1)
        away, across = np.meshgrid(rows, aside, indexing="ij")
        return self._piece(away, across, albedo, tile)

    def asphalt(self) -> list[Strip]:
        """The mouth up to the corners' ends, then the carriageway."""
        half, mouth = self.junction.half, self.junction.mouth
        across = np.linspace(-half, half, max(2, round(half / 0.7)) + 1)
        wear = 1 - 0.04 * np.cos(4 * np.pi * across / (half / self.junction.lanes))
        wear[[0, -1]] = 0.72
        across[[0, -1]] += -KERB, KERB  # under the kerbs, see `ground`
        rows = round((FAR - CORNER) / _ROW) + 1
        tone = np.broadcast_to(wear[None, :, None], (rows, len(across), 3)) * np.array(ASPHALT)
        return [
            self._ribbon(-0.1, CORNER, np.linspace(-mouth, mouth, 5), ASPHALT, 7.0),
            self._ribbon(CORNER, FAR, across, tone, 7.0),
        ]

    def paving(self) -> list[Strip]:
        """Sidewalks along the arm, and the two corners."""
        half, pieces = self.junction.half, []
        for end in (-1, 1):
            for across, albedo in sidewalk(self.walk):
                pieces.append(self._ribbon(CORNER, FAR, end * (half + across), albedo, 3.2))
            pieces += self._corner(end)
        return pieces

    def _corner(self, end: int) -> list[Strip]:
        """The rounded kerb from the main road into the arm, and the paving behind it."""
        angles = np.linspace(0, 0.5 * np.pi, _ARC + 1)
        middle = np.array([CORNER, self.junction.mouth])  # away, aside: of the circle that the kerb is a quarter of

        def ring(radius: float) -> Floats:
            return middle - radius * np.stack([np.cos(angles), np.sin(angles)], -1)

        inner = middle - (CORNER - self.walk)
        fan = np.stack([ring(CORNER - KERB), np.broadcast_to(inner, (_ARC + 1, 2))], 1)
        bands = (
            (fan, PAVING),
            (np.stack([ring(CORNER), ring(CORNER - KERB)], 1), KERBSTONE),
            (np.stack([ring(CORNER + 0.04), ring(CORNER - 0.05)], 1), GUTTER),
        )
        strips = [self._piece(band[..., 0], end * band[..., 1], albedo, 3.2) for band, albedo in bands]
        # Between the fan and the ends of the sidewalks two triangles are left.
        half, mouth = self.junction.half, self.junction.mouth
        for start, stop in (((KERB, mouth), (self.walk, mouth)), ((CORNER, half + KERB), (CORNER, half + self.walk))):
            tip = np.array([[start, stop], [inner, inner]])
            strips.append(self._piece(tip[..., 0], end * tip[..., 1], PAVING, 3.2))
        return strips

    def paint(self) -> list[Strip]:
        """The line between the directions, those between lanes, and the stop line of those who come."""
        half, lanes, stop = self.junction.half, self.junction.lanes, ARM_STOP
        line = np.array([-0.5, 0.5]) * LINE_WIDTH
        pieces = [self._ribbon(stop, FAR, offset + line, PAINTS["yellow"], 7.0) for offset in (-0.14, 0.14)]
        width = half / lanes
        for lane in range(1, lanes):
            for end in (-1, 1):
                for start in np.arange(stop + 1.0, 70.0, DASH_PERIOD):
                    pieces.append(self._ribbon(start, start + DASH, end * lane * width + line, PAINTS["white"], 7.0))
        come = np.array([0.0, half]) * -self.side  # those from the right arm drive at larger s
        pieces.append(self._ribbon(stop - STOP_WIDTH / 2, stop + STOP_WIDTH / 2, come, PAINTS["white"], 7.0))
        return pieces

"""What a scenario file may say about its road."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, model_validator

from scenarios.junctions import Junction, Signals
from scenarios.quantities import Curvature, Duration, LaneWidth, Length, PositiveLength, Strict
from scenarios.road import Road

Phase = Annotated[Duration, Field(ge=1, le=300)]


class SignalsSpec(Strict):
    """Traffic lights: how long the main road has each colour, s. The crossing road has green within the red.

    ``offset``: s of the cycle, which begins with green, that are over when the scenario starts.
    """

    green: Phase = 20.0
    amber: Phase = 3.0
    red: Annotated[Duration, Field(ge=10, le=300)] = 20.0
    offset: Duration = 0.0


class JunctionSpec(Strict):
    """A road that crosses at ``at`` m from the ego's start, with ``lanes`` in each direction.

    ``arms``: where it leads; with one arm it joins the main road. Without ``signals`` it gives way to the main road.
    ``zebra``: people cross the main road there.
    """

    at: Length
    lanes: Annotated[StrictInt, Field(ge=1, le=2)] = 1
    arms: Literal["both", "left", "right"] = "both"
    zebra: StrictBool = True
    signals: SignalsSpec | None = None


class CrossingSpec(Strict):
    """A zebra crossing by itself, its middle ``at`` m from the ego's start."""

    at: Length


class TunnelSpec(Strict):
    """A tunnel ``from`` .. ``to`` m from the ego's start."""

    start: Length = Field(alias="from")
    end: Length = Field(alias="to")


class WidthChange(Strict):
    """From ``at`` m on, ``over`` the given way, ``lane`` (all, if not said) gets ``width`` m wide; 0 closes it."""

    at: Length
    lane: Annotated[StrictInt, Field(ge=0)] | None = None
    width: Annotated[Length, Field(ge=0, le=5)]
    over: PositiveLength = 40.0

    @model_validator(mode="after")
    def _open_or_closed(self) -> WidthChange:
        if 0.0 < self.width < 2.5:
            raise ValueError("expected a width of 0, which closes the lane, or of at least 2.5 m")
        if self.width == 0.0 and self.lane is None:
            raise ValueError("expected a lane beside the width 0")
        return self


class RoadSpec(Strict):
    """``lanes`` own and ``oncoming`` lanes of ``lane_width`` m; the ego is in ``ego_lane``, 0 being the rightmost.

    ``curvature``: ``[s, 1/m]`` pairs, linear in between, left positive; constant before the first and after the last.
    The ego starts at s = 0. ``parking``: the sides with a parking lane at the kerb. ``changes``: of lane widths, in the
    order of their places.
    """

    lanes: Annotated[StrictInt, Field(ge=1, le=6)] = 2
    oncoming: Annotated[StrictInt, Field(ge=0, le=6)] = 1
    lane_width: LaneWidth = 3.5
    parking: Literal["none", "left", "right", "both"] = "none"
    ego_lane: Annotated[StrictInt, Field(ge=0)] = 0
    curvature: tuple[tuple[Length, Curvature], ...] = ((0.0, 0.0),)
    changes: tuple[WidthChange, ...] = ()
    junctions: tuple[JunctionSpec, ...] = ()
    crossings: tuple[CrossingSpec, ...] = ()
    tunnels: tuple[TunnelSpec, ...] = ()

    def geometry(self) -> Road:
        """The road as a shape. Raises ``ValueError`` as `Road` does."""
        return Road(
            self.lanes,
            self.oncoming,
            lane_width=self.lane_width,
            curvature=self.curvature,
            parking=(self.parking in ("right", "both"), self.parking in ("left", "both")),
            junctions=[self.junction(i) for i in range(len(self.junctions))],
            crossings=[crossing.at for crossing in self.crossings],
            tunnels=[(tunnel.start, tunnel.end) for tunnel in self.tunnels],
            changes=[(change.at, change.over, change.lane, change.width) for change in self.changes],
        )

    def junction(self, i: int) -> Junction:
        """The i-th junction of the file as a shape."""
        spec = self.junctions[i]
        signals = None if spec.signals is None else Signals(**spec.signals.model_dump())
        arms = spec.arms in ("right", "both"), spec.arms in ("left", "both")
        return Junction(spec.at, spec.lanes * self.lane_width, spec.lanes, arms, spec.zebra, signals)

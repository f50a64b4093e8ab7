"""Actors and events: who has a part to play, what triggers it, and what is then done."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from scenarios.facts import categories
from scenarios.quantities import (
    Acceleration,
    Daylight,
    Duration,
    HeadwayKept,
    Length,
    ManoeuvreDuration,
    Name,
    PositiveLength,
    Speed,
    SpeedDifference,
    Strict,
    TrafficLevel,
    WalkingSpeed,
    Weather,
)
from scenarios.when import When

VEHICLES = tuple(name for name, category in categories().items() if category.group == "vehicle")


class RelativeSpeed(Strict):
    """The speed that ``relative_to`` (the ego or an actor) has at that moment, times ``factor``, plus ``delta`` m/s."""

    relative_to: Name
    factor: Annotated[float, Field(ge=0, le=10)] = 1.0
    delta: SpeedDifference = 0.0


class ActorInitial(Strict):
    """Where an actor starts, seen from the ego or from ``relative_to``, an actor before it in the file.

    ``lane``: for vehicles, animals and obstacles, lanes to the left of that one's (negative: to the right); past the
    own lanes it is an oncoming one. ``offset``: m to the left of the lane's middle. ``side``: for people and bicycles,
    the sidewalk. ``parked``: for vehicles and obstacles, in the parking lane of that side; a lane change to a number
    leads out of it. ``arm``: for vehicles, on that arm of ``junction`` (its number in the file, from 0), ``away`` m
    from the kerb, driving towards it and straight on, or wherever an event lets it turn; with ``yields: false`` it
    stops for nobody at the line. ``facing``: on a sidewalk, along the ego's direction or against it. ``ahead``: m along
    the road from the other's centre to the actor's. ``speed``: m/s; by default vehicles drive at the ego's initial
    speed, all else stands.
    """

    relative_to: Name = "ego"
    lane: StrictInt | None = None
    offset: Length = 0.0
    side: Literal["left", "right"] | None = None
    parked: Literal["left", "right"] | None = None
    arm: Literal["left", "right"] | None = None
    junction: Annotated[StrictInt, Field(ge=0)] = 0
    away: PositiveLength = 30.0
    yields: StrictBool = True
    facing: Literal["along", "against"] = "along"
    ahead: Length = 0.0
    speed: Speed | RelativeSpeed | None = None


class Track(Strict):
    """An explicit path: ``points`` or a CSV ``file`` in the scenario's folder with columns ``time,s,d``.

    ``time``: s. ``s``: m along the road from the ego's start. ``d``: m left of the divider between the directions.
    Linear in between; the actor stays at the last point and gives way to nobody, but others do to it. A file becomes
    ``points`` when the scenario is loaded.
    """

    file: StrictStr | None = None
    points: tuple[tuple[Duration, Length, Length], ...] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Track:
        self._exactly_one("file", "points")
        times = [point[0] for point in self.points or ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))]
        if len(times) < 2 or any(b <= a for a, b in pairwise(times)):
            raise ValueError("expected at least two points with strictly increasing times")
        return self


class Actor(Strict):
    """A named road user with a part to play. ``size``: length, width, height, m. ``colour``: r, g, b in 0..255."""

    id: Name
    category: Literal["car", "van", "truck", "bus", "motorcycle", "bicycle", "pedestrian", "animal", "obstacle"] = (
        Field(alias="class")
    )
    size: tuple[Length, Length, Length] | None = None
    colour: tuple[StrictInt, StrictInt, StrictInt] | None = None
    initial: ActorInitial | None = None
    track: Track | None = None

    @model_validator(mode="after")
    def _is_placed(self) -> Actor:
        self._exactly_one("initial", "track")
        if self.size is not None and not all(0.1 <= side <= 30 for side in self.size):
            raise ValueError("expected a size of three lengths between 0.1 and 30 m")
        if self.colour is not None and not all(0 <= channel <= 255 for channel in self.colour):
            raise ValueError("expected a colour of three whole numbers in 0..255")
        if self.initial is not None:
            check_place(self.initial, self.category)
        return self


def check_place(initial: ActorInitial, category: str) -> None:
    """Raise ``ValueError`` where a road user of ``category`` cannot be at such a place."""
    if initial.side is not None and category in VEHICLES and category != "bicycle":
        raise ValueError(f"expected no side for a {category}")
    if initial.lane is not None and categories()[category].group == "person":
        raise ValueError(f"expected no lane for a {category}")
    if initial.parked is not None and category not in (*VEHICLES, "obstacle"):
        raise ValueError(f"expected no parked {category}")
    if initial.parked is not None and initial.offset and category != "obstacle":
        raise ValueError(f"expected no offset beside parked for a {category}")
    if initial.parked is not None and any(x for x in (initial.lane, initial.side, initial.speed)):
        raise ValueError("expected no lane, side and speed beside parked")
    if initial.arm is not None and category not in VEHICLES:
        raise ValueError(f"expected no arm for a {category}")
    if initial.arm is not None and any(x for x in (initial.lane, initial.side, initial.parked, initial.offset)):
        raise ValueError("expected no lane, side, parked and offset beside arm")
    if initial.arm is not None and (initial.ahead or initial.relative_to != "ego"):
        raise ValueError("expected no ahead and relative_to beside arm, which says where it is")
    if initial.arm is None and (initial.junction, initial.away, initial.yields) != (0, 30.0, True):
        raise ValueError("expected junction, away and yields only beside arm")
    if initial.side is None and categories()[category].group == "person":
        raise ValueError(f"expected a side of the road (left or right) for a {category}")
    if initial.side is not None and (initial.lane is not None or initial.offset):
        raise ValueError("expected no lane and no offset beside side")
    if initial.side is None and initial.facing != "along":
        raise ValueError("expected facing only beside side")


class SetSpeed(Strict):
    """Cruise at ``to`` m/s from now on. Complete when reached.

    The speed changes by ``rate`` m/s2 (2 if nothing is said), or within ``over`` s, or within ``distance`` m.
    ``shape``: "linear" has a constant rate; "smooth", with ``over`` alone, begins and ends gently.
    """

    to: Speed | RelativeSpeed
    rate: Acceleration | None = None
    over: ManoeuvreDuration | None = None
    distance: PositiveLength | None = None
    shape: Literal["linear", "smooth"] = "linear"

    @model_validator(mode="after")
    def _one_dynamic(self) -> SetSpeed:
        self._at_most_one("rate", "over", "distance")
        if self.shape == "smooth" and self.over is None:
            raise ValueError("expected over beside the shape smooth")
        return self


class Brake(Strict):
    """Slow to ``to`` m/s by ``rate`` m/s2, hold that for ``hold`` s (without it: for good), then cruise as before."""

    to: Speed = 0.0
    rate: Acceleration = 6.0
    hold: Duration | None = None


class Stop(Strict):
    """Come to a stop ``within`` m, stand for ``hold`` s (without it: for good), then cruise as before."""

    within: PositiveLength = 20.0
    hold: Duration | None = None


class Follow(Strict):
    """Keep ``headway`` s behind ``target``, whichever lane it drives in, at up to 1.3 times the cruise speed."""

    target: Name
    headway: HeadwayKept = 1.5


class ChangeLane(Strict):
    """Move ``to_lane_of`` somebody, ``to`` a lane's number, or ``by`` lanes to the left, in ``over`` s.

    It waits until nobody is beside. The way is a quintic without acceleration at both ends; there is no other shape,
    for tyres allow no kink.
    """

    to_lane_of: Name | None = None
    to: StrictInt | None = None
    by: StrictInt | None = None
    over: ManoeuvreDuration = 3.0

    @model_validator(mode="after")
    def _one_target(self) -> ChangeLane:
        self._exactly_one("to_lane_of", "to", "by")
        return self


class LaneOffset(Strict):
    """Move to ``to`` m left of the lane's middle in ``over`` s, staying in the lane."""

    to: Annotated[Length, Field(ge=-2.5, le=2.5)]
    over: ManoeuvreDuration = 3.0


class FollowTrack(Strict):
    """Move along ``points`` (s since now, m forward, m left; seen from where the actor is now), linear in between."""

    points: tuple[tuple[Duration, Length, Length], ...]

    @model_validator(mode="after")
    def _times(self) -> FollowTrack:
        times = [point[0] for point in self.points]
        if not times or times[0] <= 0.0 or any(b <= a for a, b in pairwise(times)):
            raise ValueError("expected at least one point, with strictly increasing times above 0")
        return self


class Cross(Strict):
    """Walk straight across the road to the other sidewalk at ``speed`` m/s, as soon as everybody can stop for it."""

    speed: WalkingSpeed = 1.4


class Turn(Strict):
    """Turn ``to`` that side at ``junction`` (its number in the file, from 0), or from an arm go straight over it.

    At up to ``speed`` m/s. Without ``yields`` it stops for nobody at the line. It leaves the play at an arm's far end.
    """

    to: Literal["left", "right", "straight"]
    junction: Annotated[StrictInt, Field(ge=0)] = 0
    speed: Annotated[Speed, Field(gt=0)] = 7.0
    yields: StrictBool = True


class Signal(Strict):
    """Set the indicator; a lane change sets it by itself."""

    indicator: Literal["off", "left", "right", "both"]


class Disappear(Strict):
    """Be gone."""


class SetEnvironment(Strict):
    """The named values go to the given ones ``over`` seconds, as in the environment's timeline."""

    daylight: Daylight | None = None
    weather: Weather | None = None
    traffic_level: TrafficLevel | None = None
    over: Duration = 0.0
    shape: Literal["linear", "smooth"] = "linear"

    @model_validator(mode="after")
    def _changes_something(self) -> SetEnvironment:
        if self.daylight is None and self.weather is None and self.traffic_level is None:
            raise ValueError("expected at least one of daylight, weather, traffic_level")
        return self


class Do(Strict):
    """The action: exactly one of these. An actor that is to ``appear`` is not there before."""

    set_speed: SetSpeed | None = None
    brake: Brake | None = None
    stop: Stop | None = None
    follow: Follow | None = None
    change_lane: ChangeLane | None = None
    lane_offset: LaneOffset | None = None
    follow_track: FollowTrack | None = None
    cross: Cross | None = None
    turn: Turn | None = None
    signal: Signal | None = None
    appear: ActorInitial | None = None
    disappear: Disappear | None = None
    set_environment: SetEnvironment | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Do:
        self._exactly_one(*Do.model_fields)
        return self

    @property
    def kind(self) -> str:
        """The key that is given."""
        return next(key for key in Do.model_fields if getattr(self, key) is not None)


class Event(Strict):
    """When something is so, an actor (or ``ego``) does something, once."""

    id: Name
    actor: Name = "ego"
    when: When
    do: Do

"""Actors and events: who has a part to play, what triggers it, and what is then done."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, StrictInt, StrictStr, model_validator

from scenarios.facts import categories
from scenarios.quantities import (
    Acceleration,
    Duration,
    Headway,
    Length,
    ManoeuvreDuration,
    Name,
    Seconds,
    Speed,
    SpeedDifference,
    Strict,
    WalkingSpeed,
)

VEHICLES = tuple(name for name, category in categories().items() if category.group == "vehicle")


class RelativeSpeed(Strict):
    """The ego's initial speed plus ``delta`` m/s."""

    relative_to: Literal["ego"]
    delta: SpeedDifference = 0.0


class ActorInitial(Strict):
    """Where an actor starts.

    ``lane``: for vehicles, lanes to the left of the ego's (negative: to the right); past the own lanes it is an
    oncoming one. ``side``: for people, the sidewalk. ``ahead``: m from the ego's centre to the actor's, along the road.
    ``speed``: m/s; by default vehicles drive at the ego's initial speed and people stand.
    """

    lane: StrictInt | None = None
    side: Literal["left", "right"] | None = None
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
    category: Literal["car", "van", "truck", "bus", "motorcycle", "bicycle", "pedestrian"] = Field(alias="class")
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
        wrong = "side" if self.category in VEHICLES else "lane"
        if self.initial is not None and getattr(self.initial, wrong) is not None:
            raise ValueError(f"expected no {wrong} for a {self.category}")
        if self.initial is not None and self.category not in VEHICLES and self.initial.side is None:
            raise ValueError("expected a side of the road (left or right) for a pedestrian")
        return self


class Compare(Strict):
    """``to`` whom (an actor's id or ``ego``), and a bound ``above`` or ``below``."""

    to: Name
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Compare:
        self._exactly_one("above", "below")
        return self


class HeadwayCompare(Compare):
    """Bounds in s: the gap between the bodies / the speed of the rear one, negative where the actor is the rear one."""

    above: Seconds | None = None
    below: Seconds | None = None


class DistanceCompare(Compare):
    """Bounds in m. Distance: gap between the bodies along the road, 0 where they are side by side."""

    above: Length | None = None
    below: Length | None = None


class When(Strict):
    """The trigger: ``time``, ``headway``, ``distance``, or ``after`` another event is complete, plus ``delay``."""

    time: Duration | None = None
    headway: HeadwayCompare | None = None
    distance: DistanceCompare | None = None
    after: Name | None = None
    delay: Duration | None = None

    @model_validator(mode="after")
    def _one_trigger(self) -> When:
        self._exactly_one("time", "headway", "distance", "after")
        if self.delay is not None and self.after is None:
            raise ValueError("expected delay only beside after")
        return self


class SetSpeed(Strict):
    """Cruise at ``to`` m/s from now on, changing speed by ``rate`` m/s2. Complete when reached."""

    to: Speed
    rate: Acceleration = 2.0


class Brake(Strict):
    """Slow to ``to`` m/s by ``rate`` m/s2, hold that for ``hold`` s (without it: for good), then cruise as before."""

    to: Speed = 0.0
    rate: Acceleration = 6.0
    hold: Duration | None = None


class Follow(Strict):
    """Keep ``headway`` s behind ``target``, whichever lane it drives in, at up to 1.3 times the cruise speed."""

    target: Name
    headway: Headway = 1.5


class ChangeLane(Strict):
    """Move ``to_lane_of`` somebody, or ``to`` a lane's number, in ``over`` s, as soon as nobody is beside."""

    to_lane_of: Name | None = None
    to: StrictInt | None = None
    over: ManoeuvreDuration = 3.0

    @model_validator(mode="after")
    def _one_target(self) -> ChangeLane:
        self._exactly_one("to_lane_of", "to")
        return self


class Cross(Strict):
    """Walk straight across the road to the other sidewalk at ``speed`` m/s, as soon as everybody can stop for it."""

    speed: WalkingSpeed = 1.4


class Do(Strict):
    """The action: exactly one of these."""

    set_speed: SetSpeed | None = None
    brake: Brake | None = None
    follow: Follow | None = None
    change_lane: ChangeLane | None = None
    cross: Cross | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Do:
        self._exactly_one("set_speed", "brake", "follow", "change_lane", "cross")
        return self


class Event(Strict):
    """When something is so, an actor (or ``ego``) does something, once."""

    id: Name
    actor: Name
    when: When
    do: Do

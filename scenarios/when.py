"""Conditions: what may be true of a running scenario. Triggers, stop conditions and expectations are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from scenarios.quantities import Duration, Length, Name, Seconds, SignedSpeed, Strict

Path = tuple[str | int, ...]
Share = Annotated[float, Field(ge=0, le=1)]


class Bounds(Strict):
    """True where a value lies ``above`` and/or ``below`` a bound."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Bounds:
        if self.above is None and self.below is None:
            raise ValueError("expected at least one of above, below")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError("expected above to be less than below: nothing lies between them")
        return self

    def hold(self, value: float) -> bool:
        """Whether ``value`` lies within."""
        return (self.above is None or value > self.above) and (self.below is None or value < self.below)


class Headway(Bounds):
    """To somebody: gap between the bodies / speed of the rear one, s; negative where ``of`` is the rear one."""

    of: Name | None = None
    to: Name
    above: Seconds | None = None
    below: Seconds | None = None


class TimeToCollision(Bounds):
    """To somebody: gap between the bodies along the road / speed at which it shrinks, s; endless where it does not."""

    of: Name | None = None
    to: Name
    above: Duration | None = None
    below: Duration | None = None


class Distance(Bounds):
    """To somebody: gap between the bodies along the road, m; 0 where they are side by side."""

    of: Name | None = None
    to: Name
    above: Length | None = None
    below: Length | None = None


class SpeedOf(Bounds):
    """Speed, m/s; with ``relative_to``, minus that body's."""

    of: Name | None = None
    relative_to: Name | None = None
    above: SignedSpeed | None = None
    below: SignedSpeed | None = None


class Travelled(Bounds):
    """Way made since its start (or appearance), m."""

    of: Name | None = None
    above: Length | None = None
    below: Length | None = None


class Position(Bounds):
    """Where the middle of the body is along the road, m from the ego's start."""

    of: Name | None = None
    above: Length | None = None
    below: Length | None = None


class Standstill(Strict):
    """Standing (slower than 0.1 m/s) for at least ``lasting`` s."""

    of: Name | None = None
    lasting: Duration = 0.0


class InLane(Strict):
    """In ``lane`` (numbered as in `RoadSpec`), or in the lane of ``same_as``; in a lane change, in both."""

    of: Name | None = None
    lane: int | None = None
    same_as: Name | None = None

    @model_validator(mode="after")
    def _one_lane(self) -> InLane:
        self._exactly_one("lane", "same_as")
        return self


class DaylightBounds(Bounds):
    """Daylight in [0, 1]."""

    above: Share | None = None
    below: Share | None = None


class When(Strict):
    """A condition: exactly one of the keys below, and ``delay`` s after it has come true.

    ``time``: s since the start. ``after``: an event is complete. ``collision``: this body touches another one.
    ``all``, ``any``, ``not``: of other conditions. Where ``of`` is left out, the event's actor is meant.
    """

    time: Duration | None = None
    after: Name | None = None
    headway: Headway | None = None
    ttc: TimeToCollision | None = None
    distance: Distance | None = None
    speed: SpeedOf | None = None
    standstill: Standstill | None = None
    travelled: Travelled | None = None
    position: Position | None = None
    in_lane: InLane | None = None
    collision: Name | None = None
    daylight: DaylightBounds | None = None
    all_: tuple[When, ...] | None = Field(default=None, alias="all", min_length=1)
    any_: tuple[When, ...] | None = Field(default=None, alias="any", min_length=1)
    not_: When | None = Field(default=None, alias="not")
    delay: Duration | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> When:
        keys = {name: field.alias or name for name, field in When.model_fields.items() if name != "delay"}
        given = [key for name, key in keys.items() if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(keys.values())}, not {', '.join(given) or 'none'}")
        return self

    def parts(self, path: Path = ()) -> Iterator[tuple[Path, When]]:
        """This condition and all inside it, each with its place below ``path``."""
        yield path, self
        for key, inner in (("all", self.all_), ("any", self.any_), ("not", (self.not_,) if self.not_ else None)):
            for i, part in enumerate(inner or ()):
                yield from part.parts((*path, key) if key == "not" else (*path, key, i))

    def named(self, path: Path = ()) -> Iterator[tuple[Path, str]]:
        """Every body that it names, with its place; events (``after``) not among them."""
        for place, part in self.parts(path):
            if part.collision is not None:
                yield (*place, "collision"), part.collision
            for key in ("headway", "ttc", "distance", "speed", "standstill", "travelled", "position", "in_lane"):
                condition = getattr(part, key)
                for role in ("of", "to", "relative_to", "same_as"):
                    if (name := getattr(condition, role, None)) is not None:
                        yield (*place, key, role), name

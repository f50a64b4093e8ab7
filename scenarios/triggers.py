"""Whether a condition holds, of a running simulation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from scenarios.behaviour import Body
from scenarios.environment import EnvironmentCourse
from scenarios.when import When

_STANDING = 0.1  # m/s


class Moment(NamedTuple):
    """What a condition can see: time, s; bodies by name; when events were complete, s; the environment; all there."""

    time: float
    bodies: Mapping[str, Body]
    completed: Mapping[str, float]
    environment: EnvironmentCourse
    everybody: Iterable[Body]


@dataclass
class Trigger:
    """A `When` with its memory: since when it has been so. ``actor``: who is meant where the condition names nobody."""

    when: When
    actor: str
    parts: tuple[Trigger, ...] = ()
    since: float | None = None
    standing: float | None = None
    condition: Any = None  # the one of ``when`` that is about a body, if it has one
    body: str = ""
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, when: When, actor: str) -> Trigger:
        """The trigger of ``when``, with those inside it."""
        inner = when.all_ or when.any_ or ((when.not_,) if when.not_ is not None else ())
        conditions = (
            when.headway, when.ttc, when.distance, when.speed, when.standstill, when.travelled, when.position,
            when.in_lane,
        )  # fmt: skip
        condition = next((condition for condition in conditions if condition is not None), None)
        names = [getattr(condition, role, None) for role in ("to", "relative_to", "same_as")]
        return cls(
            when,
            actor,
            tuple(cls.of(part, actor) for part in inner),
            condition=condition,
            body=getattr(condition, "of", None) or actor,
            others=tuple(name for name in names if name is not None),
        )

    def holds(self, now: Moment) -> bool:
        """Whether it holds, ``delay`` s after it came true; to be asked at every step, for it remembers."""
        if not self.when.delay:
            return self._is_true(now)
        if self.since is None and self._is_true(now):
            self.since = now.time if self.when.after is None else now.completed[self.when.after]
        return self.since is not None and now.time >= self.since + self.when.delay

    def _is_true(self, now: Moment) -> bool:
        when = self.when
        if self.parts:
            values = [part.holds(now) for part in self.parts]  # all of them: each remembers
            return all(values) if when.all_ else any(values) if when.any_ else not values[0]
        if when.time is not None:
            return now.time >= when.time
        if when.after is not None:
            return when.after in now.completed
        if when.daylight is not None:
            return when.daylight.hold(now.environment.at(now.time).daylight)
        if when.collision is not None:
            body = now.bodies[when.collision]
            return body.present and any(touch(body, other) for other in now.everybody if other is not body)
        return self._is_true_of_body(now)

    def _is_true_of_body(self, now: Moment) -> bool:
        when, body = self.when, now.bodies[self.body]
        others = [now.bodies[name] for name in self.others]
        if not body.present or not all(other.present for other in others):
            return False
        if when.headway is not None:
            return when.headway.hold(headway(body, others[0]))
        if when.ttc is not None:
            return when.ttc.hold(time_to_collision(body, others[0]))
        if when.distance is not None:
            return when.distance.hold(gap(body, others[0]))
        if when.speed is not None:
            return when.speed.hold(body.speed - (others[0].speed if others else 0.0))
        if when.travelled is not None:
            return when.travelled.hold(body.travelled)
        if when.position is not None:
            return when.position.hold(body.s)
        if when.in_lane is not None:
            lanes = {when.in_lane.lane} if not others else {others[0].lane, others[0].from_lane}
            return bool(lanes & {body.lane, body.from_lane} - {None})
        assert when.standstill is not None
        if body.speed >= _STANDING:
            self.standing = None
            return False
        self.standing = now.time if self.standing is None else self.standing
        return now.time - self.standing >= when.standstill.lasting


def gap(one: Body, other: Body) -> float:
    """Free road between two bodies along the road, m; 0 where they are side by side."""
    return max(0.0, abs(one.s - other.s) - 0.5 * (one.size[0] + other.size[0]))


def headway(one: Body, other: Body) -> float:
    """Gap / speed of the rear body, s; negative where ``one`` is the rear one."""
    rear, sign = (other, 1.0) if one.s >= other.s else (one, -1.0)
    return sign * gap(one, other) / max(rear.speed, 0.1)


def time_to_collision(one: Body, other: Body) -> float:
    """Gap along the road / speed at which it shrinks, s; infinite where it does not."""
    rear, front = (other, one) if one.s >= other.s else (one, other)
    closing = rear.speed * math.cos(rear.turn) - front.speed * math.cos(front.turn)
    return gap(one, other) / closing if closing > 1e-3 else math.inf


def touch(one: Body, other: Body) -> bool:
    """Whether two bodies' outlines overlap, in road coordinates (the separating axis theorem)."""
    ds, dd = other.s - one.s, other.d - one.d
    reach = 0.5 * (one.size[0] + one.size[1] + other.size[0] + other.size[1])  # at least the two half diagonals
    if ds * ds + dd * dd > reach * reach:
        return False
    axes = [(math.cos(turn), math.sin(turn)) for turn in (one.turn, other.turn)]
    for along, across in (*axes, *((-sin, cos) for cos, sin in axes)):
        room = 0.0
        for (cos, sin), body in zip(axes, (one, other), strict=True):
            room += 0.5 * body.size[0] * abs(along * cos + across * sin)
            room += 0.5 * body.size[1] * abs(-along * sin + across * cos)
        if abs(ds * along + dd * across) > room:
            return False
    return True

"""What is kept of a simulation: states at the steps asked for, events, what became of expectations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from scenarios.environment import EnvironmentCourse
from scenarios.expect import Expect
from scenarios.triggers import Moment, Trigger


class FiredEvent(NamedTuple):
    """An event's action began at ``time`` s."""

    time: float
    id: str


class Look(NamedTuple):
    """What stays the same of a track: category, size (length, width, height) in m, colour (r, g, b)."""

    category: str
    size: tuple[float, float, float]
    colour: tuple[int, int, int]


@dataclass
class Held:
    """When, s, an expected condition was first seen to hold, and not to; looked at until that decides."""

    true_at: float | None = None
    false_at: float | None = None


class Watch(NamedTuple):
    """An expectation, its condition with its memory, and what was seen of it."""

    check: Expect
    trigger: Trigger
    held: Held

    def look(self, now: Moment) -> None:
        """Note whether the condition holds, where that is asked for and not decided yet."""
        if (self.held.false_at if self.check.always is not None else self.held.true_at) is not None:
            return
        holds = self.trigger.holds(now)
        if not self.check.applies(now.time):
            return
        if holds and self.held.true_at is None:
            self.held.true_at = now.time
        if not holds and self.held.false_at is None:
            self.held.false_at = now.time


@dataclass
class Recording:
    """The states at the steps asked for.

    ``course``: of the environment, with what events changed. ``events``: in order of time. ``watched``: by id of the
    expectation.
    ``ego``: (n 6) s, d of the rear axle, turn, speed, acceleration, yaw rate. ``bodies``: per frame (m 9) track id, s,
    d, turn, speed, travelled, brake lights, index of the indicator, lit. ``looks``: by track id.
    """

    course: EnvironmentCourse
    ego: list[tuple[float, ...]] = field(default_factory=list)
    bodies: list[np.ndarray] = field(default_factory=list)
    looks: dict[int, Look] = field(default_factory=dict)
    events: list[FiredEvent] = field(default_factory=list)
    watched: dict[str, Held] = field(default_factory=dict)

"""Daylight, weather and traffic level as functions of time."""

from __future__ import annotations

from typing import NamedTuple

from scenarios.quantities import TRAFFIC_LEVELS
from scenarios.schema import Environment
from scenarios.story import SetEnvironment


class Conditions(NamedTuple):
    """``daylight`` in [0, 1]; ``weather`` a name; ``traffic_level`` from 0, none, to 3, high."""

    daylight: float
    weather: str
    traffic_level: float


class _Ramp(NamedTuple):
    at: float
    over: float
    start: float
    end: float
    smooth: bool

    def value(self, time: float) -> float:
        share = min(1.0, (time - self.at) / self.over) if self.over > 0 else 1.0
        if self.smooth:
            share *= share * (3.0 - 2.0 * share)
        return self.start + (self.end - self.start) * share


class EnvironmentCourse:
    """The course of an `Environment`; a ramp that begins before the last has ended starts from the value reached."""

    def __init__(self, environment: Environment) -> None:
        """Lay out the ramps of every quantity."""
        self._initial = environment.initial
        self._changes: list[tuple[float, SetEnvironment]] = [(change.at, change) for change in environment.timeline]
        self._lay_out()

    def change(self, change: SetEnvironment, at: float) -> None:
        """Let ``change`` begin at ``at`` s; what the timeline does later still happens."""
        self._changes = sorted([*self._changes, (at, change)], key=lambda row: row[0])
        self._lay_out()

    def _lay_out(self) -> None:
        initial = self._initial
        self._daylight = [_Ramp(0.0, 0.0, 0.0, initial.daylight, False)]
        self._level = [_Ramp(0.0, 0.0, 0.0, float(TRAFFIC_LEVELS.index(initial.traffic_level)), False)]
        self._weather: list[tuple[float, str]] = [(0.0, initial.weather)]
        for at, change in self._changes:
            level = None if change.traffic_level is None else float(TRAFFIC_LEVELS.index(change.traffic_level))
            for ramps, end in ((self._daylight, change.daylight), (self._level, level)):
                if end is not None:
                    ramps.append(_Ramp(at, change.over, _value(ramps, at), end, change.shape == "smooth"))
            if change.weather is not None:
                self._weather.append((at + 0.5 * change.over, change.weather))

    def at(self, time: float) -> Conditions:
        """The conditions at ``time`` s, numbers rounded to 1e-4."""
        weather = [name for start, name in self._weather if start <= time][-1]
        return Conditions(round(_value(self._daylight, time), 4), weather, round(_value(self._level, time), 4))


def _value(ramps: list[_Ramp], time: float) -> float:
    return [ramp for ramp in ramps if ramp.at <= time][-1].value(time)

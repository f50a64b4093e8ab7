"""``expect``: what must be so in the simulated ground truth for the scenario to have played as its author meant."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, model_validator

from scenarios.quantities import Duration, Name, Strict
from scenarios.when import When

Count = Annotated[StrictInt, Field(ge=0, le=1000)]
FrameShare = Annotated[float, Field(gt=0, le=1)]


class Visible(Strict):
    """``actor`` is seen, by the rule of `scenarios.crowdedness` but with a box of ``min_height_px`` or more.

    ``share``: on that share of the frames; without it, on at least one.
    """

    actor: Name
    min_height_px: Annotated[float, Field(gt=0)] = 25.0
    share: FrameShare | None = None


class CountBounds(Strict):
    """A count from ``at_least`` to ``at_most``."""

    at_least: Count = 0
    at_most: Count | None = None


class Seen(Strict):
    """Crowdedness: the counts of visible ``vehicles`` and ``people``. ``share``: as in `Visible`."""

    vehicles: CountBounds = CountBounds()
    people: CountBounds = CountBounds()
    share: FrameShare | None = None


class Expect(Strict):
    """Exactly one of the following must be so from ``within[0]`` to ``within[1]`` s (by default, all the time).

    ``always``, ``eventually``, ``never``: a condition as in a trigger; where it names nobody, the ego is meant.
    ``visible``, ``seen``: what the camera sees.
    """

    id: Name
    always: When | None = None
    eventually: When | None = None
    never: When | None = None
    visible: Visible | None = None
    seen: Seen | None = None
    within: tuple[Duration, Duration] | None = None

    @model_validator(mode="after")
    def _one_check(self) -> Expect:
        self._exactly_one("always", "eventually", "never", "visible", "seen")
        if self.within is not None and self.within[0] >= self.within[1]:
            raise ValueError("expected within to be a span [from, to] of time, from before to")
        return self

    @property
    def condition(self) -> When | None:
        """The condition that is to be watched while the simulation runs, if it is one."""
        return self.always or self.eventually or self.never

    def applies(self, time: float) -> bool:
        """Whether ``time`` s lies in the span."""
        return self.within is None or self.within[0] <= time <= self.within[1]

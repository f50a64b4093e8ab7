"""The evaluation scenarios: what generators are scored on, and what no network may be trained on."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import yaml

from scenarios.facts import DATA
from scenarios.loading import load
from scenarios.schema import Scenario


class Drive(NamedTuple):
    """A shipped scenario and the seed it is played with."""

    scenario: str
    seed: int

    def load(self) -> Scenario:
        """The scenario itself."""
        return load(self.scenario)


LONG_DRIVE = Drive("two_minutes", 7101)
"""The drive that is rolled out for long, beside the others."""
FIVE_MINUTES = (Drive("five_minutes", 7102), Drive("five_minutes_dawn", 7104), Drive("five_minutes_dusk", 7103))
"""The drives for what is to be known of minutes: from day into a foggy night, back, and from dusk to dusk.

Together they ask at their end for what they ask for at their start, so that what is lost by then is lost to time.
"""


@cache
def evaluation_suite() -> tuple[Drive, ...]:
    """The evaluation drives, in their order.

    >>> len(evaluation_suite()), evaluation_suite()[0]
    (24, Drive(scenario='amber_dilemma', seed=7001))
    """
    rows = yaml.safe_load((DATA / "evaluation.yaml").read_text(encoding="utf-8"))
    return tuple(Drive(**row) for row in rows)


@cache
def evaluation_names() -> frozenset[str]:
    """The names of the evaluation scenarios, which whatever is made of one keeps: other values, seeds and versions."""
    return frozenset(drive.scenario for drive in (*evaluation_suite(), LONG_DRIVE, *FIVE_MINUTES))

"""Many scenarios to many clips: a suite file in, a dataset out, on one machine or many."""

from __future__ import annotations

from drivesim.generate.merge import merge
from drivesim.generate.run import Generated, generate
from drivesim.generate.suite import Suite, read_suite, suite_of, suites
from drivesim.generate.town import town_dataset

__all__ = ["Generated", "Suite", "generate", "merge", "read_suite", "suite_of", "suites", "town_dataset"]

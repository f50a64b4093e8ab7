"""Many scenarios to many clips."""

from __future__ import annotations

from drivesim.generate.town import town_dataset

__all__ = ["town_dataset"]

"""Readers of video that others made, as Clips. The training reader is in `drivesim.datasets.training_reader`."""

from __future__ import annotations

from drivesim.datasets.footage import read_footage

__all__ = ["read_footage"]

"""Reports: self-contained HTML pages of what was measured."""

from drivesim.report.page import Still, StillBox, render_benchmark

__all__ = ["Still", "StillBox", "render_benchmark"]

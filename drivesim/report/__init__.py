"""Reports: self-contained HTML pages of what was measured."""

from drivesim.report.generator import render_generator
from drivesim.report.page import Still, StillBox, render_benchmark

__all__ = ["Still", "StillBox", "render_benchmark", "render_generator"]

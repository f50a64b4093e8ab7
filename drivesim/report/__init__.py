"""Reports: self-contained HTML pages of what was measured, and its tables."""

from drivesim.report.comparison import render_comparison
from drivesim.report.generator import render_generator
from drivesim.report.models import render_models
from drivesim.report.page import Shown, jpeg, render_benchmark
from drivesim.report.sanity import render_sanity
from drivesim.report.stress import render_stress
from drivesim.report.tables import csv_text, write_tensorboard
from drivesim.report.trainability import render_trainability

__all__ = [
    "Shown", "csv_text", "jpeg", "render_benchmark", "render_comparison", "render_generator", "render_models",
    "render_sanity", "render_stress", "render_trainability", "write_tensorboard",
]  # fmt: skip

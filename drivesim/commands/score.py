"""``drivesim benchmark``: what a detector sees in clips."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drivesim.commands.common import add_out, command


def add(groups: Any) -> None:
    """Declare the command."""
    benchmark = command(
        groups,
        "benchmark",
        run_benchmark,
        about="score a detector on clips: metrics.json and report.html",
        example="drivesim benchmark out/render --detector reference --out out/scores",
    )
    benchmark.add_argument("clips", nargs="+", metavar="CLIP", help="clip folders")
    benchmark.add_argument("--detector", default="reference", metavar="reference|onnx:FILE", help="default: reference")
    add_out(benchmark)


def run_benchmark(arguments: argparse.Namespace) -> int:
    """Score the clips."""
    from drivesim.clips import read_clip
    from drivesim.evaluation import benchmark
    from drivesim.perception import load_detector

    benchmark([read_clip(path) for path in arguments.clips], load_detector(arguments.detector), arguments.out)
    print(Path(arguments.out) / "metrics.json")
    print(Path(arguments.out) / "report.html")
    return 0

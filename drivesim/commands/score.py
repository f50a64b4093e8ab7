"""``drivesim benchmark``: what a detector sees in clips."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivesim.commands.common import add_out, command, count, progress_bar

if TYPE_CHECKING:
    from drivesim.clips import Clip


def add(groups: Any) -> None:
    """Declare the command."""
    benchmark = command(
        groups,
        "benchmark",
        run_benchmark,
        about="score a detector on clips: metrics.json and report.html",
        example="drivesim benchmark out/render --detector reference --out out/scores",
    )
    benchmark.add_argument(
        "clips", nargs="+", metavar="CLIP", help="clip folders, or real footage: videos, folders of it"
    )
    benchmark.add_argument(
        "--detector",
        default="reference",
        metavar="reference|onnx:FILE|hf:DIR|PLUGIN",
        help="the shipped detector (default), an ONNX file, a model of transformers (a folder, or a name on the hub; "
        "needs drivesim[hf]), or an installed plug-in as NAME or NAME:ARGUMENT",
    )
    benchmark.add_argument("--every", type=count, default=6, metavar="N", help="score every N-th frame (default: 6)")
    add_out(benchmark)


def run_benchmark(arguments: argparse.Namespace) -> int:
    """Score the clips."""
    from drivesim.evaluation import benchmark
    from drivesim.perception import load_detector

    clips = [clip for path in arguments.clips for clip in clips_at(path)]
    detector = load_detector(arguments.detector)
    with progress_bar("score") as progress:
        benchmark(clips, detector, arguments.out, every=arguments.every, progress=progress)
    print(Path(arguments.out) / "metrics.json")
    print(Path(arguments.out) / "report.html")
    return 0


def clips_at(path: str) -> list[Clip]:
    """The clip in a folder that drivesim wrote, else the real footage there."""
    from drivesim.clips import read_clip
    from drivesim.datasets import read_footage

    return [read_clip(path)] if (Path(path) / "clip.json").exists() else read_footage(path)

"""``drivesim evaluate``: how far a generator does what it is told."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from drivesim.commands.common import add_out, command, count, progress_bar
from drivesim.errors import UserError


def add(groups: Any) -> None:
    """Declare the command."""
    evaluate = command(
        groups,
        "evaluate",
        run_evaluate,
        about="score a video model on the evaluation drives: metrics.json and report.html",
        example="drivesim evaluate layout --weights nano --out out/layout",
    )
    evaluate.add_argument(
        "protocol",
        metavar="layout|obedience|motion|drift",
        help="layout: are the boxes drawn that are asked for; obedience: time of day, weather, crowd, lane lines, "
        "colours too; motion: the ego's speed and yaw rate; drift: what becomes of two minutes",
    )
    evaluate.add_argument("--weights", default="nano", metavar="nano|DIR", help="shipped weights or a folder of parts")
    evaluate.add_argument(
        "--judge",
        action="append",
        default=[],
        metavar="D",
        help="a detector as of drivesim benchmark; may be given again (default: reference)",
    )
    evaluate.add_argument(
        "--features",
        default="texture",
        metavar="F",
        help="in whose space frames are compared with the town's: texture, pixels, or onnx:FILE (default: texture)",
    )
    evaluate.add_argument(
        "--training",
        action="append",
        default=[],
        metavar="DIR",
        help="clips that the weights were trained on, to look for copies of them; may be given again",
    )
    evaluate.add_argument("--drives", type=count, metavar="N", help="only the first N drives: another protocol hash")
    evaluate.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    add_out(evaluate)


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Evaluate."""
    from drivesim.evaluation.generator import PROTOCOLS, evaluate
    from drivesim.metrics.features import load_features
    from drivesim.perception import load_detector

    if arguments.protocol not in PROTOCOLS:
        raise UserError(f"protocol {arguments.protocol!r}, expected one of {', '.join(PROTOCOLS)}")
    protocol = PROTOCOLS[arguments.protocol]
    if arguments.drives is not None and arguments.drives > len(protocol.drives):
        raise UserError(f"--drives {arguments.drives}: {arguments.protocol} has {len(protocol.drives)}")
    if arguments.drives is not None:
        protocol = dataclasses.replace(protocol, drives=protocol.drives[: arguments.drives])
    loaded = [load_detector(source) for source in arguments.judge or ["reference"]]
    judges = {judge.name: judge for judge in loaded}
    if len(judges) < len(loaded):
        raise UserError(f"--judge: found {[judge.name for judge in loaded]}, expected judges of different names")
    features = load_features(arguments.features)
    with progress_bar("clips") as progress:
        evaluate(
            arguments.weights,
            arguments.out,
            protocol,
            judges,
            features=features,
            training=arguments.training,
            device=arguments.device,
            progress=progress,
        )
    print(Path(arguments.out) / "metrics.json")
    print(Path(arguments.out) / "report.html")
    return 0

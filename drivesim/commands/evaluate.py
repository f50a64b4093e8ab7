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
        example="drivesim evaluate layout --weights nano --out out/layout, drivesim evaluate sanity --out out/sanity",
    )
    evaluate.add_argument(
        "protocol",
        metavar="layout|obedience|drift|sanity",
        help="layout: are the boxes drawn that are asked for; obedience: time of day, weather, crowd, lane lines too; "
        "drift: what becomes of two minutes; sanity: no model, the benchmark tests itself on spoiled clips of the town "
        "(exit status 1 if a defect is not caught)",
    )
    evaluate.add_argument("--weights", default="nano", metavar="nano|DIR", help="shipped weights or a folder of parts")
    evaluate.add_argument(
        "--judge",
        action="append",
        default=[],
        metavar="D",
        help="a detector as of drivesim benchmark; may be given again (default: reference)",
    )
    evaluate.add_argument("--drives", type=count, metavar="N", help="only the first N drives: another protocol hash")
    evaluate.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    add_out(evaluate)


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Evaluate."""
    from drivesim.evaluation.generator import PROTOCOLS, evaluate
    from drivesim.perception import load_detector

    if arguments.protocol == "sanity":
        return _run_sanity(arguments)
    if arguments.protocol not in PROTOCOLS:
        raise UserError(f"protocol {arguments.protocol!r}, expected one of {', '.join(PROTOCOLS)}, sanity")
    protocol = PROTOCOLS[arguments.protocol]
    if arguments.drives is not None and arguments.drives > len(protocol.drives):
        raise UserError(f"--drives {arguments.drives}: {arguments.protocol} has {len(protocol.drives)}")
    if arguments.drives is not None:
        protocol = dataclasses.replace(protocol, drives=protocol.drives[: arguments.drives])
    loaded = [load_detector(source) for source in arguments.judge or ["reference"]]
    judges = {judge.name: judge for judge in loaded}
    if len(judges) < len(loaded):
        raise UserError(f"--judge: found {[judge.name for judge in loaded]}, expected judges of different names")
    with progress_bar("clips") as progress:
        evaluate(arguments.weights, arguments.out, protocol, judges, device=arguments.device, progress=progress)
    print(Path(arguments.out) / "metrics.json")
    print(Path(arguments.out) / "report.html")
    return 0


def _run_sanity(arguments: argparse.Namespace) -> int:
    """Let the benchmark test itself; 1 if a defect is not caught."""
    from drivesim.evaluation import sanity

    about_models = (arguments.weights, arguments.judge, arguments.drives, arguments.device)
    if about_models != ("nano", [], None, "auto"):
        raise UserError("sanity takes no --weights, --judge, --drives or --device: there is no model to evaluate")
    with progress_bar("clips and checks") as progress:
        metrics = sanity.evaluate_sanity(arguments.out, sanity.PROTOCOL, progress=progress)
    for row in metrics["checks"]:
        print(sanity.line(row))
    print(Path(arguments.out) / "metrics.json")
    print(Path(arguments.out) / "report.html")
    return 0 if metrics["caught"] else 1

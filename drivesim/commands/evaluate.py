"""``drivesim evaluate``: how far a generator does what it is told."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from drivesim.commands.common import add_out, command, count, progress_bar
from drivesim.errors import UserError

TRAINABILITY = "trainability"


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
        metavar="layout|obedience|drift|trainability",
        help="layout: are the boxes drawn that are asked for; obedience: time of day, weather, crowd, lane lines too; "
        "drift: what becomes of two minutes; trainability: do rollouts help to train a detector",
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
        "--real",
        metavar="DIR",
        help="of trainability: a folder of labelled clips, drivesim's or footage with boxes beside it, instead of the "
        "town's",
    )
    evaluate.add_argument("--drives", type=count, metavar="N", help="only the first N drives: another protocol hash")
    evaluate.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    add_out(evaluate)


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Evaluate."""
    from drivesim.evaluation.generator import PROTOCOLS, evaluate
    from drivesim.perception import load_detector

    if arguments.protocol == TRAINABILITY:
        return _run_trainability(arguments)
    if arguments.protocol not in PROTOCOLS:
        raise UserError(f"protocol {arguments.protocol!r}, expected one of {', '.join((*PROTOCOLS, TRAINABILITY))}")
    if arguments.real is not None:
        raise UserError(f"--real {arguments.real}: {arguments.protocol} has its own drives, expected {TRAINABILITY}")
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


def _run_trainability(arguments: argparse.Namespace) -> int:
    """Train detectors and compare them, and say what came out."""
    from drivesim.trainability import trainability

    if arguments.judge or arguments.drives is not None:
        raise UserError(f"{TRAINABILITY} trains its own judges on its own drives, expected no --judge and no --drives")
    with progress_bar("clips and trainings") as progress:
        metrics = trainability(
            arguments.weights, arguments.out, real=arguments.real, device=arguments.device, progress=progress
        )
    for name, kinds in metrics["differences"].items():
        said = (f"{kind}s {row['value']:+.3f}" for kind, row in kinds.items() if row["value"] is not None)
        print(f"AP50 {name}: {', '.join(said)}")
    if not metrics["counts"]["counts"]:
        print("This run does not count: {arm} has AP50 {AP50} of {kind}s, expected {least}".format(**metrics["counts"]))
    print(Path(arguments.out) / "metrics.json")
    print(Path(arguments.out) / "report.html")
    return 0

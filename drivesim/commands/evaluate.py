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
        metavar="layout|obedience|drift|stress",
        help="layout: are the boxes drawn that are asked for; obedience: time of day, weather, crowd, lane lines too; "
        "drift: what becomes of two minutes; stress: what scores do as one field of the scenario at a time "
        "goes through its values, in the town and in the rollout",
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
    evaluate.add_argument(
        "--sweep",
        action="append",
        default=[],
        type=sweep,
        metavar="FIELD=V1,V2,...",
        help="stress: this field and these values, such as ego.initial.speed=5,36 km/h, instead of daylight, weather, "
        "traffic level and ego speed; may be given again: another protocol hash",
    )
    evaluate.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    add_out(evaluate)


def sweep(text: str) -> tuple[str, tuple[Any, ...]]:
    """A field and its values in YAML.

    >>> sweep("ego.initial.speed=5, 36 km/h")
    ('ego.initial.speed', (5, '36 km/h'))
    """
    from scenarios.yaml12 import YamlError, parse

    field, equals, values = text.partition("=")
    if not equals or not field.strip() or not values.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=V1,V2,...")
    try:
        found = parse(f"[{values}]").value
    except YamlError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    if wrong := [value for value in found if value is None or isinstance(value, list | dict)]:
        raise argparse.ArgumentTypeError(f"{text!r}: found {wrong[0]!r}, expected numbers, words, true or false")
    return field.strip(), tuple(found)


def run_evaluate(arguments: argparse.Namespace) -> int:
    """Evaluate."""
    from drivesim.evaluation.generator import PROTOCOLS, GeneratorProtocol, evaluate
    from drivesim.evaluation.stress import StressProtocol, Sweep, stress
    from drivesim.perception import load_detector

    protocols: dict[str, GeneratorProtocol | StressProtocol] = {**PROTOCOLS, "stress": StressProtocol()}
    if arguments.protocol not in protocols:
        raise UserError(f"protocol {arguments.protocol!r}, expected one of {', '.join(protocols)}")
    protocol = protocols[arguments.protocol]
    if arguments.drives is not None and arguments.drives > len(protocol.drives):
        raise UserError(f"--drives {arguments.drives}: {arguments.protocol} has {len(protocol.drives)}")
    if arguments.drives is not None:
        protocol = dataclasses.replace(protocol, drives=protocol.drives[: arguments.drives])
    if arguments.sweep:
        if not isinstance(protocol, StressProtocol):
            raise UserError(f"--sweep: {arguments.protocol} sweeps nothing, expected stress")
        protocol = dataclasses.replace(protocol, sweeps=tuple(Sweep(*given) for given in arguments.sweep))
    loaded = [load_detector(source) for source in arguments.judge or ["reference"]]
    judges = {judge.name: judge for judge in loaded}
    if len(judges) < len(loaded):
        raise UserError(f"--judge: found {[judge.name for judge in loaded]}, expected judges of different names")
    with progress_bar("clips") as progress:
        if isinstance(protocol, StressProtocol):
            stress(arguments.weights, arguments.out, protocol, judges, device=arguments.device, progress=progress)
        else:
            evaluate(arguments.weights, arguments.out, protocol, judges, device=arguments.device, progress=progress)
    print(Path(arguments.out) / "metrics.json")
    print(Path(arguments.out) / "report.html")
    return 0

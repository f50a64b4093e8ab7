"""``drivesim evaluate``: how far a generator does what it is told, and whether the benchmark can tell."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivesim.commands.common import add_out, command, count, progress_bar
from drivesim.errors import UserError

if TYPE_CHECKING:
    from drivesim.perception import Detector
    from scenarios.suite import Drive

DRIVES = {
    "layout": "are the boxes drawn that are asked for",
    "obedience": "time of day, weather, crowd, lane lines, colours too; again without boxes, and told nothing",
    "motion": "does the ego drive as fast, and turn, as it is told",
    "smoothness": "flicker, sharpness and motion of the picture; again without the temporal layers that smooth it",
    "drift": "what becomes of two minutes",
}
"""The protocols that roll out evaluation drives."""


def add(groups: Any) -> None:
    """Declare the commands."""
    about = "score a video model on the evaluation drives: metrics.json and report.html"
    kinds = groups.add_parser("evaluate", help=about, description=about[0].upper() + about[1:] + ".").add_subparsers(
        title="protocols", metavar="PROTOCOL", required=True
    )
    for name, what in DRIVES.items():
        made = command(kinds, name, run_drives, about=what, example=f"drivesim evaluate {name} --out out/{name}")
        made.set_defaults(protocol=name)
        _add_model(made)
        _add_judges(made)
        made.add_argument(
            "--features",
            default="texture",
            metavar="F",
            help="in whose space frames are compared with the town's: texture, pixels, or onnx:FILE (default: texture)",
        )
        made.add_argument(
            "--training",
            action="append",
            default=[],
            metavar="DIR",
            help="clips that the weights were trained on, to look for copies of them: the nearest pairs and, with 19 "
            "drives or more, the share that is too near for chance; may be given again",
        )
        made.add_argument(
            "--drive",
            action="append",
            default=[],
            type=drive,
            metavar="SCENARIO@SEED",
            help="a shipped scenario or a file, and its seed, as five_minutes@7102, instead of the protocol's drives: "
            "another protocol hash; may be given again",
        )
        add_out(made)
    stress = command(
        kinds,
        "stress",
        run_stress,
        about="what scores do as one field of the scenario at a time goes through its values, in town and rollout",
        example="drivesim evaluate stress --out out/stress",
    )
    _add_model(stress)
    _add_judges(stress)
    stress.add_argument(
        "--sweep",
        action="append",
        default=[],
        type=sweep,
        metavar="FIELD=V1,V2,...",
        help="this field and these values, such as ego.initial.speed=5,36 km/h, instead of daylight, weather, traffic "
        "level and ego speed; may be given again: another protocol hash",
    )
    add_out(stress)
    trainability = command(
        kinds,
        "trainability",
        run_trainability,
        about="do rollouts help to train a detector",
        example="drivesim evaluate trainability --out out/trainability",
    )
    _add_model(trainability)
    trainability.add_argument(
        "--real",
        metavar="DIR",
        help="a folder of labelled clips, drivesim's or footage with boxes beside it, instead of the town's",
    )
    add_out(trainability)
    sanity = command(
        kinds,
        "sanity",
        run_sanity,
        about="the benchmark tests itself, without a model, on spoiled clips of the town; exit code 1 if it misses one",
        example="drivesim evaluate sanity --out out/sanity",
    )
    add_out(sanity)


def _add_model(made: argparse.ArgumentParser) -> None:
    made.add_argument("--weights", default="nano", metavar="nano|DIR", help="shipped weights or a folder of parts")
    made.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, ... (default: auto)")


def _add_judges(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--judge",
        action="append",
        default=[],
        metavar="D",
        help="a detector as of drivesim benchmark; may be given again (default: reference)",
    )
    made.add_argument("--drives", type=count, metavar="N", help="only the first N drives: another protocol hash")


def drive(text: str) -> Drive:
    """A scenario and a seed.

    >>> drive("five_minutes@7102")
    Drive(scenario='five_minutes', seed=7102)
    """
    from scenarios.suite import Drive

    scenario, at, number = text.rpartition("@")
    if not at or not scenario or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not SCENARIO@SEED")
    return Drive(scenario, int(number))


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


def run_drives(arguments: argparse.Namespace) -> int:
    """Roll out the drives of a protocol and score them."""
    from drivesim.evaluation.generator import PROTOCOLS, evaluate
    from drivesim.metrics.features import load_features

    protocol = PROTOCOLS[arguments.protocol]
    drives = tuple(arguments.drive) or protocol.drives
    protocol = dataclasses.replace(protocol, drives=_first(drives, arguments.drives))
    judges, features = _judges(arguments.judge), load_features(arguments.features)
    with progress_bar("frames") as progress, _silent_rollouts():
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
    return _done(arguments.out)


def run_stress(arguments: argparse.Namespace) -> int:
    """Sweep fields of scenarios."""
    from drivesim.evaluation.stress import StressProtocol, Sweep, stress

    protocol = StressProtocol()
    protocol = dataclasses.replace(protocol, drives=_first(protocol.drives, arguments.drives))
    if arguments.sweep:
        protocol = dataclasses.replace(protocol, sweeps=tuple(Sweep(*given) for given in arguments.sweep))
    judges = _judges(arguments.judge)
    with progress_bar("clips") as progress, _silent_rollouts():
        stress(arguments.weights, arguments.out, protocol, judges, device=arguments.device, progress=progress)
    return _done(arguments.out)


def run_trainability(arguments: argparse.Namespace) -> int:
    """Train detectors and compare them, and say what came out."""
    from drivesim.trainability import trainability

    with progress_bar("clips and trainings") as progress:
        metrics = trainability(
            arguments.weights, arguments.out, real=arguments.real, device=arguments.device, progress=progress
        )
    for name, kinds in metrics["differences"].items():
        said = (f"{kind}s {row['value']:+.3f}" for kind, row in kinds.items() if row["value"] is not None)
        print(f"AP50 {name}: {', '.join(said)}")
    if not metrics["counts"]["counts"]:
        print("This run does not count: {arm} has AP50 {AP50} of {kind}s, expected {least}".format(**metrics["counts"]))
    return _done(arguments.out)


def run_sanity(arguments: argparse.Namespace) -> int:
    """Let the benchmark test itself; 1 if a defect is not caught."""
    from drivesim.evaluation import sanity

    with progress_bar("clips and checks") as progress:
        metrics = sanity.evaluate_sanity(arguments.out, sanity.PROTOCOL, progress=progress)
    for row in metrics["checks"]:
        print(sanity.line(row))
    _done(arguments.out)
    return 0 if metrics["caught"] else 1


@contextmanager
def _silent_rollouts() -> Iterator[None]:
    """Of many rollouts, let none tell what its weights obey: here it is measured."""
    rollouts = logging.getLogger("drivesim.rollout")
    before = rollouts.level
    rollouts.setLevel(logging.WARNING)
    try:
        yield
    finally:
        rollouts.setLevel(before)


def _first(drives: tuple[Any, ...], number: int | None) -> tuple[Any, ...]:
    """The first ``number`` drives, or all."""
    if number is not None and number > len(drives):
        raise UserError(f"--drives {number}: the protocol has {len(drives)}")
    return drives[:number]


def _judges(sources: list[str]) -> dict[str, Detector]:
    from drivesim.perception import load_detector

    loaded = [load_detector(source) for source in sources or ["reference"]]
    judges = {judge.name: judge for judge in loaded}
    if len(judges) < len(loaded):
        raise UserError(f"--judge: found {[judge.name for judge in loaded]}, expected judges of different names")
    return judges


def _done(out: str) -> int:
    print(Path(out) / "metrics.json")
    print(Path(out) / "report.html")
    return 0

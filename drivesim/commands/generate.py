"""``drivesim generate``: a suite of scenarios in, a dataset out."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivesim.commands.common import command, count, progress_bar

if TYPE_CHECKING:
    from drivesim.generate import Suite

FAILED = 3  # exit code: some clips could not be made
_TOLD = 5  # failures on the terminal


def add(groups: Any) -> None:
    """Declare the command."""
    made = command(
        groups,
        "generate",
        run_generate,
        about="make the dataset of a suite of scenarios; the same command again makes what is missing",
        example="drivesim generate streets --out out/streets",
    )
    made.add_argument("suite", metavar="SUITE", help="a suite file (drivesim.suite/1) or a shipped one: streets")
    made.add_argument("--out", metavar="DIR", help="folder of the dataset: new, or of an earlier run")
    made.add_argument(
        "--source", choices=("town", "rollout"), help="where all clips come from, instead of what the suite says"
    )
    made.add_argument("--weights", default="nano", metavar="nano|DIR", help="of rollouts: shipped or a folder of parts")
    made.add_argument("--device", default="auto", metavar="D", help="of rollouts: auto, cpu, cuda, ... (default: auto)")
    made.add_argument(
        "--workers", type=count, default=os.cpu_count() or 1, metavar="N", help="processes (default: %(default)s)"
    )
    made.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="on this machine, or on a cluster through Ray"
    )
    made.add_argument(
        "--shard", type=shard, default=(1, 1), metavar="I/N", help="only part I of N, to be joined by dataset merge"
    )
    made.add_argument("--plan", action="store_true", help="only print what it will come to, and make nothing")
    made.add_argument("--json", action="store_true", help="with --plan: print it as JSON")


def shard(text: str) -> tuple[int, int]:
    """The part I of N.

    >>> shard("2/3")
    (2, 3)
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 1 to N")
    return int(found[1]), int(found[2])


def run_generate(arguments: argparse.Namespace) -> int:
    """Make the dataset, or print the plan."""
    from drivesim.errors import UserError
    from drivesim.generate import read_suite

    suite = read_suite(arguments.suite)
    if arguments.plan:
        return _print_plan(suite, arguments)
    if arguments.json or arguments.out is None:
        raise UserError("generate: " + ("--json is of --plan" if arguments.json else "expected --out DIR, or --plan"))
    return make(
        suite, arguments.out, source=arguments.source, weights=arguments.weights, device=arguments.device,
        workers=arguments.workers, engine=arguments.engine, shard=arguments.shard,
    )  # fmt: skip


def make(suite: Suite, out: str, **asked: Any) -> int:
    """Make a dataset with a progress bar; says what failed, and returns the exit code."""
    from drivesim.generate import generate
    from drivesim.generate.planning import told

    workers = asked.get("workers") or os.cpu_count() or 1
    with progress_bar("clips") as progress:
        made = generate(
            suite, out, **asked, progress=progress, planned=lambda plan: print(told(plan, workers), file=sys.stderr)
        )
    for name, reason in list(made.failures.items())[:_TOLD]:
        print(f"{name}: {reason}", file=sys.stderr)
    if made.failures:
        rows = f"{len(made.failures)} of {len(made.dataset.rows) + len(made.failures)} clips could not be made"
        print(f"{rows}: {Path(out) / 'failures.jsonl'}; the same command tries them again", file=sys.stderr)
    print(out)
    return FAILED if made.failures else 0


def _print_plan(suite: Suite, arguments: argparse.Namespace) -> int:
    from drivesim.generate.jobs import jobs, part
    from drivesim.generate.planning import as_json, check_disk, plan, told

    spec = suite.spec.of_source(arguments.source)
    made = plan(part(jobs(suite, spec), arguments.shard), spec.size, spec.passes)
    print((as_json if arguments.json else told)(made, arguments.workers))
    if arguments.out is not None and Path(arguments.out).is_dir():
        check_disk(made, Path(arguments.out))
    return 0

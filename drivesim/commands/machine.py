"""``drivesim doctor`` and ``speed``: what this machine can do, and how fast."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drivesim.commands.common import command, count, positive, progress_bar


def add(groups: Any) -> None:
    """Declare the command."""
    command(
        groups,
        "doctor",
        run_doctor,
        about="tell what this machine can do, what is missing and its remedy",
        example="drivesim doctor",
    )
    speed = command(
        groups,
        "speed",
        run_speed,
        about="tell how long a rollout takes here, stage by stage, and how far each is from what the machine can do",
        example="drivesim speed dense_traffic --fps 7.5 --frames 24 --json out/speed.json",
    )
    speed.add_argument(
        "scenario", nargs="?", default="dense_traffic", metavar="SCENARIO",
        help="a scenario file or the name of a shipped one (default: dense_traffic)",
    )  # fmt: skip
    speed.add_argument("--weights", default="nano", metavar="nano|DIR", help="shipped weights or a folder of parts")
    speed.add_argument("--fps", type=positive, default=30.0, metavar="F", help="frames per second (default: 30)")
    speed.add_argument("--frames", type=count, default=96, metavar="N", help="length of the rollout (default: 96)")
    speed.add_argument("--steps", type=count, metavar="N", help="denoiser steps per window")
    speed.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    speed.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")


def run_doctor(arguments: argparse.Namespace) -> int:
    """Print one line per check; 1 if something needed is missing."""
    from drivesim.doctor import examine

    checks = examine()
    for check in checks:
        print(check)
    return 0 if all(check.fine or not check.needed for check in checks) else 1


def run_speed(arguments: argparse.Namespace) -> int:
    """Measure, and print the table."""
    from drivesim import atomic
    from drivesim.speed import measure_speed, table

    with progress_bar("speed") as progress:
        found = measure_speed(
            arguments.scenario, weights=arguments.weights, fps=arguments.fps, frames=arguments.frames,
            steps=arguments.steps, device=arguments.device, progress=progress,
        )  # fmt: skip
    if arguments.json is not None:
        atomic.write_json(arguments.json, found)
    print(table(found))
    return 0

"""``drivesim doctor`` and ``speed``: what this machine can do, and how fast."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drivesim.commands.common import command, count, positive, progress_bar
from drivesim.errors import UserError


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
        "scenario", nargs="?", metavar="SCENARIO",
        help="a scenario file or the name of a shipped one (default: dense_traffic)",
    )  # fmt: skip
    speed.add_argument("--weights", metavar="nano|DIR", help="shipped weights or a folder of parts (default: nano)")
    speed.add_argument("--fps", type=positive, metavar="F", help="frames per second (default: 30)")
    speed.add_argument("--frames", type=count, metavar="N", help="length of the rollout (default: 96)")
    speed.add_argument("--steps", type=count, metavar="N", help="denoiser steps per window")
    speed.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, ... (default: auto)")
    speed.add_argument(
        "--against", choices=["diffusers"], help="time our networks and those of another library in turn, instead"
    )
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
    from drivesim import atomic, side_by_side
    from drivesim.speed import measure_speed, table

    given = {name: getattr(arguments, name) for name in ("scenario", "weights", "fps", "frames", "steps")}
    given = {name: value for name, value in given.items() if value is not None}
    if arguments.against is not None and given:
        raise UserError(f"--against times networks, and no rollout: expected no {', '.join(sorted(given))}")
    with progress_bar("speed") as progress:
        if arguments.against is None:
            found = measure_speed(**given, device=arguments.device, progress=progress)
            lines = table(found)
        else:
            found = side_by_side.side_by_side(device=arguments.device, progress=progress)
            lines = side_by_side.table(found)
    if arguments.json is not None:
        atomic.write_json(arguments.json, found)
    print(lines)
    return 0

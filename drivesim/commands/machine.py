"""``drivesim doctor``: what this machine can do."""

from __future__ import annotations

import argparse
from typing import Any

from drivesim.commands.common import command


def add(groups: Any) -> None:
    """Declare the command."""
    command(
        groups,
        "doctor",
        run_doctor,
        about="tell what this machine can do, what is missing and its remedy",
        example="drivesim doctor",
    )


def run_doctor(arguments: argparse.Namespace) -> int:
    """Print one line per check; 1 if something needed is missing."""
    from drivesim.doctor import examine

    checks = examine()
    for check in checks:
        print(check)
    return 0 if all(check.fine or not check.needed for check in checks) else 1

"""``drivesim train``: every stage in order, or one."""

from __future__ import annotations

import argparse
from typing import Any

from drivesim.commands.common import command, minutes, seed


def add(groups: Any) -> None:
    """Declare the command."""
    train = command(
        groups,
        "train",
        run_train,
        about="train all parts in order, or one of them",
        example="drivesim train all --preset nano --data out/town --budget 90m --out out/nano",
    )
    train.add_argument("stage", metavar="all|STAGE", help="all, a part's name (ae.image, unet.image, ...) or detector")
    train.add_argument("--preset", default="nano", help="tiny, nano or base (default: nano)")
    train.add_argument("--data", required=True, metavar="DIR", help="a folder of clips (drivesim dataset town)")
    train.add_argument("--out", required=True, metavar="DIR", help="the run's folder; an unfinished run in it goes on")
    train.add_argument("--budget", type=minutes, metavar="TIME", help="wall-clock time to plan for, such as 90m")
    train.add_argument("--init-from", metavar="PART", help="go on from this saved part (one stage only)")
    train.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the run (default: 0)")
    train.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default: auto)")


def run_train(arguments: argparse.Namespace) -> int:
    """Train and print where the weights are."""
    return 0

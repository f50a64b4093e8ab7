"""``drivesim train``: every stage in order, or one."""

from __future__ import annotations

import argparse
from typing import Any

from drivesim.commands.common import command, seed
from drivesim.errors import UserError


def add(groups: Any) -> None:
    """Declare the command."""
    train = command(
        groups,
        "train",
        run_train,
        about="train all parts in order, or one of them; the same command again goes on where it was",
        example="drivesim train all --preset nano --data out/town --budget 90m --out out/nano",
    )
    train.add_argument("stage", metavar="all|STAGE", help="all, a part's name (ae.image, unet.image, ...) or detector")
    train.add_argument("--preset", default="nano", help="tiny, nano or base (default: nano)")
    train.add_argument(
        "--data", nargs="+", required=True, metavar="DIR", help="folders of clips (drivesim dataset town)"
    )
    train.add_argument("--out", required=True, metavar="DIR", help="the run's folder; the parts come to DIR/weights")
    train.add_argument(
        "--budget", metavar="TIME", help="wall-clock time to plan for, such as 90m (default: the preset's)"
    )
    train.add_argument("--init-from", metavar="PART", help="go on from this folder of saved parts (one stage only)")
    train.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the run (default: 0)")
    train.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default: auto)")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting, such as data.batch_size=4 (one stage only)",
    )


def run_train(arguments: argparse.Namespace) -> int:
    """Train and print where the weights are."""
    if arguments.stage == "all" and (arguments.init_from or arguments.set):
        raise UserError("train all: --init-from and --set are of one stage, expected a stage's name")
    from drivesim.training import train_all, train_stage
    from drivesim.training.plan import parse_budget

    same = {
        "preset": arguments.preset,
        "data": arguments.data,
        "out": arguments.out,
        "budget_minutes": None if arguments.budget is None else parse_budget(arguments.budget),
        "seed": arguments.seed,
        "device": arguments.device,
    }
    if arguments.stage == "all":
        print(train_all(**same))
    else:
        overrides = [f"--{setting}" for setting in arguments.set]
        print(train_stage(arguments.stage, **same, init_from=arguments.init_from, overrides=overrides))
    return 0

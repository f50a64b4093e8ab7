"""``drivesim train``: every stage in order, or one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from drivesim.commands.common import command, progress_bar, seed
from drivesim.errors import UserError


def add(groups: Any) -> None:
    """Declare the command."""
    train = command(
        groups,
        "train",
        run_train,
        about="train all parts in order, or one of them; the same command again goes on where it was",
        example="drivesim train all --preset nano --budget 90m --out out/nano",
    )
    train.add_argument("stage", metavar="all|STAGE", help="all, a part's name (ae.image, unet.image, ...) or detector")
    train.add_argument("--preset", default="nano", help="tiny, nano or base (default: nano)")
    train.add_argument(
        "--data", nargs="+", metavar="DIR", help="folders of clips (default: town clips, made in OUT/data)"
    )
    train.add_argument("--out", required=True, metavar="OUT", help="the run's folder; the parts come to OUT/weights")
    train.add_argument("--budget", metavar="TIME", help="time to train, such as 90m (default: the preset's)")
    train.add_argument("--init-from", metavar="PART", help="one stage: go on from this folder of saved parts")
    train.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one stage: such as data.batch_size=4"
    )
    train.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the run (default: 0)")
    train.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default: auto)")


def run_train(arguments: argparse.Namespace) -> int:
    """Train and print where the weights are."""
    if arguments.stage == "all" and (arguments.init_from or arguments.set):
        raise UserError("train all: --init-from and --set are of one stage, expected a stage's name")
    from drivesim.presets import load_preset
    from drivesim.training import STAGES, train_all, train_stage
    from drivesim.training.plan import parse_budget
    from drivesim.training.run import DETECTOR

    load_preset(arguments.preset)  # wrong names are told before any clip is made
    if arguments.stage not in ("all", *STAGES, DETECTOR):
        raise UserError(f"stage is {arguments.stage!r}, expected all or one of {', '.join((*STAGES, DETECTOR))}")
    budget = None if arguments.budget is None else parse_budget(arguments.budget)
    same: dict[str, Any] = {
        "preset": arguments.preset,
        "data": arguments.data or [_town_clips(arguments)],
        "out": arguments.out,
        "budget_minutes": budget,
        "seed": arguments.seed,
        "device": arguments.device,
    }
    if arguments.stage == "all":
        print(train_all(**same))
    else:
        overrides = [f"--{setting}" for setting in arguments.set]
        print(train_stage(arguments.stage, **same, init_from=arguments.init_from, overrides=overrides))
    return 0


def _town_clips(arguments: argparse.Namespace) -> Path:
    """Make the preset's number of town clips in the run's folder, or find them there."""
    import yaml

    from drivesim.generate import town_dataset
    from drivesim.presets import configs_folder

    plan = yaml.safe_load((configs_folder() / arguments.preset / "plan.yaml").read_text(encoding="utf-8"))
    with progress_bar("town clips") as progress:
        return town_dataset(
            Path(arguments.out) / "data", clips=plan["town_clips"], seed=arguments.seed, progress=progress
        )

"""``drivesim dataset``: clips in numbers, checked, and in other people's formats."""

from __future__ import annotations

import argparse
from typing import Any

from drivesim.commands.common import add_out, command, count, progress_bar, seed


def add(groups: Any) -> None:
    """Declare the commands."""
    kinds = groups.add_parser(
        "dataset", help="make training clips, join datasets", description="Make training clips, join datasets."
    ).add_subparsers(title="kinds", metavar="KIND", required=True)
    town = command(
        kinds,
        "town",
        run_dataset_town,
        about="render training clips of random scenarios in the town",
        example="drivesim dataset town --clips 200 --out out/town",
    )
    town.add_argument("--clips", type=count, required=True, metavar="N", help="how many clips")
    add_out(town)
    town.add_argument("--seed", type=seed, default=0, metavar="N", help="which clips (default: 0)")
    town.add_argument("--frames", type=count, default=60, metavar="N", help="frames of a clip (default: %(default)s)")
    merge = command(
        kinds,
        "merge",
        run_dataset_merge,
        about="join all shards of a dataset (drivesim generate --shard)",
        example="drivesim dataset merge out/1 out/2 out/3 --out out/whole",
    )
    merge.add_argument("shards", nargs="+", metavar="DIR", help="the shards 1/N to N/N, in any order")
    add_out(merge)


def run_dataset_town(arguments: argparse.Namespace) -> int:
    """Render N clips of sampled scenarios."""
    from drivesim.commands.generate import make
    from drivesim.generate.town import town_suite

    suite = town_suite(clips=arguments.clips, seed=arguments.seed, frames=arguments.frames)
    return make(suite, arguments.out)


def run_dataset_merge(arguments: argparse.Namespace) -> int:
    """Join shards."""
    from drivesim.generate import merge

    with progress_bar("clips") as progress:
        print(merge(arguments.shards, arguments.out, progress=progress).path)
    return 0

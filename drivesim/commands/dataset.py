"""``drivesim dataset``: clips in numbers, checked, and in other people's formats."""

from __future__ import annotations

import argparse
from typing import Any

from drivesim.commands.common import add_out, command, count, progress_bar, seed


def add(groups: Any) -> None:
    """Declare the commands."""
    kinds = groups.add_parser(
        "dataset", help="make and check datasets of clips", description="Make and check datasets of clips."
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
    check = command(
        kinds,
        "verify",
        run_dataset_verify,
        about="check every clip, every sum and every fact of a dataset (exit status 1 if something is wrong)",
        example="drivesim dataset verify out/town",
    )
    check.add_argument("dataset", metavar="DIR", help="a dataset's folder")


def run_dataset_verify(arguments: argparse.Namespace) -> int:
    """Print what is wrong with the dataset, one line each."""
    from drivesim.clips.checking import check_dataset
    from drivesim.clips.dataset import read_dataset

    with progress_bar("check") as progress:
        found = check_dataset(arguments.dataset, progress)
    for line in found:
        print(line)
    if not found:
        rows = read_dataset(arguments.dataset).rows
        print(f"{arguments.dataset}: {len(rows)} clips, {sum(row.frames for row in rows)} frames: fine")
    return 1 if found else 0


def run_dataset_town(arguments: argparse.Namespace) -> int:
    """Render N clips of sampled scenarios."""
    from drivesim.generate import town_dataset

    with progress_bar("clips") as progress:
        folder = town_dataset(
            arguments.out, clips=arguments.clips, seed=arguments.seed, frames=arguments.frames, progress=progress
        )
    print(folder)
    return 0

"""``drivesim dataset``: clips in numbers, checked, and in other people's formats."""

from __future__ import annotations

import argparse
import json
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
    look = command(
        kinds,
        "inspect",
        run_dataset_inspect,
        about="tell what is in a dataset: counts, conditions with the empty ones first, boxes, agreement",
        example="drivesim dataset inspect out/town --json",
    )
    look.add_argument("dataset", metavar="DIR", help="a dataset's folder")
    look.add_argument("--json", action="store_true", help="as JSON")
    judge = command(
        kinds,
        "judge",
        run_dataset_judge,
        about="let detectors look for the boxes that a dataset's rollouts were asked for",
        example="drivesim dataset judge out/set --judge reference --judge onnx:yolo.onnx",
    )
    judge.add_argument("dataset", metavar="DIR", help="a dataset's folder")
    judge.add_argument(
        "--judge",
        action="append",
        required=True,
        metavar="DETECTOR",
        help="reference, onnx:FILE, hf:DIR or a plug-in; may be given several times",
    )


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


def run_dataset_inspect(arguments: argparse.Namespace) -> int:
    """Print the dataset in numbers."""
    from drivesim.clips.dataset import read_dataset
    from drivesim.generate.inspecting import describe, inspect

    found = inspect(read_dataset(arguments.dataset))
    print(json.dumps(found, indent=1) if arguments.json else describe(found), end="\n" if arguments.json else "")
    return 0


def run_dataset_judge(arguments: argparse.Namespace) -> int:
    """Judge the rollouts that these detectors have not judged yet, and bring the card up to date."""
    from drivesim.clips.dataset import read_dataset
    from drivesim.generate.agreeing import judge_dataset
    from drivesim.generate.card import write_card
    from drivesim.perception import load_detector

    dataset = read_dataset(arguments.dataset)
    detectors = [load_detector(name) for name in arguments.judge]
    with progress_bar("judge") as progress:
        made = judge_dataset(dataset, detectors, progress)
    print(f"{arguments.dataset}: {made} rollouts judged now")
    print(write_card(dataset))
    return 0


def run_dataset_town(arguments: argparse.Namespace) -> int:
    """Render N clips of sampled scenarios."""
    from drivesim.generate import town_dataset

    with progress_bar("clips") as progress:
        folder = town_dataset(
            arguments.out, clips=arguments.clips, seed=arguments.seed, frames=arguments.frames, progress=progress
        )
    print(folder)
    return 0

"""``drivesim dataset``: clips in numbers, checked, and in other people's formats."""

from __future__ import annotations

import argparse
import json
from typing import Any

from drivesim.commands.common import add_out, command, count, positive, progress_bar, seed


def add(groups: Any) -> None:
    """Declare the commands."""
    about = "make datasets' clips, check them, join them, and write and read other people's formats"
    kinds = groups.add_parser("dataset", help=about, description=f"{about.capitalize()}.").add_subparsers(
        title="kinds", metavar="KIND", required=True
    )
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
    _add_checks(kinds)
    _add_export(kinds)
    _add_import(kinds)


def _add_checks(kinds: Any) -> None:
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


def _add_export(kinds: Any) -> None:
    made = command(
        kinds,
        "export",
        run_dataset_export,
        about="write a dataset in another format: coco, yolo, kitti, mot, ...",
        example="drivesim dataset export out/street --format coco --out out/coco",
    )
    made.add_argument("dataset", metavar="DIR", help="the dataset's folder")
    made.add_argument("--format", required=True, metavar="FORMAT", help="the format to write")
    add_out(made)
    made.add_argument(
        "--policy",
        default="flag",
        metavar="WHAT",
        help="boxes of rollouts that no detector found: keep, flag with the format's mark, drop (default: %(default)s)",
    )
    made.add_argument(
        "--overlap",
        type=positive,
        default=0.5,
        metavar="IOU",
        help="from which overlap on a detector found a box (default: %(default)s)",
    )
    made.add_argument(
        "--split", nargs="+", default=["train", "val", "test"], metavar="NAME", help="train, val, test (default: all)"
    )


def _add_import(kinds: Any) -> None:
    made = command(
        kinds,
        "import",
        run_dataset_import,
        about="read a COCO or KITTI tracking folder as clips, whose labels are those of the files",
        example="drivesim dataset import kitti_tracking --format kitti --out out/kitti",
    )
    made.add_argument("folder", metavar="DIR", help="the folder to read")
    made.add_argument("--format", required=True, metavar="FORMAT", help="coco or kitti")
    add_out(made)
    made.add_argument(
        "--fps", type=positive, metavar="RATE", help="frames/s where the files do not tell (KITTI's default: 10)"
    )


def run_dataset_export(arguments: argparse.Namespace) -> int:
    """Write a dataset in another format."""
    from drivesim.clips.dataset import read_dataset
    from drivesim.exports import export
    from drivesim.exports.labels import LabelRule

    rule = LabelRule(arguments.policy, arguments.overlap)
    with progress_bar("clips") as progress:
        folder = export(
            read_dataset(arguments.dataset), arguments.format, arguments.out, rule=rule, splits=arguments.split,
            progress=progress,
        )  # fmt: skip
    print(folder)
    return 0


def run_dataset_import(arguments: argparse.Namespace) -> int:
    """Read another format as clips."""
    from drivesim.datasets.importing import import_clips

    with progress_bar("clips") as progress:
        folder = import_clips(
            arguments.folder, arguments.format, arguments.out, fps=arguments.fps, progress=progress
        )  # fmt: skip
    print(folder)
    return 0


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

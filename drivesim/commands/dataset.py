"""``drivesim dataset``: clips in numbers, checked, and in other people's formats."""

from __future__ import annotations

import argparse
from typing import Any

from drivesim.commands.common import add_out, command, count, positive, progress_bar, seed


def add(groups: Any) -> None:
    """Declare the commands."""
    about = "make training clips, write and read other people's formats"
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
    _add_export(kinds)
    _add_import(kinds)


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


def run_dataset_town(arguments: argparse.Namespace) -> int:
    """Render N clips of sampled scenarios."""
    from drivesim.generate import town_dataset

    with progress_bar("clips") as progress:
        folder = town_dataset(
            arguments.out, clips=arguments.clips, seed=arguments.seed, frames=arguments.frames, progress=progress
        )
    print(folder)
    return 0

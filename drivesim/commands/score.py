"""``drivesim benchmark`` and ``drivesim compare``: what detectors see in clips."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivesim.commands.common import add_out, command, count, progress_bar

if TYPE_CHECKING:
    from drivesim.clips import Clip


def add(groups: Any) -> None:
    """Declare the commands."""
    benchmark = command(
        groups,
        "benchmark",
        run_benchmark,
        about="score a detector on clips: metrics.json, metrics.csv, frames.jsonl and report.html",
        example="drivesim benchmark out/render --every 1 --tracker byte --out out/scores",
    )
    benchmark.add_argument(
        "clips",
        nargs="+",
        metavar="CLIP",
        help="clip folders, datasets (their split test), or real footage: videos, folders of it",
    )
    benchmark.add_argument(
        "--detector",
        default="reference",
        metavar="reference|onnx:FILE|hf:DIR|PLUGIN",
        help="the shipped detector (default), an ONNX file, a model of transformers (a folder, or a name on the hub; "
        "needs drivesim[hf]), or an installed plug-in as NAME or NAME:ARGUMENT",
    )
    benchmark.add_argument("--every", type=count, default=6, metavar="N", help="score every N-th frame (default: 6)")
    benchmark.add_argument(
        "--tracker",
        metavar="byte|PLUGIN",
        help="also follow what is found over each clip and score the tracks (HOTA, MOTA, IDF1): byte, with settings as "
        "byte:patience=2,new=0.6, or an installed plug-in as NAME or NAME:ARGUMENT (default: no tracking); it sees "
        "every N-th frame",
    )
    benchmark.add_argument("--tensorboard", metavar="DIR", help="also write the scores there as TensorBoard scalars")
    add_out(benchmark)
    compare = command(
        groups,
        "compare",
        run_compare,
        about="set runs of one protocol side by side: detectors by slice, models by measure",
        example="drivesim compare out/reference out/yolox --out out/compared",
    )
    compare.add_argument("runs", nargs="+", metavar="RUN", help="two or more folders of drivesim benchmark or evaluate")
    add_out(compare)


def run_benchmark(arguments: argparse.Namespace) -> int:
    """Score the clips."""
    from drivesim.evaluation import benchmark
    from drivesim.perception import load_detector, load_tracker

    clips = [clip for path in arguments.clips for clip in clips_at(path)]
    detector = load_detector(arguments.detector)
    tracker = None if arguments.tracker is None else load_tracker(arguments.tracker)
    with progress_bar("score") as progress:
        metrics = benchmark(clips, detector, arguments.out, every=arguments.every, tracker=tracker, progress=progress)
    if arguments.tensorboard is not None:
        from drivesim.report import write_tensorboard

        write_tensorboard(metrics, arguments.tensorboard)
    print(Path(arguments.out) / "metrics.json")
    print(Path(arguments.out) / "report.html")
    return 0


def run_compare(arguments: argparse.Namespace) -> int:
    """Compare the runs, and say how they do in total."""
    from drivesim.evaluation import compare

    result = compare(arguments.runs, arguments.out)
    names = [run["name"] for run in result["runs"]]
    if "measures" in result:  # of models
        scores = {name: [run["value"] for run in row["runs"]] for name, row in result["measures"].items()}
    else:
        totals = {kind: rows[0]["runs"] for kind, rows in result["rows"].items()}
        scores = {f"{kind} AP50": [run and run["AP50"] for run in runs] for kind, runs in totals.items()}
    for score, values in scores.items():
        known = [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
        if known:
            print(f"{score}: {', '.join(f'{name} {value:.3f}' for name, value in known)}")
    print(Path(arguments.out) / "compare.json")
    print(Path(arguments.out) / "compare.html")
    return 0


def clips_at(path: str) -> list[Clip]:
    """The clip in a folder that drivesim wrote, those of a dataset's split test, or else the real footage there."""
    from drivesim.clips import read_clip
    from drivesim.clips.dataset import is_dataset, read_dataset
    from drivesim.datasets import read_footage
    from drivesim.errors import UserError

    if is_dataset(Path(path)):
        dataset = read_dataset(path)
        clips = [dataset.clip(row) for row in dataset.rows if row.split == "test"]
        if not clips:
            raise UserError(f"{path}: found no clip of the split test, expected some to score on")
        return clips
    return [read_clip(path)] if (Path(path) / "clip.json").exists() else read_footage(path)

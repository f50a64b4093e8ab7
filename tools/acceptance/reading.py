"""The acceptance lines of reading for training: a step with frames from video in shards, and with frames in memory."""

from __future__ import annotations

import itertools
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from lines import Line, Result, drivesim

CLIPS = 48
PAIRS = 5
STEPS = 64
"""A whole number of the reader's pools, whose clips are decoded at the beginning of each."""
WARM_UP = 3
SLOWER = 1.1


def training_step(folder: Path) -> Result:
    """Seconds per step of ae.image, nano, on all cores, in pairs whose order alternates."""
    return measure_step(_shards(folder), folder, steps=STEPS)


def measure_step(shards: Path, folder: Path, *, steps: int) -> Result:
    """As above, of shards that are there."""
    rows: dict[str, list[float]] = {"memory": [], "stream": []}
    waited = []
    for pair in range(PAIRS):
        for kind in list(rows)[:: 1 if pair % 2 == 0 else -1]:
            built = _built(shards, folder, f"--trainer.max_steps={WARM_UP + steps}")
            rows[kind].append(_seconds_per_step(built, held=kind == "memory", steps=steps))
            if kind == "stream":
                waited.append(built.data.stream.waited)
    ratio = statistics.median(b / a for a, b in zip(rows["memory"], rows["stream"], strict=True))
    figure = {
        "ratio": round(ratio, 3),
        "seconds per step": {kind: [round(x, 4) for x in values] for kind, values in rows.items()},
        "seconds waited for frames, the first included": [round(x, 2) for x in waited],
        "steps": steps,
        "cores": os.cpu_count(),
    }
    return Result(figure, ratio <= SLOWER)


def reader(folder: Path) -> Result:
    """Frames per second that the reader alone gives, by its workers."""
    return measure_reader(_shards(folder), folder)


def measure_reader(shards: Path, folder: Path, *, pools: int = 3) -> Result:
    """As above, of shards that are there."""
    figure = {}
    for workers in sorted({1, os.cpu_count() or 1}):
        stream = _built(shards, folder, f"--data.workers={workers}").data.stream
        count = pools * stream.pool * stream.windows
        started = time.perf_counter()
        with closing(stream.samples()) as samples:
            frames = sum(len(sample.colour) for sample in itertools.islice(samples, count))
        threads = f"{workers} thread{'s' if workers > 1 else ''}"
        figure[f"frames/s, {threads}"] = round(frames / (time.perf_counter() - started), 1)
    return Result(figure, all(value > 0 for value in figure.values()))


def _shards(folder: Path) -> Path:
    """Clips of the town as shards."""
    drivesim("dataset", "town", "--clips", CLIPS, "--frames", 60, "--out", folder / "clips")
    drivesim("dataset", "export", folder / "clips", "--format", "webdataset", "--out", folder / "shards")
    return folder / "shards"


def _built(shards: Path, folder: Path, *more: str) -> Any:
    """The stage, streamed; ``more``: further settings."""
    from drivesim.training.cli import build

    given = {
        "seed_everything": 0,
        "model.part": "ae.image",
        "model.preset": "nano",
        "model.weights": str(folder / "weights"),
        "data.folders": [str(shards)],
        "data.cache": str(folder / "cache"),
        "data.stream": True,
    }
    built = build("ae.image", "nano", given=given, device="cpu", overrides=more)
    built.data.prepare_caches(None)
    return built


def _seconds_per_step(built: Any, *, held: bool, steps: int) -> float:
    """The mean after `WARM_UP` steps; with ``held`` the same batches lie in memory beforehand."""
    from drivesim.training.callbacks import StepTimer
    from drivesim.training.data import Batches

    count = WARM_UP + steps
    timer = StepTimer(warm_up=WARM_UP)
    built.trainer.callbacks.append(timer)

    def batches(first: int) -> Iterator[Any]:
        with closing(built.data.batches(first)) as found:
            yield from (list(itertools.islice(found, count)) if held else found)

    built.trainer.fit(built.stage, Batches(batches, lambda: 0))
    return (timer.ends[-1] - timer.ends[WARM_UP - 1]) / steps


LINES = (
    Line("training step, frames from shards", f"<= {SLOWER} of that with frames in memory", training_step),
    Line("training reader", "tells its frames/s", reader),
)

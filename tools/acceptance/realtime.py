"""The acceptance lines of speed: a minute of video as it plays, its memory, and other people's networks beside ours.

``DRIVESIM_ACCEPTANCE_WEIGHTS``: the weights, a folder or a shipped name (default: nano). ``DRIVESIM_ACCEPTANCE_FPS``:
frames/s of the rollouts (default: 30). ``DRIVESIM_ACCEPTANCE_TRAINING``: folders of clips to train on for a while.
"""

from __future__ import annotations

import os
import re
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

from chain import beginning
from lines import Done, Line, Result, Unavailable, command, drivesim, measured, read_json
from video import chosen

from drivesim.side_by_side import EQUAL, WORK
from scenarios.suite import FIVE_MINUTES

FPS = float(os.environ.get("DRIVESIM_ACCEPTANCE_FPS", "30"))
REQUIRED, AIM = 3.0, 1.0  # seconds of work per second of video
MEMORY = 2048  # MiB
SPREAD = 0.1  # by which the shares of stages may differ from run to run
TOLD = 0.05  # stages that take less of the time are not looked at: their shares are noise
CEILING = 0.45
"""Share of a convolution's speed that a training step of the U-Net stages must reach."""


@cache
def rolled_out(seconds: float) -> Done:
    """A rollout of the beginning of five minutes."""
    with tempfile.TemporaryDirectory(prefix="drivesim-acceptance-") as folder:
        whole = FIVE_MINUTES[0]
        drive = whole.scenario if seconds == 300 else beginning(Path(folder), whole.scenario, seconds=seconds)
        words = ["--fps", FPS, "--weights", chosen(), "--seed", whole.seed]
        return drivesim("rollout", drive, "--out", f"{folder}/clip", *words)


def minute(folder: Path) -> Result:
    """A minute of video."""
    done = rolled_out(60)
    figure = {"seconds": done.seconds, "required": 60 * REQUIRED, "aim": 60 * AIM, "fps": FPS, "frames": 60 * FPS}
    return Result(figure, done.seconds <= 60 * REQUIRED)


def memory(folder: Path, *, seconds: float) -> Result:
    """The most memory of a rollout, and its time."""
    done = rolled_out(seconds)
    return Result({"MiB": done.peak, "seconds": done.seconds, "frames": seconds * FPS}, done.peak <= MEMORY)


@cache
def beside() -> dict[str, Any]:
    """What ``drivesim speed --against diffusers`` writes."""
    with tempfile.TemporaryDirectory(prefix="drivesim-acceptance-") as folder:
        drivesim("speed", "--against", "diffusers", "--json", f"{folder}/speed.json")
        found: dict[str, Any] = read_json(Path(folder) / "speed.json")
        return found


def equal_work(folder: Path, *, name: str) -> Result:
    """A pair of networks of equal work."""
    row = beside()["pairs"][name]
    passed = row["equal"] and row["times_default"] >= 3 and row["times_best"] >= 1
    return Result(row, passed)


def equal_output(folder: Path) -> Result:
    """The denoiser, for a frame of equal output with equal steps."""
    found = beside()["per_frame"]
    return Result(found, found["times_best"] >= 8)


def repeats(folder: Path) -> Result:
    """The shares of the stages in three runs of ``drivesim speed``."""
    shares: dict[str, list[float]] = {}
    for turn in range(3):
        drivesim("speed", "--fps", FPS, "--weights", chosen(), "--json", folder / f"{turn}.json")
        stages = read_json(folder / f"{turn}.json")["stages"]
        whole = sum(row["milliseconds"] for row in stages.values())
        for name, row in stages.items():
            shares.setdefault(name, []).append(row["milliseconds"] / whole)
    told = {name: values for name, values in shares.items() if min(values) >= TOLD}
    spread = {name: max(values) / min(values) - 1 for name, values in told.items()}
    return Result({"shares": shares, "spread": spread}, bool(spread) and max(spread.values()) <= SPREAD)


def training(folder: Path, *, stage: str) -> Result:
    """A short training of a stage that goes on from the shipped weights."""
    clips = [name for name in os.environ.get("DRIVESIM_ACCEPTANCE_TRAINING", "").split(os.pathsep) if name]
    if not clips:
        raise Unavailable("DRIVESIM_ACCEPTANCE_TRAINING names no clips to train on")
    words = ["--data", *clips, "--init-from", chosen(), "--budget", "3m", "--profile", "--out", folder / "run"]
    done = measured([*command("train", stage), *map(str, words)])
    said = re.findall(r"a step takes (\S+) s and waits (\S+) s .*: (\d+)% of the ceiling", done.err)
    if not said:
        return Result({"log": done.err[-500:]}, False)
    step, wait, share = (float(value) for value in said[-1])
    figure = {"step, s": step, "wait for data, s": wait, "share of the ceiling": share / 100}
    return Result(figure, share / 100 >= CEILING and wait <= 0.05 * step)


LINES = (
    Line("a minute of video", f"<= {60 * REQUIRED:g} s, aim {60 * AIM:g}", minute),
    Line("memory of a minute", f"<= {MEMORY} MiB", partial(memory, seconds=60)),
    Line("memory of five minutes", f"<= {MEMORY} MiB", partial(memory, seconds=300)),
    *(
        Line(
            f"equal work: {name}",
            f"operations within {EQUAL:.0%}; theirs takes >= 3 times as it comes, >= 1 at best",
            partial(equal_work, name=name),
        )
        for name in WORK
    ),
    Line("equal output: denoiser", "theirs takes >= 8 times at its best, with as many steps", equal_output),
    Line("speed repeats", f"shares of stages within {SPREAD:.0%} in three runs", repeats),
    *(
        Line(
            f"training of {stage}",
            f">= {CEILING:.0%} of the ceiling, data never waited for",
            partial(training, stage=stage),
        )
        for stage in ("unet.image", "unet.temporal_key", "unet.temporal_interp")
    ),
)

"""How fast a rollout is here, stage by stage, and how far each stage is from what this machine can do."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from drivesim.clips import software
from drivesim.errors import UserError
from drivesim.operations import PRECISIONS, Operations, measure_ceiling, now
from drivesim.parts import Weights, load_weights
from drivesim.rollout import rollout
from drivesim.rollout.pipeline import shared_processors
from drivesim.rollout.stages import works_in_bf16
from drivesim.rollout.stream import device_of
from drivesim.rollout.watch import STAGES, watched
from scenarios import compile, load

SCHEMA = "drivesim.speed/2"

Progress = Callable[[int, int], None]


class Stopwatch:
    """Hears a rollout's stages work: seconds and calls of each, and operations where ``counting``.

    Counting slows down, so one pass counts and another is timed. Stages work in several threads.
    """

    def __init__(self, device: torch.device, *, counting: bool = False) -> None:
        """``device``: where the stages work; what a GPU has queued is waited for."""
        self.device, self.counting = device, counting
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self.calls = dict.fromkeys(STAGES, 0)
        self.operations = dict.fromkeys(STAGES, 0)
        self._lock = Lock()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """What a stage works in."""
        counter = Operations() if self.counting else nullcontext()
        started = now(self.device)
        with counter:
            yield
        with self._lock:
            self.seconds[stage] += now(self.device) - started
            self.calls[stage] += 1
            if isinstance(counter, Operations):
                self.operations[stage] += counter.total


def measure_speed(
    scenario: str | Path = "dense_traffic",
    *,
    weights: str | Path | Weights = "nano",
    fps: float = 30.0,
    frames: int = 96,
    steps: int | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Roll a scenario out twice, and tell where the time of the second pass goes. The clips are thrown away.

    Args:
        scenario: a scenario's file or shipped name.
        weights: folder of parts, or a shipped name; or what `load_weights` made of one.
        fps: of the clip, frames/s.
        frames: of the clip; whole steps of the rollout's plan tell most (96 at 30 frames/s, 24 at 7.5).
        steps: denoiser steps; None: the scenario's, or else the card's.
        device: "auto", "cpu", "cuda", ...
        progress: called with (frames done, frames in all) of both passes together.

    Returns:
        JSON-ready: ``stages``, for each of `STAGES` its ``milliseconds`` per frame of the clip, ``calls``,
        ``gigaoperations`` per frame (a multiplication and an addition are two), ``gigaoperations_per_second`` and
        ``share`` of the ceiling in the precision that is used; ``ceiling`` of each precision in 10^9 operations/s, for
        the ``threads`` that a stage has; ``milliseconds`` per frame in all, less than those of the stages together,
        since they work at the same time; ``real_time``: seconds of video per second; ``peak_MiB`` of memory.

    Raises:
        UserError: the scenario has fewer frames, or `rollout` refuses.
    """
    built = weights if isinstance(weights, Weights) else load_weights(weights)
    drive = load(scenario)
    timeline = compile(drive, fps=fps)
    if not 1 <= frames <= len(timeline):
        raise UserError(
            f"asked for {frames} frames, expected 1 to {len(timeline)}: {drive.name} has no more at {fps:g}/s"
        )
    timeline = timeline.first(frames)
    place = device_of(device)
    counted, timed = Stopwatch(place, counting=True), Stopwatch(place)
    for turn, watch in enumerate((counted, timed)):

        def so_far(done: int, total: int, before: int = turn * frames) -> None:
            if progress is not None:
                progress(before + done, 2 * total)

        with tempfile.TemporaryDirectory(prefix="drivesim-speed-") as folder, watched(watch):
            started = time.perf_counter()
            clip = rollout(
                timeline, Path(folder) / "clip", weights=built, steps=steps, device=device, progress=so_far,
                allow_untrained_camera=True,
            )  # fmt: skip
            seconds = time.perf_counter() - started
            sampling = clip.provenance["sampling"]
    with shared_processors():
        ceiling, threads = measure_ceiling(place), torch.get_num_threads()
    precision = "bf16" if works_in_bf16(place) else "fp32"
    rows = {name: _row(name, timed, counted, frames, ceiling[precision]) for name in STAGES}
    return {
        "schema": SCHEMA,
        "scenario": drive.name,
        "fps": fps,
        "frames": frames,
        "sampling": sampling,
        "weights": built.fingerprints,
        "device": place.type,
        "threads": threads,
        "precision": precision,
        "software": software("torch"),
        "stages": rows,
        "milliseconds": 1e3 * seconds / frames,
        "real_time": frames / fps / seconds,
        "ceiling": ceiling,
        "peak_MiB": peak_memory(place),
    }


def peak_memory(device: torch.device) -> float:
    """The most memory that this process held so far, MiB: the device's, or the resident memory of a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def table(found: dict[str, Any]) -> str:
    """What `measure_speed` found, as lines for a terminal."""
    rows = [f"{'stage':12}{'ms/frame':>10}{'share':>8}{'Gop/frame':>11}{'Gop/s':>8}{'of ceiling':>12}"]
    together = sum(row["milliseconds"] for row in found["stages"].values())
    for name in STAGES:
        row = found["stages"][name]
        part = row["milliseconds"] / together
        line = f"{name:12}{row['milliseconds']:10.2f}{part:8.1%}"
        if row.get("gigaoperations"):
            line += f"{row['gigaoperations']:11.2f}{row['gigaoperations_per_second']:8.0f}{row['share']:12.0%}"
        rows.append(line)
    ceilings = ", ".join(f"{name} {found['ceiling'][name]:.0f}" for name in PRECISIONS)
    rows += [
        f"{'together':12}{together:10.2f}  of which {together / found['milliseconds']:.2f} work at the same time",
        f"{'all':12}{found['milliseconds']:10.2f}  {found['real_time']:.2f} s of video per second, "
        f"{found['fps']:g} frames/s",
        f"{found['frames']} frames of {found['scenario']} on {found['device']}, {found['threads']} threads a stage, "
        f"{found['precision']}; ceiling (convolution), 10^9 operations/s: {ceilings}; peak {found['peak_MiB']:.0f} MiB",
    ]
    return "\n".join(rows)


def _row(name: str, timed: Stopwatch, counted: Stopwatch, frames: int, ceiling: float) -> dict[str, Any]:
    seconds, operations = timed.seconds[name], counted.operations[name] / 1e9
    row: dict[str, Any] = {"milliseconds": 1e3 * seconds / frames, "calls": timed.calls[name]}
    if operations:
        rate = operations / seconds
        row |= {"gigaoperations": operations / frames, "gigaoperations_per_second": rate, "share": rate / ceiling}
    return row

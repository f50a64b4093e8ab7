"""Trainability: does training a detector on a model's rollouts help?

The folder::

    clips/R, test, S/   the clips of the three sets
    cache/              their frames as the trainings read them
    detectors/          ARM-SEED-MARK.onnx: the mark tells the rules and clips it was trained by
    metrics.json, report.html
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from drivesim.atomic import write_json, write_text
from drivesim.clips import Clip, read_clip
from drivesim.clips.video import resize
from drivesim.errors import UserError
from drivesim.evaluation.watching import scenario_of
from drivesim.generate.engines import end_with_parent
from drivesim.generate.making import one_thread
from drivesim.overlay import draw
from drivesim.parts import load_weights
from drivesim.perception import load_detector
from drivesim.report import render_trainability
from drivesim.trainability.clips import given_clips, jobs, make, mark_of
from drivesim.trainability.protocol import ARMS, Progress, TrainabilityProtocol
from drivesim.trainability.scores import Result, judged, tables
from drivesim.trainability.training import data_of, train

SCHEMA = "drivesim.trainability/1"
CORES = os.cpu_count() or 1
SHOWN = 4  # pairs of frames on the page
T = TypeVar("T")
U = TypeVar("U")


def trainability(
    weights: str | Path,
    out: str | Path,
    protocol: TrainabilityProtocol | None = None,
    *,
    real: str | Path | None = None,
    device: str = "auto",
    workers: int = CORES,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train detectors on real clips, rollouts and both; returns what ``OUT/metrics.json`` holds, beside a page.

    Args:
        weights: folder of parts, or a shipped name.
        out: folder for the clips, the detectors and the result. A run that was killed goes on where it was.
        protocol: the rules; None: those of the name that results are known by.
        real: folder of labelled clips to train on and to test with; None: the town's.
        device: of rollouts and trainings: "auto", "cpu", "cuda", ...
        workers: processes.
        progress: called with (clips and trainings done, those in all).

    Raises:
        UserError: weights, clips or device will not do, or clips of another kind are at ``out``.
    """
    out, protocol = Path(out), protocol or TrainabilityProtocol()
    marks = load_weights(weights).fingerprints
    sets = {} if real is None else given_clips(real, out / "clips", protocol)
    if sets:
        protocol = dataclasses.replace(protocol, real=mark_of([*sets["R"], *sets["test"]]))
    wanted = jobs(protocol, out / "clips", count=len(sets.get("R", range(protocol.clips))))
    rows = [job for made in wanted.values() for job in made]
    total, done = len(rows) + len(ARMS) * len(protocol.seeds), 0
    for _ in _spread(partial(_make, protocol=protocol, weights=weights, device=device), rows, workers):
        done += 1
        if progress is not None:
            progress(done, total)
    sets |= {name: [read_clip(job.out) for job in made] for name, made in wanted.items()}
    check_apart(sets)
    # Here, before trainings start side by side: the cache is not made by two processes at once.
    data_of([*sets["R"], *sets["S"]], out / "cache", protocol, seed=0)
    trainings = [_training(arm, seed, sets, protocol, out) for arm in ARMS for seed in protocol.seeds]
    learn = partial(_learn, test=[clip.path for clip in sets["test"]], protocol=protocol, out=out, device=device)
    found: dict[Training, tuple[str, dict[str, Result]]] = {}
    for training, result in _spread(learn, trainings, workers):
        found[training] = result
        done += 1
        if progress is not None:
            progress(done, total)
    by_arm = {arm: [training for training in trainings if training.arm == arm] for arm in ARMS}
    scores = tables({arm: [found[training][1] for training in row] for arm, row in by_arm.items()}, protocol)
    metrics = {
        "schema": SCHEMA,
        "protocol": protocol.to_dict(),
        "protocol_sha256": protocol.sha256(),
        "weights": marks,
        "clips": {name: [{"frames": len(clip), **clip.provenance} for clip in clips] for name, clips in sets.items()},
        "detectors": {
            arm: [{"seed": training.seed, "sha256": found[training][0]} for training in row]
            for arm, row in by_arm.items()
        },
        "trained_on": {arm: _amounts(trained_on(arm, sets)) for arm in ARMS},
        **scores,
    }
    write_json(out / "metrics.json", metrics)
    write_text(out / "report.html", render_trainability(metrics, _pictures(sets)))
    return metrics


class Training(NamedTuple):
    """One training to be done. ``clips``: their folders; ``path``: of the detector it makes."""

    arm: str
    seed: int
    clips: tuple[Path, ...]
    path: Path


def trained_on(arm: str, sets: dict[str, list[Clip]]) -> list[Clip]:
    """The clips of an arm, one that is in it twice twice."""
    return sets["R"] * ARMS[arm].real + sets["S"] * ARMS[arm].synthetic


def check_apart(sets: dict[str, list[Clip]]) -> None:
    """Raise `UserError` if a scenario of the test is in what is trained on."""
    scenarios = {name: {_scenario(clip): clip for clip in clips} for name, clips in sets.items()}
    for name in ("R", "S"):
        if shared := sorted(scenarios["test"].keys() & scenarios[name].keys()):
            clip = scenarios["test"][shared[0]]
            raise UserError(
                f"the scenario {scenario_of(clip)} is in the test and in {name}, expected to train on others"
            )


def _scenario(clip: Clip) -> str:
    """What tells a clip's scenario from others: its hash, or the clip's own place where it has none."""
    scenario: dict[str, Any] = clip.provenance.get("scenario") or {}
    return scenario.get("sha256", str(clip.path))


def _amounts(clips: Sequence[Clip]) -> dict[str, int]:
    """How much an arm holds; what is in it twice counts twice."""
    return {"clips": len(clips), "frames": sum(map(len, clips))}


def _training(arm: str, seed: int, sets: dict[str, list[Clip]], protocol: TrainabilityProtocol, out: Path) -> Training:
    clips = trained_on(arm, sets)
    about = json.dumps([protocol.sha256(), arm, seed, mark_of(clips)])
    mark = hashlib.sha256(about.encode()).hexdigest()[:12]
    path = out / "detectors" / f"{arm.replace(chr(39), '')}-{seed}-{mark}.onnx"
    return Training(arm, seed, tuple(clip.path for clip in clips), path)


def _make(job: Any, *, protocol: TrainabilityProtocol, weights: str | Path, device: str) -> None:
    with one_thread():
        make(job, protocol, weights, device)


def _learn(
    training: Training, *, test: Sequence[Path], protocol: TrainabilityProtocol, out: Path, device: str
) -> tuple[str, dict[str, Result]]:
    """Train a detector, if it is not there yet, and judge it; returns its sha256 and what it is worth."""
    if not training.path.exists():
        clips = [read_clip(path) for path in training.clips]
        card = {"arm": training.arm, "seed": training.seed, "protocol_sha256": protocol.sha256()}
        train(clips, training.path, protocol, seed=training.seed, cache=out / "cache", device=device, card=card)
    detector = load_detector(f"onnx:{training.path}")
    return detector.fingerprint, judged(detector, [read_clip(path) for path in test], protocol.detection)


def _spread(function: Callable[[T], U], rows: Sequence[T], workers: int) -> Iterator[tuple[T, U]]:
    """Each row and what ``function`` makes of it, as they get done, by ``workers`` processes; 1 is this one."""
    if workers == 1:
        yield from ((row, function(row)) for row in rows)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=end_with_parent) as pool:
        waiting = {pool.submit(function, row): row for row in rows}
        try:
            for job in as_completed(waiting):
                yield waiting[job], job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _pictures(sets: dict[str, list[Clip]]) -> list[tuple[str, dict[str, np.ndarray]]]:
    """The middle frames of a few clips of R and S with their boxes: (name, by set uint8 256 x 512 x 3 RGB)."""
    pairs = list(zip(sets["R"], sets["S"], strict=True))
    chosen = sorted({round(k) for k in np.linspace(0, len(pairs) - 1, min(SHOWN, len(pairs)))})
    shown = []
    for k in chosen:
        row = dict(zip(("R", "S"), pairs[k], strict=True))
        names = dict.fromkeys(scenario_of(clip) for clip in row.values())
        shown.append((" | ".join(names), {name: _middle(clip) for name, clip in row.items()}))
    return shown


def _middle(clip: Clip) -> np.ndarray:
    number = len(clip) // 2
    return resize(draw(clip.read([number])[0], clip.facts[number], strip=False), (256, 512))

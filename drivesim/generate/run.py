"""`generate`: a suite in, a dataset out. The same bytes, whatever the engine, the order, or how often it was killed."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from drivesim.clips import software
from drivesim.clips.dataset import Dataset, read_dataset
from drivesim.errors import UserError
from drivesim.generate import engines
from drivesim.generate.card import write_card
from drivesim.generate.folder import DatasetFolder
from drivesim.generate.jobs import Job, jobs, part
from drivesim.generate.making import Maker, is_full
from drivesim.generate.planning import Plan, check_disk, plan
from drivesim.generate.suite import Suite, SuiteSpec, read_suite
from drivesim.lock import Lock

Progress = Callable[[int, int], object]


class Generated(NamedTuple):
    """A dataset, and by id why clips that it should have could not be made; the next run tries them again."""

    dataset: Dataset
    failures: dict[str, str]


def generate(
    suite: str | Path | Suite,
    out: str | Path,
    *,
    source: str | None = None,
    weights: str | Path = "nano",
    device: str = "auto",
    workers: int = engines.CORES,
    engine: str = "local",
    shard: tuple[int, int] = (1, 1),
    planned: Callable[[Plan], object] | None = None,
    progress: Progress | None = None,
) -> Generated:
    """Make the dataset of a suite in the folder ``out``, or what is missing of it there.

    Args:
        suite: its file or shipped name, or a suite.
        out: a new folder, or one of the same recipe, which may ask for more clips by now.
        source: "town" or "rollout" for all clips, instead of what the suite says.
        weights: of rollouts: folder of parts, or a shipped name.
        device: of rollouts: "auto", "cpu", "cuda", ...
        workers: processes.
        engine: "local" (processes of this machine), "ray" (a cluster) or "inline" (this process).
        shard: (i, n): only the i-th of n parts, as a dataset of its own; `merge` joins them.
        planned: called before it starts with the plan of what is missing.
        progress: called with (clips done, clips in all).

    Raises:
        UserError: the suite, the weights or the engine will not do, something else is in the folder, another run
            writes there, or the disk is full or about to be. Clips that are made already stay.

    >>> import tempfile
    >>> from drivesim.generate.suite import suite_of
    >>> suite = suite_of({"name": "two", "size": [32, 64], "frames": 1, "clips": [{"sample": 2}]})
    >>> made = generate(suite, tempfile.mkdtemp(), workers=1, engine="inline")
    >>> [row.frames for row in made.dataset.rows], made.failures
    ([1, 1], {})
    """
    opened = suite if isinstance(suite, Suite) else read_suite(suite)
    spec = opened.spec.of_source(source)
    run = engines.find(engine)
    wanted = part(jobs(opened, spec), shard)
    rolled = any(job.source == "rollout" for job in wanted)
    maker = Maker(
        Path(out).absolute(), spec.size, spec.passes, str(weights), _device(device) if rolled else "cpu",
        spec.labels.judges,
    )  # fmt: skip
    card = {"name": spec.name, "clips": len(wanted), "recipe": _recipe(opened, spec, maker, rolled, shard)}
    maker.out.mkdir(parents=True, exist_ok=True)
    try:
        with Lock(maker.out):
            folder = DatasetFolder(maker.out, card)
            left = [job for job in wanted if not folder.has(job)]
            made = plan(left, maker.size, spec.passes)
            if planned is not None:
                planned(made)
            check_disk(made, maker.out)
            _fill(folder, left, run(left, maker, workers), progress)
            write_card(read_dataset(maker.out))
    except OSError as error:
        if is_full(error):
            told = error.strerror or error
            raise UserError(
                f"{out}: {told}; what is there is whole: make room and run the same command again"
            ) from error
        raise
    return Generated(read_dataset(maker.out), dict(folder.failures))


def _fill(folder: DatasetFolder, left: Sequence[Job], outcomes: engines.Outcomes, progress: Progress | None) -> None:
    """Make what is missing in the folder and write down what became of it."""
    folder.forget(left)
    done = len(folder.rows)
    total = done + len(left)
    try:
        with closing(outcomes):
            for outcome in outcomes:
                if outcome.stops:
                    raise OSError(errno.ENOSPC, outcome.failure)
                folder.add(outcome)
                done += 1
                if progress is not None:
                    progress(done, total)
    finally:
        folder.write()


def _recipe(
    suite: Suite, spec: SuiteSpec, maker: Maker, rolled: bool, shard: tuple[int, int]
) -> dict[str, Any]:  # fmt: skip
    """All that the clips depend on."""
    recipe: dict[str, Any] = {
        "suite": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "files": suite.files(),
        "software": software("panda3d", "numpy", "opencv-python"),
    }
    if rolled:
        from drivesim.parts import load_weights
        from drivesim.perception import load_detector

        recipe["software"] |= software("torch", "onnxruntime")
        weights = load_weights(maker.weights)
        recipe["weights"] = weights.fingerprints
        recipe["weights_card"] = {
            "licence": weights.card.get("licence"),
            "conditions": {name: row["status"] for name, row in weights.card.get("conditions", {}).items()},
        }
        recipe["device"] = maker.device.partition(":")[0]
        judges = [load_detector(name) for name in maker.judges]
        recipe["judges"] = [{"name": judge.name, "fingerprint": judge.fingerprint} for judge in judges]
    if shard != (1, 1):
        recipe["shard"] = f"{shard[0]}/{shard[1]}"
    return recipe


def _device(name: str) -> str:
    """The device that "auto" is here."""
    if name != "auto":
        return name
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"

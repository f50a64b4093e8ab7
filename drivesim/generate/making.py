"""Making one clip of a dataset: what every engine runs, in whatever process."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from drivesim import lock
from drivesim.atomic import partial_folder
from drivesim.clips import Clip, verify
from drivesim.clips.agreement import write_agreement
from drivesim.clips.dataset import Row
from drivesim.clips.store import read_json, sha256
from drivesim.errors import UserError
from drivesim.generate.agreeing import agree
from drivesim.generate.jobs import Job

if TYPE_CHECKING:
    from drivesim.parts import Weights
    from drivesim.perception import Detector

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: the ``row`` of its clip; or the ``failure``, and whether it ``stops`` the whole run."""

    id: str
    row: Row | None = None
    failure: str = ""
    stops: bool = False


@dataclass(frozen=True)
class Maker:
    """Makes the clip of a job in the dataset's folder ``out``; a function that can be sent to other processes.

    ``size``: (height, width) px of the town's pictures; None: the camera's. ``passes``: that are stored with them.
    ``weights``, ``device``: of rollouts.
    ``judges``: the detectors that look for a rollout's boxes. Weights and detectors are loaded once per process.
    """

    out: Path
    size: tuple[int, int] | None = None
    passes: tuple[str, ...] = ()
    weights: str = "nano"
    device: str = "cpu"
    judges: tuple[str, ...] = ()

    def join(self) -> None:
        """Keep other runs out of the folder as long as this process lives, beside the run that it works for."""
        lock.join(self.out)

    def __call__(self, job: Job) -> Outcome:
        """Make the clip or find it there; any error but one of the disk becomes the outcome's failure."""
        try:
            return Outcome(job.id, self._row(job, self._clip(job)))
        except Exception as error:
            if is_full(error):
                return Outcome(job.id, failure=str(error), stops=True)
            for left in (partial_folder(self.folder(job)), self._states(job)):
                shutil.rmtree(left, ignore_errors=True)
            told = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            return Outcome(job.id, failure=" ".join(told.replace(f"{self.out}/", "").split()))

    def folder(self, job: Job) -> Path:
        """Where a job's clip goes."""
        return self.out / "clips" / job.id

    def _states(self, job: Job) -> Path:
        return self.folder(job).with_name(f".{job.id}.states")

    def _clip(self, job: Job) -> Clip:
        folder = self.folder(job)
        if folder.exists():  # of a run that was killed before its row was written, or damaged since
            try:
                verify(folder)
            except UserError:
                shutil.rmtree(folder)
        clip = self.draw(job, folder)
        if job.source == "rollout" and self.judges:
            found = agree(clip, [_detector(name) for name in self.judges])
            write_agreement(self.out / "agreement" / f"{job.id}.json", found)
        (folder / "run.json").unlink(missing_ok=True)  # when and where: the only file that differs from run to run
        return clip

    def draw(self, job: Job, folder: Path) -> Clip:
        """The clip itself, in ``folder``; goes on where a killed run was."""
        if job.source == "town":
            from drivesim.town import render  # here, so that only who draws opens the renderer

            return render(job.timeline(), folder, size=self.size, passes=self.passes)
        from drivesim.rollout import rollout

        with one_thread():
            return rollout(job.timeline(), folder, weights=_weights(self.weights), device=self.device)

    def _row(self, job: Job, clip: Clip) -> Row:
        told, card = clip.provenance["scenario"], clip.path / "clip.json"
        files = (read_json(card) or {})["files"]
        return Row(
            id=job.id, sha256=sha256(card), bytes=sum(entry["bytes"] for entry in files.values()), source=job.source,
            scenario={"name": told["name"], "sha256": told["sha256"]}, seed=job.seed, camera=job.camera,
            group=job.group, split=job.split, fps=clip.fps, frames=len(clip),
        )  # fmt: skip


def is_full(error: BaseException) -> bool:
    """Whether an error says that nothing more can be written: every other clip would meet it too."""
    return getattr(error, "errno", None) in _FULL


@cache
def _weights(source: str) -> Weights:
    from drivesim.parts import load_weights

    return load_weights(source)


@cache
def _detector(source: str) -> Detector:
    from drivesim.perception import load_detector

    return load_detector(source)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside the block torch computes with one thread, so that sums are the same whatever the cores and engines."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

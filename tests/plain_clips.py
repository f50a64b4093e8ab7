"""Clips of plain colours instead of the town's pictures, so that making datasets can be tested in milliseconds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np

from drivesim.clips import Clip, ClipWriter, finished
from drivesim.errors import UserError
from drivesim.generate import making
from drivesim.generate.jobs import Job
from drivesim.generate.making import Maker

SUITE = {"name": "plain", "frames": 2, "fps": 7.5, "splits": {"train": 0.5, "val": 0.5, "test": 0}}


class PlainMaker(Maker):
    """Makes clips whose frames depend on the job alone, with the true facts."""

    def draw(self, job: Job, folder: Path) -> Clip:
        """As `render` would, without a renderer."""
        timeline = job.timeline()
        provenance = {"origin": "town", "scenario": {"name": job.group, "sha256": job.loaded().fingerprint}}
        provenance |= {"seed": job.seed}
        if (clip := finished(folder, provenance)) is not None:
            return clip
        dice = np.random.default_rng(job.seed)
        with ClipWriter(folder, fps=job.fps, width=64, height=32, provenance=provenance, chunk_frames=1) as writer:
            for k in range(len(timeline)):
                frame = np.full((32, 64, 3), dice.integers(0, 256), np.uint8)
                if k >= writer.done:
                    writer.write(frame, timeline[k])
            return writer.finish()


class FailingMaker(PlainMaker):
    """Fails for every clip with an even k while there is a file "broken" beside the dataset."""

    def draw(self, job: Job, folder: Path) -> Clip:
        """As `PlainMaker`, or an error."""
        if self.out.with_name("broken").exists() and job.k % 2 == 0:
            raise UserError(f"{folder}: the drive ends in a wall")
        return super().draw(job, folder)


class DyingMaker(PlainMaker):
    """Its process is killed in the middle of the clip with k = 1: once, or always if ``weights`` says so."""

    def draw(self, job: Job, folder: Path) -> Clip:
        """As `PlainMaker`, or never."""
        mark = self.out.with_name("died")
        if job.k == 1 and (self.weights == "always" or not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().draw(job, folder)


class HoldingMaker(PlainMaker):
    """Loads the weights as a rollout would; notes beside the dataset its process and how often that has read them."""

    def draw(self, job: Job, folder: Path) -> Clip:
        """As `PlainMaker`."""
        making._weights(self.weights)
        with self.out.with_name("held").open("a") as held:
            held.write(f"{os.getpid()} {making._weights.cache_info().misses}\n")
        return super().draw(job, folder)

"""The choice of the average's width at the end of a stage, by the loss on clips that it has not seen."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L

from drivesim.training.callbacks import Averaging
from drivesim.training.data import Batch
from drivesim.training.post_hoc import REACH, Profile, Snapshots, snapshot_updates, write_into

logger = logging.getLogger(__name__)

CANDIDATES = (0.03, 0.05, 0.10, 0.15)


class WidthChoice(L.Callback):
    """Stores snapshots of the averages while a stage trains, and chooses the width when it has.

    It stands behind its `Averaging` and before what writes resume points. A run that was killed stores the same
    snapshots: they are taken at fixed updates, each before the resume point behind it.
    """

    def __init__(self, averaging: Averaging, folder: str | Path) -> None:
        """``folder``: of the snapshots."""
        self.averaging, self.snapshots = averaging, Snapshots(folder)

    def on_fit_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Note when to store, and remove what another training left."""
        self._due = snapshot_updates(pl_module.batches, pl_module.snapshots)
        if not self.averaging.resumed:
            self.snapshots.clear()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Store if it is time."""
        for width, ema in self.averaging.averages.items():
            if ema.updates in self._due:
                self.snapshots.save(ema, width)

    def widths(self) -> list[float]:
        """Those of `CANDIDATES` that there are: averaged all along, or spanned by the snapshots."""
        tracked = self.averaging.averages
        return [w for w in CANDIDATES if w in tracked or self.snapshots.missed(self._at_the_end(w)) <= REACH]

    def copy_to(self, stage: Any, width: float) -> None:
        """Make the average of one of `widths` the stage's weights."""
        if width in self.averaging.averages:
            self.averaging.averages[width].copy_to(stage.trained)
        else:
            write_into(stage.trained, self.snapshots.rebuilt(self._at_the_end(width)))

    def choose(self, stage: Any, held_out: Sequence[Batch]) -> tuple[dict[str, float], dict[str, Any]]:
        """Leave the stage with the average of the least loss; what was measured of it, and the card's word on why it.

        Every width is measured by ``stage.measure`` on the same batches with the same noise. So four widths take four
        times the measuring that a stage ends with anyway: a few dozen steps' time. The card says how long it was.
        """
        started = time.monotonic()
        measured: dict[float, Mapping[str, float]] = {}
        for width in self.widths():
            self.copy_to(stage, width)
            measured[width] = stage.measure(held_out)
        losses = {width: float(row["loss"]) for width, row in measured.items()}
        best = min(losses, key=lambda width: math.inf if math.isnan(losses[width]) else losses[width])
        self.copy_to(stage, best)
        seconds = round(time.monotonic() - started, 1)
        found = ", ".join(f"{width:.2f} {loss:.5f}" for width, loss in losses.items())
        logger.info("%s: averaged over width %.2f, by losses of %s (%.1f s)", stage.part, best, found, seconds)
        rounded = {str(width): round(loss, 6) for width, loss in losses.items()}
        return dict(measured[best]), {"width": best, "losses": rounded, "seconds": seconds}

    def _at_the_end(self, width: float) -> Profile:
        return Profile(self.averaging.ema.updates, width)

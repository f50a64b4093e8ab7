"""How fast a stage trains, and how far that is from what the machine can do: `drivesim train STAGE --profile`."""

from __future__ import annotations

import logging
import statistics
import time
from typing import Any

import lightning as L

from drivesim.operations import Operations, measure_ceiling, now

logger = logging.getLogger(__name__)

WARM_UP = 2  # steps of a run that are not timed; the last of them is counted, which slows it down


class Profile(L.Callback):
    """Logs a step's time, the wait for its batch, and its share of the machine's ceiling, at the end and on the way.

    It is to be the last callback, so that averaging weights counts as a part of the step. The ceiling is the forward
    pass of a convolution (`measure_ceiling`) in the precision of the training.
    """

    def __init__(self, *, seconds: float = 60.0) -> None:
        """``seconds``: from one line of the log to the next."""
        self.seconds = seconds
        self.steps: list[float] = []
        self.waits: list[float] = []
        self._begun, self._operations = 0, 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Measure what the machine can do."""
        self._precision = "bf16" if "bf16" in str(trainer.precision) else "fp32"
        self._ceiling = measure_ceiling(pl_module.device)[self._precision]
        self._told, self._ended = time.monotonic(), now(pl_module.device)

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Note the wait; count the operations of one step."""
        self._begun += 1
        self._started = now(pl_module.device)
        self._counter = Operations() if self._begun == WARM_UP else None
        if self._counter is not None:
            self._counter.__enter__()

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *_: Any) -> None:
        """Note the step, and say how it goes if it is time."""
        if self._counter is not None:
            self._counter.__exit__(None, None, None)
            self._operations = self._counter.total / 1e9
        ended = now(pl_module.device)
        if self._begun > WARM_UP:
            self.waits.append(self._started - self._ended)
            self.steps.append(ended - self._started)
        if self.steps and time.monotonic() - self._told >= self.seconds:
            self._tell(pl_module.part)
        self._ended = now(pl_module.device)

    def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Say how it went."""
        if self.steps:
            self._tell(pl_module.part)

    def found(self) -> dict[str, float]:
        """Medians over the steps so far: ``step`` and ``wait``, s; ``gigaoperations`` of a step; ``share`` of ceiling.

        Raises ``ValueError`` before there is a step that counts.
        """
        if not self.steps:
            raise ValueError(f"{self._begun} steps were made, expected more than {WARM_UP}")
        step, wait = statistics.median(self.steps), statistics.median(self.waits)
        share = self._operations / step / self._ceiling
        return {"step": step, "wait": wait, "gigaoperations": self._operations, "share": share}

    def _tell(self, part: str) -> None:
        found = self.found()
        logger.info(
            "%s: a step takes %.3f s and waits %.4f s for its batch (medians of %d); %.1f 10^9 operations, "
            "%.0f a second: %.0f%% of the ceiling (convolution in %s, %.0f)",
            part, found["step"], found["wait"], len(self.steps), found["gigaoperations"],
            found["gigaoperations"] / found["step"], 100 * found["share"], self._precision, self._ceiling,
        )  # fmt: skip
        self._told = time.monotonic()

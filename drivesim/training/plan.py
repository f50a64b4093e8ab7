"""The run's plan: how many batches each stage trains. Measured once, then kept: a resumed run goes the same way."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drivesim import atomic
from drivesim.errors import UserError

SCHEMA = "drivesim.plan/1"
FEWEST_BATCHES = 8


def parse_budget(text: str) -> float:
    """A time like ``90m``, ``1.5h`` or ``45s`` in minutes.

    >>> parse_budget("90m"), parse_budget("1.5h"), parse_budget("30s")
    (90.0, 90.0, 0.5)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if match is None or float(match[1]) <= 0:
        raise UserError(f"budget is {text!r}, expected a positive number with s, m or h, like 90m")
    return float(match[1]) * {"s": 1 / 60, "m": 1.0, "h": 60.0}[match[2]]


@dataclass(frozen=True)
class StagePlan:
    """What one stage trains.

    ``data``: fingerprint of the clips. ``seconds_per_batch``, ``preparation_seconds``: as measured on this machine.
    """

    batches: int
    batch_size: int
    data: str
    budget_minutes: float
    seconds_per_batch: float
    preparation_seconds: float

    @property
    def samples(self) -> int:
        """Samples seen by the end of the stage."""
        return self.batches * self.batch_size


def batches_within(budget_minutes: float, *, seconds_per_batch: float, preparation_seconds: float) -> int:
    """How many batches fit into what preparation left of the budget; at least `FEWEST_BATCHES`.

    >>> batches_within(1.0, seconds_per_batch=0.5, preparation_seconds=20.0)
    80
    """
    seconds = 60.0 * budget_minutes - preparation_seconds
    return max(FEWEST_BATCHES, int(seconds / seconds_per_batch))


class Plan:
    """The file ``plan.json`` of a run folder.

    Raises `UserError` where the folder holds a run of another preset or seed: that would not be the same training.
    """

    def __init__(self, path: str | Path, *, preset: str, seed: int) -> None:
        """Read the file if it is there."""
        self.path = Path(path)
        head = {"schema": SCHEMA, "preset": preset, "seed": seed}
        if not self.path.exists():
            self.content: dict[str, Any] = {**head, "stages": {}, "finished": {}}
            return
        self.content = json.loads(self.path.read_text(encoding="utf-8"))
        for name, wanted in head.items():
            if self.content.get(name) != wanted:
                raise UserError(
                    f"{self.path}: {name} is {self.content.get(name)!r}, expected {wanted!r} or a new --out"
                )

    def stage(self, name: str) -> StagePlan | None:
        """A stage's plan, ``None`` if it was not made yet."""
        row = self.content["stages"].get(name)
        return None if row is None else StagePlan(**{k: v for k, v in row.items() if k != "samples"})

    def settle(self, name: str, stage: StagePlan) -> StagePlan:
        """Write down a stage's plan; it is never changed again."""
        if name in self.content["stages"]:
            raise ValueError(f"the plan of {name} is settled already, expected to keep it")
        self.content["stages"][name] = {**asdict(stage), "samples": stage.samples}
        self._write()
        return stage

    def finished(self, name: str) -> str | None:
        """Fingerprint of the part that a finished stage made, ``None`` if it is not finished."""
        return self.content["finished"].get(name)

    def finish(self, name: str, fingerprint: str) -> None:
        """Write down that a stage is done."""
        self.content["finished"][name] = fingerprint
        self._write()

    def _write(self) -> None:
        atomic.write_json(self.path, self.content)

"""What detectors found of the boxes that a rollout was asked for: its labels are requests, not truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivesim import atomic
from drivesim.clips.store import read_json
from drivesim.errors import UserError

AGREEMENT_SCHEMA = "drivesim.agreement/1"


@dataclass(frozen=True)
class Judge:
    """A detector that looked: its name, and the sha256 of its weights."""

    name: str
    fingerprint: str


@dataclass(frozen=True)
class Agreement:
    """For every box that was looked for, how well each judge found it.

    ``judges``: who looked. ``overlaps``: by (frame, track id), a number per judge: the IoU of the box and the detection
    that matches it, 0 where none does. Boxes that are not visible (`scenarios.crowdedness`) are not looked for.
    """

    judges: tuple[Judge, ...]
    overlaps: Mapping[tuple[int, int], tuple[float, ...]]

    def best(self, frame: int, track_id: int) -> float | None:
        """The highest overlap of any judge; None where the box was not looked for.

        >>> seen = Agreement((Judge("one", "ab"), Judge("two", "cd")), {(0, 7): (0.0, 0.8)})
        >>> seen.best(0, 7), seen.best(0, 8)
        (0.8, None)
        """
        row = self.overlaps.get((frame, track_id))
        return None if row is None else max(row)

    def recall(self, judge: int, threshold: float = 0.5) -> float | None:
        """The share of boxes that a judge found with at least this overlap; None of no boxes."""
        found = [row[judge] >= threshold for row in self.overlaps.values()]
        return sum(found) / len(found) if found else None


def write_agreement(path: Path, agreement: Agreement) -> None:
    """Write it atomically, in one form only."""
    atomic.write_json(
        path,
        {
            "schema": AGREEMENT_SCHEMA,
            "judges": [{"name": judge.name, "fingerprint": judge.fingerprint} for judge in agreement.judges],
            "boxes": [
                [*place, *(round(x, 3) for x in agreement.overlaps[place])] for place in sorted(agreement.overlaps)
            ],
        },
    )


def read_agreement(path: Path) -> Agreement | None:
    """What `write_agreement` wrote; None if there is no such file. Raises `UserError` if it is something else."""
    if not path.exists():
        return None
    document: dict[str, Any] | None = read_json(path)
    if document is None:
        raise UserError(f"{path}: no readable JSON found, expected {AGREEMENT_SCHEMA!r}")
    try:
        if document["schema"] != AGREEMENT_SCHEMA:
            raise ValueError(f"schema is {document['schema']!r}")
        judges = tuple(Judge(row["name"], row["fingerprint"]) for row in document["judges"])
        if not all(isinstance(word, str) for judge in judges for word in (judge.name, judge.fingerprint)):
            raise ValueError(f"judges are {document['judges']}")
        overlaps = {(int(row[0]), int(row[1])): tuple(map(float, row[2:])) for row in document["boxes"]}
        if len(overlaps) != len(document["boxes"]):
            raise ValueError("a box is there twice")
        if any(len(row) != len(judges) or not all(0 <= x <= 1 for x in row) for row in overlaps.values()):
            raise ValueError(f"a row of a box has no overlap in [0, 1] for each of {len(judges)} judges")
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path}: {error}, expected {AGREEMENT_SCHEMA!r}") from error
    return Agreement(judges, overlaps)

"""The folder of a dataset that is being made: its card, the rows of whole clips, what failed.

A killed run leaves whole clips, and rows for those that were written down; the next run finds both. Rows are written
down every `EVERY` seconds and at the end, after the clips they tell of.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from drivesim.atomic import write_json, write_text
from drivesim.clips import read_clip
from drivesim.clips.agreement import read_agreement
from drivesim.clips.dataset import DATASET_SCHEMA, Row, read_failures, read_rows
from drivesim.clips.store import read_json, sha256
from drivesim.errors import UserError
from drivesim.generate.jobs import Job
from drivesim.generate.making import Outcome

EVERY = 2.0
_AMOUNTS = ("sample", "count")  # of an entry of the suite
_LEFT = re.compile(r"\..+\.partial-\d+")  # of a file that was being written when the run was killed


class DatasetFolder:
    """A dataset's folder, new or of an earlier run of the same recipe.

    ``rows``: by id, of clips that are whole. ``failures``: by id, why a clip could not be made. The recipe may ask for
    more clips than the earlier run, of the same kinds. Raises `UserError` for any other recipe or content.
    """

    def __init__(self, out: Path, card: Mapping[str, Any]) -> None:
        """Open or make it; ``card``: what dataset.json is to say."""
        self.out = out
        card = json.loads(json.dumps({"schema": DATASET_SCHEMA, "synthetic": True, **card}))
        self._sweep()
        if any(out.iterdir()):
            found = read_json(out / "dataset.json")
            if found is None:
                raise UserError(f"{out}: files but no dataset.json found, expected a new folder or a dataset")
            _check(out, found, card)
        else:
            found = None
        if found != card:
            write_json(out / "dataset.json", card)
        self.rows: dict[str, Row] = {row.id: row for row in read_rows(out / "manifest.jsonl")}
        self.failures: dict[str, str] = read_failures(out)
        self._written = time.monotonic()

    def has(self, job: Job) -> bool:
        """Whether a job's clip is whole and what its row says; by the sizes of its files, not their content."""
        row, folder = self.rows.get(job.id), self.out / "clips" / job.id
        if row is None:
            return False
        try:
            read_clip(folder)
            whole = sha256(folder / "clip.json") == row.sha256
            return whole and (job.source == "town" or read_agreement(self._agreement(job)) is not None)
        except UserError:
            return False

    def forget(self, jobs: Iterable[Job]) -> None:
        """Drop the rows of clips that are to be made anew, and then what is left of them."""
        damaged = [job.id for job in jobs if job.id in self.rows]
        for name in damaged:
            del self.rows[name]
        if damaged:
            self.write()
        for name in damaged:
            shutil.rmtree(self.out / "clips" / name, ignore_errors=True)

    def add(self, outcome: Outcome) -> None:
        """Note what became of a job."""
        if outcome.row is not None:
            self.rows[outcome.id] = outcome.row
            self.failures.pop(outcome.id, None)
        else:
            self.failures[outcome.id] = outcome.failure
        if time.monotonic() - self._written > EVERY:
            self.write()

    def write(self) -> None:
        """Write the rows and failures down."""
        write_rows(self.out, self.rows)
        write_failures(self.out, self.failures)
        self._written = time.monotonic()

    def _agreement(self, job: Job) -> Path:
        return self.out / "agreement" / f"{job.id}.json"

    def _sweep(self) -> None:
        """Remove the halves of files that a killed run left."""
        for folder in (self.out, self.out / "agreement"):
            for path in folder.glob(".*.partial-*") if folder.is_dir() else ():
                if _LEFT.fullmatch(path.name) and path.is_file():
                    path.unlink()


def write_rows(out: Path, rows: Mapping[str, Row]) -> None:
    """Write manifest.jsonl, in order of the ids."""
    write_text(out / "manifest.jsonl", "".join(rows[name].line() + "\n" for name in sorted(rows)))


def write_failures(out: Path, failures: Mapping[str, str]) -> None:
    """Write failures.jsonl, in order of the ids; of no failures there is no file."""
    if failures:
        lines = (json.dumps({"id": name, "reason": failures[name]}) + "\n" for name in sorted(failures))
        write_text(out / "failures.jsonl", "".join(lines))
    else:
        (out / "failures.jsonl").unlink(missing_ok=True)


def difference(found: Any, expected: Any, place: str = "") -> str:
    """The first place where two JSON values differ, in words; "" where they are equal.

    >>> difference({"a": [1, 2]}, {"a": [1, 3]})
    'a.1 is 2, expected 3'
    """
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        found, expected = dict(enumerate(found)), dict(enumerate(expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in sorted({*found, *expected}, key=str):
            told = difference(found.get(name), expected.get(name), f"{place}.{name}" if place else str(name))
            if told:
                return told
        return ""
    return "" if found == expected else f"{place} is {_short(found)}, expected {_short(expected)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _check(out: Path, found: Mapping[str, Any], card: Mapping[str, Any]) -> None:
    """Raise `UserError` unless the card found is the card, or asks for fewer clips of the same."""
    (old, less), (new, more) = _without_amounts(found), _without_amounts(card)
    if told := difference(old, new):
        raise UserError(f"{out}: a dataset of another recipe is there, {told}; expected the same or a new folder")
    if any(few > many for few, many in zip(less, more, strict=True)):
        raise UserError(f"{out}: a dataset of more clips is there, expected as many or a new folder")


def _without_amounts(card: Mapping[str, Any]) -> tuple[dict[str, Any], list[int]]:
    """The card without the amounts of clips, and these."""
    rest: dict[str, Any] = copy.deepcopy(dict(card))
    amounts = []
    rest.pop("clips", None)
    suite = rest.get("recipe", {}).get("suite", {}) if isinstance(rest.get("recipe"), dict) else {}
    for entry in suite.get("clips", ()):
        amounts += [entry.pop(name, None) or 0 for name in _AMOUNTS]
    return rest, amounts

"""A dataset: a folder of clips with a manifest.

The folder::

    dataset.json       schema, name, and the recipe: all that its clips depend on
    manifest.jsonl     one line per finished clip, in order of their ids (`Row`)
    failures.jsonl     one line per clip that could not be made: id and reason; absent where there is none
    clips/<id>/        the clips
    agreement/<id>.json    what detectors found of a rollout's boxes (`drivesim.clips.agreement`)

Everything else, such as exports, is a function of these.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drivesim.clips.agreement import Agreement, read_agreement
from drivesim.clips.clip import Clip
from drivesim.clips.facts_file import MAX_LINE, strict_json
from drivesim.clips.store import read_clip, read_json, sha256, verify
from drivesim.errors import UserError

DATASET_SCHEMA = "drivesim.dataset/2"
SPLITS = ("train", "val", "test")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,150}")  # a plain name on every file system
_SHA = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Row:
    """A finished clip's line in the manifest.

    ``sha256``: of its clip.json, which holds those of its files. ``bytes``: of its files together. ``source``: "town"
    or "rollout". ``scenario``: name and sha256 of the scenario at its values. ``seed``: of the simulation. ``camera``:
    name of the camera, one of several that saw the same. ``group``: clips of one group are in one split. ``fps``:
    frames/s.
    """

    id: str
    sha256: str
    bytes: int
    source: str
    scenario: Mapping[str, str]
    seed: int
    camera: str
    group: str
    split: str
    fps: float
    frames: int

    def __post_init__(self) -> None:
        """Raises ``ValueError`` on a value of another type, no plain id, an unknown split or a sum that is none."""
        texts = (self.id, self.sha256, self.source, self.camera, self.group, self.split)
        numbers = (self.bytes, self.seed, self.frames)
        if not all(isinstance(text, str) for text in texts) or not all(type(number) is int for number in numbers):
            raise ValueError(f"found {texts} and {numbers}, expected texts and whole numbers")
        if not isinstance(self.scenario, Mapping) or not all(
            isinstance(self.scenario.get(key), str) for key in ("name", "sha256")
        ):
            raise ValueError(f"scenario is {self.scenario!r}, expected its name and sha256")
        if not isinstance(self.fps, int | float) or self.fps <= 0 or self.frames < 1:
            raise ValueError(f"found {self.frames} frames at {self.fps!r} frames/s, expected numbers above 0")
        if not _ID.fullmatch(self.id):
            raise ValueError(f"id is {self.id!r}, expected letters, digits, '-' and '_'")
        if self.split not in SPLITS:
            raise ValueError(f"split is {self.split!r}, expected one of {SPLITS}")
        if not _SHA.fullmatch(self.sha256):
            raise ValueError(f"sha256 is {self.sha256!r}, expected 64 hexadecimal digits")

    def line(self) -> str:
        """The row as JSON, in one form only."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk. ``card``: what dataset.json says. ``rows``: in order of their ids."""

    path: Path
    card: Mapping[str, Any]
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.card["name"])

    def folder(self, row: Row) -> Path:
        """Where a row's clip lies."""
        return self.path / "clips" / row.id

    def clip(self, row: Row) -> Clip:
        """A row's clip.

        Raises `UserError` if it is not whole (see `read_clip`), not the one that the row speaks of, or reaches outside
        of the dataset's folder: who passes a dataset on must not pass on what a link in it points to.
        """
        folder = self.folder(row)
        for place in (folder, *sorted(folder.glob("*"))):
            if leads_out(place, self.path):
                raise UserError(f"{place}: a link to {os.path.realpath(place)}, expected files in the dataset's folder")
        clip = read_clip(folder)
        found = sha256(folder / "clip.json")
        if found != row.sha256:
            raise UserError(f"{folder / 'clip.json'}: sha256 is {found}, expected {row.sha256} by the manifest")
        told, said = (row.fps, row.frames, row.source), (clip.fps, len(clip.facts), clip.origin)
        if told != said:
            raise UserError(f"{folder}: fps, frames and source are {said}, expected {told} by the manifest")
        return clip

    def verified(self, row: Row) -> Clip:
        """A row's clip after checking the sums of all its files: for whoever reads all of it. Raises as `clip`."""
        verify(self.clip(row).path)
        return self.clip(row)

    def clips(self) -> Iterator[tuple[Row, Clip]]:
        """All clips with their rows, in order."""
        for row in self.rows:
            yield row, self.clip(row)

    def agreement(self, row: Row) -> Agreement | None:
        """What detectors found of a clip's boxes; None where nobody looked, as for the town, whose boxes are exact."""
        return read_agreement(self.agreement_file(row))

    def agreement_file(self, row: Row) -> Path:
        """Where a clip's agreement lies, if there is one."""
        return self.path / "agreement" / f"{row.id}.json"


def read_dataset(path: str | Path) -> Dataset:
    """The dataset in a folder; its clips are read when they are asked for.

    Raises `UserError` if there is none, or dataset.json or a line of the manifest is not what it must be.
    """
    folder = Path(path)
    return Dataset(folder, read_card(folder), tuple(read_rows(folder / "manifest.jsonl")))


def is_dataset(folder: Path) -> bool:
    """Whether a folder says that it is a dataset."""
    return (read_json(folder / "dataset.json") or {}).get("schema") == DATASET_SCHEMA


def read_card(folder: Path) -> dict[str, Any]:
    """What dataset.json says. Raises `UserError` if it is not what it must be."""
    card = read_json(folder / "dataset.json")
    if card is None:
        raise UserError(f"{folder}: no readable dataset.json found, expected a dataset's folder")
    if card.get("schema") != DATASET_SCHEMA:
        raise UserError(f"{folder / 'dataset.json'}: schema is {card.get('schema')!r}, expected {DATASET_SCHEMA!r}")
    for key, kind in (("name", str), ("recipe", dict)):
        if not isinstance(card.get(key), kind):
            raise UserError(f"{folder / 'dataset.json'}: {key} is {card.get(key)!r}, expected {kind.__name__}")
    return card


def read_rows(manifest: Path) -> list[Row]:
    """The rows of a manifest; none if there is no such file. Raises `UserError` that names the first bad line."""
    rows, wrong = scan_rows(manifest)
    if wrong:
        raise UserError(wrong[0])
    return rows


def scan_rows(manifest: Path) -> tuple[list[Row], list[str]]:
    """The rows of a manifest that can be read, and what is wrong with it line by line."""
    rows: list[Row] = []
    wrong: list[str] = []
    if not manifest.exists():
        return rows, wrong
    with manifest.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), start=1):
            if len(line) == MAX_LINE:
                wrong.append(f"{manifest}:{number}: the line is {MAX_LINE} bytes long or more, expected a clip's row")
                break
            try:
                row = Row(**strict_json(line))
            except (ValueError, TypeError) as error:
                wrong.append(f"{manifest}:{number}: {error}, expected a clip's row")
                continue
            if rows and row.id <= rows[-1].id:
                what = "is there twice" if row.id == rows[-1].id else f"comes after {rows[-1].id}"
                wrong.append(f"{manifest}:{number}: {row.id} {what}, expected ids in order, each once")
            rows.append(row)
    return rows, wrong


def read_failures(folder: Path) -> dict[str, str]:
    """Why clips of a dataset could not be made, by their ids. Raises `UserError` that names the first bad line."""
    path = folder / "failures.jsonl"
    reasons: dict[str, str] = {}
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else (), start=1):
        try:
            value = strict_json(line)
            if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in ("id", "reason")):
                raise ValueError(f"found {value!r}")
        except ValueError as error:
            raise UserError(f"{path}:{number}: {error}, expected an id and a reason") from error
        reasons[value["id"]] = value["reason"]
    return reasons


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a path, its links followed, lies outside of a folder."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))

"""Checking a dataset: every clip, every sum, every fact.

Readers raise at the first thing that is wrong; this goes on and tells all of it, since who mends a dataset wants the
whole list.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from drivesim.clips.agreement import read_agreement
from drivesim.clips.clip import Clip
from drivesim.clips.dataset import Dataset, Row, leads_out, read_card, read_failures, scan_rows
from drivesim.clips.store import read_json, verify
from drivesim.errors import UserError
from scenarios.crowdedness import is_visible
from scenarios.facts import FrameFacts
from scenarios.suite import evaluation_names

Progress = Callable[[int, int], object]
Made = TypeVar("Made")
Places = dict[tuple[int, int], bool]
"""The boxes of a clip by (frame, track id), and whether detectors must have looked for each."""
EDGE = 1e-3  # px by which rounding may put a box outside of its picture
LATE = 1e-3  # s by which rounding may put a frame beside its number / rate


def check_dataset(path: str | Path, progress: Progress | None = None) -> list[str]:
    """What is wrong with a dataset, one line each: the file, what was found and what was expected. [] if it is fine.

    ``progress(done, total)`` counts clips. Hidden files and folders are passed over: they are what a killed run left to
    go on from. So is what is no part of the native form, such as exports, unless it is a link that leads out.

    Raises `UserError` if there is no such folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder, expected a dataset's")
    found: list[str] = []
    _attempt(found, lambda: read_card(folder))
    rows, wrong = _attempt(found, lambda: scan_rows(folder / "manifest.jsonl")) or ([], [])
    found += wrong
    found += _check_links(folder)
    found += _check_splits(folder, rows)
    _attempt(found, lambda: read_failures(folder))
    ids = {row.id for row in rows}
    found += _check_strangers(folder / "clips", ids, "")
    found += _check_strangers(folder / "agreement", ids, ".json")
    dataset = Dataset(folder, {}, tuple({row.id: row for row in rows}.values()))
    for done, row in enumerate(dataset.rows, start=1):
        found += _check_clip(dataset, row)
        if progress is not None:
            progress(done, len(dataset.rows))
    return [_one_line(line) for line in dict.fromkeys(found)]


def _check_links(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in sorted(folders + files)):
            if path.is_symlink() and leads_out(path, folder):
                yield f"{path}: a link to {os.path.realpath(path)}, expected files in the dataset's folder"


def _check_splits(folder: Path, rows: Iterable[Row]) -> Iterator[str]:
    """Leakage: what must be in one split and is in two, and clips to train on that models are scored on."""
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        for what, value in (("group", row.group), ("scenario", row.scenario["sha256"])):
            other = first.setdefault((what, value), row)
            if other.split != row.split:
                yield (
                    f"{folder / 'manifest.jsonl'}: {what} {value!r} is in the splits {other.split} ({other.id}) and "
                    f"{row.split} ({row.id}), expected one"
                )
        if row.split == "train" and row.scenario["name"] in evaluation_names():
            yield (
                f"{folder / 'manifest.jsonl'}: {row.id} is of the scenario {row.scenario['name']!r}, which models are "
                "evaluated on, and in the split train, expected it in no split to train on"
            )


def _check_strangers(folder: Path, ids: set[str], suffix: str) -> Iterator[str]:
    """What lies in a folder without a row of the manifest."""
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        if not name.startswith(".") and (not name.endswith(suffix) or name.removesuffix(suffix) not in ids):
            yield f"{folder / repr(name)[1:-1]}: found without a row in the manifest, expected one row for each clip"


def _check_clip(dataset: Dataset, row: Row) -> Iterator[str]:
    """What is wrong with a clip: its files, their sums, its facts, what detectors found of it."""
    found: list[str] = []
    clip = _attempt(found, lambda: dataset.clip(row))
    if clip is None:
        yield from found
        return
    _attempt(found, lambda: verify(clip.path))
    yield from found
    card = read_json(clip.path / "clip.json") or {}
    if card.get("synthetic") is not clip.synthetic:
        yield f"{clip.path / 'clip.json'}: synthetic is {card.get('synthetic')!r}, expected {clip.synthetic}"
    size = sum(entry["bytes"] for entry in card["files"].values())
    if size != row.bytes:
        yield f"{clip.path}: {size} bytes in its files, expected {row.bytes} by the manifest"
    scenario = clip.provenance.get("scenario") or {}
    if scenario.get("sha256") != row.scenario["sha256"]:
        yield (
            f"{clip.path / 'clip.json'}: the scenario's sha256 is {scenario.get('sha256')!r}, "
            f"expected {row.scenario['sha256']!r} by the manifest"
        )
    found = []
    places: Places = {}
    whole = _attempt(found, lambda: _check_facts(clip, places))
    yield from found
    if whole:
        yield from _check_agreement(dataset, row, places)


def _check_facts(clip: Clip, places: Places) -> bool:
    """Read all facts of a clip, and put its boxes into ``places``. Raises `UserError` at the first wrong line."""
    for number, facts in enumerate(clip.facts):
        where = f"{clip.path / 'facts.jsonl'}:{number + 2}"
        if abs(facts.time - number / clip.fps) > LATE:
            raise UserError(f"{where}: time is {facts.time} s, expected {number / clip.fps:.4f} s")
        camera = facts.camera
        if camera is not None and (camera.width, camera.height) != (clip.width, clip.height):
            found = f"{camera.width} x {camera.height}"
            raise UserError(f"{where}: a camera of {found}, expected {clip.width} x {clip.height}")
        _check_objects(clip, facts, places, where)
    return True


def _check_objects(clip: Clip, facts: FrameFacts, places: Places, where: str) -> None:
    for thing in facts.objects or ():
        x1, y1, x2, y2 = thing.box
        if min(x1, y1) < -EDGE or x2 > clip.width + EDGE or y2 > clip.height + EDGE:
            size = f"{clip.width} x {clip.height} px"
            raise UserError(f"{where}: box of track {thing.track_id} is {thing.box}, expected one within {size}")
        if thing.track_id >= 0 and (facts.index, thing.track_id) in places:
            raise UserError(f"{where}: track {thing.track_id} is there twice, expected each once")
        wanted = thing.group != "other" and is_visible(thing, clip.height)
        places[facts.index, thing.track_id] = wanted


def _check_agreement(dataset: Dataset, row: Row, places: Places) -> Iterator[str]:
    path = dataset.agreement_file(row)
    if leads_out(path, dataset.path):
        return  # told of already
    found: list[str] = []
    agreement = _attempt(found, lambda: read_agreement(path))
    yield from found
    if agreement is None:
        return
    strange = sorted(set(agreement.overlaps) - set(places))
    if strange:
        frame, track = strange[0]
        yield f"{path}: found a box of track {track} in frame {frame}, expected boxes that the facts have"
    missing = sorted(place for place, wanted in places.items() if wanted and place not in agreement.overlaps)
    if missing:
        frame, track = missing[0]
        yield (
            f"{path}: no number for track {track} in frame {frame} ({len(missing)} such boxes), "
            "expected one for every visible road user"
        )


def _attempt(found: list[str], work: Callable[[], Made]) -> Made | None:
    """The result of ``work``; None if it fails, and then ``found`` has one line more."""
    try:
        return work()
    except UserError as error:
        found.append(str(error))
    except OSError as error:
        found.append(f"{error.filename}: {error.strerror}, expected a readable file")
    return None


def _one_line(text: str, longest: int = 400) -> str:
    """A finding in one line, its middle left out where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest * 2 // 3]} ... {line[-longest // 4 :]}"

"""Joining the shards of a dataset: the same bytes as if one run had made it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from drivesim.atomic import new_folder, write_json
from drivesim.clips import verify
from drivesim.clips.dataset import Dataset, Row, read_dataset, read_failures
from drivesim.clips.store import sha256
from drivesim.errors import UserError
from drivesim.generate.card import write_card
from drivesim.generate.folder import difference, write_failures, write_rows

Progress = Callable[[int, int], object]


def merge(folders: Sequence[str | Path], out: str | Path, *, progress: Progress | None = None) -> Dataset:
    """Join all shards of a dataset in the new folder ``out``, which is whole or absent.

    Every file is checked against its sum. Files are hard links to those of the shards where the file system can, else
    copies. ``progress(done, total)`` counts clips. Raises `UserError` unless the folders are the shards 1/N to N/N of
    one recipe, each finished and undamaged.
    """
    shards = [read_dataset(folder) for folder in folders]
    card = _card(shards)
    rows: dict[str, Row] = {}
    failures: dict[str, str] = {}
    total = sum(len(shard.rows) for shard in shards)
    with new_folder(out) as made:
        for shard in shards:
            for row in shard.rows:
                if row.id in rows:
                    raise UserError(f"{shard.path}: clip {row.id} is in two shards, expected it in one")
                _take(shard, row, made)
                rows[row.id] = row
                if progress is not None:
                    progress(len(rows), total)
            failures |= read_failures(shard.path)
        write_json(made / "dataset.json", card)
        write_rows(made, rows)
        write_failures(made, failures)
        write_card(read_dataset(made))
    return read_dataset(out)


def _card(shards: Sequence[Dataset]) -> dict[str, Any]:
    """The card of the whole. Raises `UserError` unless these are all the shards of one."""
    parts: dict[str, Path] = {}
    cards = []
    for shard in shards:
        recipe = dict(shard.card["recipe"])
        name = recipe.pop("shard", None)
        if name is None or name in parts:
            what = "is no shard" if name is None else f"is shard {name}, as {parts[name]}"
            raise UserError(f"{shard.path}: {what}, expected the shards 1/N to N/N, each once")
        parts[name] = shard.path
        cards.append({**shard.card, "recipe": recipe, "clips": 0})
        if told := difference(cards[-1], cards[0]):
            raise UserError(f"{shard.path}: a shard of another recipe, {told} as in {shards[0].path}")
        there, wanted = len(shard.rows) + len(read_failures(shard.path)), shard.card.get("clips")
        if there != wanted:
            raise UserError(f"{shard.path}: {there} of {wanted} clips, expected all (run the same command again)")
    of = next(iter(parts)).partition("/")[2]
    if missing := sorted({f"{i}/{of}" for i in range(1, int(of) + 1)} ^ set(parts)):
        raise UserError(f"shards {', '.join(parts)} given, expected all of 1/{of} to {of}/{of} (not so: {missing[0]})")
    return {**cards[0], "clips": sum(shard.card["clips"] for shard in shards)}


def _take(shard: Dataset, row: Row, made: Path) -> None:
    """Put a clip, checked, into the folder ``made``."""
    clip = verify(shard.folder(row))
    if sha256(clip.path / "clip.json") != row.sha256:
        raise UserError(f"{clip.path / 'clip.json'}: another sha256 than the manifest's, expected {row.sha256}")
    target = made / "clips" / row.id
    target.mkdir(parents=True)
    for file in sorted(clip.path.iterdir()):
        _link(file, target / file.name)
    agreement = shard.path / "agreement" / f"{row.id}.json"
    if agreement.exists():
        (made / "agreement").mkdir(exist_ok=True)
        _link(agreement, made / "agreement" / agreement.name)


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(file, target)

"""WebDataset: native clips in tar shards, which stream from a disk, a web server or a bucket.

The folder::

    <name>-<split>-000000.tar, ...     whole clips, up to `SHARD_BYTES` each (a larger clip has a shard to itself)
    index.json                         of every shard: name, split, samples, bytes, sha256

The members of a clip lie side by side and share their name up to the first dot, as WebDataset wants it; after it the
clip's files keep theirs, so that the folder of a clip can be had back::

    <id>.clip.json  <id>.facts.jsonl  <id>.video.mp4 (or .mkv)    every file of the clip's folder, unchanged
    <id>.agreement.json                                           where detectors looked at a rollout's boxes
    <id>.row.json                                                 the clip's row of the manifest

Native boxes are not changed: flagged ones are told by agreement.json, which a reader judges by a rule of its own. The
same dataset gives the same bytes: members are in order, of no time and nobody's.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from drivesim import atomic
from drivesim.clips.dataset import SPLITS, Dataset, Row
from drivesim.clips.store import read_json, sha256
from drivesim.errors import UserError
from drivesim.exports.labels import LabelRule

SHARD_BYTES = 256_000_000
INDEX = "index.json"
INDEX_SCHEMA = "drivesim.shards/1"


def write(
    dataset: Dataset, rows: Sequence[Row], folder: Path, *, rule: LabelRule,
    progress: Callable[[int, int], object] | None = None, shard_bytes: int = SHARD_BYTES,
) -> None:  # fmt: skip
    """Fill ``folder`` with the clips of ``rows``; a shard ends before its clips have more than ``shard_bytes``.

    Raises `UserError` if a clip is not whole, or if ``rule`` drops boxes, which native clips cannot do without.
    """
    if rule.policy == "drop":
        raise UserError("policy is 'drop', but shards hold clips with all their boxes; expected keep or flag")
    prefix = re.sub(r"[^A-Za-z0-9_-]+", "_", dataset.name)
    shards: list[dict[str, Any]] = []
    done = 0
    for split in SPLITS:
        for number, some in enumerate(_shards(dataset, [row for row in rows if row.split == split], shard_bytes)):
            path = folder / f"{prefix}-{split}-{number:06d}.tar"
            with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
                for row in some:
                    for name, content in members(dataset, row):
                        _add(tar, name, content)
                    done += 1
                    if progress is not None:
                        progress(done, len(rows))
            size = path.stat().st_size
            shards.append(
                {"name": path.name, "split": split, "samples": len(some), "bytes": size, "sha256": sha256(path)}
            )
    atomic.write_json(folder / INDEX, {"schema": INDEX_SCHEMA, "shards": shards})


def members(dataset: Dataset, row: Row) -> Iterator[tuple[str, Path | bytes]]:
    """The members of a clip: name, and the file or the bytes of it. Raises `UserError` if the clip is not whole."""
    card = read_json(dataset.verified(row).path / "clip.json")
    assert card is not None  # it has just been read
    for name in ("clip.json", *sorted(card["files"])):
        yield f"{row.id}.{name}", dataset.folder(row) / name
    agreement = dataset.path / "agreement" / f"{row.id}.json"
    if agreement.exists():
        yield f"{row.id}.agreement.json", agreement
    yield f"{row.id}.row.json", row.line().encode()


def _shards(dataset: Dataset, rows: Sequence[Row], limit: int) -> Iterator[list[Row]]:
    """The rows of each shard, in order."""
    some: list[Row] = []
    size = 0
    for row in rows:
        if some and size + row.bytes > limit:
            yield some
            some, size = [], 0
        some.append(row)
        size += row.bytes
    if some:
        yield some


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    member = tarfile.TarInfo(name)  # of no time and nobody's
    member.mode = 0o644
    if isinstance(content, Path):
        member.size = content.stat().st_size
        with content.open("rb") as file:
            tar.addfile(member, file)
    else:
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))

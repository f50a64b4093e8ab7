"""Shards: tars of whole clips, read in place (`drivesim.exports.webdataset` writes them).

A folder of shards holds ``index.json``, of every shard its name, split, samples, bytes and sha256, and the shards. The
members of a clip are ``<id>.clip.json``, the files that it names (``<id>.video.mp4``, ``<id>.facts.jsonl``),
``<id>.row.json``, its line of the manifest, and where detectors looked ``<id>.agreement.json``.

Nothing is unpacked. A shard's heads and its clip.json are read at once and checked; a video or the facts of a clip are
read, and their sums checked, when they are asked for.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from drivesim.clips import Clip
from drivesim.clips.dataset import Row
from drivesim.clips.facts_file import FactsFile, strict_json
from drivesim.clips.slices import Slice
from drivesim.clips.store import check_card, read_json
from drivesim.clips.video import SUFFIXES, VideoFile, exact_rate
from drivesim.errors import UserError
from drivesim.exports.webdataset import INDEX, INDEX_SCHEMA

MAX_JSON = 16 * 2**20  # bytes of a clip.json or row.json
_SHARD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}\.tar")
_MEMBER = re.compile(
    r"(?P<id>[A-Za-z0-9][A-Za-z0-9_-]{0,150})\.(?P<file>(clip|row|agreement)\.json|[a-z_]+\.(mp4|mkv|jsonl))"
)
Members = dict[str, Slice]
"""A clip's files by name."""


def is_sharded(folder: Path) -> bool:
    """Whether a folder is one of shards."""
    return (read_json(folder / INDEX) or {}).get("schema") == INDEX_SCHEMA


def read_shards(folder: Path, *, split: str = "train") -> list[Clip]:
    """The clips of a split, shard by shard in the order of the index. A clip's path is its shard's, then its id.

    Raises `UserError` that names the shard where one is missing, cut or other than the index says, or holds anything
    but whole clips, each once.
    """
    clips: list[Clip] = []
    for row in _index(folder):
        if row["split"] == split:
            clips += _shard(folder / row["name"], row)
    seen: dict[str, Clip] = {}
    for clip in clips:
        if clip.name in seen:
            raise UserError(f"{clip.path}: {seen[clip.name].path} has this id too, expected every clip once")
        seen[clip.name] = clip
    return clips


def _index(folder: Path) -> list[dict[str, Any]]:
    path = folder / INDEX
    index = read_json(path) or {}
    if index.get("schema") != INDEX_SCHEMA or not isinstance(index.get("shards"), list):
        raise UserError(f"{path}: schema is {index.get('schema')!r}, expected {INDEX_SCHEMA!r} and a list of shards")
    kinds = {"name": str, "split": str, "samples": int, "bytes": int}
    for row in index["shards"]:
        if not isinstance(row, dict) or any(not isinstance(row.get(key), kind) for key, kind in kinds.items()):
            raise UserError(f"{path}: {row!r} is no shard, expected {', '.join(kinds)}")
        if not _SHARD.fullmatch(row["name"]):
            raise UserError(f"{path}: a shard is called {row['name']!r}, expected a plain name that ends in .tar")
    return index["shards"]


def _shard(path: Path, row: dict[str, Any]) -> list[Clip]:
    size = path.stat().st_size if path.is_file() else None
    if size != row["bytes"]:
        raise UserError(f"{path}: found {size} bytes, expected {row['bytes']}")
    found = _members(path)
    if len(found) != row["samples"]:
        raise UserError(f"{path}: found {len(found)} clips, expected {row['samples']}")
    return [_clip(path, name, members, row["split"]) for name, members in found.items()]


def _members(path: Path) -> dict[str, Members]:
    """Where every clip's files lie in a tar, by id: plain files of known names only."""
    found: dict[str, Members] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                parts = _MEMBER.fullmatch(member.name)
                if parts is None or not member.isreg() or member.issparse():
                    raise UserError(f"{path}: holds {member.name!r}, expected plain files of clips and no other")
                files = found.setdefault(parts["id"], {})
                if parts["file"] in files:
                    raise UserError(f"{path}: {member.name} is there twice, expected every file once")
                files[parts["file"]] = Slice(path, member.name, member.offset_data, member.size)
    except (tarfile.TarError, OSError) as error:
        raise UserError(f"{path}: {error}, expected a tar of clips") from error
    return found


def _clip(shard: Path, name: str, members: Members, split: str) -> Clip:
    """The clip of some members, after clip.json and row.json have been checked against each other and the rest."""
    for file in ("clip.json", "row.json"):
        if file not in members:
            raise UserError(f"{shard}: {name}.{file} is missing, expected it beside the clip's files")
        if members[file].size > MAX_JSON:
            raise UserError(f"{members[file]}: {members[file].size} bytes, expected at most {MAX_JSON}")
    card = check_card(read_json(members["clip.json"]) or {}, members["clip.json"])
    mark = hashlib.sha256(members["clip.json"].read_bytes()).hexdigest()
    try:
        row = Row(**strict_json(members["row.json"].read_bytes()))
    except (ValueError, TypeError) as error:
        raise UserError(f"{members['row.json']}: {error}, expected a clip's row") from error
    if (row.id, row.sha256, row.split) != (name, mark, split):
        raise UserError(
            f"{members['row.json']}: is of {row.id} ({row.split}, clip.json {row.sha256[:12]}), "
            f"expected {name} ({split}, clip.json {mark[:12]})"
        )
    files = {file: _file(shard, name, file, members, entry) for file, entry in card["files"].items()}
    return Clip(
        path=shard / name, name=name, rate=exact_rate(card["fps"]), width=card["width"], height=card["height"],
        provenance=card["provenance"], facts=FactsFile(files["facts.jsonl"], card["frames"]),
        videos={
            Path(file).stem: ShardVideo(place, frames=card["frames"], width=card["width"], height=card["height"])
            for file, place in files.items()
            if Path(file).suffix in SUFFIXES.values()
        },
        sha256=mark,
    )  # fmt: skip


def _file(shard: Path, name: str, file: str, members: Members, entry: Any) -> Slice:
    if file not in members:
        raise UserError(f"{shard}: {name}.{file} is missing, expected every file of {name}.clip.json")
    place = members[file]
    if not isinstance(entry, dict) or entry.get("bytes") != place.size or not isinstance(entry.get("sha256"), str):
        raise UserError(f"{place}: found {place.size} bytes, expected what clip.json says: {entry!r}")
    return Slice(place.path, place.name, place.offset, place.size, entry["sha256"])


class ShardVideo:
    """A video in a shard as frames by number, opened when the first is asked for.

    Raises `UserError` then if its sum is not that of clip.json, or its size or length.
    """

    def __init__(self, file: Slice, *, frames: int, width: int, height: int) -> None:
        """``frames, width, height``: what clip.json says of it."""
        self.file, self._expected = file, (frames, width, height)

    def __len__(self) -> int:
        """The number of frames."""
        return self._expected[0]

    def pick(self, indices: Sequence[int], size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
        """See `VideoFile.pick`."""
        return self._video.pick(indices, size)

    @cached_property
    def _video(self) -> VideoFile:
        video = VideoFile(self.file)
        found = (len(video), video.width, video.height)
        if found != self._expected:
            raise UserError(
                f"{self.file}: frames, width, height are {found}, expected {self._expected} as clip.json says"
            )
        return video

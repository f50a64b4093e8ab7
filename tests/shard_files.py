"""Shards for the tests of reading, written by hand with tarfile."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from training_clips import write_clip

from drivesim.clips.dataset import Row

Members = list[tuple[tarfile.TarInfo, bytes]]


def clip_members(folder: Path, *, split: str = "train") -> Members:
    """A clip's files as a shard's members."""
    name = folder.name
    files = {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.name != "run.json"}
    card = json.loads(files["clip.json"])
    row = Row(
        id=name, sha256=hashlib.sha256(files["clip.json"]).hexdigest(), bytes=sum(map(len, files.values())),
        source="town", scenario=card["provenance"]["scenario"], seed=0, camera="front", group=name, split=split,
        fps=card["fps"], frames=card["frames"],
    )  # fmt: skip
    files["row.json"] = row.line().encode()
    return [plain(f"{name}.{file}", content) for file, content in files.items()]


def plain(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """A plain file as a member."""
    head = tarfile.TarInfo(name)
    head.size = len(content)
    return head, content


def write_shard(path: Path, members: Members) -> dict[str, object]:
    """Write a tar; returns its line of the index."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for head, content in members:
            tar.addfile(head, io.BytesIO(content))
    samples = len({head.name.split(".")[0] for head, _ in members})
    data = path.read_bytes()
    return {
        "name": path.name, "split": "train", "samples": samples, "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip


def write_index(folder: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write index.json."""
    (folder / "index.json").write_text(json.dumps({"schema": "drivesim.shards/1", "shards": list(rows)}))


def write_shards(
    folder: Path, clips: Path, counts: Sequence[int], *, change: Callable[[Members], Members] = lambda members: members
) -> Path:
    """Shards of so many clips each, of a folder of clips; ``change`` spoils the members of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    folders, rows = iter(sorted(clips.iterdir())), []
    for number, count in enumerate(counts):
        members = [member for _ in range(count) for member in clip_members(next(folders))]
        rows.append(write_shard(folder / f"t-train-{number:06d}.tar", members if number else change(members)))
    write_index(folder, rows)
    return folder


def write_clips_of(folder: Path, count: int, *, first: int = 0, **shape) -> Path:
    """Clips number ``first`` and on."""
    for number in range(first, first + count):
        write_clip(folder / f"clip_{number:02d}", number=number, **shape)
    return folder

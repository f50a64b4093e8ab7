"""WebDataset export -> webdataset: every clip comes out of the shards with the bytes it had in the native dataset."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(sys.path.pop(0))  # this file has the reader's name, which must be found first
import webdataset
from proof import expected, prove


def main(native: Path, export: Path) -> dict[str, Any]:
    """What webdataset found, and whether it is all and no more."""
    wanted = {clip["clip"]: clip for clip in expected(export)}
    index = json.loads((export / "index.json").read_bytes())
    passed = True
    clips: list[str] = []
    frames = boxes = tracks = 0
    for shard in index["shards"]:
        samples = list(webdataset.WebDataset(str(export / shard["name"]), shardshuffle=False))
        passed &= len(samples) == shard["samples"]
        for sample in samples:
            name = sample["__key__"]
            clips.append(name)
            passed &= wanted[name]["split"] == shard["split"] == json.loads(sample["row.json"])["split"]
            files = {key: sample[key] for key in sample if not key.startswith("__")}
            passed &= files == _native(native, name, files["row.json"])
            facts = [json.loads(line) for line in files["facts.jsonl"].splitlines()[1:]]
            passed &= len(facts) == wanted[name]["frames"]
            frames += len(facts)
            boxes += sum(len(row["objects"]) for row in facts)
            tracks += len({thing["track_id"] for row in facts for thing in row["objects"]})
    passed &= sorted(clips) == sorted(wanted)
    return {"clips": len(clips), "frames": frames, "boxes": boxes, "tracks": tracks, "passed": bool(passed)}


def _native(native: Path, name: str, row: bytes) -> dict[str, bytes]:
    """The members that a clip must have. Its row is checked against the manifest's line."""
    folder = native / "clips" / name
    files = {"clip.json", *json.loads((folder / "clip.json").read_bytes())["files"]}
    found = {file: (folder / file).read_bytes() for file in files}
    agreement = native / "agreement" / f"{name}.json"
    if agreement.exists():
        found["agreement.json"] = agreement.read_bytes()
    if row in (native / "manifest.jsonl").read_bytes().splitlines():
        found["row.json"] = row
    return found


if __name__ == "__main__":
    prove("webdataset", "webdataset", main)

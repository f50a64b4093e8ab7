"""Reading and checking a clip's folder."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from drivesim.atomic import partial_folder
from drivesim.clips.clip import MAIN, Clip
from drivesim.clips.facts_file import FactsFile, strict_json
from drivesim.clips.slices import Slice
from drivesim.clips.video import SUFFIXES, VideoFile, exact_rate
from drivesim.errors import UserError

CLIP_SCHEMA = "drivesim.clip/1"


def read_clip(path: str | Path) -> Clip:
    """The clip in a folder; checks clip.json, file sizes and the video's header (`verify` checks the content too).

    Raises `UserError` that says what was found and what was expected.

    >>> import tempfile
    >>> import numpy as np
    >>> from drivesim.clips import ClipWriter
    >>> from scenarios.facts import FrameFacts
    >>> out = Path(tempfile.mkdtemp()) / "clip"
    >>> with ClipWriter(out, fps=7.5, width=64, height=32, provenance={"origin": "town"}) as writer:
    ...     for index in range(writer.done, 3):
    ...         writer.write(np.zeros((32, 64, 3), np.uint8), FrameFacts(index, index / 7.5, daylight=1.0))
    ...     clip = writer.finish()
    >>> clip = read_clip(out)
    >>> len(clip), clip.fps, clip.origin, clip.facts[2].daylight, clip.read([0, 2]).shape
    (3, 7.5, 'town', 1.0, (2, 32, 64, 3))
    """
    folder = Path(path)
    card = _read_card(folder)
    mark = sha256(folder / "clip.json")
    for name, entry in card["files"].items():
        size = (folder / name).stat().st_size if (folder / name).is_file() else None
        if size != entry["bytes"]:
            raise UserError(f"{folder / name}: found {size} bytes, expected {entry['bytes']}")
    videos = {
        Path(name).stem: VideoFile(folder / name, frames=card["frames"])
        for name in card["files"]
        if Path(name).suffix in SUFFIXES.values()
    }
    for video in videos.values():
        if (video.width, video.height) != (card["width"], card["height"]):
            raise UserError(
                f"{video.path}: {video.width} x {video.height}, expected {card['width']} x {card['height']}"
            )
    return Clip(
        path=folder, name=folder.resolve().name, rate=exact_rate(card["fps"]),
        width=card["width"], height=card["height"],
        provenance=card["provenance"], facts=FactsFile(folder / "facts.jsonl", card["frames"]),
        videos=videos, sha256=mark,
    )  # fmt: skip


def verify(path: str | Path) -> Clip:
    """The clip in a folder after checking the sha256 of every file. Raises `UserError` on the first that differs."""
    clip = read_clip(path)
    for name, entry in _read_card(clip.path)["files"].items():
        found = sha256(clip.path / name)
        if found != entry["sha256"]:
            raise UserError(f"{clip.path / name}: sha256 is {found}, expected {entry['sha256']} (damaged)")
    for video in clip.videos.values():
        len(video)  # raises if its frames are not as many as the card says
    return clip


def finished(out: str | Path, provenance: Mapping[str, Any]) -> Clip | None:
    """The clip at ``out`` if one of this provenance is there, whole; ``None`` if nothing is there.

    Raises `UserError` if something else is there.
    """
    out = Path(out)
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    clip = read_clip(out)
    if canonical(clip.provenance) != canonical(provenance):
        raise UserError(f"{out}: a clip of another provenance is there, expected a new folder or the same clip")
    shutil.rmtree(partial_folder(out), ignore_errors=True)  # left by a run killed after the move
    return clip


def canonical(value: Mapping[str, Any]) -> str:
    """JSON of ``value`` in one form only: sorted keys, no spaces, no NaN."""
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def software(*packages: str) -> dict[str, str]:
    """The versions of drivesim, of the video library and of further ``packages``, for a provenance."""
    return {name: version(name) for name in ("drivesim", "av", *packages)}


def _read_card(folder: Path) -> dict[str, Any]:
    card = read_json(folder / "clip.json")
    if card is None:
        raise UserError(f"{folder}: no readable clip.json found, expected a clip's folder")
    return check_card(card, folder / "clip.json")


def check_card(card: dict[str, Any], place: Path | Slice) -> dict[str, Any]:
    """A clip.json whose keys all are of their kinds. ``place``: where it was read. Raises `UserError` otherwise."""
    if card.get("schema") != CLIP_SCHEMA:
        raise UserError(f"{place}: schema is {card.get('schema')!r}, expected {CLIP_SCHEMA!r}")
    whole, number, table = ("a whole number from 1", int), ("a number above 0", (int, float)), ("an object", dict)
    kinds: dict[str, tuple[str, Any]] = {
        "fps": number, "frames": whole, "width": whole, "height": whole, "provenance": table, "files": table
    }  # fmt: skip
    for key, (words, kind) in kinds.items():
        value = card.get(key)
        if not isinstance(value, kind) or (kind is not dict and (value <= 0 or value is True)):
            raise UserError(f"{place}: {key} is {value!r}, expected {words}")
    try:
        exact_rate(card["fps"])
    except ValueError as error:
        raise UserError(f"{place}: {error}") from error
    if not isinstance(card["provenance"].get("origin"), str):
        raise UserError(f"{place}: the provenance has no origin, expected where the frames come from")
    if not isinstance(card["provenance"].get("scenario") or {}, dict):
        raise UserError(f"{place}: scenario is {card['provenance']['scenario']!r}, expected an object")
    # Plain names: no path leads outside; and no two videos have one name.
    names = list(card["files"])
    videos = [Path(name).stem for name in names if name != "facts.jsonl"]
    plain = all(re.fullmatch(r"facts\.jsonl|(?!facts\.)[a-z_]+\.(mp4|mkv)", name) for name in names)
    if not plain or "facts.jsonl" not in names or MAIN not in videos or len(set(videos)) < len(videos):
        raise UserError(f"{place}: files are {sorted(names)}, expected a video and facts.jsonl")
    for name, entry in card["files"].items():
        found = isinstance(entry, dict) and {key: type(value) for key, value in entry.items()}
        if found != {"bytes": int, "sha256": str}:
            raise UserError(f"{place}: {name} is {entry!r}, expected its bytes and sha256")
    return card


def read_json(path: Path | Slice) -> dict[str, Any] | None:
    """The JSON object in a file, or ``None`` if there is none."""
    try:
        value = strict_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Clips and their store on disk: everything that is video is a `Clip`.

A clip is a folder that is whole or absent::

    video.mp4 (or video.mkv, lossless)   the frames
    facts.jsonl                          a header line, then one FrameFacts per frame
    clip.json                            provenance, size, rate, sha256 of the files, the mark "synthetic"
    run.json                             when and where it was made; outside all checksums

`ClipWriter` builds it in ``.<name>.partial`` beside its place, chunk by chunk. A killed run that starts again with the
same provenance goes on after the last whole chunk, and the clip has the bytes of an uninterrupted run.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Protocol

import numpy as np

from drivesim.atomic import move_folder, partial_folder, write_json
from drivesim.errors import UserError
from drivesim.facts_file import FactsFile, facts_header, facts_line
from drivesim.video import SUFFIXES, SegmentWriter, VideoFile, exact_rate, join, resize

CLIP_SCHEMA = "drivesim.clip/1"
CHUNK_FRAMES = 240
MAIN = "video"
"""Name of a clip's first video."""


class FrameSource(Protocol):
    """Frames by number: a video file, or a folder of pictures."""

    def __len__(self) -> int: ...

    def pick(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        """The frames of ``indices`` (ascending, without repeats), uint8 h w 3 RGB."""
        ...


@dataclass(frozen=True)
class Clip:
    """Frames, the facts of each, and where they come from.

    ``path``: its folder or file. ``rate``: frames per second, exact. ``width, height``: pixels.
    ``provenance``: JSON-ready, with ``"origin"`` ("town", "rollout", "real"). ``facts``: one FrameFacts per frame, read
    on demand. ``videos``: `MAIN`, and others of the same length and size ("overlay").
    """

    path: Path
    name: str
    rate: Fraction
    width: int
    height: int
    provenance: Mapping[str, Any]
    facts: Sequence[Any]
    videos: Mapping[str, FrameSource]

    def __len__(self) -> int:
        return len(self.videos[MAIN])

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self.rate)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(len(self) / self.rate)

    @property
    def origin(self) -> str:
        """Where the frames come from: ``"town"``, ``"rollout"``, ``"real"``."""
        return self.provenance["origin"]

    @property
    def synthetic(self) -> bool:
        """Whether no camera ever saw this."""
        return self.origin != "real"

    def frames(
        self, start: int = 0, stop: int | None = None, step: int = 1, *,
        size: tuple[int, int] | None = None, video: str = MAIN,
    ) -> Iterator[np.ndarray]:  # fmt: skip
        """Frames ``start:stop:step`` one at a time as uint8 h w 3 RGB, resized to ``size`` = (height, width) if given."""
        if step < 1:
            raise ValueError(f"step is {step}, expected 1 or more")
        for frame in self.videos[video].pick(range(len(self))[start:stop:step]):
            yield frame if size is None else resize(frame, size)

    def read(self, indices: Sequence[int], *, size: tuple[int, int] | None = None, video: str = MAIN) -> np.ndarray:
        """The frames of ``indices`` (any order, repeats allowed) as uint8 t h w 3 RGB, resized to ``size`` if given."""
        wanted = sorted(set(indices))
        height, width = size or (self.height, self.width)
        found = np.empty((len(wanted), height, width, 3), np.uint8)
        for slot, frame in enumerate(self.videos[video].pick(wanted)):
            found[slot] = resize(frame, (height, width))
        return found[np.searchsorted(wanted, np.asarray(indices, dtype=int))]


def read_clip(path: str | Path) -> Clip:
    """The clip in a folder. Checks clip.json, the sizes of its files and the video's header; `verify` checks the content.

    Raises `UserError` that says what was found and what was expected.
    """
    folder = Path(path)
    card = _read_card(folder)
    for name, entry in card["files"].items():
        size = (folder / name).stat().st_size if (folder / name).is_file() else None
        if size != entry["bytes"]:
            raise UserError(f"{folder / name}: found {size} bytes, expected {entry['bytes']}")
    videos = {
        Path(name).stem: VideoFile(folder / name) for name in card["files"] if Path(name).suffix in SUFFIXES.values()
    }
    for video in videos.values():
        if (video.width, video.height) != (card["width"], card["height"]):
            raise UserError(
                f"{video.path}: {video.width} x {video.height}, expected {card['width']} x {card['height']}"
            )
    return Clip(
        path=folder, name=folder.resolve().name, rate=exact_rate(card["fps"]), width=card["width"], height=card["height"],
        provenance=MappingProxyType(card["provenance"]), facts=FactsFile(folder / "facts.jsonl", card["frames"]),
        videos=MappingProxyType(videos),
    )  # fmt: skip


def verify(path: str | Path) -> Clip:
    """The clip in a folder after checking the sha256 of every file. Raises `UserError` on the first that differs."""
    clip = read_clip(path)
    for name, entry in _read_card(clip.path)["files"].items():
        found = _sha256(clip.path / name)
        if found != entry["sha256"]:
            raise UserError(f"{clip.path / name}: sha256 is {found}, expected {entry['sha256']} (damaged)")
    if len(clip) != len(clip.facts):
        raise UserError(f"{clip.path}: {len(clip)} frames in the video, expected {len(clip.facts)}")
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


class ClipWriter:
    """Writes a clip frame by frame in flat memory; ``with`` it, ask `done`, `write` the rest, `finish`.

    ``out``: the folder to make; raises `UserError` if something is there (see `finished`). ``fps``: frames per second.
    ``provenance``: JSON-ready, with "origin"; it must name everything the frames depend on. ``lossless``: FFV1 instead of
    H.264. ``chunk_frames``: frames per chunk, at most so many are lost to a kill. ``extra_videos``: names of further
    videos; each is a keyword of `write`.

    Leaving the block without `finish` keeps the whole chunks for a later run of the same provenance.
    """

    def __init__(
        self, out: str | Path, *, fps: float | Fraction, width: int, height: int, provenance: Mapping[str, Any],
        lossless: bool = False, chunk_frames: int = CHUNK_FRAMES, extra_videos: Sequence[str] = (),
    ) -> None:  # fmt: skip
        if "origin" not in provenance:
            raise ValueError(f"provenance has {sorted(provenance)}, expected an 'origin'")
        if finished(out, provenance) is not None:
            raise UserError(f"{out}: the clip is already there, expected a new folder")
        self.out, self.rate, self.width, self.height = Path(out), exact_rate(fps), width, height
        self._videos, self._suffix, self._chunk_frames = (MAIN, *extra_videos), SUFFIXES[lossless], chunk_frames
        self._provenance, self._started = dict(provenance), time.time()
        self._folder = partial_folder(self.out)
        plan = {
            "provenance": self._provenance, "rate": str(self.rate), "width": width, "height": height,
            "lossless": lossless, "chunk_frames": chunk_frames, "videos": list(self._videos),
        }  # fmt: skip
        self._chunks = self._resume(json.loads(canonical(plan)))
        self.done = sum(chunk["frames"] for chunk in self._chunks)
        """Frames on disk in whole chunks. At the start: left by an earlier run; the caller goes on from there."""
        self._resumed, self._open_frames = self.done, 0
        self._segments: dict[str, SegmentWriter] = {}

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon_chunk()

    def write(self, frame: np.ndarray, facts: Any, **extra: np.ndarray) -> None:
        """Append one frame (uint8 h w 3 RGB), its FrameFacts, and a frame for each of ``extra_videos`` by its name.

        Raises ``ValueError`` if the facts' index is not the frame's number, or a frame is missing or of another size.
        """
        index = self.done + self._open_frames
        if facts.index != index:
            raise ValueError(f"facts are of frame {facts.index}, expected frame {index}")
        frames = {MAIN: frame, **extra}
        if set(frames) != set(self._videos):
            raise ValueError(f"frames for {sorted(frames)} given, expected {sorted(self._videos)}")
        if not self._open_frames:
            self._open_chunk()
        for name, segment in self._segments.items():
            segment.write(frames[name])
        self._facts.write(facts_line(facts))
        self._open_frames += 1
        if self._open_frames == self._chunk_frames:
            self._close_chunk()

    def finish(self) -> Clip:
        """Join the chunks and move the folder to its place; returns the clip."""
        if self._open_frames:
            self._close_chunk()
        if not self.done:
            raise ValueError(f"{self.out}: no frame was written, expected at least 1")
        whole = self._folder / "whole"
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        for name in self._videos:
            segments = [self._file(number, name) for number in range(len(self._chunks))]
            join(segments, whole / f"{name}{self._suffix}", rate=self.rate, comment=self._mark())
        with (whole / "facts.jsonl").open("wb") as target:
            target.write(facts_header())
            for number in range(len(self._chunks)):
                with self._file(number, "facts").open("rb") as source:
                    shutil.copyfileobj(source, target)
        self._write_cards(whole)
        move_folder(whole, self.out)
        shutil.rmtree(self._folder)
        return read_clip(self.out)

    def _write_cards(self, whole: Path) -> None:
        files = {
            file.name: {"bytes": file.stat().st_size, "sha256": _sha256(file)} for file in sorted(whole.iterdir())
        }  # fmt: skip
        card = {
            "schema": CLIP_SCHEMA, "provenance": self._provenance, "synthetic": self._provenance["origin"] != "real",
            "fps": float(self.rate), "frames": self.done, "width": self.width, "height": self.height, "files": files,
        }  # fmt: skip
        write_json(whole / "clip.json", card)
        run = {
            "host": platform.node(), "python": platform.python_version(), "started": self._started,
            "seconds": round(time.time() - self._started, 3), "frames_from_earlier_run": self._resumed,
        }  # fmt: skip
        write_json(whole / "run.json", run)

    def _mark(self) -> str:
        return "real" if self._provenance["origin"] == "real" else "synthetic: drivesim"

    def _resume(self, plan: dict[str, Any]) -> list[dict[str, Any]]:
        """The whole chunks of an earlier run of the same plan; everything else in the working folder is removed."""
        chunks: list[dict[str, Any]] = []
        if _read_json(self._folder / "plan.json") == plan:
            while (chunk := _read_json(self._folder / f"{len(chunks):05d}.json")) and self._is_whole(chunk):
                chunks.append(chunk)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            write_json(self._folder / "plan.json", plan)
        kept = {"plan.json", *(f"{n:05d}.json" for n in range(len(chunks))), *(f for c in chunks for f in c["files"])}
        for file in self._folder.iterdir():
            if file.is_dir():
                shutil.rmtree(file)
            elif file.name not in kept:
                file.unlink()
        return chunks

    def _is_whole(self, chunk: dict[str, Any]) -> bool:
        paths = {self._folder / name: sha for name, sha in chunk["files"].items()}
        return all(path.is_file() and _sha256(path) == sha for path, sha in paths.items())

    def _file(self, number: int, name: str) -> Path:
        return self._folder / f"{number:05d}.{name}{'.jsonl' if name == 'facts' else self._suffix}"

    def _open_chunk(self) -> None:
        if self._chunks and self._chunks[-1]["frames"] < self._chunk_frames:
            raise ValueError(
                f"{self.out}: the clip ended at frame {self.done} in an earlier run, expected no more frames"
            )
        number = len(self._chunks)
        self._facts = self._file(number, "facts").open("wb")
        shape = {
            "rate": self.rate,
            "width": self.width,
            "height": self.height,
            "lossless": self._suffix == SUFFIXES[True],
        }
        self._segments = {name: SegmentWriter(self._file(number, name), **shape) for name in self._videos}

    def _close_chunk(self) -> None:
        """Flush the open chunk to disk; its json, written last, makes it count."""
        self._facts.close()
        for segment in self._segments.values():
            segment.close()
        self._segments = {}
        files = [self._file(len(self._chunks), name) for name in ("facts", *self._videos)]
        chunk = {"frames": self._open_frames, "files": {file.name: _sha256(file) for file in files}}
        write_json(self._folder / f"{len(self._chunks):05d}.json", chunk)
        self._chunks.append(chunk)
        self.done, self._open_frames = self.done + self._open_frames, 0

    def _abandon_chunk(self) -> None:
        if self._open_frames:
            self._facts.close()
            for segment in self._segments.values():
                segment.abandon()
            self._segments, self._open_frames = {}, 0


def _read_card(folder: Path) -> dict[str, Any]:
    card = _read_json(folder / "clip.json")
    if card is None:
        raise UserError(f"{folder}: no readable clip.json found, expected a clip's folder")
    if card.get("schema") != CLIP_SCHEMA:
        raise UserError(f"{folder / 'clip.json'}: schema is {card.get('schema')!r}, expected {CLIP_SCHEMA!r}")
    kinds = {"fps": float, "frames": int, "width": int, "height": int, "provenance": dict, "files": dict}
    for key, kind in kinds.items():
        if not isinstance(card.get(key), kind):
            raise UserError(f"{folder / 'clip.json'}: {key} is {card.get(key)!r}, expected a {kind.__name__}")
    names = [Path(name).stem for name in card["files"]]
    if not {MAIN, "facts"} <= set(names) or not all(
        re.fullmatch(r"[a-z_]+\.(mp4|mkv|jsonl)", n) for n in card["files"]
    ):
        raise UserError(f"{folder / 'clip.json'}: files are {sorted(card['files'])}, expected a video and facts.jsonl")
    return card


def _read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or ``None`` if there is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

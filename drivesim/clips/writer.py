"""Writing a clip: chunk by chunk, whole or absent, and resumable after a kill."""

from __future__ import annotations

import json
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from drivesim.atomic import move_folder, partial_folder, write_json
from drivesim.clips.clip import MAIN, Clip
from drivesim.clips.facts_file import facts_header, facts_line
from drivesim.clips.store import CLIP_SCHEMA, canonical, finished, read_clip, read_json, sha256
from drivesim.clips.video import SUFFIXES, SegmentWriter, exact_rate, join
from drivesim.errors import UserError
from scenarios.facts import FrameFacts

CHUNK_FRAMES = 240


class ClipWriter:
    """Writes a clip frame by frame in flat memory.

    ``done``: frames on disk from an earlier, killed run of the same arguments; the caller goes on from there::

        with ClipWriter(out, fps=30, width=1024, height=512, provenance=provenance) as writer:
            for index in range(writer.done, frames):
                writer.write(render(index), timeline[index])
            clip = writer.finish()

    ``out``: the folder to make; raises `UserError` if something is there (see `finished`). ``fps``: frames per second.
    ``provenance``: JSON-ready, with "origin"; it must name everything the frames depend on. ``lossless``: FFV1 instead
    of H.264. ``chunk_frames``: frames per chunk, at most so many are lost to a kill. ``extra_videos``: names of further
    videos; each is a keyword of `write`. ``lossless_videos``: those among them that are FFV1 whatever the first one is.

    Leaving the block without `finish` keeps the whole chunks for a later run of the same provenance.
    """

    def __init__(
        self, out: str | Path, *, fps: float | Fraction, width: int, height: int, provenance: Mapping[str, Any],
        lossless: bool = False, chunk_frames: int = CHUNK_FRAMES, extra_videos: Sequence[str] = (),
        lossless_videos: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Make or find the working folder and what an earlier run left in it."""
        if "origin" not in provenance:
            raise ValueError(f"provenance has {sorted(provenance)}, expected an 'origin'")
        if finished(out, provenance) is not None:
            raise UserError(f"{out}: the clip is already there, expected a new folder")
        self.out, self.rate, self.width, self.height = Path(out), exact_rate(fps), width, height
        self._videos, self._chunk_frames = (MAIN, *extra_videos), chunk_frames
        self._lossless = {name: lossless or name in lossless_videos for name in self._videos}
        self._provenance, self._synthetic, self._started = dict(provenance), provenance["origin"] != "real", time.time()
        self._folder = partial_folder(self.out)
        plan = {
            "provenance": self._provenance, "rate": str(self.rate), "width": width, "height": height,
            "lossless": self._lossless, "chunk_frames": chunk_frames,
        }  # fmt: skip
        self._chunks = self._resume(json.loads(canonical(plan)))
        self.done = self._count = sum(chunk["frames"] for chunk in self._chunks)
        self._segments: dict[str, SegmentWriter] = {}

    def __enter__(self) -> ClipWriter:
        """The writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop the open chunk; whole ones stay for a later run, and where there is none nothing stays."""
        if self._segments:
            self._facts.close()
            for segment in self._segments.values():
                segment.abandon()
            self._segments = {}
        if not self._chunks:
            shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, frame: np.ndarray, facts: FrameFacts, **extra: np.ndarray) -> None:
        """Append one frame (uint8 h w 3 RGB), its FrameFacts, and a frame for each of ``extra_videos`` by its name.

        Raises ``ValueError`` if the facts' index is not the frame's number, or a frame is missing or of another size.
        """
        if facts.index != self._count:
            raise ValueError(f"facts are of frame {facts.index}, expected frame {self._count}")
        frames = {MAIN: frame, **extra}
        if set(frames) != set(self._videos):
            raise ValueError(f"frames for {sorted(frames)} given, expected {sorted(self._videos)}")
        if not self._segments:
            self._open_chunk()
        for name, segment in self._segments.items():
            segment.write(frames[name])
        self._facts.write(facts_line(facts))
        self._count += 1
        if self._count % self._chunk_frames == 0:
            self._close_chunk()

    def finish(self) -> Clip:
        """Join the chunks and move the folder to its place; returns the clip."""
        if self._segments:
            self._close_chunk()
        if not self._count:
            raise ValueError(f"{self.out}: no frame was written, expected at least 1")
        whole = self._folder / "whole"
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        comment = "synthetic: drivesim" if self._synthetic else ""
        for name in self._videos:
            segments = [self._file(number, name) for number in range(len(self._chunks))]
            join(segments, whole / f"{name}{SUFFIXES[self._lossless[name]]}", rate=self.rate, comment=comment)
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
            file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for file in sorted(whole.iterdir())
        }  # fmt: skip
        card = {
            "schema": CLIP_SCHEMA, "provenance": self._provenance, "synthetic": self._synthetic,
            "fps": float(self.rate), "frames": self._count, "width": self.width, "height": self.height, "files": files,
        }  # fmt: skip
        write_json(whole / "clip.json", card)
        run = {
            "host": platform.node(), "python": platform.python_version(), "started": self._started,
            "seconds": round(time.time() - self._started, 3), "frames_from_earlier_run": self.done,
        }  # fmt: skip
        write_json(whole / "run.json", run)

    def _resume(self, plan: dict[str, Any]) -> list[dict[str, Any]]:
        """The whole chunks of an earlier run of the same plan; everything else in the working folder is removed."""
        chunks: list[dict[str, Any]] = []
        if read_json(self._folder / "plan.json") == plan:
            while (chunk := read_json(self._folder / f"{len(chunks):05d}.json")) and self._is_whole(chunk):
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
        return all(path.is_file() and sha256(path) == sha for path, sha in paths.items())

    def _file(self, number: int, name: str) -> Path:
        suffix = ".jsonl" if name == "facts" else SUFFIXES[self._lossless[name]]
        return self._folder / f"{number:05d}.{name}{suffix}"

    def _open_chunk(self) -> None:
        number = len(self._chunks)
        if self._count != number * self._chunk_frames:
            raise ValueError(f"{self.out}: the clip ended at frame {self._count} in an earlier run, expected no more")
        self._facts = self._file(number, "facts").open("wb")
        for name in self._videos:
            self._segments[name] = SegmentWriter(
                self._file(number, name), rate=self.rate, width=self.width, height=self.height,
                lossless=self._lossless[name],
            )  # fmt: skip

    def _close_chunk(self) -> None:
        """Finish the open chunk. Its json, written last, makes it count; one torn by a power cut fails its sha256."""
        self._facts.close()
        for segment in self._segments.values():
            segment.close()
        self._segments = {}
        number = len(self._chunks)
        files = [self._file(number, name) for name in ("facts", *self._videos)]
        chunk = {
            "frames": self._count - number * self._chunk_frames, "files": {file.name: sha256(file) for file in files}
        }  # fmt: skip
        write_json(self._folder / f"{number:05d}.json", chunk)
        self._chunks.append(chunk)

"""Real footage as Clips: video files or folders of pictures, with or without boxes. What is not known stays unknown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np

from drivesim.clips import MAIN, Clip, FrameSource
from drivesim.clips.video import VideoFile, exact_rate, resize
from drivesim.datasets.boxes import Box, read_boxes
from drivesim.errors import UserError
from scenarios.crowdedness import crowdedness
from scenarios.facts import FrameFacts, ObjectFacts

VIDEOS = (".mp4", ".mkv", ".mov", ".avi", ".webm")
PICTURES = (".jpg", ".jpeg", ".png")


def read_footage(
    path: str | Path, *, boxes: str | Path | None = None, fps: float | None = None,
    facts: Mapping[str, Any] | None = None,
) -> list[Clip]:  # fmt: skip
    """The real clips at ``path``: a video file, or a folder.

    A folder with videos gives a clip for each, a folder with pictures (jpg, png; in the order of their names) is one
    clip, and any other folder gives the clips of its folders. Labels are read from ``<name>_boxes.json`` beside the
    video or the folder of pictures, or from ``boxes`` where there is one clip only (see `drivesim.datasets.boxes`).

    ``fps``: frames per second of pictures; a video knows its own. ``facts``: what is known of every frame besides, as
    fields of FrameFacts, say ``{"daylight": 1.0, "weather": "clear"}``.

    Raises `UserError` where nothing is found, ``fps`` is missing or not for a video, or a file is unreadable.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "drive"
    >>> folder.mkdir()
    >>> _ = [cv2.imwrite(f"{folder}/{k}.png", np.zeros((20, 40, 3), np.uint8)) for k in range(3)]
    >>> (clip,) = read_footage(folder, fps=10, facts={"daylight": 1.0})
    >>> len(clip), clip.origin, clip.facts[2].daylight, clip.facts[2].objects
    (3, 'real', 1.0, None)
    """
    path, known = Path(path), dict(facts or {})
    found = list(_find(path))
    if not found:
        raise UserError(f"{path}: no footage found, expected videos {VIDEOS} or pictures {PICTURES}")
    if boxes is not None and len(found) > 1:
        raise UserError(
            f"{path}: boxes given for {len(found)} clips, expected one clip (or <name>_boxes.json beside each)"
        )
    return [_clip(place, Path(boxes) if boxes else None, fps, known) for place in found]


def pictures_of(folder: Path) -> Pictures:
    """The pictures of a folder in the order of their names."""
    return Pictures(sorted(item for item in folder.iterdir() if item.suffix.lower() in PICTURES))


def _find(path: Path) -> Iterator[Path]:
    """Video files and folders of pictures at or below ``path``, sorted."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise UserError(f"{path}: not there, expected a video file or a folder")
    inside = sorted(item for item in path.iterdir() if not item.name.startswith("."))
    videos = [item for item in inside if item.suffix.lower() in VIDEOS]
    if videos:
        yield from videos
    elif any(item.suffix.lower() in PICTURES for item in inside):
        yield path
    else:
        for folder in inside:
            if folder.is_dir():
                yield from _find(folder)


def _clip(path: Path, boxes: Path | None, fps: float | None, known: dict[str, Any]) -> Clip:
    source: Pictures | VideoFile
    if path.is_dir():
        if fps is None:
            raise UserError(f"{path}: pictures have no frame rate, expected the argument fps")
        source, rate = pictures_of(path), exact_rate(fps)
    else:
        if fps is not None:
            raise UserError(f"{path}: fps {fps} given for a video, expected none (it has its own rate)")
        source = VideoFile(path)
        rate = source.rate
    beside = path.with_name(f"{path.stem}_boxes.json")
    labels = boxes or (beside if beside.is_file() else None)
    rows = read_boxes(labels, frames=len(source)) if labels else {}
    provenance = {"origin": "real", "source": path.name, "boxes": labels.name if labels else None, "facts": known}
    make = partial(_frame_facts, seconds=1 / rate, size=(source.width, source.height), known=known, rows=rows)
    return Clip(
        path=path, name=path.stem, rate=rate, width=source.width, height=source.height, provenance=provenance,
        facts=_FootageFacts(source, make), videos={MAIN: source},
    )  # fmt: skip


def _frame_facts(
    index: int, *, seconds: Any, size: tuple[int, int], known: dict[str, Any], rows: Mapping[int, tuple[Box, ...]]
) -> FrameFacts:
    """The facts of one frame; objects and crowdedness are unknown where the labels do not speak of it."""
    bare = FrameFacts(index, float(index * seconds), **known)
    if index not in rows:
        return bare
    objects = tuple(sorted((_object(box, *size) for box in rows[index]), key=lambda thing: thing.track_id))
    return dataclasses.replace(bare, objects=objects, crowdedness=crowdedness(objects, size[1]))


def _object(box: Box, width: int, height: int) -> ObjectFacts:
    x1, y1, x2, y2 = box.corners
    return ObjectFacts(
        track_id=box.track, category=box.category, occlusion=box.occluded, truncation=box.truncated, depth=box.depth,
        box=(x1 * width, y1 * height, x2 * width, y2 * height),
    )  # fmt: skip


class _FootageFacts(Sequence[FrameFacts]):
    """FrameFacts made on demand."""

    def __init__(self, source: FrameSource, make: Any) -> None:
        """``make``: from a frame's number to its facts."""
        self._source, self._make = source, make

    def __len__(self) -> int:
        """The number of frames."""
        return len(self._source)

    @overload
    def __getitem__(self, index: int) -> FrameFacts: ...
    @overload
    def __getitem__(self, index: slice) -> list[FrameFacts]: ...
    def __getitem__(self, index: int | slice) -> FrameFacts | list[FrameFacts]:
        """The facts of one frame, or of a slice of frames."""
        wanted = range(len(self))[index]
        return [self._make(k) for k in wanted] if isinstance(wanted, range) else self._make(wanted)


class Pictures:
    """Picture files as frames by number.

    Raises `UserError` if a picture cannot be read, differs in size from the first, or declares too many pixels.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        """Take the size of the first."""
        self.files = files
        first = VideoFile(files[0])
        self.width, self.height = first.width, first.height

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.files)

    def pick(self, indices: Sequence[int], size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
        """The pictures of ``indices`` as uint8 h w 3 RGB, scaled to ``size`` = (height, width), px, if given."""
        for file in [self.files[index] for index in indices]:
            head = VideoFile(file)  # reads the header and checks its size before anything is decoded
            if (head.width, head.height) != (self.width, self.height):
                raise UserError(
                    f"{file}: {head.width} x {head.height}, expected {self.width} x {self.height} as the first"
                )
            picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if picture is None:
                raise UserError(f"{file}: cannot be read, expected a jpg or png picture")
            frame = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            yield frame if size is None else resize(frame, size)

"""`Clip`: frames, the facts of each, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from drivesim.clips.video import resize
from scenarios.facts import FrameFacts

MAIN = "video"
"""Name of a clip's first video."""


class FrameSource(Protocol):
    """Frames by number: a video file, or a folder of pictures."""

    def __len__(self) -> int:
        """The number of frames."""
        ...

    def pick(self, indices: Sequence[int], size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
        """The frames of ``indices`` (ascending, without repeats), uint8 h w 3 RGB; scaled to ``size`` if given."""
        ...


@dataclass(frozen=True)
class Clip:
    """Frames, the facts of each, and where they come from.

    ``path``: its folder or file. ``rate``: frames per second, exact. ``width, height``: pixels.
    ``provenance``: JSON-ready, with ``"origin"`` ("town", "rollout", "real"). ``facts``: one FrameFacts per frame, read
    on demand. ``videos``: `MAIN`, and others of the same length and size ("overlay"). ``sha256``: of its clip.json,
    which holds those of its files; None of plain footage.
    """

    path: Path
    name: str
    rate: Fraction
    width: int
    height: int
    provenance: Mapping[str, Any]
    facts: Sequence[FrameFacts]
    videos: Mapping[str, FrameSource]
    sha256: str | None = None

    def __len__(self) -> int:
        """The number of frames."""
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
        self, start: int = 0, stop: int | None = None, step: int = 1,
        size: tuple[int, int] | None = None, *, video: str = MAIN,
    ) -> Iterator[np.ndarray]:  # fmt: skip
        """Frames ``start:stop:step`` one at a time as uint8 h w 3 RGB, resized to ``size`` = (height, width)."""
        if step < 1:
            raise ValueError(f"step is {step}, expected 1 or more")
        for frame in self.videos[video].pick(range(len(self))[start:stop:step]):
            yield frame if size is None else resize(frame, size)

    def read(self, indices: Sequence[int], size: tuple[int, int] | None = None, *, video: str = MAIN) -> np.ndarray:
        """The frames of ``indices`` (any order, repeats allowed) as uint8 t h w 3 RGB, resized to ``size`` if given.

        Raises ``IndexError`` for a frame that is not there.
        """
        wanted = sorted(set(indices))
        if wanted and not 0 <= wanted[0] <= wanted[-1] < len(self):
            raise IndexError(f"{self.path}: frames {wanted[0]}..{wanted[-1]} asked, there are {len(self)}")
        height, width = size or (self.height, self.width)
        found = np.empty((len(wanted), height, width, 3), np.uint8)
        for slot, frame in enumerate(self.videos[video].pick(wanted)):
            found[slot] = resize(frame, (height, width))
        return found[np.searchsorted(wanted, np.asarray(indices, dtype=int))]

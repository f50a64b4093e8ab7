"""The triptych: what was asked for, what the town makes of it and what the model does, side by side, to be shown."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drivesim.clips import Clip
from drivesim.clips.video import SegmentWriter, exact_rate, join
from drivesim.overlay import draw
from drivesim.overlay.pen import INK, blank, text_size, write

SECONDS = 20.0
SIZE = (256, 512)  # px: height and width of each of the three
CAPTION = 15  # px: height of its letters


def write_triptych(path: Path, town: Clip, rollout: Clip, *, seconds: float = SECONDS) -> Path:
    """Write the first ``seconds`` of a drive as a video, layout | town | rollout, at the clips' own rate; returns it.

    The file is whole or absent, and marked synthetic. Raises ``ValueError`` if the clips are not of one rate.
    """
    if town.fps != rollout.fps:
        raise ValueError(f"found clips of {town.fps} and {rollout.fps} frames/s, expected the same rate")
    rate = exact_rate(rollout.fps)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        segment, whole = Path(folder) / "segment.mp4", Path(folder) / path.name
        writer: SegmentWriter | None = None
        for picture in pictures(town, rollout, count=max(1, round(seconds * rollout.fps))):
            height, width = picture.shape[:2]
            writer = writer or SegmentWriter(segment, rate=rate, width=width, height=height)
            writer.write(picture)
        if writer is None:
            raise ValueError("found a clip without frames, expected one or more")
        writer.close()
        join([segment], whole, rate=rate, comment="synthetic: drivesim")
        os.replace(whole, path)
    return path


def pictures(town: Clip, rollout: Clip, *, count: int) -> Iterator[np.ndarray]:
    """The first ``count`` frames of the triptych, uint8 (h w 3) RGB, as many as both clips have."""
    title = caption(("layout", "town", "rollout"))
    both = zip(town.frames(0, count, size=SIZE), rollout.frames(0, count, size=SIZE), rollout.facts, strict=False)
    for drawn, made, facts in both:
        layout = draw(np.zeros_like(made), facts)
        yield np.concatenate([title, np.concatenate([layout, drawn, made], axis=1)])


def caption(words: tuple[str, ...]) -> np.ndarray:
    """A strip (h w 3) with a word above each picture; its height is even, as H.264 needs it."""
    height = text_size("", CAPTION)[1] + 8
    canvas = blank(height + height % 2, SIZE[1] * len(words), INK)
    for number, word in enumerate(words):
        write(canvas, word, number * SIZE[1] + 8, 4, size=CAPTION)
    return canvas

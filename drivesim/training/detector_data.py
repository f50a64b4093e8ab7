"""Batches for the detector: frames of clips with their labels; batch i is a pure function of (seed, stage, i)."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import cv2
import lightning as L
import numpy as np
import torch

from drivesim.clips import Clip
from drivesim.datasets.training_reader import Arrays, Size, cached, find_clips, fingerprint, held_out
from drivesim.errors import UserError
from drivesim.networks.detector import STRIDES
from drivesim.training.data import Batch, Batches
from scenarios.crowdedness import is_visible
from scenarios.facts import WEATHERS, categories
from scenarios.lane_lines import crossings, lines_in_view, segments
from scenarios.randomness import generator

logger = logging.getLogger(__name__)

GREY = 114  # what is beside a picture of another shape; the detector's adapter pads with the same
ABSENT, IGNORED = -1, -2  # labels: padding of a batch, and a box that is neither to be found nor background
LEAST_SEEN = 0.4  # a box of which the zoom leaves less than this share is ignored
UNKNOWN = -1  # weather, and cells of which it is not known whether a lane line crosses them


class Sample(NamedTuple):
    """One frame: ``colour`` uint8 (h w 3), ``boxes`` (n 4) px, ``labels`` (n,).

    ``lines``: pieces of lane lines (m 5) as of `scenarios.lane_lines.segments`, None if unknown. ``daylight`` in
    [0, 1], or NaN. ``weather``: number of its class, or `UNKNOWN`.
    """

    colour: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    lines: np.ndarray | None
    daylight: float
    weather: int


class DetectorData(L.LightningDataModule):
    """Frames with labels: "picture" (b 3 h w) in [-1, 1], "boxes" (b m 4) in its px, "labels" (b m).

    A label is a category's number, `ABSENT` or `IGNORED` (not visible by `scenarios.crowdedness`). "lanes" (b 2 h/8
    w/8): whether a lane line crosses the middle row of a cell (1, 0 or `UNKNOWN`), and at which share of the cell's
    width. "daylight" (b,), or NaN; "weather" (b,): number of its class, or `UNKNOWN`. Frames are mirrored, zoomed,
    brightened, darkened and coarsened at random.
    """

    def __init__(
        self,
        folders: list[str],
        cache: str,
        *,
        batch_size: int = 16,
        size: Size = (256, 512),
        rate: float = 3.0,
        zoom: float = 1.3,
        held_out_share: float = 0.1,
        seed: int = 0,
        purpose: str = "detector",
    ) -> None:
        """Set up; nothing is read yet.

        Args:
            folders: folders of clips; frames whose objects are unknown are left out.
            cache: folder for the memory maps.
            batch_size: frames per batch.
            size: (height, width) of the pictures, px; others are fitted in, as the detector's adapter does.
            rate: frames per second that are taken of a clip: neighbours are too alike to be worth their room.
            zoom: frames are scaled by 1/zoom to zoom, about a random place.
            held_out_share: share of the clips kept from training to measure with.
            seed: with ``purpose``, the key of every draw.
            purpose: the stage's name.
        """
        super().__init__()
        self.folders, self.cache, self.batch_size, self.size = folders, Path(cache), batch_size, (size[0], size[1])
        self.rate, self.zoom, self.held_out_share = rate, zoom, held_out_share
        self.seed, self.purpose = seed, purpose

    def prepare_caches(self, codec: None = None) -> None:
        """Read the frames, or make their cache. Raises `UserError` if no frame has known objects."""
        clips = find_clips(self.folders)
        hidden = held_out(clips, self.held_out_share)
        marks = [fingerprint(clip) for clip in clips]
        rows = [self._read(clip, mark) for clip, mark in zip(clips, marks, strict=True)]
        self.fingerprint = hashlib.sha256("".join(marks).encode()).hexdigest()
        self.clips = clips
        self.train_rows = [row for row, out in zip(rows, hidden, strict=True) if len(row["colour"]) and not out]
        self.held_out_rows = [row for row, out in zip(rows, hidden, strict=True) if len(row["colour"]) and out]
        if not self.train_rows or not self.held_out_rows:
            raise UserError(
                f"found {len(self.train_rows)} clips with known objects to train on and {len(self.held_out_rows)} to"
                " measure with, expected at least one of each"
            )

    def train_dataloader(self) -> Batches:
        """Batches from where the trainer stands."""
        trainer: Any = self.trainer
        return Batches(self.batches, lambda: trainer.lightning_module.batches_done)

    def batches(self, first: int) -> Iterator[Batch]:
        """Training batches ``first``, ``first + 1``, ... without end."""
        return map(self.batch, itertools.count(first))

    def batch(self, number: int) -> Batch:
        """Training batch ``number``."""
        return self._draw(self.train_rows, self.purpose, number, self.batch_size, augment=True)

    def held_out_batch(self, number: int, batch_size: int) -> Batch:
        """Batch ``number`` of the clips that are never trained on, unaltered."""
        return self._draw(self.held_out_rows, f"{self.purpose}/held out", number, batch_size, augment=False)

    def _draw(self, rows: list[Arrays], purpose: str, number: int, batch_size: int, *, augment: bool) -> Batch:
        samples: list[Sample] = []
        for index in range(number * batch_size, (number + 1) * batch_size):
            random = generator(self.seed, purpose, index)
            row = random.choice(rows)
            frame = random.randrange(len(row["colour"]))
            sample = sample_of(row, frame)
            samples.append(augmented(sample, random, zoom=self.zoom) if augment else sample)
        most = max(len(sample.labels) for sample in samples)
        boxes, labels = torch.zeros(batch_size, most, 4), torch.full((batch_size, most), ABSENT)
        for slot, sample in enumerate(samples):
            there = slice(len(sample.labels))
            boxes[slot, there], labels[slot, there] = torch.from_numpy(sample.boxes), torch.from_numpy(sample.labels)
        picture = torch.from_numpy(np.stack([sample.colour for sample in samples])).permute(0, 3, 1, 2)
        return {
            "number": number,
            "picture": picture.float().div(127.5).sub(1),
            "boxes": boxes,
            "labels": labels,
            "lanes": torch.from_numpy(np.stack([lane_cells(sample.lines, self.size) for sample in samples])),
            "daylight": torch.tensor([sample.daylight for sample in samples]),
            "weather": torch.tensor([sample.weather for sample in samples]),
        }

    def _read(self, clip: Clip, mark: str) -> Arrays:
        inputs: dict[str, Any] = {"clip": mark, "size": self.size, "rate": self.rate, "version": 3}
        return cached(self.cache, "detector", inputs, lambda: read_frames(clip, self.size, self.rate))


def read_frames(clip: Clip, size: Size, rate: float) -> Arrays:
    """The frames of a clip at ``rate`` that have known objects, fitted into ``size``.

    "colour" (t h w 3) uint8, "daylight", "weather" (t,) as in `Sample`, and the boxes of all frames one after the
    other: "boxes" (n 4) px, "labels" (n,), of which frame k has rows ``first[k]:first[k + 1]``. Likewise "lines"
    (m 5), pieces of lane lines, and "first_line"; "lined" (t,): whether they are known.
    """
    step = max(1, round(clip.fps / rate))
    zoom = min(size[0] / clip.height, size[1] / clip.width)
    inner = (round(clip.height * zoom), round(clip.width * zoom))
    names = list(categories())
    colour, boxes, labels, first = [], [], [], [0]
    daylight, weather, lines, first_line, lined = [], [], [np.zeros((0, 5))], [0], []
    for index, frame in zip(range(0, len(clip), step), clip.frames(step=step, size=inner), strict=True):
        objects = clip.facts[index].objects
        if objects is None:
            continue
        picture = np.full((*size, 3), GREY, np.uint8)
        picture[: inner[0], : inner[1]] = frame
        colour.append(picture)
        boxes += [np.array(thing.box) * zoom for thing in objects]
        labels += [names.index(thing.category) if is_visible(thing, clip.height) else IGNORED for thing in objects]
        first.append(len(labels))
        facts = clip.facts[index]
        daylight.append(np.nan if facts.daylight is None else facts.daylight)
        weather.append(UNKNOWN if facts.weather is None else WEATHERS.index(facts.weather))
        seen = lines_in_view(facts, inner)
        lined.append(seen is not None)
        lines.append(segments(seen or ()))
        first_line.append(first_line[-1] + len(lines[-1]))
    return {
        "colour": np.stack(colour) if colour else np.zeros((0, *size, 3), np.uint8),
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "labels": np.array(labels, np.int64),
        "first": np.array(first),
        "daylight": np.array(daylight, np.float32),
        "weather": np.array(weather, np.int64),
        "lines": np.concatenate(lines).astype(np.float32),
        "first_line": np.array(first_line),
        "lined": np.array(lined, bool),
    }


def sample_of(row: Arrays, frame: int) -> Sample:
    """One frame of what `read_frames` read."""
    inside = slice(row["first"][frame], row["first"][frame + 1])
    lines = np.array(row["lines"][row["first_line"][frame] : row["first_line"][frame + 1]])
    return Sample(
        np.array(row["colour"][frame]),
        np.array(row["boxes"][inside]),
        np.array(row["labels"][inside]),
        lines if row["lined"][frame] else None,
        float(row["daylight"][frame]),
        int(row["weather"][frame]),
    )


def lane_cells(lines: np.ndarray | None, size: Size) -> np.ndarray:
    """The "lanes" (2 h/8 w/8) of `DetectorData` from pieces of lines (m 5); a cell with two lines takes the last."""
    stride = STRIDES[0]
    cells = np.zeros((2, size[0] // stride, size[1] // stride), np.float32)
    if lines is None:
        cells[0] = UNKNOWN
        return cells
    row, x, piece = crossings(lines, np.arange(cells.shape[1]) * stride + stride / 2)
    inside = (x >= 0) & (x < size[1])
    row, column, share = row[inside], (x[inside] // stride).astype(int), x[inside] % stride / stride
    counts = lines[piece[inside], 4] > 0
    cells[0, row[~counts], column[~counts]] = UNKNOWN
    cells[:, row[counts], column[counts]] = np.stack([np.ones(counts.sum()), share[counts]])
    return cells


def augmented(sample: Sample, random: Random, *, zoom: float) -> Sample:
    """The frame zoomed about a random place, mirrored, brightened or darkened, coarsened; the labels go with it."""
    colour, boxes, labels = sample.colour, sample.boxes, sample.labels
    height, width = colour.shape[:2]
    scale = zoom ** random.uniform(-1, 1)
    flip = -1 if random.random() < 0.5 else 1
    # x -> flip * scale * x + shift: where the picture is larger than the frame a part is cut, else grey fills up.
    spare = np.array([width, height]) * (1 - scale)
    shift = spare * [random.random(), random.random()] + [width * scale if flip < 0 else 0, 0]
    matrix = np.array([[flip * scale, 0, shift[0]], [0, scale, shift[1]]])
    colour = cv2.warpAffine(colour, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(GREY,) * 3)
    corners = boxes * np.array([flip * scale, scale] * 2) + np.tile(shift, 2)
    if flip < 0:
        corners = corners[:, [2, 1, 0, 3]]
    whole = (corners[:, 2:] - corners[:, :2]).prod(-1)
    corners = np.clip(corners, 0, [width, height] * 2)
    seen = (corners[:, 2:] - corners[:, :2]).prod(-1)
    labels = np.where((seen < LEAST_SEEN * whole) & (labels >= 0), IGNORED, labels)
    kept = seen > 0
    coarse = random.choice((1, 1, 1, 2, 3))
    if coarse > 1:
        small = cv2.resize(colour, (width // coarse, height // coarse), interpolation=cv2.INTER_AREA)
        colour = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    # Some are darkened so far that brightness alone does not tell day from night.
    gain = random.uniform(0.25, 0.7) if random.random() < 0.25 else random.uniform(0.7, 1.4)
    colour = np.clip(colour.astype(np.float32) * gain, 0, 255).astype(np.uint8)
    lines = sample.lines
    if lines is not None:
        lines = np.column_stack([lines[:, :4] * np.array([flip * scale, scale] * 2) + np.tile(shift, 2), lines[:, 4]])
    return sample._replace(colour=colour, boxes=corners[kept].astype(np.float32), labels=labels[kept], lines=lines)

"""The walk over a dataset's clips that the formats of pictures and boxes have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from drivesim.clips import Clip
from drivesim.clips.agreement import Agreement
from drivesim.clips.dataset import Dataset, Row
from drivesim.exports.labels import Label, LabelRule, labels
from scenarios.facts import FrameFacts

Progress = Callable[[int, int], object] | None


class Frame(NamedTuple):
    """A frame to be written. ``picture``: uint8 h w 3 RGB. ``labels``: what the format writes of its objects."""

    picture: np.ndarray
    facts: FrameFacts
    labels: list[Label]


def scenes(
    dataset: Dataset, rows: Sequence[Row], form: str, rule: LabelRule, progress: Progress
) -> Iterator[tuple[Row, Clip, Iterator[Frame]]]:
    """Each row with its clip and its frames, one at a time. Raises `UserError` if a clip is not whole."""
    for done, row in enumerate(rows, start=1):
        clip = dataset.verified(row)
        yield row, clip, _frames(clip, form, dataset.agreement(row), rule)
        if progress is not None:
            progress(done, len(rows))


def _frames(clip: Clip, form: str, agreement: Agreement | None, rule: LabelRule) -> Iterator[Frame]:
    for picture, facts in zip(clip.frames(), clip.facts, strict=True):
        yield Frame(picture, facts, list(labels(facts, form, agreement, rule)))

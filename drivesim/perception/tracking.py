"""Tracking: which detection of a frame is which one of the frames before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drivesim.perception.assignment import assign
from drivesim.perception.detections import Detections
from drivesim.perception.matching import overlaps
from drivesim.perception.motion import BoxMotion
from scenarios.facts import categories


class Tracker(Protocol):
    """Anything that follows road users through one clip; a clip needs a tracker of its own."""

    def update(self, found: Detections, at: float) -> np.ndarray:
        """Track ids (n,), int from 1, of the n detections of one more frame, ``at`` s in its clip; -1 where unknown.

        Frames come in order; some may be left out. Raises ``ValueError`` if ``at`` does not grow.
        """
        ...


@dataclass(eq=False)
class _Track:
    """One road user. ``seen``: s, when last; ``count``: how often; ``lost``: not in the last frame."""

    number: int
    motion: BoxMotion
    seen: float
    count: int = 1
    lost: bool = False


class ByteTracker:
    """ByteTrack (Zhang et al. 2022, Algorithm 1): sure detections find their tracks first, then unsure ones the rest.

    Each group (vehicle, person, other) is tracked apart. ``sure``: lowest score of the first association. ``unsure``:
    of the second; whatever is below has no track. ``new``: of a detection that may start a track. ``overlap``,
    ``unsure_overlap``, ``second_overlap``: lowest IoU of the first association, of the second, and of a track that was
    seen only once and is given up if not seen again at once. ``patience``: s, how long a lost track waits.
    The defaults are the authors'. Times are in seconds, so that frames may come at any rate; since boxes go far between
    the frames of a slow one, both are widened by what the track may be off before they are compared, as in C-BIoU
    (Yang et al. 2023).

    >>> tracker = ByteTracker()
    >>> [tracker.update(Detections([[x, 0, x + 20, 20]], [0.9], ["car"]), at=x / 30).tolist() for x in (0, 2, 4)]
    [[1], [1], [1]]
    """

    def __init__(
        self,
        *,
        sure: float = 0.6,
        unsure: float = 0.1,
        new: float = 0.7,
        overlap: float = 0.2,
        unsure_overlap: float = 0.5,
        second_overlap: float = 0.3,
        patience: float = 1.0,
    ) -> None:
        """Start without tracks. Raises ``ValueError`` unless 0 <= unsure <= sure <= new and patience > 0."""
        if not 0 <= unsure <= sure <= new or not patience > 0:
            found = f"unsure {unsure}, sure {sure}, new {new}, patience {patience}"
            raise ValueError(f"found {found}, expected 0 <= unsure <= sure <= new and patience above 0")
        self._sure, self._unsure, self._new, self._patience = sure, unsure, new, patience
        self._overlap, self._unsure_overlap, self._second_overlap = overlap, unsure_overlap, second_overlap
        self._tracks: dict[str, list[_Track]] = {}
        self._at: float | None = None
        self._count = 0

    def update(self, found: Detections, at: float) -> np.ndarray:
        """Track ids (n,) of one more frame; see `Tracker`."""
        before = -math.inf if self._at is None else self._at
        if not at > before:
            raise ValueError(f"found a frame at {at} s after one at {before} s, expected a later one")
        elapsed, self._at = 0.0 if self._at is None else at - before, at
        ids = np.full(len(found), -1)
        groups = np.array([categories()[name].group for name in found.categories])
        for group in sorted({*groups, *self._tracks}):
            tracks = self._tracks.setdefault(group, [])
            for track in tracks:
                track.motion.predict(elapsed)
            self._associate(tracks, found, np.flatnonzero(groups == group), ids)
        return ids

    def _associate(self, tracks: list[_Track], found: Detections, rows: np.ndarray, ids: np.ndarray) -> None:
        """Give the detections ``rows`` of one group their ids, and bring its tracks up to date."""
        assert self._at is not None
        sure = rows[found.scores[rows] >= self._sure]
        unsure = rows[(found.scores[rows] >= self._unsure) & (found.scores[rows] < self._sure)]
        known = [track for track in tracks if track.count > 1]
        once = [track for track in tracks if track.count == 1]
        before = {track.number for track in tracks if not track.lost}
        for track in tracks:
            track.lost = True
        self._match(known, found, sure, self._overlap, ids)
        # a box that is hardly seen may carry on a track, but not bring back one that was lost (Algorithm 1, line 17)
        left = [track for track in known if track.lost and track.number in before]
        self._match(left, found, unsure, self._unsure_overlap, ids)
        self._match(once, found, sure[ids[sure] < 0], self._second_overlap, ids)
        tracks[:] = [
            track for track in tracks if not track.lost or (track.count > 1 and self._at - track.seen <= self._patience)
        ]
        for row in sure[(ids[sure] < 0) & (found.scores[sure] >= self._new)]:
            self._count += 1
            tracks.append(_Track(self._count, BoxMotion(found.boxes[row]), self._at))
            ids[row] = self._count

    def _match(
        self, tracks: Sequence[_Track], found: Detections, rows: np.ndarray, overlap: float, ids: np.ndarray
    ) -> None:
        """Give each track at most one of the detections ``rows``, so that the sum of IoU is largest."""
        if not tracks or not len(rows):
            return
        shared = np.concatenate([_shared(track.motion, found.boxes[rows]) for track in tracks])
        for number, place in zip(*assign(np.where(shared >= overlap, shared, 0.0)), strict=True):
            if shared[number, place] < overlap:
                continue  # paired only because everybody is
            track, row = tracks[number], rows[place]
            track.motion.correct(found.boxes[row])
            assert self._at is not None
            track.seen, track.count, track.lost = self._at, track.count + 1, False
            ids[row] = track.number


def _shared(motion: BoxMotion, boxes: np.ndarray) -> np.ndarray:
    """IoU (1 n) of where a track should be with ``boxes`` (n 4), all of them widened by how far it may be off."""
    margin = np.concatenate([-motion.reach, motion.reach])
    return overlaps((motion.box + margin)[None], boxes + margin)

"""Tracking scores: HOTA, MOTA and IDF1, of tracks found against true tracks.

All three take clips as sequences of `TrackedFrame`; track ids mean something within one clip only. What an occluded or
tiny true box would spoil is taken away before, by `left_out`. Scores are None where no true box counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from drivesim.perception.assignment import assign

LEVELS = np.arange(0.05, 0.99, 0.05)  # HOTA's 19 levels of overlap
OVERLAP = 0.5  # lowest similarity of a match for MOTA and IDF1, and of a box on an ignored one
_HAIR = np.finfo(float).eps  # an overlap of exactly a level reaches it


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame of a clip and one group of classes.

    ``truth`` int (n,) and ``found`` int (m,): track ids, each at most once. ``similarity`` (n, m) in [0, 1] of each
    true box with each found one: the intersection over union, as a rule. Raises ``ValueError`` if these do not fit.
    """

    truth: np.ndarray
    found: np.ndarray
    similarity: np.ndarray

    def __post_init__(self) -> None:
        """Turn lists into arrays, once, and check that they fit."""
        for name in ("truth", "found"):
            ids = np.asarray(getattr(self, name), int).reshape(-1)
            object.__setattr__(self, name, ids)
            if len(set(ids.tolist())) < len(ids):
                raise ValueError(f"{name} has ids {ids.tolist()}, expected each at most once in a frame")
        shape = (len(self.truth), len(self.found))
        values = np.asarray(self.similarity, float)
        if values.shape != shape and values.size:
            raise ValueError(f"found similarities {values.shape}, expected {shape}: true boxes, found boxes")
        object.__setattr__(self, "similarity", values.reshape(shape))
        if not ((self.similarity >= 0) & (self.similarity <= 1)).all():
            raise ValueError("found a similarity outside of [0, 1], expected intersections over union")


Clips = Sequence[Sequence[TrackedFrame]]


def left_out(frame: TrackedFrame, *, ignored: np.ndarray, cover: np.ndarray) -> TrackedFrame:
    """The frame without its ignored true boxes, and without the found boxes that lie on them.

    ``ignored`` bool (n,). ``cover`` (n, m): the share of each found box's own area that lies on each true box. A found
    box goes if its cover of an ignored box is at least `OVERLAP`, unless it is the best partner of a box that counts
    (the rule of `drivesim.perception.matching`, with the best assignment of the frame in place of a greedy one).
    """
    counting = np.flatnonzero(~ignored)
    _, kept = _matched(frame.similarity[counting])
    goes = (cover[ignored] >= OVERLAP).any(0)
    goes[kept] = False
    return TrackedFrame(frame.truth[counting], frame.found[~goes], frame.similarity[np.ix_(counting, ~goes)])


def tracking_scores(clips: Clips) -> dict[str, float | None]:
    """All of `hota`, `clear_mot` and `identity_scores` in one row; ``boxes``: the number of true boxes that count.

    >>> frames = [TrackedFrame([1], [7], [[0.9]]), TrackedFrame([1], [8], [[0.9]])]  # one track that is found as two
    >>> scores = tracking_scores([frames])
    >>> scores["DetA"], scores["AssA"], scores["MOTA"], scores["IDF1"], scores["switches"]
    (0.947..., 0.473..., 0.5, 0.5, 1)
    """
    return scores_of([counted(clip) for clip in clips])


@dataclass(frozen=True, eq=False)
class TrackCounts:
    """What all scores of a clip are made of; those of several clips are made of the sums.

    ``hota`` (5, levels): see `_hota_counts`. ``clear`` (4,): true boxes, misses, false boxes, switches. ``identity``
    (3,): IDTP, true boxes, found boxes.
    """

    hota: np.ndarray
    clear: np.ndarray
    identity: np.ndarray


def counted(clip: Sequence[TrackedFrame]) -> TrackCounts:
    """The counts of one clip, so that its frames need not be gone through again for each draw of a bootstrap."""
    return TrackCounts(_hota_counts(clip), np.array(_clear_counts(clip)), np.array(_identity_counts(clip)))


def scores_of(clips: Sequence[TrackCounts]) -> dict[str, float | None]:
    """`tracking_scores` of clips that are counted."""
    clips = [*clips, counted([])]
    boxes = sum(int(clip.clear[0]) for clip in clips)
    parts = (formula(sum(getattr(clip, name) for clip in clips)) for name, formula in _FORMULAS.items())
    return {"boxes": boxes, **{name: score for part in parts for name, score in part.items()}}


def scores_of_draws(clips: Sequence[TrackCounts]) -> Callable[[Sequence[int]], dict[str, float | None]]:
    """A function from the numbers of clips drawn, with repeats, to their `scores_of`, for bootstraps.

    It remembers what it was asked, since the bootstrap of each score draws the same clips.
    """

    @cache
    def scores(drawn: tuple[int, ...]) -> dict[str, float | None]:
        return scores_of([clips[number] for number in drawn])

    return lambda drawn: scores(tuple(sorted(drawn)))


def hota(clips: Clips) -> dict[str, float | None]:
    """Higher-order tracking accuracy (Luiten et al. 2021), each a mean over the levels of overlap, in [0, 1].

    ``HOTA``: sqrt(DetA AssA). ``DetA``: TP / (TP + FN + FP). ``AssA``: the mean over all TP c of
    TPA(c) / (TPA(c) + FNA(c) + FPA(c)). ``LocA``: mean similarity of TP. The matches of a frame have the highest sum of
    similarity times how well the two tracks go together over the whole clip, as in the authors' TrackEval.
    """
    return _hota_scores(sum(map(_hota_counts, clips), np.zeros((5, 1))))


def _hota_scores(counts: np.ndarray) -> dict[str, float | None]:
    right, missed, false, together, overlap = counts
    if not (right + missed).any():
        return {"HOTA": None, "DetA": None, "AssA": None, "LocA": None}
    detection = right / (right + missed + false)
    association = together / np.maximum(1, right)
    return {
        "HOTA": float(np.sqrt(detection * association).mean()),
        "DetA": float(detection.mean()),
        "AssA": float(association.mean()),
        "LocA": float(np.where(right > 0, overlap / np.maximum(1, right), 1.0).mean()),  # nothing found: nothing off
    }


def clear_mot(clips: Clips) -> dict[str, float | None]:
    """CLEAR MOT (Bernardin and Stiefelhagen 2008) at `OVERLAP`.

    ``MOTA``: 1 - (misses + false + switches) / true boxes, at most 1, below 0 for a poor tracker. ``misses``,
    ``false``, ``switches``: counts; a switch is a true track found under another id than the last time it was found.
    A pair of the frame before goes on as long as it overlaps enough, the rest is matched for the highest similarity.
    """
    return _clear_scores(np.sum([(0, 0, 0, 0), *map(_clear_counts, clips)], axis=0))


def _clear_scores(counts: np.ndarray) -> dict[str, float | None]:
    boxes, misses, false, switches = (int(count) for count in counts)
    wrong = misses + false + switches
    return {"MOTA": 1 - wrong / boxes if boxes else None, "misses": misses, "false": false, "switches": switches}


def identity_scores(clips: Clips) -> dict[str, float | None]:
    """Identity scores (Ristani et al. 2016) at `OVERLAP`, in [0, 1].

    Each true track is given at most one found track, each at most once, for the most boxes right: IDTP. ``IDP``:
    IDTP / found boxes. ``IDR``: IDTP / true boxes. ``IDF1``: 2 IDTP / (true boxes + found boxes).
    """
    return _identity_scores(np.sum([(0, 0, 0), *map(_identity_counts, clips)], axis=0))


def _identity_scores(counts: np.ndarray) -> dict[str, float | None]:
    right, boxes, found = (int(count) for count in counts)
    if not boxes:
        return {"IDF1": None, "IDP": None, "IDR": None}
    return {"IDF1": 2 * right / (boxes + found), "IDP": right / found if found else 0.0, "IDR": right / boxes}


class _Numbered:
    """A clip whose track ids count from 0. ``boxes`` and ``found`` (tracks,): how many boxes each track has."""

    def __init__(self, clip: Sequence[TrackedFrame]) -> None:
        truth, self.boxes = _from_zero([frame.truth for frame in clip])
        found, self.found = _from_zero([frame.found for frame in clip])
        self.frames = [
            TrackedFrame(rows, columns, frame.similarity)
            for rows, columns, frame in zip(truth, found, clip, strict=True)
        ]

    def summed(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Values (n, m) of each frame's pairs of boxes, summed over the clip by pairs of tracks."""
        total = np.zeros((len(self.boxes), len(self.found)))
        for frame, value in zip(self.frames, values, strict=True):
            total[np.ix_(frame.truth, frame.found)] += value
        return total


def _hota_counts(clip: Sequence[TrackedFrame]) -> np.ndarray:
    """TP, FN, FP, the sum over TP of the association score, and that of the similarity, at each level: (5, levels)."""
    rows = _Numbered(clip)
    boxes, found = rows.boxes[:, None], rows.found[None]
    likely = rows.summed([_jaccard(frame.similarity) for frame in rows.frames])
    fit = likely / (boxes + found - likely)
    counts = np.zeros((5, len(LEVELS)))
    pairs = np.zeros((len(LEVELS), *fit.shape))
    for frame in rows.frames:
        at = np.ix_(frame.truth, frame.found)
        one, two = assign(fit[at] * frame.similarity)
        overlap = frame.similarity[one, two]
        hits = overlap >= LEVELS[:, None] - _HAIR  # (levels, pairs)
        pairs[:, frame.truth[one], frame.found[two]] += hits
        hit = hits.sum(1)
        counts[:3] += hit, len(frame.truth) - hit, len(frame.found) - hit
        counts[4] += (hits * overlap).sum(1)
    counts[3] = (pairs * (pairs / (boxes + found - pairs))).sum((1, 2))
    return counts


def _clear_counts(clip: Sequence[TrackedFrame]) -> tuple[int, int, int, int]:
    """True boxes, misses, false boxes and switches of a clip."""
    last: dict[int, int] = {}  # true track -> the found track of the last time that it was found
    going: dict[int, int] = {}  # the pairs of the last frame in which there was something to match
    boxes = misses = false = switches = 0
    for frame in clip:
        boxes += len(frame.truth)
        pairs: dict[int, int] = {}
        if len(frame.truth) and len(frame.found):
            goes_on = frame.found == np.array([[going.get(track, -1)] for track in frame.truth.tolist()])
            one, two = _matched(frame.similarity, first=goes_on)
            pairs = dict(zip(frame.truth[one].tolist(), frame.found[two].tolist(), strict=True))
            going = pairs
        misses, false = misses + len(frame.truth) - len(pairs), false + len(frame.found) - len(pairs)
        switches += sum(1 for track, other in pairs.items() if last.get(track, other) != other)
        last |= pairs
    return boxes, misses, false, switches


def _identity_counts(clip: Sequence[TrackedFrame]) -> tuple[int, int, int]:
    """IDTP, true boxes and found boxes of a clip."""
    rows = _Numbered(clip)
    pairs = rows.summed([frame.similarity >= OVERLAP for frame in rows.frames])
    return int(pairs[assign(pairs)].sum()), int(rows.boxes.sum()), int(rows.found.sum())


_FORMULAS: dict[str, Callable[[np.ndarray], dict[str, float | None]]] = {
    "hota": _hota_scores, "clear": _clear_scores, "identity": _identity_scores,
}  # fmt: skip


def _matched(similarity: np.ndarray, *, first: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the matches of highest similarity, none below `OVERLAP`; ``first``: pairs that go before."""
    allowed = similarity >= OVERLAP - _HAIR
    scores = similarity if first is None else similarity + 1000.0 * first
    rows, columns = assign(np.where(allowed, scores, 0.0))
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]


def _jaccard(similarity: np.ndarray) -> np.ndarray:
    """Each pair's share of all the similarity that its two boxes have with anything: TrackEval's soft match."""
    whole = similarity.sum(0, keepdims=True) + similarity.sum(1, keepdims=True) - similarity
    return np.divide(similarity, whole, out=np.zeros_like(similarity), where=whole > _HAIR)


def _from_zero(ids: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Ids of each frame counted from 0 over the clip, and how often each number occurs."""
    _, numbers, counts = np.unique(np.concatenate([np.zeros(0, int), *ids]), return_inverse=True, return_counts=True)
    return np.split(numbers, np.cumsum([len(row) for row in ids])[:-1]) if len(ids) else [], counts

"""The gallery: which frames the page shows, the best and the worst among them, and their pictures.

A page of a long benchmark stays small: a frame is on it with its picture and its boxes, or not at all, and the page
says how many are. frames.jsonl always has every row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from drivesim.clips import MAIN, Clip
from drivesim.evaluation.frames import Row
from drivesim.report import Shown, jpeg

MOST_FRAMES = 240  # on a page
MOST_BYTES = 11_000_000  # of their pictures (in base64) and rows: with tables and plots a page has at most about 12 MB
LOWEST_SCORE = 0.05  # of the detections on a page; frames.jsonl has all
EXAMPLES = 6  # best and worst frames, of each
APART = 2.0  # s between two examples of one clip: neighbours look the same


def gallery(clips: Mapping[str, Clip], rows: Sequence[Row]) -> Shown:
    """The frames of a page, spread evenly over ``rows``, and their pictures; ``clips`` by the id that rows name.

    Where they take more than `MOST_BYTES`, frames are left out evenly until they fit; examples stay.
    """
    best, worst = examples(rows)
    numbers = sorted({*_spread(range(len(rows)), MOST_FRAMES), *best, *worst})
    pictures = dict(zip(numbers, _pictures(clips, [rows[number] for number in numbers]), strict=True))
    drawn = {number: {**drawable(rows[number]), "picture": picture} for number, picture in pictures.items()}
    sizes = {number: len(json.dumps(row)) for number, row in drawn.items()}
    others = [number for number in numbers if number not in (*best, *worst)]
    room = MOST_BYTES - sum(sizes[number] for number in (*best, *worst))
    while others and (taken := sum(sizes[number] for number in others)) > room:
        others = _spread(others, min(len(others) - 1, int(len(others) * max(0, room) / taken)))
    kept = sorted([*best, *worst, *others])
    return Shown(
        frames=[drawn[number] for number in kept],
        best=[kept.index(number) for number in best],
        worst=[kept.index(number) for number in worst],
        lowest_score=LOWEST_SCORE,
    )


def _spread(numbers: Sequence[int], most: int) -> list[int]:
    """At most so many of some numbers, evenly spread."""
    return [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, min(most, len(numbers)))]


def drawable(row: Row) -> Row:
    """A row without the many detections of a score below `LOWEST_SCORE`, which nobody wants to see."""
    return {**row, "found": [box for box in row["found"] if box["score"] >= LOWEST_SCORE]}


def share_right(row: Row) -> float | None:
    """Hits of a frame over hits, misses and false detections (the critical success index); None where all are 0.

    It falls with a box that is not found as with a false detection.

    >>> share_right({"scores": {"vehicle": {"boxes": 3, "hits": 2, "false": 1}}})
    0.5
    """
    boxes, hits, false = (sum(score[name] for score in row["scores"].values()) for name in ("boxes", "hits", "false"))
    return hits / (boxes + false) if boxes + false else None


def examples(rows: Sequence[Row]) -> tuple[list[int], list[int]]:
    """The best and the worst frames as places in ``rows``, best and worst first: not all of one clip, nor neighbours.

    Of frames that are equally right, those with more boxes and false detections come first. A frame that is all right
    is no example of a bad one, nor the other way round, and none is an example of both.
    """
    shares = {n: share for n, row in enumerate(rows) if (share := share_right(row)) is not None}
    amounts = {n: sum(kind["boxes"] + kind["false"] for kind in rows[n]["scores"].values()) for n in shares}
    bad = sorted((n for n in shares if shares[n] < 1), key=lambda n: (shares[n], -amounts[n], n))
    worst = _apart(bad, rows)
    good = sorted((n for n in shares if shares[n] > 0 and n not in worst), key=lambda n: (-shares[n], -amounts[n], n))
    return _apart(good, rows), worst


def _apart(order: Sequence[int], rows: Sequence[Row]) -> list[int]:
    """The first `EXAMPLES` of an order that are `APART` in time, and not too many of one clip."""
    most = max(2, -(-EXAMPLES // max(1, len({row["clip"] for row in rows}))))
    chosen: list[int] = []
    for number in order:
        taken = [rows[other]["time"] for other in chosen if rows[other]["clip"] == rows[number]["clip"]]
        if len(taken) < most and all(abs(second - rows[number]["time"]) >= APART for second in taken):
            chosen.append(number)
    return chosen[:EXAMPLES]


def _pictures(clips: Mapping[str, Clip], rows: Sequence[Row]) -> list[str]:
    """The pictures of rows that go clip by clip, frame by frame, as JPEGs in base64."""
    pictures: list[str] = []
    for name, clip in clips.items():
        numbers = [row["frame"] for row in rows if row["clip"] == name]
        pictures.extend(jpeg(frame) for frame in clip.videos[MAIN].pick(numbers))
    return pictures

"""How far a condition is obeyed: is it *heard* by a network, is it *seen* in the pictures, and the word for both.

Heard: the loss rises when the condition is told wrongly. Seen: a judge that knows no network finds more of it in
pictures made for it (``found``) than in pictures made for something else (``floor``), at best as much as in the truth
(``ceiling``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from drivesim.metrics.detection import bootstrap
from scenarios.camera import project_points
from scenarios.facts import FrameFacts, time_of_day

LEAST_GAIN = 0.002  # of the loss: what rises less is too little to count on, however surely it rises
LEAST_SPAN = 0.05  # between floor and ceiling: a judge that tells them apart by less tells nothing
OBEYED = 2 / 3  # of the way from floor to ceiling
NEAR, FAR, EVERY = 4.0, 25.0, 0.25  # m: the stretch of a line that is looked at, and how densely
BESIDE = 1 / 32  # of the image's width: how far beside a line its surroundings are looked at


@dataclass(frozen=True)
class Gain:
    """By how much the loss rises, as a share of it, without a condition.

    ``interval``: the 95% bootstrap interval over clips, None of fewer than two. ``samples``: losses compared.
    """

    value: float
    interval: tuple[float, float] | None
    clips: int
    samples: int


@dataclass(frozen=True)
class Span:
    """What a judge finds: in pictures for other facts, in those for the facts, in the truth. More is better."""

    floor: float
    found: float
    ceiling: float

    @property
    def place(self) -> float | None:
        """Where ``found`` lies on the way from floor (0) to ceiling (1); None if the judge cannot tell these apart.

        >>> Span(0.2, 0.8, 1.0).place, Span(0.5, 0.5, 0.5).place
        (0.75, None)
        """
        way = self.ceiling - self.floor
        return round((self.found - self.floor) / way, 4) if way >= LEAST_SPAN else None


def status(gain: Gain | None, span: Span | None) -> str:
    """The word for a condition, from the gain of telling it instead of another clip's, and from what a judge sees.

    * "not learned": it is not heard. There is no gain, the gain's interval reaches 0 or is not known, or the gain is
      below `LEAST_GAIN`.
    * "obeyed": it is heard, and seen at least `OBEYED` of the way from floor to ceiling.
    * "weak": it is heard, but seen less than that, or there is no judge who could see it.

    >>> status(Gain(0.1, (0.05, 0.2), 8, 32), Span(0.0, 0.9, 1.0))
    'obeyed'
    """
    if gain is None or gain.interval is None or gain.interval[0] <= 0 or gain.value < LEAST_GAIN:
        return "not learned"
    if span is not None and span.place is not None and span.place >= OBEYED:
        return "obeyed"
    return "weak"


def relative_gain(told: np.ndarray, changed: np.ndarray, clips: np.ndarray, *, seed: int) -> Gain | None:
    """The gain of ``told`` losses (n,) against the ``changed`` ones of the same samples; None without samples.

    ``clips`` (n,): the number of each sample's clip. The gain is sum(changed - told) / sum(told).
    """
    if not len(told):
        return None
    rows = [np.flatnonzero(clips == clip) for clip in np.unique(clips)]

    def gain(drawn: Sequence[int]) -> float:
        chosen = np.concatenate([rows[number] for number in drawn])
        return float((changed[chosen] - told[chosen]).sum() / told[chosen].sum())

    return Gain(gain(range(len(rows))), bootstrap(gain, len(rows), seed=seed), len(rows), len(told))


def best_threshold(values: Sequence[float], positive: Sequence[bool]) -> float | None:
    """The threshold that best tells positives, which are higher, from negatives; None if there is one kind only.

    >>> best_threshold([1.0, 2.0, 6.0, 8.0], [False, False, True, True])
    4.0
    """
    order = sorted(set(values))
    if len(set(positive)) < 2 or len(order) < 2:
        return None
    middles = [(low + high) / 2 for low, high in pairwise(order)]
    return max(middles, key=lambda middle: balanced_accuracy(values, positive, middle))


def balanced_accuracy(values: Sequence[float], positive: Sequence[bool], threshold: float) -> float:
    """The mean of the shares of positives at or above a threshold and of negatives below it; there must be both."""
    above, truth = np.asarray(values) >= threshold, np.asarray(positive, bool)
    return float((above[truth].mean() + (~above[~truth]).mean()) / 2)


def day_and_night(facts: Sequence[FrameFacts]) -> tuple[list[int], list[bool]]:
    """Which frames are by day or by night, and whether by day; dawn and dusk are left out, as is the unknown."""
    times = [None if row.daylight is None else time_of_day(row.daylight) for row in facts]
    chosen = [number for number, time in enumerate(times) if time in ("day", "night")]
    return chosen, [times[number] == "day" for number in chosen]


def line_contrast(frame: np.ndarray, facts: FrameFacts) -> tuple[float, float] | None:
    """The mean brightness gradient of a frame (uint8 h w 3 RGB) on its road lines, and beside them, in grey levels.

    Lines are looked at from `NEAR` to `FAR` m ahead, where no road user's box covers them. None where the facts know
    no road or camera, or no line is in sight.
    """
    if facts.road is None or facts.camera is None:
        return None
    height, width = frame.shape[:2]
    ground = np.concatenate([_along(line.points) for line in facts.road.lines] or [np.empty((0, 2))])
    places, _ = project_points(facts.camera.resized(width, height), np.column_stack([ground, np.zeros(len(ground))]))
    scale = np.array([width / facts.camera.width, height / facts.camera.height] * 2)
    for thing in facts.objects or ():
        x1, y1, x2, y2 = np.asarray(thing.box) * scale
        inside = (places[:, 0] >= x1) & (places[:, 0] < x2) & (places[:, 1] >= y1) & (places[:, 1] < y2)
        places = places[~inside]
    steepness = _steepness(frame)
    aside = np.array([BESIDE * width, 0.0])
    on, left, right = (_values(steepness, places + side * aside) for side in (0, -1, 1))
    seen = np.isfinite(on + left + right)
    return (float(on[seen].mean()), float((left + right)[seen].mean() / 2)) if seen.any() else None


def _steepness(frame: np.ndarray) -> np.ndarray:
    """The size of the brightness gradient (h w), the highest of each 3 x 3: a line may lie between two pixels."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    size = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8))
    return cv2.dilate(size, np.ones((3, 3), np.uint8))


def _along(points: Sequence[tuple[float, float]]) -> np.ndarray:
    """Points (n 2) every `EVERY` m along a polyline of the ego frame, those from `NEAR` to `FAR` ahead."""
    line = np.asarray(points, float)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    dense = np.arange(0.0, lengths[-1], EVERY)
    places = np.column_stack([np.interp(dense, lengths, line[:, axis]) for axis in (0, 1)])
    return places[(places[:, 0] >= NEAR) & (places[:, 0] <= FAR)]


def _values(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The pixels (n,) at places (n 2) as x, y in px; NaN outside of the picture."""
    height, width = picture.shape
    inside = (places >= 0).all(1) & (places < (width, height)).all(1)  # false for NaN too
    values = np.full(len(places), np.nan)
    columns, rows = places[inside].astype(int).T
    values[inside] = picture[rows, columns]
    return values

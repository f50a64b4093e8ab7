"""Looks: what judges see of each frame of a clip, and how well that is what facts ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from drivesim.clips import Clip
from drivesim.clips.video import resize
from drivesim.errors import UserError
from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.requests import (
    COLOUR,
    PICTURE,
    SHARE,
    SPEED,
    YAW_RATE,
    Motion,
    by_track,
    changes_by_track,
    colours_seen,
    is_near,
    median,
    motion_of,
    share_within,
    speed_error,
    speed_share_error,
    yaw_error,
)
from drivesim.evaluation.scene_requests import (
    LanesTold,
    TimeTold,
    changed_times,
    clear_times,
    lanes_told,
    median_distance,
    share_of_lines,
    time_told,
)
from drivesim.metrics.appearance import brightness
from drivesim.metrics.colour import Sighting
from drivesim.metrics.detection import average_precision
from drivesim.metrics.ranking import spearman
from drivesim.perception import Detections, Detector
from drivesim.perception.matching import HIT, IGNORED, match, truth_of
from drivesim.perception.scene import Scene, SceneDetector
from scenarios.facts import FrameFacts

RULE = Protocol()  # of what counts as a hit
LARGE = 0.1  # of the picture's height: the boxes from which on a vehicle is drawn with more than a few cells


@dataclass(frozen=True, eq=False)
class Look:
    """One frame as judges see it; ``found``: by judge. ``size``: (height, width), px. ``brightness``: grey levels.

    ``picture``: the frame reduced to `PICTURE`, for colours (None: they are not judged). ``motion``: of the ego from
    this frame to the next (None: it is not looked for).
    """

    found: Mapping[str, Detections]
    scene: Scene
    brightness: float
    size: tuple[int, int]
    picture: np.ndarray | None = None
    motion: Motion | None = None


class Measure(NamedTuple):
    """A score over frames; more is better. ``see``: what one frame says (None: nothing); ``score`` sums that up.

    ``gather``: turns what the frames of one clip say into what is scored, where that is not frames. ``median``: the
    median error, in ``unit``, of a measure that scores the share of small errors (None: it scores something else).
    ``kind``: of the boxes that it is about, if it is.
    """

    see: Callable[[Look, FrameFacts], Any]
    score: Callable[[Sequence[Any]], float | None]
    gather: Callable[[Sequence[Any]], Sequence[Any]] = list
    median: Callable[[Sequence[Any]], float | None] | None = None
    unit: str = ""
    kind: str | None = None

    def said(self, looks: Mapping[int, Look], facts: Sequence[FrameFacts]) -> list[Any]:
        """What the frames of a clip say; ``looks`` may be of another, longer one."""
        return [row for k, look in looks.items() if k < len(facts) and (row := self.see(look, facts[k])) is not None]


def look_at(
    clip: Clip,
    judges: Mapping[str, Detector],
    scenes: SceneDetector,
    *,
    every: int,
    progress: Callable[[int, int], object] | None = None,
) -> dict[int, Look]:
    """Every ``every``-th frame of a clip as the judges see it, by number.

    A judge that is the network which sees the scene, too, is run once for both. The ego's motion is looked for where
    the next frame is near enough (`requests.is_near`). ``progress``: called with (frames done, frames in all).
    """
    near = is_near(clip.fps)
    step = 1 if near else every
    looks = {}
    frames = pairwise(chain(clip.frames(step=step), [None]))
    for number, (frame, following) in zip(range(0, len(clip), step), frames, strict=True):
        if number % every:
            continue
        assert frame is not None  # only the last one's follower is
        scene_boxes, scene = scenes.see(frame)
        found = {name: scene_boxes if scenes.is_same(judge) else judge([frame])[0] for name, judge in judges.items()}
        motion = None
        if near and following is not None:
            motion = motion_of(frame, following, clip.facts[number], seconds=1 / clip.fps)
        size = (clip.height, clip.width)
        looks[number] = Look(found, scene, brightness(frame), size, resize(frame, PICTURE), motion)
        if progress is not None:
            progress(min(number + every, len(clip)), len(clip))
    return looks


def who_judges(judges: Mapping[str, Detector], scenes: SceneDetector) -> dict[str, Any]:
    """Who judges, as ``metrics.json`` tells it. Raises `UserError` if no detector of boxes does."""
    if not judges:
        raise UserError("found 0 judges, expected a detector or more")
    return {
        "judges": {name: {"name": judge.name, "sha256": judge.fingerprint} for name, judge in judges.items()},
        "scene_judge": {"name": scenes.name, "sha256": scenes.fingerprint},
    }


def measures(judges: Sequence[str], *, fps: float | None = None) -> dict[str, Measure]:
    """All measures by name; those of boxes once for each judge. ``fps``: of the clips; None: of any.

    ``AP50``: COCO's precision at IoU 0.5 of the visible boxes asked for; ``of large vehicles``: of boxes of at least
    `LARGE` of the picture's height, as COCO's area ranges. ``recall``: the share of them that is found
    with at least the benchmark's score. ``crowdedness``: rank correlation of the vehicles found with those asked for.
    ``time of day``, ``weather``: share of frames in which the judge of the scene sees what was asked for; ``clear of
    borders``: of frames whose daylight is no border case, ``after a change``: of those from the first change of the
    time of day within a clip on. ``brightness by daylight``: rank correlation of the two. ``lane lines``: share of
    those asked for that is found, ``straight`` and ``curved`` roads apart. ``colour of road users``: share of those
    seen well, by day and dusk, whose colour is the one asked for; ``steady``: is as near to what it was at first.
    ``ego speed``, ``ego yaw rate``: share of pairs of neighbouring frames, without rain and snow, that show what was
    asked for; a pair whose ground tells no motion does not; left out where frames are too far apart; ``relative``: the
    error as a share of the speed. How near is near enough stands in `drivesim.evaluation.requests` and
    `scene_requests`.
    """
    rows: dict[str, Measure] = {}
    for judge in judges:
        for kind in ("vehicle", "person"):
            see = partial(_boxes, judge=judge, kind=kind)
            rows[f"AP50 of {kind}s by {judge}"] = Measure(see, _precision, kind=kind)
            rows[f"recall of {kind}s by {judge}"] = Measure(see, _recall, kind=kind)
        large = partial(_boxes, judge=judge, kind="vehicle", least=LARGE)
        rows[f"AP50 of large vehicles by {judge}"] = Measure(large, _precision, kind="vehicle")
        rows[f"crowdedness by {judge}"] = Measure(partial(_count, judge=judge), _correlation)
    rows["time of day"] = Measure(_time, _mean)
    rows["time of day, clear of borders"] = Measure(_time_told, _mean, clear_times)
    rows["time of day, after a change"] = Measure(_time_told, _mean, changed_times)
    rows["weather"] = Measure(_weather, _mean)
    rows["brightness by daylight"] = Measure(_brightness, _correlation)
    for name, curved in (("lane lines", None), ("straight lane lines", False), ("curved lane lines", True)):
        rows[name] = Measure(partial(_lanes, curved=curved), share_of_lines, median=median_distance, unit="px of 1024")
    within = share_within(COLOUR)
    rows["colour of road users"] = Measure(_colours, within, by_track, median, "CIEDE2000")
    rows["steady colour of road users"] = Measure(_colours, within, changes_by_track, median, "CIEDE2000")
    if fps is None or is_near(fps):
        rows["ego speed"] = Measure(_speed, share_within(SPEED), median=median, unit="m/s")
        share = share_within(SHARE)
        rows["ego speed, relative"] = Measure(_speed_share, share, median=median, unit="of the request")
        rows["ego yaw rate"] = Measure(_yaw_rate, share_within(YAW_RATE), median=median, unit="rad/s")
    return rows


# --- what one frame says


def _boxes(
    look: Look, facts: FrameFacts, *, judge: str, kind: str, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Scores and hits of the detections that count, and the number of true boxes that count.

    ``least``: share of the picture's height from which on boxes count; lower ones stand aside, as in `slices`.
    """
    if facts.objects is None:
        return None
    truth, found = truth_of(facts.objects, kind, look.size[0], RULE.visible), look.found[judge].of(kind)
    aside, outside = (boxes[:, 3] - boxes[:, 1] < least * look.size[0] for boxes in (truth.boxes, found.boxes))
    outcomes = np.array(match(found, truth, RULE.iou, aside=aside).outcomes, dtype=object)
    counts = (outcomes == HIT) | ((outcomes != IGNORED) & ~outside)
    return found.scores[counts], outcomes[counts] == HIT, int((~truth.ignored & ~aside).sum())


def _count(look: Look, facts: FrameFacts, *, judge: str) -> tuple[float, float] | None:
    if facts.crowdedness is None:
        return None
    return len(look.found[judge].above(RULE.score).of("vehicle")), facts.crowdedness.vehicles


def _time(look: Look, facts: FrameFacts) -> bool | None:
    told = time_told(look.scene, facts)
    return None if told is None else told.right


def _time_told(look: Look, facts: FrameFacts) -> TimeTold | None:
    return time_told(look.scene, facts)


def _weather(look: Look, facts: FrameFacts) -> bool | None:
    return None if facts.weather is None else look.scene.weather == facts.weather


def _brightness(look: Look, facts: FrameFacts) -> tuple[float, float] | None:
    return None if facts.daylight is None else (look.brightness, facts.daylight)


def _lanes(look: Look, facts: FrameFacts, *, curved: bool | None) -> LanesTold | None:
    return lanes_told(look.scene, facts, look.size, curved=curved)


def _colours(look: Look, facts: FrameFacts) -> list[Sighting] | None:
    return colours_seen(look.picture, look.size, facts)


def _speed(look: Look, facts: FrameFacts) -> float | None:
    return speed_error(look.motion, facts)


def _speed_share(look: Look, facts: FrameFacts) -> float | None:
    return speed_share_error(look.motion, facts)


def _yaw_rate(look: Look, facts: FrameFacts) -> float | None:
    return yaw_error(look.motion, facts)


# --- what all frames say


def _precision(rows: Sequence[tuple[np.ndarray, np.ndarray, int]]) -> float | None:
    if not rows:
        return None
    scores, hits, counts = zip(*rows, strict=True)
    return average_precision(np.concatenate(scores), np.concatenate(hits), sum(counts))


def _recall(rows: Sequence[tuple[np.ndarray, np.ndarray, int]]) -> float | None:
    count = sum(row[2] for row in rows)
    return sum(int(hits[scores >= RULE.score].sum()) for scores, hits, _ in rows) / count if count else None


def _correlation(rows: Sequence[tuple[float, float]]) -> float | None:
    return spearman([seen for seen, _ in rows], [true for _, true in rows]) if len(rows) > 1 else None


def _mean(rows: Sequence[bool]) -> float | None:
    return sum(rows) / len(rows) if rows else None

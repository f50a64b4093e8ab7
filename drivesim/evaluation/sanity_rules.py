"""The rules of the sanity protocol: which defect each measure must notice, and the bounds, which are set beforehand."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from drivesim.evaluation.drift import BAR
from drivesim.evaluation.protocol import rules_hash
from drivesim.metrics.detection import LEVELS
from drivesim.metrics.motion import LOOPS
from scenarios.facts import TIMES_OF_DAY, WEATHERS
from scenarios.suite import Drive, evaluation_suite

Range = tuple[float | None, float | None]  # low <= value < high; None: no bound

# The first half is others' floor for the second, and the reverse: no two partners share the time of day or the weather.
DRIVES = (
    "day_free_ride", "night_city", "dense_crowd", "dense_traffic", "night_crossing", "busy_junction",
    "rain_at_night", "snow_dusk_city", "fog_drive", "oncoming_pass", "lead_brake", "cut_out_reveal",
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """A defect and the measure that must notice it.

    ``name``: of the function that takes it. ``defect``: what is done, and ``measure``: what is looked at, for people.
    ``clean`` and ``spoiled``: where the measure must lie without and with the defect; both None: at the numbers worked
    out by hand from the counts. ``each``: of every clip, not only over all. ``why``: the argument for the bounds. In
    the texts numbers of the rules stand by their names (`SanityProtocol.told`).
    """

    name: str
    defect: str
    measure: str
    clean: Range | None
    spoiled: Range | None
    why: str
    each: bool = False


_PERCEIVED = "a box of another drive overlaps by half only by chance, where the two are alike in place and size"
_DRIFT = f"the drift protocol's own bar: below {BAR:g} of what it was, nothing is left to compare"
_FLICKER = "flicker is read against that of other frames: half as much again must stand out of what content alone does"
_SPLITS = "were the halves alike, theirs would be the highest of {distances} distances once in {distances} times"
_HALVINGS = "distance / highest of {halvings} random halvings"
_TIME = f"a guess of {len(TIMES_OF_DAY)}"
_FALSE = "{false} false boxes a frame, "

CHECKS = (
    Check(
        "frozen_speed", "frozen: the first frame, again and again", "speed of the picture, widths per metre driven",
        (0.002, None), (None, 0.002),
        "the lower half, were it a bare plain, would alone move 0.009 widths per metre on average over the picture; "
        "a quarter of that for roads without much texture", each=True,
    ),
    Check(
        "looped_return", "looping: the first half twice", "nearest return to an earlier frame, usual frame differences",
        (LOOPS, None), (None, LOOPS), "the measure's own bar for the same picture", each=True,
    ),
    Check(
        "frozen_ego_motion", "frozen, dry drives only", "speed read from the road / the ego's",
        (0.5, 1.5), (None, 0.5), "halfway between standing and driving, and as far above", each=True,
    ),
    Check(
        "hurried_ego_motion", "every second frame left out, dry drives only", "speed read from the road / the ego's",
        (0.5, 1.5), (1.5, 2.5), "halfway between once and twice the speed, and as far above", each=True,
    ),
    Check(
        "blurred_sharpness", "blurred from the middle on", "sharpness, second half / first half",
        (BAR, None), (None, BAR), _DRIFT, each=True,
    ),
    Check(
        "darkened_brightness", "darkened from the middle on", "brightness, second half / first half",
        (BAR, None), (None, BAR), _DRIFT, each=True,
    ),
    Check(
        "darkened_time", "darkened, drives that are not by night", "time of day told rightly, share of frames",
        (2 / 3, None), (2 / 3, None), f"halfway between {_TIME} and always: a dark picture is no night",
    ),
    Check(
        "noisy_flicker", "noise drawn anew for each frame, from the middle on",
        "warped-frame error, second half / first half",
        (None, 1.5), (1.5, None), _FLICKER,
    ),
    Check(
        "flickering_flicker", "every second frame darker, from the middle on",
        "warped-frame error, second half / first half",
        (None, 1.5), (1.5, None), _FLICKER,
    ),
    Check(
        "shuffled_precision", "facts of another drive", "AP50 of vehicles",
        (0.5, None), (None, 0.2), _PERCEIVED,
    ),
    Check(
        "shuffled_recall", "facts of another drive", "recall of vehicles",
        (0.5, None), (None, 0.2), _PERCEIVED,
    ),
    Check(
        "shuffled_time", "facts of another drive", "time of day told rightly, share of frames",
        (2 / 3, None), (None, 1 / 3), f"no more than {_TIME}: the other drive is never at that time",
    ),
    Check(
        "shuffled_weather", "facts of another drive", "weather told rightly, share of frames",
        (0.6, None), (None, 0.2), f"no more than a guess of {len(WEATHERS)}; clean: halfway between that and always",
    ),
    Check(
        "copied_windows", "training windows again: mirrored, darker, with noise", "share of windows that are copies",
        (None, 1 / 3), (0.9, None),
        "an unseen drive is nearer than all {held_out} held-out ones in one of {cases} cases; "
        "of copies nine of ten must show",
    ),
    Check(
        "blurred_frechet", "one half of the frames blurred", f"Fréchet {_HALVINGS}",
        (None, 1.0), (1.0, None), _SPLITS,
    ),
    Check(
        "blurred_kernel", "one half of the frames blurred", f"kernel {_HALVINGS}",
        (None, 1.0), (1.0, None), _SPLITS,
    ),
    Check(
        "other_frechet", "one half of other drives", f"Fréchet {_HALVINGS}",
        (None, 1.0), (1.0, None), _SPLITS,
    ),
    Check(
        "other_kernel", "one half of other drives", f"kernel {_HALVINGS}",
        (None, 1.0), (1.0, None), _SPLITS,
    ),
    Check("dropped_recall", "one true box of {nth} is not found", "recall", None, None, "1 less the share dropped"),
    Check(
        "dropped_precision", "one true box of {nth} is not found", "AP50", None, None,
        f"precision 1 at those of the {len(LEVELS)} levels of recall that are reached, else 0",
    ),
    Check(
        "shifted_above", "boxes shifted by {near} of their width", "recall", None, None,
        "IoU (1 - {near}) / (1 + {near}) = {near_overlap:.3f}: all are hits",
    ),
    Check(
        "shifted_below", "boxes shifted by {far} of their width", "recall", None, None,
        "IoU (1 - {far}) / (1 + {far}) = {far_overlap:.3f}: none is a hit",
    ),
    Check(
        "false_precision", f"{_FALSE}surer than all true ones", "AP50", None, None,
        "boxes / (boxes + false): precision only rises with recall",
    ),
    Check(
        "false_count", f"{_FALSE}surer than all true ones", "false detections a frame", None, None,
        "those that were put there",
    ),
    Check(
        "false_unsure", f"{_FALSE}less sure than all true ones", "AP50", None, None,
        "1: they come after the last true box",
    ),
    Check(
        "switched_count", "every track under a new id from its middle on", "identity switches", None, None,
        "one for each track that is seen twice or more",
    ),
    Check(
        "switched_identity", "every track under a new id from its middle on", "IDF1", None, None,
        "the longer half of each track over all its boxes",
    ),
)  # fmt: skip


def trained_on(count: int) -> int:
    """How many of the drives beside one of ``count`` are its training clips; the rest is held out."""
    return count // 2


def _drives() -> tuple[Drive, ...]:
    by_name = {drive.scenario: drive for drive in evaluation_suite()}
    return tuple(by_name[name] for name in DRIVES)


@dataclass(frozen=True)
class SanityProtocol:
    """The rules of the benchmark's test of itself.

    ``drives``, each for ``frames`` frames at ``fps`` frames/s and ``size`` (height, width), px; their order says whose
    facts are another's (`generator.others`). ``every``: every how many-th frame is judged by detectors. ``pairs``: of
    frames of a clip from which the ego's speed is read. ``blur``: sigma, px. ``noise``: sigma, grey levels. ``dark``,
    ``flicker``: share that is left of a darkened frame. ``window``: frames of a window that is looked for among
    training windows, and ``copy_dark``, ``copy_noise``: how a copy differs. ``halvings``: random ones. ``nth``: of
    the true boxes is dropped. ``near``, ``far``: shifts as shares of the width. ``false``: false boxes a frame.
    ``sure``, ``surer``, ``unsure``: scores of true and false boxes. ``draws`` and ``seed``: of the bootstrap over
    clips, and of all noise.
    """

    name: str = "drivesim.sanity/2"
    drives: tuple[Drive, ...] = dataclasses.field(default_factory=_drives)
    frames: int = 16
    fps: float = 7.5
    size: tuple[int, int] = (256, 512)
    every: int = 3
    pairs: int = 1
    blur: float = 2.0
    noise: float = 20.0
    dark: float = 0.3
    flicker: float = 0.7
    window: int = 8
    copy_dark: float = 0.8
    copy_noise: float = 8.0
    halvings: int = 19
    nth: int = 4
    near: float = 0.33
    far: float = 0.34
    false: int = 2
    sure: float = 0.8
    surer: float = 0.9
    unsure: float = 0.4
    draws: int = 500
    seed: int = 0
    checks: tuple[Check, ...] = CHECKS

    def told(self, text: str) -> str:
        """A text of a check with these rules' numbers in place of their names.

        >>> SanityProtocol(nth=5).told("one of {nth}; IoU {near_overlap:.3f}")
        'one of 5; IoU 0.504'
        """
        held_out = len(self.drives) - 1 - trained_on(len(self.drives))
        return text.format(
            **vars(self),
            distances=self.halvings + 1,
            held_out=held_out,
            cases=held_out + 1,
            near_overlap=(1 - self.near) / (1 + self.near),
            far_overlap=(1 - self.far) / (1 + self.far),
        )

    def to_dict(self) -> dict[str, Any]:
        """All rules, ready for JSON."""
        return dataclasses.asdict(self)

    def sha256(self) -> str:
        """The hash of the rules' canonical JSON."""
        return rules_hash(self.to_dict())

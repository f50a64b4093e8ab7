"""The evaluation of a generator: its rollouts of the evaluation drives, between a floor and a ceiling."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conditioning import NAMES
from drivesim.atomic import write_json, write_text
from drivesim.clips import Clip
from drivesim.datasets.training_reader import find_clips
from drivesim.errors import UserError
from drivesim.evaluation.benchmark import unique
from drivesim.evaluation.comparing_models import SCHEMA
from drivesim.evaluation.copying import Pair, copies
from drivesim.evaluation.distances import distances
from drivesim.evaluation.drift import course, drift, windows
from drivesim.evaluation.looks import Look, Measure, look_at, measures, who_judges
from drivesim.evaluation.protocol import rules_hash
from drivesim.evaluation.requests import is_near
from drivesim.evaluation.rows import row
from drivesim.evaluation.smoothness import Rows, rows_of, smoothness
from drivesim.evaluation.triptych import write_triptych
from drivesim.metrics.features import Features, load_features
from drivesim.parts import load_weights
from drivesim.perception import Detector
from drivesim.perception.scene import SceneDetector
from drivesim.report import render_generator
from drivesim.rollout import rollout
from drivesim.town import render
from scenarios import Timeline, compile
from scenarios.suite import LONG_DRIVE, Drive, evaluation_suite

WITHHELD = {
    "rollout": (),
    "no boxes": ("boxes",),
    "untold": tuple(name for name in NAMES if name != "interval"),
}
"""The arms that the generator makes -> the conditions it is not told."""
IMAGE_ONLY = {"image decoder": ("decoder",), "image upsampler": ("upsampler",)}
"""The arms that the generator makes -> what works without its temporal layers."""
ARMS = {
    "town": "the town's own render: the ceiling",
    "rollout": "the generator, told everything",
    "no boxes": "the generator, told everything but the boxes",
    "untold": "the generator, told nothing",
    "image decoder": "the generator, told everything, its decoder without temporal layers",
    "image upsampler": "the generator, told everything, its upsampler without temporal layers",
    "other": "what the generator made for another drive, judged by this one's facts: the floor",
}
ANEW = "anew"
"""What the generator makes of the last window alone where drift is looked at: the same requests, but nothing before."""
SHOWN = 8  # drives on the page

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class GeneratorProtocol:
    """The rules of an evaluation. Two results compare only if their protocols are equal.

    ``drives``: scenarios and seeds. ``fps``: of the rollouts, frames/s. ``every``: every how many-th frame is judged.
    ``arms``: keys of `ARMS`. ``about``: beginnings of the names of the `measures` that are taken; none: all.
    ``film``: frames of the windows whose distance to the town is taken, and that are compared with training clips.
    ``window``: s, of the windows in which drift is looked at; None: it is not. ``block``: s, of the blocks within such
    a window over which a single drive is drawn again. ``draws`` and ``seed``: of the bootstrap over clips.
    """

    name: str
    arms: tuple[str, ...]
    about: tuple[str, ...] = ()
    drives: tuple[Drive, ...] = dataclasses.field(default_factory=evaluation_suite)
    fps: float = 1.875
    every: int = 1
    film: int = 4
    window: float | None = None
    block: float = 2.0
    draws: int = 500
    seed: int = 0

    def sha256(self) -> str:
        """The hash of the rules' canonical JSON."""
        return rules_hash(dataclasses.asdict(self))


MOTION = ("child_occluded", "cut_out_reveal", "cyclist_along", "day_free_ride", "night_crossing", "traffic_jam")
"""Dry drives that bend, brake, stand and crawl, by day and night."""

PROTOCOLS = {
    "layout": GeneratorProtocol(
        "drivesim.layout/3", ("town", "rollout", "untold", "other"), about=("AP50", "recall", "crowdedness")
    ),
    "obedience": GeneratorProtocol("drivesim.obedience/4", ("town", *WITHHELD, "other")),
    "motion": GeneratorProtocol(
        "drivesim.motion/2",
        ("town", "rollout", "other"),
        about=("ego",),
        drives=tuple(drive for drive in evaluation_suite() if drive.scenario in MOTION),
        fps=7.5,
        every=5,
    ),
    "smoothness": GeneratorProtocol(
        "drivesim.smoothness/1",
        ("town", "rollout", *IMAGE_ONLY),
        about=("AP50", "ego"),
        drives=tuple(drive for drive in evaluation_suite() if drive.scenario in MOTION),
        fps=7.5,
        every=5,
    ),
    "drift": GeneratorProtocol(
        "drivesim.drift/4", ("town", "rollout"), drives=(LONG_DRIVE,), fps=7.5, every=5, window=10.0
    ),
}
"""Layout fidelity, obedience, the ego's motion, smoothness and long rollouts, by the names that people give."""


def evaluate(
    weights: str | Path,
    out: str | Path,
    protocol: GeneratorProtocol,
    judges: Mapping[str, Detector],
    *,
    scenes: SceneDetector | None = None,
    features: Features | None = None,
    training: Sequence[str | Path] = (),
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score weights by a protocol; returns what ``OUT/metrics.json`` holds, beside ``OUT/report.html``.

    At rates that the eye takes for motion ``OUT/triptych.mp4`` shows the first drive: layout, town, rollout.

    Args:
        weights: folder of parts, or a shipped name.
        out: folder for the clips of all arms and the result. An evaluation that was killed goes on where it was.
        protocol: one of `PROTOCOLS`, or another.
        judges: detectors of boxes, by the names that the result gives them.
        scenes: the judge of time of day, weather and lane lines; None: the reference detector.
        features: in whose space sets of frames are compared with the town's; None: ``"texture"``.
        training: folders of the clips that the weights were trained on, to look for copies; none: it is not done.
        device: of the generator: "auto", "cpu", "cuda", ...
        progress: called with (frames done, frames in all), each counted as it is made and as it is judged.

    Raises:
        UserError: too few drives (the floor needs two), no judge, an arm that does not exist, weights or training clips
            that cannot be read, or something else at ``out``.
    """
    least = 2 if "other" in protocol.arms else 1
    if len(protocol.drives) < least:
        raise UserError(f"found {len(protocol.drives)} drives, expected {least} or more")
    if unknown := [arm for arm in protocol.arms if arm not in ARMS]:
        raise UserError(f"found the arm {unknown[0]!r}, expected some of {tuple(ARMS)}")
    scenes = scenes or SceneDetector()
    who = who_judges(judges, scenes)
    marks = load_weights(weights).fingerprints
    sources = find_clips(training) if training else []
    out = Path(out)
    timelines = [compile(drive.load(), fps=protocol.fps, seed=drive.seed) for drive in protocol.drives]
    names = unique([timeline.scenario.name for timeline in timelines])
    asked = {arm: timelines for arm in protocol.arms if arm != "other"}
    if protocol.window is not None:
        length = round(protocol.window * protocol.fps)
        asked[ANEW] = [timeline.since(windows(len(timeline), length)[-1].start) for timeline in timelines]
    told = _Counted(progress, 2 * sum(len(timeline) for each in asked.values() for timeline in each))
    clips: dict[str, list[Clip]] = {}
    for arm, each in asked.items():
        places = [out / "clips" / arm.replace(" ", "_") / name for name in names]
        clips[arm] = [
            _clip(arm, timeline, place, weights, device, told.next(len(timeline)))
            for timeline, place in zip(each, places, strict=True)
        ]
    looks = {
        arm: [look_at(clip, judges, scenes, every=protocol.every, progress=told.next(len(clip))) for clip in made]
        for arm, made in clips.items()
    }
    shown = {arm: clips[arm] for arm in protocol.arms if arm != "other"}
    facts = {arm: [clip.facts for clip in made] for arm, made in shown.items()}
    if "other" in protocol.arms:
        looks["other"] = [looks["rollout"][k] for k in others(len(protocol.drives))]
        facts["other"] = facts["rollout"]
    taken = _taken(protocol, tuple(judges))
    sampling = {"seed": protocol.seed, "draws": protocol.draws}
    found, pairs = copies(shown, sources, film=protocol.film, **sampling) if sources else (None, [])
    metrics: dict[str, Any] = {
        "schema": SCHEMA,
        "protocol": dataclasses.asdict(protocol),
        "protocol_sha256": protocol.sha256(),
        "weights": marks,
        **who,
        "arms": {arm: ARMS[arm] for arm in protocol.arms},
        "clips": {arm: [clip.provenance for clip in made] for arm, made in shown.items()},
        "measures": {
            name: row(measure, {arm: (looks[arm], facts[arm]) for arm in protocol.arms}, **sampling)
            for name, measure in taken.items()
        },
    }
    metrics["distances"] = distances(
        shown, features or load_features("texture"), every=protocol.every, film=protocol.film, **sampling
    )
    metrics["copies"] = found
    if protocol.window is not None or is_near(protocol.fps):
        rows = {arm: [rows_of(clip) for clip in made] for arm, made in clips.items()}
        if is_near(protocol.fps):
            metrics["smoothness"] = smoothness({arm: rows[arm] for arm in shown}, **sampling)
        if protocol.window is not None:
            metrics["drift"] = _drift(protocol, clips, rows, looks, taken)
    write_json(out / "metrics.json", metrics)
    film = b""
    if is_near(protocol.fps) and {"town", "rollout"} <= shown.keys():
        film = write_triptych(out / "triptych.mp4", shown["town"][0], shown["rollout"][0]).read_bytes()
    write_text(out / "report.html", render_generator(metrics, _pictures(shown), _pictured(pairs), film))
    return metrics


class _Counted:
    """Progress over parts in a row, in frames; parts that were there already are passed over."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.start, self.end = progress, total, 0, 0

    def next(self, frames: int) -> Callable[[int, int], None]:
        """The progress of the next part, of so many frames."""
        self.start, self.end = self.end, self.end + frames
        self.tell(0, frames)
        return self.tell

    def tell(self, done: int, frames: int) -> None:
        """``done`` of the ``frames`` of this part are there."""
        if self.progress is not None:
            self.progress(self.start + done, self.total)


def _drift(
    protocol: GeneratorProtocol,
    clips: Mapping[str, Sequence[Clip]],
    rows: Mapping[str, Sequence[Rows]],
    looks: Mapping[str, Sequence[Mapping[int, Look]]],
    taken: Mapping[str, Measure],
) -> dict[str, Any]:
    """The course of town and rollout by windows, that of what was begun anew, and what they say together."""
    assert protocol.window is not None
    rules: dict[str, Any] = {
        "seconds": protocol.window,
        "block": protocol.block,
        "seed": protocol.seed,
        "draws": protocol.draws,
    }
    courses = {arm: course(clips[arm], rows[arm], looks[arm], taken, **rules) for arm in ("town", "rollout", ANEW)}
    return {
        "drawn": "drives" if len(protocol.drives) > 1 else "blocks",
        **courses,
        "drift": drift(courses["rollout"], courses["town"], courses[ANEW]),
    }


def _taken(protocol: GeneratorProtocol, judges: Sequence[str]) -> dict[str, Measure]:
    """The measures of a protocol: those that it names."""
    return {
        name: measure
        for name, measure in measures(judges, fps=protocol.fps).items()
        if not protocol.about or name.startswith(protocol.about)
    }


def others(count: int) -> list[int]:
    """For each of ``count`` drives the number of another one.

    >>> others(5)
    [2, 3, 4, 0, 1]
    """
    return [(k + max(1, count // 2)) % count for k in range(count)]


def _clip(
    arm: str, timeline: Timeline, place: Path, weights: str | Path, device: str, progress: Callable[[int, int], None]
) -> Clip:
    if arm == "town":
        return render(timeline, place, progress=progress)
    return rollout(
        timeline, place, weights=weights, seed=timeline.seed, device=device, withheld=WITHHELD.get(arm, ()),
        image_only=IMAGE_ONLY.get(arm, ()), progress=progress,
    )  # fmt: skip


def _pictures(clips: Mapping[str, Sequence[Clip]]) -> list[tuple[str, dict[str, np.ndarray]]]:
    """The middle frames of a few drives: (name, by arm uint8 256 x 512 x 3 RGB)."""
    first = next(iter(clips.values()))
    chosen = sorted({round(k) for k in np.linspace(0, len(first) - 1, min(SHOWN, len(first)))})
    return [
        (
            first[k].provenance["scenario"]["name"],
            {arm: made[k].read([len(made[k]) // 2], size=(256, 512))[0] for arm, made in clips.items()},
        )
        for k in chosen
    ]


def _pictured(pairs: Sequence[Pair]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Pairs for the page: a line about each, and the middle frames of the window and of the training window."""
    size = (256, 512)
    return [
        (
            f"{row['drive']}, frame {row['frames'][0]}; {row['training']}, frame {row['training_frames'][0]}; "
            f"distance {row['distance']:.1f}",
            pair.shown.picture(size),
            pair.training.picture(size),
        )
        for pair, row in ((pair, pair.to_dict()) for pair in pairs)
    ]

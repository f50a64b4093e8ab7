"""Stress: one field of the scenario swept at a time, all else fixed: do rollouts stress judges as the town does?"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from drivesim.atomic import write_json, write_text
from drivesim.clips import Clip
from drivesim.errors import UserError
from drivesim.evaluation.generator import ARMS, Progress
from drivesim.evaluation.looks import Measure, look_at, measures, who_judges
from drivesim.evaluation.protocol import rules_hash
from drivesim.evaluation.sweeps import COMPARED, Frames, Scores
from drivesim.parts import load_weights
from drivesim.perception import Detector
from drivesim.perception.scene import SceneDetector
from drivesim.report import render_stress
from drivesim.rollout import rollout
from drivesim.town import render
from scenarios import ScenarioError, compile, load
from scenarios.schema import Scenario
from scenarios.suite import Drive, evaluation_suite

SCHEMA = "drivesim.stress/1"
DRIVES = ("day_free_ride", "dense_traffic", "night_city", "rain_at_night", "snow_dusk_city")
"""Evaluation drives whose traffic follows the level asked for, and that may end after a few seconds."""
MAIN = ("AP50", "recall")
OBEYING = {
    "environment.initial.daylight": ("time of day", "brightness by daylight"),
    "environment.initial.weather": ("weather",),
    "environment.initial.traffic_level": ("crowdedness",),
}
"""Beginnings of the names of measures: the main ones of every sweep, and those that say whether a field is obeyed."""

Scalar = str | int | float | bool


class Sweep(NamedTuple):
    """A field of a scenario, by its dotted place or a parameter's name, and the values that it takes in turn."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class StressProtocol:
    """The rules of a stress test. Two results compare only if their protocols are equal.

    ``drives``: scenarios and seeds, the same ones at every value. ``ground``: fields and the values that they have
    where they are not swept themselves. ``fps``: of the clips, frames/s; every frame is judged. ``draws`` and ``seed``:
    of the bootstrap over clips.
    """

    name: str = "drivesim.stress/2"
    drives: tuple[Drive, ...] = dataclasses.field(
        default_factory=lambda: tuple(drive for drive in evaluation_suite() if drive.scenario in DRIVES)
    )
    ground: tuple[tuple[str, Scalar], ...] = (
        ("clock.duration", 3.2),  # s: six frames, which nano makes in one step
        ("environment.initial.daylight", 1.0),
        ("environment.initial.weather", "clear"),
        ("environment.initial.traffic_level", "medium"),
        ("ego.initial.speed", 10.0),
    )
    sweeps: tuple[Sweep, ...] = (
        Sweep("environment.initial.daylight", (0.0, 0.25, 0.5, 0.75, 1.0)),
        Sweep("environment.initial.weather", ("clear", "overcast", "rainy", "foggy", "snowy")),
        Sweep("environment.initial.traffic_level", ("none", "low", "medium", "high")),
        Sweep("ego.initial.speed", (5.0, 10.0, 15.0, 20.0)),
    )
    fps: float = 1.875
    draws: int = 500
    seed: int = 0

    def sha256(self) -> str:
        """The hash of the rules' canonical JSON."""
        return rules_hash(dataclasses.asdict(self))


class Point(NamedTuple):
    """A drive with the fields of one value of a sweep."""

    drive: Drive
    scenario: Scenario

    @property
    def name(self) -> str:
        """Its clip's name; the same point of two sweeps is one clip."""
        return f"{self.scenario.name}-{self.drive.seed}-{self.scenario.fingerprint[:12]}"


def points(protocol: StressProtocol) -> dict[str, list[list[Point]]]:
    """By field, for each value the points of all drives.

    Raises:
        UserError: no drive, no sweep, a field that is swept twice or not there, fewer than two values, one that the
            field cannot have, or two that make the same scenario.
    """
    fields = [sweep.field for sweep in protocol.sweeps]
    if not fields or not protocol.drives:
        raise UserError(f"found {len(fields)} sweeps of {len(protocol.drives)} drives, expected one or more of each")
    if twice := sorted({field for field in fields if fields.count(field) > 1}):
        raise UserError(f"found two sweeps of {twice[0]}, expected one")
    found = {}
    for field, values in protocol.sweeps:
        if len(values) < 2:
            raise UserError(f"sweep of {field}: found {len(values)} values, expected two or more")
        found[field] = [[_point(drive, protocol, field, value) for drive in protocol.drives] for value in values]
        for (first, row), (second, other) in itertools.combinations(zip(values, found[field], strict=True), 2):
            if same := [one.drive.scenario for one, two in zip(row, other, strict=True) if one.name == two.name]:
                ground = ", ".join(name for name, _ in protocol.ground)
                message = f"{first!r} and {second!r} make the same scenario of {same[0]}, where {ground} are set"
                raise UserError(f"sweep of {field}: {message}")
    return found


def stress(
    weights: str | Path,
    out: str | Path,
    protocol: StressProtocol,
    judges: Mapping[str, Detector],
    *,
    scenes: SceneDetector | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Put judges and weights under stress; returns what ``OUT/metrics.json`` holds, beside ``OUT/report.html``.

    Arguments are as those of `generator.evaluate`. Raises `UserError` for sweeps that cannot be (see `points`), no
    judge, weights that cannot be read, or something else at ``out``.
    """
    swept = points(protocol)
    scenes = scenes or SceneDetector()
    who = who_judges(judges, scenes)
    marks = load_weights(weights).fingerprints
    out = Path(out)
    distinct = {point.name: point for rows in swept.values() for row in rows for point in row}
    clips: dict[str, dict[str, Clip]] = {arm: {} for arm in COMPARED}
    for number, (arm, (name, point)) in enumerate(itertools.product(COMPARED, distinct.items()), start=1):
        timeline = compile(point.scenario, fps=protocol.fps, seed=point.drive.seed)
        place = out / "clips" / arm / name
        if arm == "town":
            clips[arm][name] = render(timeline, place)
        else:
            clips[arm][name] = rollout(timeline, place, weights=weights, seed=point.drive.seed, device=device)
        if progress is not None:
            progress(number, len(COMPARED) * len(distinct))
    seen = {
        arm: {
            name: list(zip(look_at(clip, judges, scenes, every=1).values(), clip.facts, strict=True))
            for name, clip in made.items()
        }
        for arm, made in clips.items()
    }
    taken = measures(tuple(judges), fps=protocol.fps)
    metrics = {
        "schema": SCHEMA,
        "protocol": dataclasses.asdict(protocol),
        "protocol_sha256": protocol.sha256(),
        "weights": marks,
        **who,
        "arms": {arm: ARMS[arm] for arm in COMPARED},
        "clips": {arm: {name: clip.provenance for name, clip in made.items()} for arm, made in clips.items()},
        "sweeps": [_sweep(sweep, swept[sweep.field], seen, taken, protocol) for sweep in protocol.sweeps],
    }
    write_json(out / "metrics.json", metrics)
    write_text(out / "report.html", render_stress(metrics, _pictures(clips, swept)))
    return metrics


def _sweep(
    sweep: Sweep,
    rows: Sequence[Sequence[Point]],
    seen: Mapping[str, Mapping[str, Frames]],
    taken: Mapping[str, Measure],
    protocol: StressProtocol,
) -> dict[str, Any]:
    """All measures along a sweep. ``clean``: the value that is the ground's, if there is one."""
    ground = [Point(drive, load(drive.scenario, dict(protocol.ground))).name for drive in protocol.drives]
    clean = next((k for k, row in enumerate(rows) if [point.name for point in row] == ground), None)
    frames = {arm: [[seen[arm][point.name] for point in row] for row in rows] for arm in COMPARED}
    found = {}
    for name, measure in taken.items():
        scores = Scores(measure, frames, draws=protocol.draws, seed=protocol.seed)
        found[name] = {
            "main": name.startswith((*MAIN, *OBEYING.get(sweep.field, ()))),
            "values": [scores.over([k]) for k in range(len(rows))],
            "all": scores.over(range(len(rows))),
            "order": scores.order(),
            "corruption": None if clean is None else scores.corruption(clean),
        }
    return {
        "field": sweep.field,
        "values": list(sweep.values),
        "clean": None if clean is None else sweep.values[clean],
        "measures": found,
    }


def _point(drive: Drive, protocol: StressProtocol, field: str, value: Scalar) -> Point:
    try:
        return Point(drive, load(drive.scenario, {**dict(protocol.ground), field: value}))
    except ScenarioError as error:
        raise UserError(f"sweep of {field}: {drive.scenario} at {value!r}: {error.findings[0].message}") from error


def _pictures(
    clips: Mapping[str, Mapping[str, Clip]], swept: Mapping[str, Sequence[Sequence[Point]]]
) -> dict[str, list[dict[str, np.ndarray]]]:
    """By field, for each value the middle frame of the first drive by arm: uint8 256 x 512 x 3 RGB."""
    return {
        field: [
            {
                arm: clips[arm][row[0].name].read([len(clips[arm][row[0].name]) // 2], size=(256, 512))[0]
                for arm in COMPARED
            }
            for row in rows
        ]
        for field, rows in swept.items()
    }

"""From a suite to jobs: one for each clip, with all that the clip depends on and the split that it goes to."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

from drivesim.clips.dataset import SPLITS
from drivesim.errors import UserError
from drivesim.generate.suite import Entry, Shares, Suite, SuiteSpec
from scenarios import Scenario, ScenarioError, Template, Timeline, compile, sample
from scenarios.randomness import key
from scenarios.sampling import DURATION
from scenarios.suite import evaluation_names
from scenarios.variations import Point, points

CAMERA = "front"  # of a scenario's own camera
_GOLDEN = 0.6180339887498949  # its multiples spread evenly and, unlike i % 3, in no step with other sequences


@dataclass(frozen=True, slots=True)
class Job:
    """One clip to be made.

    ``id``: a plain name that depends on the clip alone. ``entry``: of the suite, from 0. ``k``: the point of its sweep,
    or the number of the random scenario. ``replicate``: which seed of the point. ``scenario``: in canonical JSON.
    ``seed``: of the simulation. ``fps``: frames/s. ``frames``: the most that are made; None: the whole drive.
    ``group``: the scenario's name; clips of one group are in one split.
    """

    id: str
    entry: int
    k: int
    replicate: int
    scenario: str
    seed: int
    fps: float
    frames: int | None
    camera: str
    source: str
    split: str
    group: str

    def loaded(self) -> Scenario:
        """The scenario."""
        return Scenario.model_validate_json(self.scenario)

    def timeline(self) -> Timeline:
        """The drive, simulated."""
        made = compile(self.loaded(), fps=self.fps, seed=self.seed)
        return made if self.frames is None else made.first(self.frames)


class _Drive(NamedTuple):
    """What all cameras see together. ``cameras``: the scenario by the camera's name. ``stem``: begins the ids."""

    k: int
    replicate: int
    stem: str
    group: str
    seed: int
    fps: float
    frames: int | None
    cameras: dict[str, Scenario]


def jobs(suite: Suite, spec: SuiteSpec | None = None) -> list[Job]:
    """The jobs of a suite, in order of their ids; ``spec``: what is asked for instead of what the file says.

    Raises `UserError` for a scenario that is none, two entries that make the same clip or tear a group apart, and an
    evaluation scenario in the train split.
    """
    spec = suite.spec if spec is None else spec
    made: dict[str, Job] = {}
    groups: dict[str, tuple[int, str]] = {}
    for index, entry in enumerate(spec.clips):
        try:
            for job in _of_entry(suite, spec, index):
                other, known = groups.setdefault(job.group, (index, job.split))
                if known != job.split:
                    message = f"found {job.group!r} in the split {job.split}, expected {known} as in entry {other + 1}"
                    raise suite.wrong(("clips", index), f"{message} (a scenario's clips stay together)")
                if job.id in made:
                    message = f"found a clip that entry {made[job.id].entry + 1} makes, too, expected each once"
                    raise suite.wrong(("clips", index), message)
                made[job.id] = job
        except ScenarioError as error:
            raise suite.wrong(("clips", index), f"found {entry.scenario!r} that is none: {error}") from error
    return [made[name] for name in sorted(made)]


def part(every: list[Job], shard: tuple[int, int]) -> list[Job]:
    """Part i of n (from 1) of the jobs; a job's part depends on the job alone, and all cameras of a drive share one.

    Raises `UserError` unless 1 <= i <= n.
    """
    index, of = shard
    if not 1 <= index <= of:
        raise UserError(f"found shard {index}/{of}, expected 1/N to N/N with N of at least 1")
    return [job for job in every if (job.entry + job.k + job.replicate) % of == index - 1]


def split_of(group: str, shares: Shares) -> str:
    """The split of a group: always the same for the same shares, whatever else is in the suite.

    >>> [split_of(f"road_{k}", Shares(train=0.5, val=0.5, test=0.0)) for k in range(4)]
    ['train', 'val', 'train', 'train']
    """
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2.0**64
    bounds = (shares.train, shares.train + shares.val, 1.0)
    return next(name for name, bound in zip(SPLITS, bounds, strict=True) if place < bound or bound == 1.0)


def rate_of(rates: tuple[float, ...], number: int) -> float:
    """One of the rates for the ``number``-th drive: every run of numbers has as many of each."""
    return rates[int(number * _GOLDEN % 1.0 * len(rates))]


def _of_entry(suite: Suite, spec: SuiteSpec, index: int) -> Iterator[Job]:
    entry = spec.clips[index]
    source = entry.source or spec.source
    drives = _sampled(spec, entry) if entry.sample is not None else _written(suite, spec, index)
    for drive in drives:
        split = entry.split or split_of(drive.group, spec.splits)
        if split == "train" and {entry.scenario, drive.group} & evaluation_names():
            message = f"found the evaluation scenario {drive.group!r} in the split train, expected split: val or test"
            raise suite.wrong(("clips", index), message)
        for camera, scenario in drive.cameras.items():
            job = Job(
                "", index, drive.k, drive.replicate, scenario.canonical_json(), drive.seed, drive.fps, drive.frames,
                camera, source, split, drive.group,
            )  # fmt: skip
            yield replace(job, id=_id(drive.stem, job))


def _id(stem: str, job: Job) -> str:
    """What the clip is, readable, and the beginning of a sum of all it depends on."""
    whole = (job.scenario, job.seed, job.fps, job.frames, job.camera, job.source)
    mark = hashlib.sha256(repr(whole).encode()).hexdigest()[:8]
    return f"{stem}-{job.k:05d}-{job.replicate:02d}-{job.camera}-{mark}"


def _sampled(spec: SuiteSpec, entry: Entry) -> Iterator[_Drive]:
    """Random scenarios, as long as their clips."""
    seed = spec.seed if entry.seed is None else entry.seed
    assert entry.sample is not None
    for k in range(entry.sample):
        fps = _rate(spec, entry, 30.0, k)
        frames = _frames(spec, entry, fps)
        scenario = sample(seed, k, duration=DURATION if frames is None else frames / fps)
        seen = {name: scenario.model_copy(update={"camera": spec.cameras[name]}) for name in spec.cameras}
        stem = f"sample_{seed}"
        yield _Drive(k, 0, stem, scenario.name, scenario.seed, fps, frames, seen or {CAMERA: scenario})


def _written(suite: Suite, spec: SuiteSpec, index: int) -> Iterator[_Drive]:
    """The points of a scenario file, each with some seeds."""
    entry, opened = spec.clips[index], suite.template(index)
    for point in _points(suite, entry, opened, index):
        values = {**entry.set, **point.values}
        scenario = opened.scenario(values)
        cameras = {
            name: opened.scenario({"camera": camera.model_dump(exclude_unset=True), **values})
            for name, camera in spec.cameras.items()
        }
        for replicate in range(entry.count):
            fps = _rate(spec, entry, scenario.generation.fps, point.k + replicate)
            seed = key(spec.seed, scenario.fingerprint, replicate)
            frames = _frames(spec, entry, fps)
            seen = cameras or {CAMERA: scenario}
            yield _Drive(point.k, replicate, scenario.name, scenario.name, seed, fps, frames, seen)


def _points(suite: Suite, entry: Entry, opened: Template, index: int) -> Iterator[Point]:
    if not entry.variations:
        return iter([Point(0, {})])
    if opened.variations is None:
        raise suite.wrong(("clips", index, "variations"), f"found no variations in {entry.scenario!r}, expected some")
    if both := sorted(set(entry.set) & set(opened.variations.over)):
        raise suite.wrong(
            ("clips", index, "set"), f"found {both[0]!r}, which the file's variations vary, expected not to"
        )
    try:
        known: Mapping[str, Any] = {name: value for name, value in entry.set.items() if name in opened.parameters}
        return points(opened.variations, {**opened.defaults, **known})
    except ValueError as error:
        raise suite.wrong(("clips", index, "variations"), str(error)) from error


def _rate(spec: SuiteSpec, entry: Entry, own: float, number: int) -> float:
    if entry.fps is not None:
        return entry.fps
    return own if spec.fps is None else rate_of(spec.fps, number)


def _frames(spec: SuiteSpec, entry: Entry, fps: float) -> int | None:
    """The most frames of a clip; None: the whole drive."""
    says = entry if entry.frames is not None or entry.duration is not None else spec
    if says.frames is not None or says.duration is None:
        return says.frames
    exact = Fraction(says.duration).limit_denominator(10**6) * Fraction(fps).limit_denominator(10**6)
    return max(1, math.floor(exact))

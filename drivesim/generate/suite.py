"""The suite file: which scenarios become which clips, strict YAML with a line per mistake that says where it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictInt, StrictStr, ValidationError, field_validator, model_validator

from drivesim.errors import UserError
from scenarios import Template, shipped, template, yaml12
from scenarios.findings import ScenarioError, place, translated
from scenarios.problem import near_miss
from scenarios.quantities import Name, PositiveDuration, Strict
from scenarios.schema import CameraSpec

SHIPPED = Path(__file__).parent / "suites"
Source = Literal["town", "rollout"]
Split = Literal["train", "val", "test"]
Rate = Annotated[float, Field(gt=0, le=120)]
Count = Annotated[StrictInt, Field(ge=1, le=100_000)]
Seed = Annotated[StrictInt, Field(ge=0, lt=2**63)]
EvenPixels = Annotated[StrictInt, Field(ge=16, le=8192, multiple_of=2)]  # as H.264 wants them


def _some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("expected at least one item")
    return values


class Shares(Strict):
    """The shares of the splits; groups of clips, not clips, are shared out."""

    train: Annotated[float, Field(ge=0, le=1)] = 0.8
    val: Annotated[float, Field(ge=0, le=1)] = 0.1
    test: Annotated[float, Field(ge=0, le=1)] = 0.1

    @model_validator(mode="after")
    def _sum_is_one(self) -> Shares:
        if abs(self.train + self.val + self.test - 1) > 1e-9:
            raise ValueError(f"expected shares with a sum of 1, not {self.train + self.val + self.test:g}")
        return self


class Labels(Strict):
    """What exports do with a rollout's boxes (`drivesim.exports.labels.LabelRule`), and which detectors judge them."""

    policy: Literal["keep", "flag", "drop"] = "flag"
    overlap: Annotated[float, Field(gt=0, le=1)] = 0.5
    judges: tuple[StrictStr, ...] = ("reference",)


class Entry(Strict):
    """Some clips: of a ``scenario`` (a shipped name, or a file in the suite's folder), or of ``sample`` random ones.

    ``set``: values of the scenario, as ``--set``. ``variations``: go through the file's own sweep. ``count``: seeds for
    each of its points. ``seed``: of the random scenarios, instead of the suite's. ``frames`` or ``duration`` (s): the
    beginning of the drive; a random scenario is that long. ``split``: where all of it goes.
    """

    scenario: StrictStr | None = None
    sample: Count | None = None
    set: dict[StrictStr, Any] = Field(default_factory=dict)
    variations: bool = False
    count: Count = 1
    seed: Seed | None = None
    frames: Count | None = None
    duration: PositiveDuration | None = None
    split: Split | None = None
    source: Source | None = None
    fps: Rate | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Entry:
        self._exactly_one("scenario", "sample")
        self._at_most_one("frames", "duration")
        if self.sample is None and self.seed is not None:
            raise ValueError("expected no seed beside scenario (count asks for more of them)")
        if self.sample is not None and (self.set or self.variations or self.count != 1):
            raise ValueError("expected none of set, variations and count beside sample")
        return self


class SuiteSpec(Strict):
    """A suite as it is written. What an entry does not say, the suite says; what neither says, the scenario.

    ``fps``: frames/s; of a list, each drive gets one, spread evenly. ``size``: (height, width) px of the town's
    pictures, and ``passes``: what is stored of them at every pixel (`drivesim.clips.passes`); a rollout's size is its
    weights', and it has no passes. ``cameras``: by name; each sees every drive.
    """

    schema_: Literal["drivesim.suite/1"] = Field(alias="schema")
    name: Name
    description: StrictStr = ""
    seed: Seed = 0
    source: Source = "town"
    fps: Annotated[tuple[Rate, ...], AfterValidator(_some)] | None = None
    size: tuple[EvenPixels, EvenPixels] | None = None
    passes: tuple[Literal["semantic", "instance", "depth"], ...] = ()
    frames: Count | None = None
    duration: PositiveDuration | None = None
    splits: Shares = Shares()
    labels: Labels = Labels()
    cameras: dict[Name, CameraSpec] = Field(default_factory=dict)
    clips: Annotated[tuple[Entry, ...], AfterValidator(_some)]

    @field_validator("fps", mode="before")
    @classmethod
    def _one_rate(cls, value: Any) -> Any:
        return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _one_length(self) -> SuiteSpec:
        self._at_most_one("frames", "duration")
        return self

    def of_source(self, source: str | None) -> SuiteSpec:
        """The suite with all clips from one source; None: as it is written."""
        if source is None:
            return self
        clips = tuple(entry.model_copy(update={"source": None}) for entry in self.clips)
        return self.model_copy(update={"source": source, "clips": clips})


class Suite:
    """A suite file that has been read. ``spec``: what it says. ``file``: stands for it in messages."""

    def __init__(self, text: str, file: str, folder: Path | None) -> None:
        """Read ``text``. Scenario files must lie in ``folder``; None allows shipped ones only. Raises `UserError`."""
        self.file, self._folder = file, folder
        try:
            self._document = yaml12.parse(text)
            self.spec = SuiteSpec.model_validate(self._document.value)
        except yaml12.YamlError as error:
            raise UserError(f"{file}:{error.position.line}:{error.position.column}: {error}") from error
        except ValidationError as error:
            raise UserError(str(translated(error, self._document, file, model=SuiteSpec)[0])) from error
        self._templates: dict[str, Template] = {}

    def wrong(self, path: tuple[str | int, ...], message: str) -> UserError:
        """The error that says ``message`` about a place of the file."""
        at = place(self._document, path)[1]
        return UserError(f"{self.file}:{at.line}:{at.column}: {message}")

    def template(self, index: int) -> Template:
        """The scenario file of entry ``index``. Raises `UserError`."""
        name = self.spec.clips[index].scenario
        assert name is not None
        if name not in self._templates:
            self._templates[name] = self._read(name, ("clips", index, "scenario"))
        return self._templates[name]

    def files(self) -> dict[str, str]:
        """By name, a sha256 of each scenario file of the suite, with the files that it names itself."""
        sums = {}
        for index, entry in enumerate(self.spec.clips):
            if entry.scenario is not None:
                opened = self.template(index)
                whole = opened.scenario().canonical_json().encode() + Path(opened.name).read_bytes()
                sums[entry.scenario] = hashlib.sha256(whole).hexdigest()
        return sums

    def _read(self, name: str, at: tuple[str | int, ...]) -> Template:
        if name in shipped():
            return template(name)
        path = None if self._folder is None else (self._folder / name).resolve()
        if path is None or not path.is_file():
            hint = near_miss(name, shipped())
            raise self.wrong(at, f"found {name!r}, expected a shipped scenario or a file in the suite's folder{hint}")
        if Path(name).is_absolute() or not path.is_relative_to(self._folder.resolve()):  # type: ignore[union-attr]
            raise self.wrong(at, f"found path {name!r} outside the suite's folder, expected one inside it")
        try:
            return template(path)
        except ScenarioError as error:
            raise UserError(str(error)) from error


def suites() -> dict[str, Path]:
    """The shipped suites by name, sorted.

    >>> list(suites())
    ['streets', 'training']
    """
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def read_suite(source: str | Path) -> Suite:
    """The suite in a file, or the shipped one of that name. Raises `UserError`.

    >>> read_suite("streets").spec.name
    'streets'
    """
    path = suites().get(str(source), Path(source))
    if not path.is_file():
        known = ", ".join(suites())
        raise UserError(f"{source}: no such file, expected a suite or the name of a shipped one ({known})")
    data = path.read_bytes()
    if len(data) > yaml12.MAX_BYTES:
        raise UserError(f"{path}: {len(data)} bytes, expected at most {yaml12.MAX_BYTES}")
    try:
        return Suite(data.decode("utf-8-sig"), str(path), path.parent)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no UTF-8, expected text") from error


def suite_of(document: Mapping[str, Any]) -> Suite:
    """The suite that a mapping is, as if it were written in a file. Raises `UserError`."""
    return Suite(json.dumps({"schema": "drivesim.suite/1", **document}), "<suite>", None)

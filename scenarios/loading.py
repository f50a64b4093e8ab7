"""Reading scenario files: strict YAML in; a `Scenario` out, or a line per mistake that says where it is.

Nothing is read outside the scenario's own folder.
"""

from __future__ import annotations

import copy
import csv
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from scenarios import yaml12
from scenarios.findings import Finding, ScenarioError, place, show, translated
from scenarios.parameters import Parameter, SubstitutionError, Value, overridden, substituted
from scenarios.problem import near_miss
from scenarios.quantities import Name
from scenarios.randomness import key
from scenarios.schema import Scenario
from scenarios.story_checks import problems
from scenarios.timeline import compile
from scenarios.variations import Point, Variations, count, points, shard
from scenarios.verify import play_problems
from scenarios.yaml12 import MAX_BYTES, Position, YamlError

LIBRARY = Path(__file__).parent / "library"
_PARAMETERS = TypeAdapter(dict[Name, Parameter])
PLAY_FPS = 7.5  # frames/s at which a play looks at what the camera sees
_TRIED = 12  # points of a sweep that `validate` reads


class Variant(NamedTuple):
    """One point of a sweep: its number ``k``, its ``values`` by key, and the scenario that comes of them."""

    k: int
    values: dict[str, Any]
    scenario: Scenario

    @property
    def id(self) -> str:
        """The scenario's name, the number and the beginning of the fingerprint."""
        return f"{self.scenario.name}-{self.k:05d}-{self.scenario.fingerprint[:8]}"

    def seed(self, replicate: int = 0) -> int:
        """The seed of a clip of it: of the scenario's seed, what it is, and the replicate, not of ``k``."""
        return key(self.scenario.seed, self.scenario.fingerprint, replicate)


class Template:
    """A scenario file whose parameters are still open.

    ``parameters``: by name. ``variations``: the file's sweep, or None. ``name``: stands for the file in messages.
    """

    def __init__(self, text: str, name: str, folder: Path | None) -> None:
        """Read ``text``. Files that it names must lie in ``folder``; None allows none. Raises `ScenarioError`."""
        self.name, self._folder = name, folder
        try:
            self._document = yaml12.parse(text)
            if not isinstance(self._document.value, dict):
                message = f"found {show(self._document.value)}, expected a mapping with the keys of a scenario"
                raise YamlError(self._document.values[()], message)
        except YamlError as error:
            raise ScenarioError([self._finding(error.position, str(error))]) from error
        self.parameters: dict[str, Parameter] = self._part("parameters", _PARAMETERS.validate_python, {})
        self.variations: Variations | None = self._part("variations", Variations.model_validate, None)

    def _part(self, name: str, read: Any, default: Any) -> Any:
        if name not in self._document.value:
            return default
        try:
            return read(self._document.value[name])
        except ValidationError as error:
            raise ScenarioError(translated(error, self._document, self.name, below=(name,))) from error

    @property
    def defaults(self) -> dict[str, Value]:
        """The parameters' default values, numbers in SI."""
        return {name: parameter.read(parameter.default) for name, parameter in self.parameters.items()}

    def scenario(self, values: Mapping[str, Any] | None = None) -> Scenario:
        """The scenario at ``values``: of parameters by name, of other places by dotted path. Raises `ScenarioError`."""
        scenario, findings = self.examine(values or {})
        errors = _errors(findings)
        if errors or scenario is None:
            raise ScenarioError(errors)
        return scenario

    def variants(self, part: tuple[int, int] = (1, 1)) -> Iterator[Variant]:
        """The points of the sweep in order; without ``variations``, the defaults alone. Raises `ScenarioError`.

        ``part``: (i, n), only the i-th of n shards, from 1; all shards together are the whole.
        """
        every = [Point(0, {})] if self.variations is None else points(self.variations, self.defaults)
        for point in shard(every, *part):
            yield Variant(point.k, point.values, self.scenario(point.values))

    def __len__(self) -> int:
        """The number of points."""
        return 1 if self.variations is None else count(self.variations, self.defaults)

    def examine(self, values: Mapping[str, Any]) -> tuple[Scenario | None, list[Finding]]:
        """The scenario at ``values``, if there is one, and all findings about it."""
        document = self._document
        try:
            tree = self._resolved(values)
            self._read_tracks(tree)
            scenario = Scenario.model_validate(tree)
        except SubstitutionError as error:
            return None, [self._finding(place(document, error.path)[1], str(error))]
        except YamlError as error:
            return None, [self._finding(error.position, str(error))]
        except ValidationError as error:
            return None, translated(error, document, self.name)
        found = [
            self._finding(place(document, problem.path)[1], problem.message, problem.severity)
            for problem in problems(scenario)
        ]
        return scenario, found

    def examine_sweep(self) -> list[Finding]:
        """What is wrong with the sweep: keys that lead nowhere, points that are no scenario, nothing left at all."""
        if self.variations is None:
            return []
        try:
            tried = list(itertools.islice(points(self.variations, self.defaults), _TRIED))
        except ValueError as error:
            return [self._finding(place(self._document, ("variations",))[1], str(error))]
        for point in tried:
            _, findings = self.examine(point.values)
            errors = _errors(findings)
            if errors:
                at = place(self._document, ("variations", "over", next(iter(point.values))))[1]
                told = ", ".join(f"{name} = {value}" for name, value in point.values.items())
                return [self._finding(at, f"at the point {point.k} ({told}): {errors[0].message}")]
        return []

    def play(self) -> list[Finding]:
        """What does not come to pass when the scenario is simulated at its defaults."""
        timeline = compile(self.scenario(), fps=PLAY_FPS)
        return [
            self._finding(place(self._document, problem.path)[1], problem.message, problem.severity)
            for problem in play_problems(timeline)
        ]

    def _resolved(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The document's data with ``values`` put in and every ``$`` replaced."""
        tree = copy.deepcopy(self._document.value)
        given = self.defaults
        for name, value in values.items():
            if name in self.parameters:
                try:
                    given[name] = self.parameters[name].read(value)
                except ValueError as error:
                    raise SubstitutionError(("variations", "over", name), f"found {name!r}: {error}") from error
            elif "." in name or name in Scenario.model_fields:
                overridden(tree, name, value)
            else:
                known = [*self.parameters, *Scenario.model_fields]
                message = f"found {name!r}, expected a parameter or the place of a value{near_miss(name, known)}"
                raise SubstitutionError(("variations", "over", name), message)
        replaced: dict[str, Any] = substituted(tree, given)
        return replaced

    def _finding(self, at: Position, message: str, severity: str = "error") -> Finding:
        return Finding(self.name, at.line, at.column, message, severity)

    # --- files that a scenario names ---

    def _read_tracks(self, tree: dict[str, Any]) -> None:
        """Put the points of ``actors[].track.file`` in the file's place."""
        actors = tree.get("actors")
        for i, actor in enumerate(actors if isinstance(actors, list) else ()):
            track = actor.get("track") if isinstance(actor, dict) else None
            if isinstance(track, dict) and isinstance(track.get("file"), str):
                at = place(self._document, ("actors", i, "track", "file"))[1]
                track.setdefault("points", self._points(track["file"], at))
                del track["file"]

    def _points(self, name: str, at: Position) -> list[list[float]]:
        if self._folder is None:
            raise YamlError(at, f"found file {name!r} in a text without a folder, expected points")
        try:
            folder = self._folder.resolve()
            path = (folder / name).resolve()
            if Path(name).is_absolute() or not path.is_relative_to(folder):
                raise YamlError(at, f"found path {name!r} outside the scenario's folder, expected one inside it")
            if not path.is_file() or path.stat().st_size > MAX_BYTES:
                raise YamlError(at, f"found no file {name!r} of at most {MAX_BYTES} bytes, expected a CSV of time,s,d")
            with path.open(encoding="utf-8-sig", newline="") as stream:
                header, *rows = list(csv.reader(stream)) or [[]]
            if [column.strip() for column in header] != ["time", "s", "d"] or any(len(row) != 3 for row in rows):
                raise ValueError("rows of other columns")
            return [[float(cell) for cell in row] for row in rows]
        except YamlError:
            raise
        except (ValueError, OSError, csv.Error) as error:
            raise YamlError(at, f"found {error} in {name!r}, expected a header time,s,d and numbers") from error


def shipped() -> dict[str, Path]:
    """The shipped scenarios by name, sorted.

    >>> "cut_in" in shipped()
    True
    """
    return {path.stem: path for path in sorted(LIBRARY.rglob("*.yaml"), key=lambda path: path.stem)}


def template(source: str | Path) -> Template:
    """The scenario file, or the shipped one of that name, with its parameters still open. Raises `ScenarioError`.

    >>> template("cut_in").scenario().name
    'cut_in'
    """
    path = shipped().get(str(source), Path(source))
    if not path.is_file():
        names = shipped()
        hint = f"{near_miss(str(source), names)}; `drivesim list` shows all {len(names)}"
        message = f"found no such file, expected a scenario file or the name of a shipped one{hint}"
        raise ScenarioError([Finding(str(source), 1, 1, message)])
    return _read(path)


def load(source: str | Path, values: Mapping[str, Any] | None = None) -> Scenario:
    """The scenario in a file, or the shipped one of that name. Raises `ScenarioError`.

    ``values``: of parameters by name, and of other places of the file by dotted path, instead of the file's own.

    >>> load("cut_in").clock.duration
    20.0
    >>> load("cut_in", {"environment.initial.daylight": "night"}).environment.initial.daylight
    0.0
    """
    return template(source).scenario(values)


def loads(text: str, name: str = "<text>") -> Scenario:
    """The scenario in ``text``; ``name`` stands for the file in messages. Raises `ScenarioError`."""
    return Template(text, name, None).scenario()


def validate(path: str | Path, *, play: bool = False) -> list[Finding]:
    """All findings about the scenario file ``path``; none when it is fine. Raises ``OSError`` if it cannot be read.

    ``play``: simulate it too, and look whether its expectations are met and its events and actors come to something.

    >>> validate(shipped()["cut_in"])
    []
    """
    try:
        opened = _read(Path(path))
        found = opened.examine({})[1]
        if not _errors(found):
            found += opened.examine_sweep()
        return [*found, *opened.play()] if play and not _errors(found) else found
    except ScenarioError as error:
        return error.findings


def _errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "error"]


def _read(path: Path) -> Template:
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ScenarioError([Finding(str(path), 1, 1, f"found more than {MAX_BYTES} bytes, expected a smaller file")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        message = f"found byte {data[error.start]:#04x}, expected text in UTF-8"
        raise ScenarioError([Finding(str(path), line, column, message)]) from error
    return Template(text, str(path), path.parent)

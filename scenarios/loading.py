"""Reading scenario files: strict YAML in; a `Scenario` out, or a line per mistake that says where it is.

Nothing is read outside the scenario's own folder.
"""

from __future__ import annotations

import csv
import re
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from scenarios import yaml12
from scenarios.checks import near_miss, problems
from scenarios.schema import Scenario
from scenarios.yaml12 import MAX_BYTES, Document, Position, YamlError

LIBRARY = Path(__file__).parent / "library"
_KINDS = {dict: "a mapping", list: "a list", type(None): "nothing"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake. ``line`` and ``column`` from 1. ``severity``: "error" or "warning"."""

    file: str
    line: int
    column: int
    message: str
    severity: str = "error"

    def __str__(self) -> str:
        """The finding as ``file:line:column: message``."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class ScenarioError(ValueError):
    """A scenario that cannot be used; the message is its first finding, ``findings`` has all."""

    def __init__(self, findings: list[Finding]) -> None:
        """Raise with at least one finding."""
        super().__init__(str(findings[0]))
        self.findings = findings


def shipped() -> dict[str, Path]:
    """The shipped scenarios by name, sorted.

    >>> "cut_in" in shipped()
    True
    """
    return {path.stem: path for path in sorted(LIBRARY.rglob("*.yaml"))}


def load(source: str | Path) -> Scenario:
    """The scenario in a file, or the shipped one of that name. Raises `ScenarioError`.

    >>> load("cut_in").clock.duration
    20.0
    """
    path = shipped().get(str(source), Path(source))
    if not path.is_file():
        names = shipped()
        message = (
            f"found no such file, expected a scenario file or one of {', '.join(names)}{near_miss(str(source), names)}"
        )
        raise ScenarioError([Finding(str(source), 1, 1, message)])
    scenario, findings = _examine(path)
    return _usable(scenario, findings)


def loads(text: str, name: str = "<text>") -> Scenario:
    """The scenario in ``text``; ``name`` stands for the file in messages. Raises `ScenarioError`."""
    return _usable(*_Examiner(name, None).examine(text))


def validate(path: str | Path) -> list[Finding]:
    """All findings about the scenario file ``path``; none when it is fine. Raises ``OSError`` if it cannot be read.

    >>> validate(shipped()["cut_in"])
    []
    """
    return _examine(Path(path))[1]


def _usable(scenario: Scenario | None, findings: list[Finding]) -> Scenario:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors or scenario is None:
        raise ScenarioError(errors)
    return scenario


def _examine(path: Path) -> tuple[Scenario | None, list[Finding]]:
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    examiner = _Examiner(str(path), path.parent)
    if len(data) > MAX_BYTES:
        return None, [examiner.finding(Position(1, 1), f"found more than {MAX_BYTES} bytes, expected a smaller file")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        at = Position(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        return None, [examiner.finding(at, f"found byte {data[error.start]:#04x}, expected text in UTF-8")]
    return examiner.examine(text)


class _Examiner:
    """Finds everything wrong with one text. Files that it names must lie in ``folder``; None allows none."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name, self.folder = name, folder

    def finding(self, at: Position, message: str, severity: str = "error") -> Finding:
        return Finding(self.name, at.line, at.column, message, severity)

    def examine(self, text: str) -> tuple[Scenario | None, list[Finding]]:
        try:
            document = yaml12.parse(text)
            if not isinstance(document.value, dict):
                message = f"found {_show(document.value)}, expected a mapping with the keys of a scenario"
                raise YamlError(document.values[()], message)
            self._read_tracks(document)
        except YamlError as error:
            return None, [self.finding(error.position, str(error))]
        try:
            scenario = Scenario.model_validate(document.value)
        except ValidationError as error:
            return None, self._translate(error, document)
        found = [
            self.finding(_place(document, problem.path)[1], problem.message, problem.severity)
            for problem in problems(scenario)
        ]
        return scenario, found

    # --- mistakes found by the models ---

    def _translate(self, error: ValidationError, document: Document) -> list[Finding]:
        """One finding per mistake; of the alternatives of a union only what went deepest."""
        rows = []
        for row in error.errors(include_url=False):
            absent = row["type"] == "missing"
            path, at = _place(document, row["loc"][:-1] if absent else row["loc"])
            noisy = len(path) < len(row["loc"]) - absent  # names an alternative of a union, which is not in the file
            if row["type"] == "extra_forbidden":
                at = document.keys[path]
            rows.append((path, noisy, self.finding(at, _message(row))))
        findings: list[Finding] = []
        told: set[tuple[str | int, ...]] = set()
        for path, noisy, finding in sorted(rows, key=lambda row: (row[2].line, row[2].column)):
            deeper = any(other[: len(path)] == path and len(other) > len(path) for other, _, _ in rows)
            if noisy and (deeper or path in told):
                continue
            told.add(path)
            findings.append(finding)
        # A key that is missing because it is misspelt is told once, as the unknown key.
        meant = {finding.message.split("did you mean ")[-1][:-2] for finding in findings}
        missing = {f"found no key {key}, expected one" for key in meant}
        return [finding for finding in findings if finding.message not in missing]

    # --- files that a scenario names ---

    def _read_tracks(self, document: Document) -> None:
        """Put the points of ``actors[].track.file`` in the file's place."""
        actors = document.value.get("actors")
        for i, actor in enumerate(actors if isinstance(actors, list) else ()):
            track = actor.get("track") if isinstance(actor, dict) else None
            if isinstance(track, dict) and isinstance(track.get("file"), str):
                at = document.values[("actors", i, "track", "file")]
                track.setdefault("points", self._points(track["file"], at))
                del track["file"]

    def _points(self, name: str, at: Position) -> list[list[float]]:
        if self.folder is None:
            raise YamlError(at, f"found file {name!r} in a text without a folder, expected points")
        try:
            folder = self.folder.resolve()
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


def _place(document: Document, loc: tuple[str | int, ...]) -> tuple[tuple[str | int, ...], Position]:
    """The longest part of ``loc`` that is in the file, and where it is; parts that are not in the data are left out."""
    path: tuple[str | int, ...] = ()
    for part in loc:
        if (*path, part) in document.values:
            path = (*path, part)
    return path, document.values[path]


def _message(row: Any) -> str:
    """What was found and expected, from one error of pydantic."""
    kind, value, key = row["type"], row["input"], row["loc"][-1] if row["loc"] else ""
    if kind == "missing":
        return f"found no key {key!r}, expected one"
    if kind == "extra_forbidden":
        keys = _keys_at(row["loc"][:-1])
        return f"found unknown key {key!r}, expected one of {', '.join(keys)}{near_miss(str(key), keys)}"
    if kind == "string_pattern_mismatch":
        return f"found {_show(value)}, expected 1 to 64 lower-case letters, digits and underscores"
    if kind in ("model_type", "model_attributes_type"):
        return f"found {_show(value)}, expected a mapping"
    text = re.sub(r"^(Value error, |\w+ should (be )?)", "", row["msg"])
    text = text if text.startswith("expected") else f"expected {text}"
    last_word = str(value).split(" ")[-1]
    return f"found {_show(value)}, {text}{near_miss(last_word, re.findall(r'[A-Za-z_][A-Za-z0-9_/]*', text))}"


def _show(value: Any) -> str:
    if isinstance(value, dict) and value:
        return f"keys {', '.join(str(key) for key in value)}"
    text = _KINDS.get(type(value), repr(value))
    return text if len(text) <= 60 else text[:57] + "..."


def _keys_at(loc: tuple[str | int, ...]) -> list[str]:
    """The keys that the models know at ``loc``."""
    models: list[type[BaseModel]] = [Scenario]
    for part in loc:
        fields = [
            field for model in models for name, field in model.model_fields.items() if part in (name, field.alias)
        ]
        inner = [model for field in fields for model in _models(field.annotation)]
        named = [model for model in models if model.__name__ == part]  # an alternative of a union
        models = named or inner or models
    return [field.alias or name for model in models for name, field in model.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models(part)]

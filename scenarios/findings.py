"""Findings: what is wrong with a file and where, in words that a person can act on."""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from scenarios.problem import near_miss
from scenarios.schema import Scenario
from scenarios.when import Path
from scenarios.yaml12 import Document, Position

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


def translated(
    error: ValidationError, document: Document, file: str, *, below: Path = (), model: type[BaseModel] = Scenario
) -> list[Finding]:
    """One finding per mistake; of the alternatives of a union only what went deepest.

    ``below``: where the validated data stands in the document. ``model``: what the whole document is.
    """
    rows = []
    for row in error.errors(include_url=False):
        absent = row["type"] == "missing"
        loc = (*below, *row["loc"])
        path, at = place(document, loc[:-1] if absent else loc)
        noisy = len(path) < len(loc) - absent  # names an alternative of a union, which is not in the file
        if row["type"] == "extra_forbidden":
            at = document.keys.get(path, at)
        rows.append((path, noisy, Finding(file, at.line, at.column, _message(row, loc, model))))
    findings: list[Finding] = []
    told: set[Path] = set()
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


def place(document: Document, loc: Path) -> tuple[Path, Position]:
    """The longest part of ``loc`` that is in the file, and where it is; parts that are not in the data are left out."""
    path: Path = ()
    for part in loc:
        if (*path, part) in document.values:
            path = (*path, part)
    return path, document.values[path]


def _message(row: Any, loc: Path, model: type[BaseModel]) -> str:
    """What was found and expected, from one error of pydantic about the value at ``loc``."""
    kind, value, key = row["type"], row["input"], loc[-1] if loc else ""
    if kind == "missing":
        return f"found no key {key!r}, expected one"
    if kind == "extra_forbidden":
        keys = _keys_at(loc[:-1], model)
        return f"found unknown key {key!r}, expected one of {', '.join(keys)}{near_miss(str(key), keys)}"
    if kind == "string_pattern_mismatch":
        dotted = " (of a parameter or, with dots between them, of a place in the file)" if "over" in loc else ""
        return f"found {show(value)}, expected 1 to 64 lower-case letters, digits and underscores{dotted}"
    if kind in ("model_type", "model_attributes_type"):
        return f"found {show(value)}, expected a mapping"
    text = re.sub(r"^(Value error, |\w+ should (be )?)", "", row["msg"])
    text = text if text.startswith("expected") else f"expected {text}"
    last_word = str(value).split(" ")[-1]
    return f"found {show(value)}, {text}{near_miss(last_word, re.findall(r'[A-Za-z_][A-Za-z0-9_/]*', text))}"


def show(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, dict) and value:
        return f"keys {', '.join(str(key) for key in value)}"
    text = _KINDS.get(type(value), repr(value))
    return text if len(text) <= 60 else text[:57] + "..."


def _keys_at(loc: Path, model: type[BaseModel]) -> list[str]:
    """The keys that the models know at ``loc`` in a document that is a ``model``."""
    models: list[type[BaseModel]] = [model]
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

"""Reading scenario files."""

from __future__ import annotations

from pathlib import Path

import yaml

from scenarios.schema import Scenario

LIBRARY = Path(__file__).parent / "library"


def shipped() -> dict[str, Path]:
    """The shipped scenarios by name, sorted."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}


def loads(text: str, name: str = "<text>") -> Scenario:
    """The scenario in ``text``."""
    return Scenario.model_validate(yaml.safe_load(text))


def load(source: str | Path) -> Scenario:
    """The scenario in a file, or the shipped one of that name."""
    path = shipped().get(str(source), Path(source))
    return loads(path.read_text(encoding="utf-8"), str(path))

"""Plug-ins: detectors that other packages bring, found by their entry points.

A package names a function in its ``pyproject.toml``, which is given what stands after ``NAME:`` on the command line (""
if nothing does) and makes a `drivesim.perception.Detector`::

    [project.entry-points."drivesim.detectors"]
    my_detector = "my_package:make"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import numpy as np

from drivesim.errors import UserError
from drivesim.perception.detections import Detections

GROUP = "drivesim.detectors"
Made = TypeVar("Made")


def installed(group: str = GROUP) -> dict[str, EntryPoint]:
    """The plug-ins of this environment by name. Raises ``UserError`` if two packages bring one of the same name."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        first = found.setdefault(entry.name, entry)
        if first.value != entry.value:
            raise UserError(f"plug-in {entry.name!r}: found {first.value} and {entry.value}, expected one of them")
    return found


class PlugIn:
    """A detector of somebody else's making, whose answers are checked and whose failures are told in one line."""

    def __init__(self, entry: EntryPoint, argument: str) -> None:
        """Make it. Raises ``UserError`` if its code fails, or makes what is no detector."""
        self._where = f"plug-in {entry.name!r} ({entry.value})"
        detector: Any = attempt(self._where, lambda: entry.load()(argument))
        found = {word: getattr(detector, word, None) for word in ("name", "fingerprint")}
        if not callable(detector) or not all(isinstance(value, str) and value for value in found.values()):
            called = "which can be called" if callable(detector) else "which cannot be called"
            raise UserError(
                f"{self._where}: made a {type(detector).__name__}, {called}, with {found}, "
                "expected one that can be called, with name and fingerprint as text"
            )
        self._detector: Callable[[Sequence[np.ndarray]], Any] = detector
        self.name, self.fingerprint = str(detector.name), str(detector.fingerprint)
        self.categories = frozenset(getattr(detector, "categories", ()))

    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """What is in each frame. Raises ``UserError`` if the plug-in fails, or answers with another kind or number."""
        answer = attempt(self._where, lambda: list(self._detector(frames)))
        kinds = sorted({type(item).__name__ for item in answer if not isinstance(item, Detections)})
        if kinds or len(answer) != len(frames):
            raise UserError(
                f"{self._where}: found {len(answer)} answers for {len(frames)} frames"
                + f", some of them {' and '.join(kinds)}" * bool(kinds)
                + ", expected one Detections for each"
            )
        return answer


def attempt(where: str, work: Callable[[], Made]) -> Made:
    """The result of ``work``, a stranger's code, which may raise anything; ``where``: the plug-in, for the message."""
    try:
        return work()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{where}: failed with {type(error).__name__}: {error}") from error

"""Trackers by name: how the tracker of each clip is made, and what its tracks depend on.

``byte`` is `drivesim.perception.ByteTracker`. A package brings another as it does a detector
(`drivesim.perception.detectors.plug_ins`): a function that is given what stands after ``NAME:`` and makes a
`NamedTracker`::

    [project.entry-points."drivesim.trackers"]
    my_tracker = "my_package:make"
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np

from drivesim.errors import UserError
from drivesim.perception.detections import Detections
from drivesim.perception.detectors.plug_ins import attempt, installed
from drivesim.perception.tracking import ByteTracker, Tracker

GROUP = "drivesim.trackers"
BYTE = "byte/1"  # the number rises whenever its tracks change


@dataclass(frozen=True)
class NamedTracker:
    """A tracker that a benchmark can name. ``make``: a new one, since a clip needs one of its own.

    ``name`` says which algorithm and version it is. ``parameters``: all its settings, ready for JSON. ``weights``: the
    sha256 of what it has learned, "" if nothing.

    >>> byte_tracker().fingerprint == byte_tracker(patience=2.0).fingerprint
    False
    """

    name: str
    make: Callable[[], Tracker]
    parameters: Mapping[str, Any]
    weights: str = ""

    @property
    def fingerprint(self) -> str:
        """The sha256 of name, parameters and weights."""
        about = [self.name, dict(self.parameters), self.weights]
        text = json.dumps(about, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def byte_tracker(**settings: float) -> NamedTracker:
    """`ByteTracker` with some of its settings changed. Raises ``UserError`` on a setting it has not or cannot take."""
    known = {name: setting.default for name, setting in inspect.signature(ByteTracker).parameters.items()}
    if unknown := sorted(set(settings) - set(known)):
        raise UserError(f"tracker 'byte': found the settings {unknown}, expected some of {sorted(known)}")
    parameters = known | settings
    try:
        ByteTracker(**parameters)
    except ValueError as error:
        raise UserError(f"tracker 'byte': {error}") from error
    return NamedTracker(BYTE, lambda: ByteTracker(**parameters), parameters)


def load_tracker(source: str) -> NamedTracker:
    """The tracker that a person names: ``byte``, ``byte:SETTING=NUMBER,...``, or ``PLUGIN`` or ``PLUGIN:ARGUMENT``.

    Raises ``UserError`` if there is no such tracker, or if a setting makes no sense.

    >>> load_tracker("byte:patience=2").parameters["patience"]
    2.0
    >>> load_tracker("kalman")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    drivesim.errors.UserError: tracker 'kalman', expected byte or an installed plug-in (...)
    """
    name, _, rest = source.partition(":")
    if name == "byte":
        return byte_tracker(**dict(_setting(text) for text in rest.split(",") if rest))
    plug_ins = installed(GROUP)
    if name not in plug_ins:
        known = ", ".join(sorted(plug_ins)) or "there is none"
        raise UserError(f"tracker {source!r}, expected byte or an installed plug-in ({known})")
    return _plugged(plug_ins[name], rest)


class _Told:
    """A tracker of a plug-in, whose failures are told in one line."""

    def __init__(self, where: str, make: Callable[[], Tracker]) -> None:
        self._where, self._tracker = where, attempt(where, make)

    def update(self, found: Detections, at: float) -> np.ndarray:
        return attempt(self._where, lambda: self._tracker.update(found, at))


def _plugged(entry: EntryPoint, argument: str) -> NamedTracker:
    where = f"plug-in {entry.name!r} ({entry.value})"
    made = attempt(where, lambda: entry.load()(argument))
    if not isinstance(made, NamedTracker):
        raise UserError(f"{where}: made a {type(made).__name__}, expected a drivesim.perception.NamedTracker")
    attempt(where, lambda: made.fingerprint)  # parameters that are not ready for JSON fail here, not in the result
    return dataclasses.replace(made, make=lambda: _Told(where, made.make))


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"tracker 'byte': found {text!r}, expected SETTING=NUMBER")
    return name.strip(), number

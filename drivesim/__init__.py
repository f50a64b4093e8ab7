"""drivesim: driving videos from scenario files, with labels, and the scores of what perception sees in them.

The public functions are loaded when they are first used: importing this package imports neither torch nor a renderer.

>>> import drivesim
>>> timeline = drivesim.compile(drivesim.load("day_to_night"), fps=7.5)
>>> timeline[0].daylight
1.0
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

# Public name -> the module that has it.
_HOMES = {
    "benchmark": "drivesim.evaluation",
    "compile": "scenarios",
    "futures": "drivesim.rollout",
    "generate": "drivesim.generate",
    "load": "scenarios",
    "load_detector": "drivesim.perception",
    "load_weights": "drivesim.parts",
    "preview": "drivesim.preview",
    "read_clip": "drivesim.clips",
    "read_footage": "drivesim.datasets",
    "render": "drivesim.town",
    "rollout": "drivesim.rollout",
    "shipped": "scenarios",
    "train_all": "drivesim.training",
    "validate": "scenarios",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'drivesim' has no attribute {name!r}, expected one of {sorted(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


class _Package(ModuleType):
    """Keeps `drivesim.rollout` the function: importing the module of that name would put the module in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

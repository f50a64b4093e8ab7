"""The embedded world: a procedural town drawn by a real 3-D engine."""

from drivesim.town.classes import CLASSES
from drivesim.town.renderer import Passes, Town

__all__ = ["CLASSES", "Passes", "Town"]

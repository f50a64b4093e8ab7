"""The embedded world: a procedural town drawn by a real 3-D engine (Panda3D's software rasteriser; no display, no GPU).

`scene` here means: `street` and `sky` stand still, `traffic` moves; `looks` lights them; `engine` draws triangles.
`geometry_pass` draws depth and optical flow.
"""

from __future__ import annotations

from drivesim.town.classes import CLASSES
from drivesim.town.film import render
from drivesim.town.renderer import Passes, Town

__all__ = ["CLASSES", "Passes", "Town", "render"]

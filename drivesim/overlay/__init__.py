"""Drawing what is known: boxes and conditions on frames, the bird's eye view, a plain sketch, storyboards.

Pictures are uint8 (h w 3) RGB. Everything is drawn by OpenCV; no engine and no network is needed.
"""

from __future__ import annotations

from drivesim.overlay.annotate import draw
from drivesim.overlay.birds_eye import birds_eye
from drivesim.overlay.sketch import sketch
from drivesim.overlay.storyboard import storyboard

__all__ = ["birds_eye", "draw", "sketch", "storyboard"]

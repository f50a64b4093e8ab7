"""Drawing what is known: boxes and conditions on frames, a plain sketch, the view from above, the course over time.

Pictures are uint8 (h w 3) RGB. OpenCV draws, Pillow writes; no engine and no network is needed.
"""

from __future__ import annotations

from drivesim.overlay.annotate import Label, draw, event_colours, labels
from drivesim.overlay.birds_eye import birds_eye
from drivesim.overlay.sketch import sketch
from drivesim.overlay.storyboard import storyboard
from drivesim.overlay.strip import Strip, strip

__all__ = ["Label", "Strip", "birds_eye", "draw", "event_colours", "labels", "sketch", "storyboard", "strip"]

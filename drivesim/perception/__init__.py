"""Perception: detectors of any runtime behind one protocol, and the matching of what they find with what is true.

It never sees how a video was made (no networks, no rollout), so that it scores real footage in the same way.
"""

from drivesim.perception.detections import Detections
from drivesim.perception.detectors import Detector, load_detector
from drivesim.perception.detectors.layouts import Layout
from drivesim.perception.detectors.torch_module import TorchDetector
from drivesim.perception.trackers import NamedTracker, byte_tracker, load_tracker
from drivesim.perception.tracking import ByteTracker, Tracker

__all__ = [
    "ByteTracker", "Detections", "Detector", "Layout", "NamedTracker", "TorchDetector", "Tracker", "byte_tracker",
    "load_detector", "load_tracker",
]  # fmt: skip

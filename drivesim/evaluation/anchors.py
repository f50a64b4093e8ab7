"""Anchors: what well-known detectors reach on real video under the benchmark's own rule, to read other figures against.

Each was measured by this project's code and is measured again by a test (tests/test_benchmark.py) where the data is.
"""

from __future__ import annotations

from typing import Any

from drivesim.evaluation.protocol import Protocol

# Detector's sha256 -> its figures. Person figures are left out: 64 small boxes, often behind parked cars.
ANCHORS: dict[str, dict[str, Any]] = {
    "695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14": {
        "what": "80 real frames of one street by day (PandaSet 002, front camera, 320 x 180)",
        "kind": "vehicle",
        "boxes": 421,
        "AP50": 0.913,
    },
}


def anchor(fingerprint: str, protocol: Protocol) -> dict[str, Any] | None:
    """The real-video figure of a detector, or None if there is none under these rules for what counts as a hit."""
    default = Protocol()
    same = (protocol.visible, protocol.iou, protocol.by) == (default.visible, default.iou, default.by)
    return ANCHORS.get(fingerprint) if same else None

"""Detectors: one protocol, and one adapter per runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from drivesim.errors import UserError
from drivesim.perception.detections import Detections

REFERENCE = Path(__file__).parents[2] / "weights" / "nano" / "detector.onnx"


class Detector(Protocol):
    """Anything that finds road users. ``name`` and ``fingerprint`` (sha256 of its weights) go into every result.

    One that also has ``categories``, the names of what it can find, is scored on things that are no road users, too.
    """

    name: str
    fingerprint: str

    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """What is in each frame; frames are uint8 (h, w, 3) RGB of any size."""
        ...


def load_detector(source: str, *, threads: int = 1) -> Detector:
    """The detector that a person names.

    ``"reference"``: the shipped one. ``"onnx:FILE"``. ``"hf:DIR"`` or ``"hf:NAME"``: a model of transformers, from a
    folder or from the hub. ``"PLUGIN"`` or ``"PLUGIN:ARGUMENT"``: the installed plug-in of that name
    (`drivesim.perception.detectors.plug_ins`), which is given the argument ("" if there is none).

    One thread is the default, since results and timings are then the same whatever else runs; a plug-in decides itself.
    Raises ``UserError`` if there is no such detector or if its file cannot be used.

    >>> load_detector("hog")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    drivesim.errors.UserError: detector 'hog', expected reference, onnx:FILE, hf:DIR or an installed plug-in (...)
    """
    kind, _, rest = source.partition(":")
    if source == "reference" or kind == "onnx":
        from drivesim.perception.detectors.onnx import OnnxDetector  # importing the runtime takes a while

        if kind == "onnx":
            return OnnxDetector(Path(rest), threads=threads)
        if not REFERENCE.is_file():
            raise UserError(
                f"{REFERENCE}: the shipped reference detector is not there; "
                "make one with 'drivesim train detector', or name another with onnx:FILE"
            )
        return OnnxDetector(REFERENCE, name="reference", threads=threads)
    if kind == "hf":
        from drivesim.perception.detectors.hugging_face import HuggingFaceDetector

        return HuggingFaceDetector(rest, threads=threads)

    from drivesim.perception.detectors.plug_ins import PlugIn, installed

    found = installed()
    if kind not in found:
        known = ", ".join(sorted(found)) or "there is none"
        raise UserError(f"detector {source!r}, expected reference, onnx:FILE, hf:DIR or an installed plug-in ({known})")
    return PlugIn(found[kind], rest)

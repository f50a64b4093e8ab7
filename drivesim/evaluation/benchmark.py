"""The detection benchmark: clips and a detector in, ``metrics.json`` and ``report.html`` out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivesim.atomic import new_folder, write_json, write_text
from drivesim.clips import Clip
from drivesim.errors import UserError
from drivesim.evaluation.anchors import anchor
from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.scoring import count_errors, score_kind
from drivesim.evaluation.stills import still
from drivesim.evaluation.watching import Progress, SeenClip, watch
from drivesim.perception import Detector
from drivesim.report import render_benchmark
from scenarios.crowdedness import VisibleRule, visible_rule

SCHEMA = "drivesim.benchmark/1"
STILLS, STILLS_OF_A_CLIP = 24, 6  # at most so many on a page, and of one clip: a page of many clips stays small


def benchmark(
    clips: Sequence[Clip],
    detector: Detector,
    out: str | Path,
    *,
    every: int = 6,
    by: str = "group",
    visible: VisibleRule | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a detector on clips of any origin; returns what ``OUT/metrics.json`` holds, beside ``OUT/report.html``.

    ``every``: every how many-th frame is scored. ``by``: ``"group"`` (vehicle, person) or ``"category"``. ``visible``:
    which true boxes count (default: the project's rule). Things that are no road users are scored by category only,
    and only those that the detector's ``categories`` name. ``progress(done, total)`` counts scored frames.
    Frames whose objects are unknown are watched but not scored. The same clips and detector give the same bytes.
    ``out`` appears whole or not at all. Raises ``UserError`` if there is no clip, or if ``out`` is not empty.

    With files: ``benchmark([read_clip("out/render")], load_detector("reference"), "out/scores")``. Any object with a
    name and a fingerprint that finds boxes in frames is a detector:

    >>> import tempfile
    >>> import numpy as np
    >>> from drivesim.clips import ClipWriter
    >>> from drivesim.perception import Detections
    >>> from scenarios.facts import FrameFacts, ObjectFacts
    >>> folder, car = tempfile.mkdtemp(), ObjectFacts(1, "car", (20, 10, 60, 40))
    >>> with ClipWriter(folder + "/clip", fps=30, width=128, height=64, provenance={"origin": "town"}) as writer:
    ...     writer.write(np.zeros((64, 128, 3), np.uint8), FrameFacts(0, 0.0, objects=(car,)))
    ...     clip = writer.finish()
    >>> class FindsIt:
    ...     name, fingerprint = "finds it", "0" * 64
    ...     def __call__(self, frames):
    ...         return [Detections([car.box], [0.9], ["car"]) for _ in frames]
    >>> benchmark([clip], FindsIt(), folder + "/scores")["scores"]["vehicle"]["total"]["recall"]
    1.0
    """
    if not clips:
        raise UserError("no clip to score, expected one or more")
    protocol = Protocol(every=every, by=by, visible=visible or visible_rule())
    with new_folder(out) as folder:
        seen = _watch_all(clips, detector, protocol, progress)
        metrics = collect(seen, detector, protocol)
        stills = [still(clip, number, protocol, tuple(metrics["scores"])) for clip in seen for number in clip.stills]
        write_json(folder / "metrics.json", metrics)
        write_text(folder / "report.html", render_benchmark(metrics, stills))
    return metrics


def collect(seen: Sequence[SeenClip], detector: Detector, protocol: Protocol) -> dict[str, Any]:
    """All figures, ready for JSON, with everything they depend on."""
    kinds = protocol.kinds(getattr(detector, "categories", ()))
    return {
        "schema": SCHEMA,
        "protocol": protocol.to_dict(),
        "protocol_sha256": protocol.sha256(),
        "detector": {"name": detector.name, "sha256": detector.fingerprint},
        "clips": [_clip_row(clip, protocol) for clip in seen],
        "scores": {kind: score_kind(seen, kind, protocol) for kind in kinds},
        "crowdedness": count_errors(seen, protocol),
        "anchor": anchor(detector.fingerprint, protocol),
    }


def _watch_all(
    clips: Sequence[Clip], detector: Detector, protocol: Protocol, progress: Progress | None
) -> list[SeenClip]:
    totals = [len(range(0, len(clip), protocol.every)) for clip in clips]
    seen = []
    for number, clip in enumerate(clips):
        before = sum(totals[:number])

        def report(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, sum(totals))

        seen.append(watch(clip, detector, protocol, stills=stills_of(number, len(clips)), progress=report))
    return seen


def stills_of(number: int, clips: int) -> int:
    """How many stills clip ``number`` of ``clips`` gives to the page: the same for all, or one of every few.

    >>> [stills_of(number, 2) for number in range(2)], sum(stills_of(number, 100) for number in range(100))
    ([6, 6], 24)
    """
    if clips <= STILLS:
        return min(STILLS_OF_A_CLIP, STILLS // clips)
    return (number + 1) * STILLS // clips - number * STILLS // clips


def _clip_row(seen: SeenClip, protocol: Protocol) -> dict[str, Any]:
    """A clip in the result: what it is, where it comes from, how it looks over time."""
    clip = seen.clip
    return {
        "name": clip.name,
        "origin": clip.origin,
        "width": clip.width,
        "height": clip.height,
        "fps": clip.fps,
        "frames": len(clip),
        "scored_frames": sum(frame.facts.objects is not None for frame in seen.frames),
        "watched_frames": len(seen.frames),
        "provenance": dict(clip.provenance),
        "looks": seen.looks(protocol.window),
    }

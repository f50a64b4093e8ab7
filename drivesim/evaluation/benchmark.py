"""The detection benchmark: clips and a detector in; ``metrics.json``, its tables, frames and page out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drivesim.atomic import new_folder, write_json, write_text
from drivesim.clips import Clip
from drivesim.errors import UserError
from drivesim.evaluation.anchors import anchor
from drivesim.evaluation.frames import frame_rows, frames_text
from drivesim.evaluation.gallery import gallery
from drivesim.evaluation.protocol import Protocol
from drivesim.evaluation.scoring import count_errors
from drivesim.evaluation.slices import score_kind
from drivesim.evaluation.tracks import check_tracks, follow, score_tracking
from drivesim.evaluation.watching import Looks, Progress, SeenClip, check_clip, looks_over_time, watch
from drivesim.perception import Detector, NamedTracker
from drivesim.report import csv_text, render_benchmark
from scenarios.crowdedness import VisibleRule, visible_rule

SCHEMA = "drivesim.benchmark/2"
FRAMES = "frames.jsonl"


def benchmark(
    clips: Sequence[Clip],
    detector: Detector,
    out: str | Path,
    *,
    every: int = 6,
    by: str = "group",
    visible: VisibleRule | None = None,
    tracker: NamedTracker | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a detector on clips of any origin; returns what ``OUT/metrics.json`` holds.

    Beside it stand ``metrics.csv`` (a line per row of scores), ``frames.jsonl`` (a line per watched frame with its
    boxes and what became of them) and ``report.html``.

    ``every``: every how many-th frame is scored. ``by``: ``"group"`` (vehicle, person) or ``"category"``. ``visible``:
    which true boxes count (default: the project's rule). Things that are no road users are scored by category only,
    and only those that the detector's ``categories`` name. ``tracker``: also follow what is found over each clip and
    score that, as ``"tracking"``, by a protocol of its own (`drivesim.evaluation.tracks`). ``progress(done, total)``
    counts scored frames.
    Frames whose objects are unknown are watched but not scored. The same clips and detector give the same bytes.
    ``out`` appears whole or not at all. Raises ``UserError`` if there is no clip, if one is empty, lacks frames or has
    no label in any frame to be scored, if the detector gives no numbers, or if ``out`` is not empty; with a tracker
    also if a true track is unknown, or if it gives no ids.

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
    named = dict(zip(unique([clip.name for clip in clips]), clips, strict=True))
    kinds = protocol.kinds(getattr(detector, "categories", ()))
    for clip in clips:
        check_clip(clip, protocol)
        if tracker is not None:
            check_tracks(clip, kinds, protocol)
    with new_folder(out) as folder:
        watched = _watch_all(named, detector, protocol, progress)
        seen = [clip for clip, _ in watched]
        if tracker is not None:
            seen = [follow(own, tracker, clip) for own, clip in zip(seen, clips, strict=True)]
        rows = [row for clip in seen for row in frame_rows(clip, kinds, protocol)]
        text = frames_text(rows)
        metrics = {
            "schema": SCHEMA,
            "protocol": protocol.to_dict(),
            "protocol_sha256": protocol.sha256(),
            "detector": {"name": detector.name, "sha256": detector.fingerprint},
            "clips": [_clip_row(own, clip, looks, protocol) for own, (clip, looks) in zip(clips, watched, strict=True)],
            "scores": {kind: score_kind(seen, kind, protocol) for kind in kinds},
            "crowdedness": count_errors(seen, protocol),
            **({} if tracker is None else {"tracking": score_tracking(seen, clips, kinds, protocol, tracker)}),
            "anchor": anchor(detector.fingerprint, protocol),
            "frames": {"file": FRAMES, "rows": len(rows), "sha256": hashlib.sha256(text.encode()).hexdigest()},
        }
        write_json(folder / "metrics.json", metrics)
        write_text(folder / "metrics.csv", csv_text(metrics))
        write_text(folder / FRAMES, text)
        write_text(folder / "report.html", render_benchmark(metrics, gallery(named, rows)))
    return metrics


def unique(names: Sequence[str]) -> list[str]:
    """The names, those that were there before with a number.

    >>> unique(["street", "street", "street-2"])
    ['street', 'street-2', 'street-2-2']
    """
    made: list[str] = []
    for name in names:
        candidates = (name if number == 1 else f"{name}-{number}" for number in range(1, len(names) + 1))
        made.append(next(candidate for candidate in candidates if candidate not in made))
    return made


def _watch_all(
    clips: dict[str, Clip], detector: Detector, protocol: Protocol, progress: Progress | None
) -> list[tuple[SeenClip, list[Looks]]]:
    totals = [len(range(0, len(clip), protocol.every)) for clip in clips.values()]
    watched = []
    for number, (name, clip) in enumerate(clips.items()):
        before = sum(totals[:number])

        def report(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, sum(totals))

        watched.append(watch(clip, detector, protocol, id=name, progress=report))
    return watched


def _clip_row(clip: Clip, seen: SeenClip, looks: Sequence[Looks], protocol: Protocol) -> dict[str, Any]:
    """A clip in the result: what it is, where it comes from, how it looks over time."""
    return {
        "id": seen.id,
        "name": clip.name,
        "origin": clip.origin,
        "width": clip.width,
        "height": clip.height,
        "fps": clip.fps,
        "frames": len(clip),
        "scored_frames": sum(frame.facts.objects is not None for frame in seen.frames),
        "watched_frames": len(seen.frames),
        "provenance": dict(clip.provenance),
        "looks": looks_over_time(looks, protocol.window),
    }

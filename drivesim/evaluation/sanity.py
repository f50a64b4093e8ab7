"""The benchmark tests itself: town clips are spoiled in known ways, and every measure must notice its defect."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from drivesim.atomic import write_json, write_text
from drivesim.clips import Clip
from drivesim.errors import UserError
from drivesim.evaluation.sanity_oracle import Oracle
from drivesim.evaluation.sanity_rules import Check, Range, SanityProtocol
from drivesim.evaluation.sanity_video import CHECKS, Found, Pictures, Shown
from drivesim.perception.scene import SceneDetector
from drivesim.report import render_sanity
from drivesim.town import render
from scenarios import compile

SCHEMA = "drivesim.sanity/1"
PROTOCOL = SanityProtocol()
HAIR = 1e-9  # by how much a number may differ from one worked out by hand

Progress = Callable[[int, int], object]


def evaluate_sanity(
    out: str | Path, protocol: SanityProtocol, *, scenes: SceneDetector | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Run all checks of a protocol; returns what ``OUT/metrics.json`` holds, beside ``OUT/report.html``.

    Args:
        out: folder for the clips and the result; clips that are there already are taken.
        protocol: `PROTOCOL`, or another.
        scenes: the judge of boxes, time of day and weather; None: the reference detector.
        progress: called with (clips and checks done, clips and checks in all).

    Raises:
        UserError: something else is at ``out``, or a drive is shorter than asked for.
    """
    out, scenes = Path(out), scenes or SceneDetector()
    total = len(protocol.drives) + len(protocol.checks)
    clips: list[Clip] = []
    for drive in protocol.drives:
        timeline = compile(drive.load(), fps=protocol.fps, seed=drive.seed).first(protocol.frames)
        clip = render(timeline, out / "clips" / timeline.scenario.name, size=protocol.size)
        if len(clip) != protocol.frames:
            raise UserError(f"{clip.path}: found {len(clip)} frames, expected {protocol.frames}, as of this protocol")
        clips.append(clip)
        if progress is not None:
            progress(len(clips), total)
    pictures = Pictures(clips, scenes, protocol)
    oracle = Oracle([clip.facts for clip in clips], protocol.size[0], protocol)
    rows = []
    for check in protocol.checks:
        rows.append(_row(check, pictures, oracle))
        if progress is not None:
            progress(len(clips) + len(rows), total)
    metrics = {
        "schema": SCHEMA,
        "protocol": protocol.to_dict(),
        "protocol_sha256": protocol.sha256(),
        "detector": {"name": scenes.name, "sha256": scenes.fingerprint},
        "seeds": sorted({drive.seed for drive in protocol.drives}),
        "clips": [{**clip.provenance, "frames": len(clip)} for clip in clips],
        "checks": rows,
        "caught": all(row["caught"] for row in rows),
    }
    write_json(out / "metrics.json", metrics)
    shown = {check.name: _shown(check, pictures, oracle) for check in protocol.checks}
    write_text(out / "report.html", render_sanity(metrics, shown))
    return metrics


def line(row: dict[str, Any]) -> str:
    """What the command prints of a check.

    >>> row = {"name": "a", "measure": "recall", "clean": {"value": 0.9}, "spoiled": {"value": 0.8}}
    >>> line(row | {"caught": False, "clean_passes": True, "defect_noticed": False})
    'MISSED  a: recall 0.9 clean, 0.8 spoiled; the defect is not noticed'
    """
    clean, spoiled = (
        "unknown" if row[side]["value"] is None else f"{row[side]['value']:.4g}" for side in ("clean", "spoiled")
    )
    word = "caught" if row["caught"] else "MISSED"
    why = "" if row["clean_passes"] else "; the clean clips do not pass"
    why += "" if row["defect_noticed"] else "; the defect is not noticed"
    return f"{word}  {row['name']}: {row['measure']} {clean} clean, {spoiled} spoiled{why}"


def within(found: Found, bounds: Range, *, each: bool) -> bool:
    """Whether the value, or ``each`` clip's, is known and lies between the bounds.

    >>> within(Found(0.5, None, 2, 8, (0.2, 0.8)), (0.3, None), each=False)
    True
    >>> within(Found(0.5, None, 2, 8, (0.2, 0.8)), (0.3, None), each=True)
    False
    """
    low, high = bounds
    values: Sequence[float | None] = found.by_clip if each and found.by_clip is not None else (found.value,)
    return all(
        value is not None and (low is None or value >= low) and (high is None or value < high) for value in values
    )


def _row(check: Check, pictures: Pictures, oracle: Oracle) -> dict[str, Any]:
    if check.name in CHECKS:
        found = CHECKS[check.name].run(pictures)
        assert check.clean is not None
        assert check.spoiled is not None
        bounds = (check.clean, check.spoiled)
    else:
        found = oracle.run(check.name)
        low, high = ((value - HAIR, value + HAIR) for value in oracle.by_hand(check.name))
        bounds = (low, high)
    held = [within(side, bound, each=check.each) for side, bound in zip(found, bounds, strict=True)]
    return {
        "name": check.name,
        **{part: pictures.rules.told(getattr(check, part)) for part in ("defect", "measure", "why")},
        "each": check.each,
        "fps": pictures.rules.fps,
        "expected": {"clean": bounds[0], "spoiled": bounds[1]},
        "clean": dataclasses.asdict(found[0]),
        "spoiled": dataclasses.asdict(found[1]),
        "clean_passes": held[0],
        "defect_noticed": held[1],
        "caught": all(held),
    }


def _shown(check: Check, pictures: Pictures, oracle: Oracle) -> Shown:
    """A clean frame and a spoiled one."""
    if check.name in CHECKS:
        return CHECKS[check.name].show(pictures)
    return oracle.shown(check.name, pictures.clips)

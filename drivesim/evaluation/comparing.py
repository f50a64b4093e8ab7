"""Comparing: benchmark runs of one protocol side by side, slice by slice, with the interval of each difference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivesim.atomic import new_folder, write_json, write_text
from drivesim.clips.facts_file import strict_json
from drivesim.errors import UserError
from drivesim.evaluation.benchmark import FRAMES, SCHEMA, unique
from drivesim.evaluation.comparing_models import SCHEMA as MODELS
from drivesim.evaluation.comparing_models import compare_models
from drivesim.evaluation.frames import read_frames
from drivesim.evaluation.protocol import KINDS, Protocol
from drivesim.evaluation.scoring import Clips, evidence, judge, precision_of_draws
from drivesim.evaluation.slices import BOX_SLICES, FRAME_SLICES, Slice, slices
from drivesim.evaluation.tracks import INTERVALS, scored, tracked_frames
from drivesim.evaluation.watching import SeenClip
from drivesim.metrics.detection import bootstrap_difference
from drivesim.metrics.tracking import counted, scores_of_draws
from drivesim.report import render_comparison
from drivesim.report.tables import by_slice

COMPARISON = "drivesim.comparison/1"
SCORES = ("AP50", "recall")  # whose differences get an interval
KEPT = ("clips", "frames", "boxes", "AP", "AP50", "AP50_interval", "AR", "recall", "false_per_frame")
Part = tuple[str, str]  # a slice and its value
Statistic = Callable[[Sequence[int]], float | None]


@dataclass(frozen=True, eq=False)
class Run:
    """A finished benchmark: its name here, what its ``metrics.json`` says, what it saw, and its slices by kind."""

    name: str
    metrics: Mapping[str, Any]
    seen: Sequence[SeenClip]
    slices: Mapping[str, Mapping[Part, Slice]]


def compare(runs: Sequence[str | Path], out: str | Path) -> dict[str, Any]:
    """Compare benchmark runs (folders that `benchmark` wrote); returns what ``OUT/compare.json`` holds.

    Runs of `drivesim.evaluation.generator.evaluate` are compared by `compare_models`. Of those of detectors:

    Every run after the first is set against the first: differences of `SCORES` by slice, each with the 95% bootstrap
    interval over clips; where all runs are of the same clips, the same are drawn for both (``same_clips``). Beside it
    stands ``compare.html``. The same runs give the same bytes. Where runs have tracks, ``tracking`` has the differences
    in total of their scores, or is None unless all have them by the same rules but for the tracker.

    Raises ``UserError`` for fewer than two runs, for a folder that is no whole run, and unless all protocols are equal.
    """
    if len(runs) < 2:
        raise UserError(f"{len(runs)} run to compare, expected two or more")
    folders = [Path(run) for run in runs]
    read = [_metrics(folder) for folder in folders]
    if all(metrics["schema"] == MODELS for metrics in read):
        return compare_models(folders, read, out)
    if models := [folder for folder, metrics in zip(folders, read, strict=True) if metrics["schema"] == MODELS]:
        raise UserError(f"{models[0]} is of a model, not all others are: expected detectors or models")
    protocol = _common_protocol(folders, read)
    names = unique([folder.resolve().name for folder in folders])
    done = [_run(*place, protocol) for place in zip(names, folders, read, strict=True)]
    same = all(metrics["clips"] == read[0]["clips"] for metrics in read)
    kinds = [kind for kind in KINDS[protocol.by] if any(kind in metrics["scores"] for metrics in read)]
    result = {
        "schema": COMPARISON,
        "protocol": protocol.to_dict(),
        "protocol_sha256": protocol.sha256(),
        "same_clips": same,
        "runs": [_about(run) for run in done],
        "rows": {kind: _rows(done, kind, protocol, paired=same) for kind in kinds},
    }
    if any("tracking" in metrics for metrics in read):
        result["tracking"] = _tracking(done, kinds, protocol, paired=same)
    with new_folder(out) as folder:
        write_json(folder / "compare.json", result)
        write_text(folder / "compare.html", render_comparison(result))
    return result


def _metrics(folder: Path) -> dict[str, Any]:
    file = folder / "metrics.json"
    try:
        metrics = strict_json(file.read_bytes())
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}, expected the folder of a benchmark") from error
    except ValueError as error:
        raise UserError(f"{file}: not the JSON of a benchmark ({error})") from error
    schema = metrics.get("schema") if isinstance(metrics, dict) else None
    if schema not in (SCHEMA, MODELS):
        raise UserError(f"{file}: schema is {schema!r}, expected {SCHEMA!r} or {MODELS!r} (run it again)")
    return metrics


def _common_protocol(folders: Sequence[Path], read: Sequence[Mapping[str, Any]]) -> Protocol:
    """The protocol of all runs. Raises `UserError` that names two runs and the rules in which they differ."""
    first = read[0]["protocol"]
    for folder, metrics in zip(folders, read, strict=True):
        own = metrics["protocol"]
        differ = [name for name in {**first, **own} if first.get(name) != own.get(name)]
        if differ or metrics["protocol_sha256"] != read[0]["protocol_sha256"]:
            said = (
                "; ".join(f"{name} is {first.get(name)!r} and {own.get(name)!r}" for name in differ) or "their hashes"
            )
            raise UserError(f"{folders[0]} and {folder} are of different protocols, expected one: {said}")
    try:
        protocol = Protocol.from_dict(first)
    except ValueError as error:
        raise UserError(f"{folders[0] / 'metrics.json'}: protocol: {error}") from error
    if protocol.sha256() != read[0]["protocol_sha256"]:
        raise UserError(f"{folders[0] / 'metrics.json'}: protocol_sha256 is not that of its protocol (edited by hand?)")
    return protocol


def _run(name: str, folder: Path, metrics: Mapping[str, Any], protocol: Protocol) -> Run:
    file = folder / FRAMES
    seen = read_frames(file, {clip["id"]: clip["height"] for clip in metrics["clips"]})
    if hashlib.sha256(file.read_bytes()).hexdigest() != metrics["frames"]["sha256"]:
        raise UserError(f"{file}: not the frames of {folder / 'metrics.json'} (its sha256 differs)")
    parts = {}
    for kind in metrics["scores"]:
        judged: Clips = [judge(clip, kind, protocol) for clip in seen]
        made = [Slice("total", "all", judged), *slices(judged, protocol)]
        parts[kind] = {(part.by, part.value): part for part in made}
    return Run(name, metrics, seen, parts)


def _about(run: Run) -> dict[str, Any]:
    clips, tracking = run.metrics["clips"], run.metrics.get("tracking")
    return {
        "name": run.name,
        "detector": run.metrics["detector"],
        "clips": len(clips),
        "origins": sorted({clip["origin"] for clip in clips}),
        "scored_frames": sum(clip["scored_frames"] for clip in clips),
        "tracker": tracking and tracking["protocol"]["tracker"],
    }


def _rows(runs: Sequence[Run], kind: str, protocol: Protocol, *, paired: bool) -> list[dict[str, Any]]:
    """The rows of a kind: every slice that a run has, its scores in each (None where it has no such slice)."""
    tables = [_scores(run.metrics, kind) for run in runs]
    order = ("total", *FRAME_SLICES, *BOX_SLICES)
    parts = dict.fromkeys(part for table in tables for part in table)
    rows = []
    for by, value in sorted(parts, key=lambda part: order.index(part[0])):  # stable: values stay as they come
        own = [table.get((by, value)) for table in tables]
        some = next(row for row in own if row is not None)
        mine = [run.slices.get(kind, {}).get((by, value)) for run in runs]
        rows.append(
            {
                "slice": by,
                "value": value,
                "low": some.get("low"),
                "high": some.get("high"),
                "runs": [row and {name: row[name] for name in KEPT} for row in own],
                "differences": [
                    {score: _difference(score, (own[0], other), (mine[0], part), protocol, paired) for score in SCORES}
                    for other, part in zip(own[1:], mine[1:], strict=True)
                ],
            }
        )
    return rows


def _scores(metrics: Mapping[str, Any], kind: str) -> dict[Part, dict[str, Any]]:
    """The rows of scores of a kind by slice and value; empty if the run did not score that kind."""
    scores = metrics["scores"].get(kind)
    if scores is None:
        return {}
    return by_slice(scores)


def _difference(
    score: str,
    rows: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None],
    parts: tuple[Slice | None, Slice | None],
    protocol: Protocol,
    paired: bool,
) -> dict[str, Any] | None:
    """The second run's score minus the first's, and its interval; None where either is unknown."""
    (one, other), (first, second) = rows, parts
    if one is None or other is None or one[score] is None or other[score] is None:
        return None
    assert first is not None, "frames.jsonl holds every slice of metrics.json"
    assert second is not None, "frames.jsonl holds every slice of metrics.json"
    clips = [[clip for clip in part.clips if clip] for part in (first, second)]
    interval = bootstrap_difference(
        STATISTICS[score](clips[0], protocol),
        STATISTICS[score](clips[1], protocol),
        (len(clips[0]), len(clips[1])),
        paired=paired,
        seed=protocol.seed,
        draws=protocol.draws,
    )
    return {"value": other[score] - one[score], "interval": interval}


def _tracking(
    runs: Sequence[Run], kinds: Sequence[str], protocol: Protocol, *, paired: bool
) -> dict[str, list[dict[str, Any]]] | None:
    """By kind a row for each score: its value in each run, and the differences from the first run's."""
    blocks = [run.metrics.get("tracking") for run in runs]
    rules = [block and {**block["protocol"], "tracker": None} for block in blocks]
    if None in rules or any(own != rules[0] for own in rules):
        return None
    return {
        kind: _tracking_rows(runs, kind, protocol, paired=paired)
        for kind in kinds
        if all(kind in run.metrics["scores"] for run in runs)
    }


def _tracking_rows(runs: Sequence[Run], kind: str, protocol: Protocol, *, paired: bool) -> list[dict[str, Any]]:
    counts = [[counted(tracked_frames(clip, kind, protocol)) for clip in run.seen if scored(clip)] for run in runs]
    draws = [scores_of_draws(own) for own in counts]
    totals = [run.metrics["tracking"]["scores"][kind]["total"] for run in runs]

    def difference(number: int, score: str) -> dict[str, Any] | None:
        one, other = totals[0][score], totals[number][score]
        if one is None or other is None:
            return None
        interval = bootstrap_difference(
            lambda drawn: draws[0](drawn)[score],
            lambda drawn: draws[number](drawn)[score],
            (len(counts[0]), len(counts[number])),
            paired=paired,
            seed=protocol.seed,
            draws=protocol.draws,
        )
        return {"value": other - one, "interval": interval}

    return [
        {
            "score": score,
            "runs": [total[score] for total in totals],
            "differences": [difference(number, score) for number in range(1, len(runs))],
        }
        for score in INTERVALS
    ]


def _average_precision(clips: Clips, protocol: Protocol) -> Statistic:
    return precision_of_draws([evidence(clip) for clip in clips])


def _recall(clips: Clips, protocol: Protocol) -> Statistic:
    hits = [sum(row.hits_from(protocol.score) for row in clip) for clip in clips]
    boxes = [sum(int(row.counts.sum()) for row in clip) for clip in clips]

    def share(drawn: Sequence[int]) -> float | None:
        count = sum(boxes[number] for number in drawn)
        return sum(hits[number] for number in drawn) / count if count else None

    return share


STATISTICS: dict[str, Callable[[Clips, Protocol], Statistic]] = {"AP50": _average_precision, "recall": _recall}

"""The rows of scores of a benchmark as plain tables: CSV, and scalars for TensorBoard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SCORES = ("AP", "AP50", "AP75", "AR", "AP50_low", "AP50_high", "recall", "false_per_frame")
COLUMNS = ("kind", "slice", "value", "clips", "frames", "boxes", *SCORES)
TRACK_INTERVALS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1")
TRACK_SCORES = (
    *("tracks", "found_tracks", "HOTA", "DetA", "AssA", "LocA", "MOTA", "IDF1", "IDP", "IDR", "misses", "false"),
    *("switches", *(f"{score}_{end}" for score in TRACK_INTERVALS for end in ("low", "high"))),
)


def columns(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a benchmark's table; one with tracks has those of tracking behind the others."""
    return (*COLUMNS, "tracked_fps", *TRACK_SCORES) if "tracking" in metrics else COLUMNS


def score_rows(metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All rows of scores, total first, flat: `columns` by name; None where a score is unknown."""
    for kind, scores in metrics["scores"].items():
        tracks = _track_cells(metrics, kind)
        for (by, value), row in by_slice(scores).items():
            low, high = row["AP50_interval"] or (None, None)
            flat = {"kind": kind, "slice": by, **row, "value": value, "AP50_low": low, "AP50_high": high}
            flat |= tracks.get((by, value), {})
            yield {column: flat.get(column) for column in columns(metrics)}


def by_slice(scores: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of a kind by slice and value, total first."""
    sliced = {(by, row["value"]): row for by, rows in scores["slices"].items() for row in rows}
    return {("total", "all"): scores["total"], **sliced}


def _track_cells(metrics: Mapping[str, Any], kind: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What tracking adds to the rows of a kind, by slice and value; its boxes and frames are those of detection."""
    if "tracking" not in metrics:
        return {}
    fps = " ".join(f"{rate:g}" for rate in metrics["tracking"]["protocol"]["rates"])
    cells = {}
    for place, row in by_slice(metrics["tracking"]["scores"][kind]).items():
        ends = {score: row["intervals"][score] or (None, None) for score in TRACK_INTERVALS}
        flat = {f"{score}_{end}": ends[score][k] for score in ends for k, end in enumerate(("low", "high"))}
        cells[place] = {"tracked_fps": fps, **row, **flat}
    return cells


def csv_text(metrics: Mapping[str, Any]) -> str:
    """The rows as CSV with a header; an unknown score is an empty cell."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns(metrics), lineterminator="\n")
    writer.writeheader()
    writer.writerows(score_rows(metrics))
    return file.getvalue()


def write_tensorboard(metrics: Mapping[str, Any], folder: str | Path) -> None:
    """Add every known score and count of boxes to ``folder`` as scalars ``kind/slice/value/score`` at step 0."""
    from torch.utils.tensorboard import SummaryWriter

    names = ("boxes", *SCORES, *(TRACK_SCORES if "tracking" in metrics else ()))
    with SummaryWriter(str(folder)) as writer:
        for row in score_rows(metrics):
            place = "/".join(str(row[column]).replace(" ", "_") for column in ("kind", "slice", "value"))
            for name in names:
                if row[name] is not None:
                    writer.add_scalar(f"{place}/{name}", row[name], 0)

"""The rows of scores of a benchmark as plain tables: CSV, and scalars for TensorBoard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SCORES = ("AP", "AP50", "AP75", "AR", "AP50_low", "AP50_high", "recall", "false_per_frame")
COLUMNS = ("kind", "slice", "value", "clips", "frames", "boxes", *SCORES)


def score_rows(metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All rows of scores, total first, flat: `COLUMNS` by name; None where a score is unknown."""
    for kind, scores in metrics["scores"].items():
        named = [("total", {"value": "all", **scores["total"]})]
        named += [(by, row) for by, rows in scores["slices"].items() for row in rows]
        for by, row in named:
            low, high = row["AP50_interval"] or (None, None)
            flat = {"kind": kind, "slice": by, **row, "AP50_low": low, "AP50_high": high}
            yield {column: flat[column] for column in COLUMNS}


def csv_text(metrics: Mapping[str, Any]) -> str:
    """The rows as CSV with a header; an unknown score is an empty cell."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(score_rows(metrics))
    return file.getvalue()


def write_tensorboard(metrics: Mapping[str, Any], folder: str | Path) -> None:
    """Add every known score and count of boxes to ``folder`` as scalars ``kind/slice/value/score`` at step 0."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for row in score_rows(metrics):
            place = "/".join(str(row[column]).replace(" ", "_") for column in ("kind", "slice", "value"))
            for name in ("boxes", *SCORES):
                if row[name] is not None:
                    writer.add_scalar(f"{place}/{name}", row[name], 0)

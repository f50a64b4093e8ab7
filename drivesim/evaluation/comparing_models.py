"""Comparing models: evaluations by one protocol and the same judges, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from drivesim.atomic import new_folder, write_json, write_text
from drivesim.errors import UserError
from drivesim.evaluation.benchmark import unique
from drivesim.report import render_models

SCHEMA = "drivesim.generator/2"  # of an evaluation; it is made by `generator`, which needs torch
COMPARISON = "drivesim.comparison.models/1"


def compare_models(folders: Sequence[Path], read: Sequence[Mapping[str, Any]], out: str | Path) -> dict[str, Any]:
    """Compare evaluations of models; returns what ``OUT/compare.json`` holds, beside ``OUT/compare.html``.

    ``folders`` and what their ``metrics.json`` hold. By measure, each run's value, interval and place, between its own
    floor and the ceiling, which is the town's and so the same for all.

    Raises ``UserError`` unless protocols and judges are the same in all.
    """
    first = read[0]
    for folder, metrics in zip(folders, read, strict=True):
        if metrics["protocol_sha256"] != first["protocol_sha256"]:
            names = [row["protocol"]["name"] for row in (first, metrics)]
            raise UserError(f"{folders[0]} and {folder} are of different protocols, expected one: found {names}")
        if (metrics["judges"], metrics["scene_judge"]) != (first["judges"], first["scene_judge"]):
            raise UserError(f"{folders[0]} and {folder} have different judges, expected the same: score one again")
    names = unique([folder.resolve().name for folder in folders])
    result = {
        "schema": COMPARISON,
        "protocol": first["protocol"],
        "protocol_sha256": first["protocol_sha256"],
        "judges": first["judges"],
        "scene_judge": first["scene_judge"],
        "runs": [{"name": name, "weights": row["weights"]} for name, row in zip(names, read, strict=True)],
        "measures": {name: _measure([row["measures"][name] for row in read]) for name in first["measures"]},
    }
    with new_folder(out) as folder:
        write_json(folder / "compare.json", result)
        write_text(folder / "compare.html", render_models(result))
    return result


def _measure(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One measure in all runs. ``floor``: of each, since it is made of the run's own rollouts."""
    runs = [
        {
            "value": row["arms"]["rollout"]["value"],
            "interval": row["arms"]["rollout"]["interval"],
            "frames": row["arms"]["rollout"]["frames"],
            "floor": row["arms"].get("other", {}).get("value"),
            "place": row["place"],
        }
        for row in rows
    ]
    return {"ceiling": rows[0]["arms"]["town"]["value"], "runs": runs}

"""The page of a comparison: runs side by side by slice, one HTML file without a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivesim.report.page import SLICES, environment_of_pages, value_name
from drivesim.report.plots import gap


def render_comparison(result: Mapping[str, Any]) -> str:
    """The page of what ``compare.json`` holds, as HTML text."""
    environment = environment_of_pages()
    environment.filters["signed"] = lambda value: f"{value:+.2f}"
    environment.globals["gap"] = gap
    rows = {kind: rows for kind, rows in result["rows"].items() if any(run and run["boxes"] for run in rows[0]["runs"])}
    return environment.get_template("compare.html.j2").render(
        result=result, kinds=rows, slices=SLICES, value_name=value_name, reach=_reach(result), notes=_notes(result)
    )


def _reach(result: Mapping[str, Any]) -> float:
    """The largest difference that is drawn: one scale for all bars of the page, no finer than 0.1."""
    known = [
        abs(difference["value"])
        for rows in result["rows"].values()
        for row in rows
        for pair in row["differences"]
        for difference in pair.values()
        if difference is not None
    ]
    return max(0.1, *known, 0.0)


def _notes(result: Mapping[str, Any]) -> list[str]:
    """What a reader must know before believing a difference."""
    fewest = min(run["clips"] for run in result["runs"])
    notes = []
    if result["same_clips"]:
        notes.append("All runs are of the same clips: each draw of an interval takes the same clips for both.")
    else:
        notes.append(
            "The runs are of different clips: a difference is one of the detectors, of the clips, or of both, "
            "and its interval is wide, since clips are drawn apart."
        )
    notes.append("There is no interval where a slice has one clip only.")
    if fewest < 2:
        notes.append("One of the runs has a single clip, whose frames are much alike. Read no trend into it.")
    elif fewest < 10:
        notes.append(f"{fewest} clips: an interval from so few is itself rough.")
    notes.append("Among many rows about one in twenty gets its dot by chance alone.")
    return notes

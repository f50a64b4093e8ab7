"""The page of a stress test: what scores do as one field goes through its values, in the town and in the rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from drivesim.report.generator import address
from drivesim.report.page import environment_of_pages
from drivesim.report.plots import Whiskered, points

DRAWN = ("rollout", "town")  # the lines of a chart, in the order of their colours


def render_stress(metrics: Mapping[str, Any], pictures: Mapping[str, Sequence[Mapping[str, np.ndarray]]]) -> str:
    """The page as HTML text.

    ``metrics``: what ``metrics.json`` holds. ``pictures``: by field, for each value a frame (uint8 h w 3 RGB) by arm.
    """
    page = environment_of_pages()
    page.filters |= {"interval": _interval, "plain": _plain}
    page.globals |= {"address": address, "lines": DRAWN}
    charts = {
        sweep["field"]: {
            name: _chart(sweep, name, row)
            for name, row in sweep["measures"].items()
            if row["main"] and any(cell[arm]["value"] is not None for cell in row["values"] for arm in DRAWN)
        }
        for sweep in metrics["sweeps"]
    }
    clips = len(metrics["clips"]["town"])
    return page.get_template("stress.html.j2").render(metrics=metrics, pictures=pictures, charts=charts, clips=clips)


def _chart(sweep: Mapping[str, Any], name: str, row: Mapping[str, Any]) -> Markup:
    """Both arms over the field's values; ``n``: true boxes that count where there are some, else frames."""
    series: list[Whiskered] = [
        (arm, [cell[arm]["value"] for cell in row["values"]], [cell[arm]["interval"] for cell in row["values"]])
        for arm in DRAWN
    ]
    counts = [cell["town"]["frames"] if cell["boxes"] is None else cell["boxes"] for cell in row["values"]]
    places = [(_plain(value), count) for value, count in zip(sweep["values"], counts, strict=True)]
    return points(series, places, x_label=sweep["field"], y_label=name)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _interval(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"

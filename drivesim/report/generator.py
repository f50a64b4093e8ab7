"""The page of a generator's evaluation: where it stands between floor and ceiling, and what it draws."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from markupsafe import Markup

from drivesim.report.page import JPEG_QUALITY, environment_of_pages
from drivesim.report.plots import Series, lines

WIDTH, TOP, HEIGHT = 300, 3, 8  # of a scale, its rail's top and height
DISTANCES = {"frechet": "Fréchet", "kernel": "kernel"}


def render_generator(
    metrics: Mapping[str, Any],
    pictures: Sequence[tuple[str, Mapping[str, np.ndarray]]],
    pairs: Sequence[tuple[str, np.ndarray, np.ndarray]] = (),
    film: bytes = b"",
) -> str:
    """The page as HTML text.

    ``metrics``: what ``metrics.json`` holds. ``pictures``: by drive its name and a frame (uint8 h w 3 RGB) of each arm.
    ``pairs``: a line, the generated frame and the training frame nearest to it. ``film``: an MP4 file to be played;
    none if empty.
    """
    page = environment_of_pages()
    page.filters["three"] = lambda value: "-" if value is None else f"{value:.3g}"
    page.globals |= {"scale": scale, "address": address}
    return page.get_template("generator.html.j2").render(
        metrics=metrics,
        pictures=pictures,
        pairs=pairs,
        film=base64.b64encode(film).decode("ascii"),
        distances=DISTANCES,
        errors={name: row for name, row in metrics["measures"].items() if "unit" in row},
        drift=_drift_plots(metrics["drift"], metrics["protocol"]["window"]) if "drift" in metrics else {},
    )


def _drift_plots(drift: Mapping[str, Any], window: float) -> dict[str, Markup]:
    """By score its course over time with its intervals: the rollout's, the town's and that of what is begun anew."""
    plots = {}
    for name, cells in drift["rollout"].items():
        arms = {"rollout": cells, "town": drift["town"][name], "begun anew": drift["anew"].get(name, [])}
        starts = [window * (k + 0.5) for k in range(len(cells))]
        series: list[Series] = [
            (arm, starts[len(starts) - len(row) :], [cell["value"] for cell in row]) for arm, row in arms.items()
        ]
        intervals = [[cell["interval"] for cell in row] for row in arms.values()]
        plots[name] = lines(series, x_label="time in the clip, s", y_label=name, intervals=intervals)
    return plots


def scale(row: Mapping[str, Any]) -> Markup:
    """A measure's arms on one line from 0 (left) to 1: the rollout as a dot with its interval, the others as ticks."""
    arms = row["arms"]
    marks = ""
    for name, arm in arms.items():
        if arm["value"] is None or name == "rollout":
            continue
        x = _x(arm["value"])
        word = f"{name} {arm['value']:.2f}"
        marks += f'<path class="tick {name.replace(" ", "-")}" d="M{x:.1f} 0V14"><title>{word}</title></path>'
    rollout = arms.get("rollout")
    if rollout is not None and rollout["value"] is not None:
        if rollout["interval"] is not None:
            low, high = map(_x, rollout["interval"])
            marks += f'<path class="whisker" d="M{low:.1f} 7H{high:.1f}"/>'
        marks += f'<circle class="dot" cx="{_x(rollout["value"]):.1f}" cy="7" r="5"><title>rollout</title></circle>'
    return Markup(
        f'<svg class="scale" viewBox="-6 0 {WIDTH + 12} 14" role="img" aria-label="scale from 0 to 1">'
        f'<rect class="rail" x="0" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" rx="2"/>{marks}</svg>'
    )


def address(picture: np.ndarray) -> str:
    """A frame (uint8 h w 3 RGB) as a JPEG inside an address."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, "OpenCV could not encode a JPEG"
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def _x(value: float) -> float:
    return WIDTH * min(1.0, max(0.0, value))  # a correlation below 0 stands at 0

"""The page of trainability: what each arm's detectors are worth, how the arms differ, what R and S look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from drivesim.report.generator import address
from drivesim.report.page import environment_of_pages
from drivesim.report.plots import gap

WIDTH = 300  # of a scale from 0 to 1
REACH = 0.3  # the largest difference that a bar shows


def render_trainability(metrics: Mapping[str, Any], pictures: Sequence[tuple[str, Mapping[str, np.ndarray]]]) -> str:
    """The page as HTML text.

    ``metrics``: what ``metrics.json`` holds. ``pictures``: by clip its name and a frame (uint8 h w 3 RGB) of R and S.
    """
    page = environment_of_pages()
    page.filters["signed"] = lambda value: "-" if value is None else f"{value:+.3f}"
    page.globals |= {"scale": scale, "address": address, "gap": gap, "verdict": verdict, "reach": REACH}
    return page.get_template("trainability.html.j2").render(metrics=metrics, pictures=pictures)


def scale(row: Mapping[str, Any]) -> Markup:
    """An arm's mean AP50 as a dot on a line from 0 to 1, its interval as a whisker, each training as a tick."""
    marks = ""
    if row["interval"] is not None:
        low, high = (WIDTH * end for end in row["interval"])
        marks += f'<path class="whisker" d="M{low:.1f} 7H{high:.1f}"/>'
    for training in row["seeds"]:
        if training["AP50"] is not None:
            x, word = WIDTH * training["AP50"], f"seed {training['seed']}: {training['AP50']:.3f}"
            marks += f'<path class="tick" d="M{x:.1f} 1V13"><title>{word}</title></path>'
    if row["value"] is not None:
        marks += f'<circle class="dot" cx="{WIDTH * row["value"]:.1f}" cy="7" r="5"/>'
    return Markup(
        f'<svg class="scale" viewBox="-6 0 {WIDTH + 12} 14" role="img" aria-label="scale from 0 to 1">'
        f'<rect class="rail" x="0" y="3" width="{WIDTH}" height="8" rx="2"/>{marks}</svg>'
    )


def verdict(row: Mapping[str, Any]) -> str:
    """What the interval of a difference allows to say.

    >>> verdict({"value": 0.1, "interval": (0.02, 0.2)}), verdict({"value": 0.1, "interval": (-0.02, 0.2)})
    ('better', 'no difference seen')
    """
    if row["interval"] is None:
        return "not known"
    low, high = row["interval"]
    return "better" if low > 0 else "worse" if high < 0 else "no difference seen"

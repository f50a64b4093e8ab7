"""The page of the benchmark's test of itself: every defect, the measure that must notice it, two frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from drivesim.report.generator import address
from drivesim.report.page import environment_of_pages


def render_sanity(metrics: Mapping[str, Any], shown: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """The page as HTML text.

    ``metrics``: what ``metrics.json`` holds. ``shown``: by check a clean and a spoiled frame (uint8 h w 3 RGB).
    """
    page = environment_of_pages()
    page.filters["number"] = number
    page.globals |= {"bounds": bounds}
    # checks that show the same two frames share them, so that the page stays small
    pictures: dict[str, tuple[str, str]] = {
        name: (address(clean), address(spoiled)) for name, (clean, spoiled) in shown.items()
    }
    numbers = {source: k for k, source in enumerate(dict.fromkeys(s for pair in pictures.values() for s in pair))}
    return page.get_template("sanity.html.j2").render(
        metrics=metrics,
        sources=list(numbers),
        pictures={name: [numbers[source] for source in pair] for name, pair in pictures.items()},
        size={name: clean.shape[:2] for name, (clean, _) in shown.items()},
    )


def number(value: float | None) -> str:
    """A value as people read it.

    >>> number(0.00123456), number(12.0), number(None)
    ('0.00123', '12', 'unknown')
    """
    return "unknown" if value is None else f"{value:.3g}"


def bounds(row: Sequence[float | None]) -> str:
    """What a value is expected to be.

    >>> bounds((0.5, None)), bounds((None, 0.2)), bounds((0.5, 1.5)), bounds((-1e-9, 1e-9))
    ('≥ 0.5', '< 0.2', '0.5 to 1.5', '0')
    """
    low, high = row
    if low is None or high is None:
        return f"< {number(high)}" if low is None else f"≥ {number(low)}"
    return number((low + high) / 2) if high - low < 1e-6 else f"{number(low)} to {number(high)}"

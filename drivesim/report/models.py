"""The page of a comparison of models: one HTML file without a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivesim.report.generator import scale
from drivesim.report.page import environment_of_pages


def render_models(result: Mapping[str, Any]) -> str:
    """The page of what ``compare.json`` holds, as HTML text."""
    environment = environment_of_pages()
    environment.globals["scale"] = lambda run, ceiling: scale(
        {"arms": {"town": {"value": ceiling}, "other": {"value": run["floor"]}, "rollout": run}}
    )
    return environment.get_template("models.html.j2").render(result=result)

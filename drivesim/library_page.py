"""A library of scenarios as a page: a static folder with a picture, the facts and the command of each."""

from __future__ import annotations

import os.path
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drivesim.atomic import new_folder
from drivesim.preview import board
from drivesim.report.page import environment_of_pages
from scenarios import Scenario, Template, compile, shipped, template

STILLS, COLUMNS, STILL_WIDTH = 4, 2, 474  # of a thumbnail; px
MOST_BYTES = 60_000  # of a thumbnail
_FRAMES = 60  # from which its course is drawn, at most 10 a second

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Scenario library</title>
<link rel="icon" href="data:,">
<style>
{% include "style.css" %}
nav ul, .tags { display: flex; flex-wrap: wrap; gap: 6px 14px; list-style: none; padding: 0; }
a { color: var(--accent); }
.scenarios { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 500px), 1fr)); gap: 16px; }
.scenarios article { padding: 0 0 16px; overflow: hidden; }
.scenarios article > :not(a) { margin-left: 18px; margin-right: 18px; }
.scenarios h3 { font-size: 17px; color: var(--ink); margin: 14px 18px 4px; }
.scenarios img { display: block; width: 100%; height: auto; background: #181818; }
.scenarios p { margin-bottom: 8px; }
.tags { gap: 6px; margin: 8px 0; }
.tags li { border: 1px solid var(--line); background: var(--rail); border-radius: 10px; padding: 0 9px; }
.tags li, .scenarios .soft { font-size: 13px; }
.scenarios code { display: block; background: var(--rail); border-radius: 6px; padding: 7px 10px; user-select: all; }
</style>
</head>
<body>
<main>
<header>
<h1>Scenario library</h1>
<p class="soft">{{ count }} scenario{{ "" if count == 1 else "s" }}. Each picture shows moments of the scenario, the
  view beside the map, and below them its course: daylight, weather, who is seen, the ego's speed, the events. Select
  one to enlarge it.</p>
</header>
{% if groups|length > 1 %}
<nav aria-label="Groups">
<ul>
{% for group, cards in groups.items() %}
  <li><a href="#group-{{ loop.index }}">{{ group }}</a> <span class="soft">{{ cards|length }}</span></li>
{% endfor %}
</ul>
</nav>
{% endif %}
{% for group, cards in groups.items() %}
<section aria-labelledby="group-{{ loop.index }}">
<h2 id="group-{{ loop.index }}">{{ group }}</h2>
<div class="scenarios">
{% for card in cards %}
<article class="panel" id="{{ card.name }}">
  <a href="{{ card.picture }}"><img src="{{ card.picture }}" width="{{ card.width }}" height="{{ card.height }}"
    loading="lazy" alt="Storyboard of {{ card.name }}: {{ card.description or "no description" }}"></a>
  <h3>{{ card.name }}</h3>
  <p>{{ card.description }}</p>
  <p class="soft">{{ card.length }}{% if card.sweep %} · a sweep of {{ card.sweep }} variations{% endif %}</p>
{% if card.tags %}
  <ul class="tags" aria-label="Tags">
{% for tag in card.tags %}
    <li>{{ tag }}</li>
{% endfor %}
  </ul>
{% endif %}
  <code>{{ card.command }}</code>
</article>
{% endfor %}
</div>
</section>
{% endfor %}
</main>
</body>
</html>
"""


def library_page(
    scenarios: Mapping[str, Path], out: str | Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write a page about ``scenarios`` (file by name) into the new folder ``out``; returns the path of its index.html.

    The folder holds index.html and a JPEG per scenario and needs nothing else. Scenarios are grouped by the folders of
    their files, in the order given. ``progress(done, total)`` is called after each. Raises ``ValueError`` for no
    scenarios, `ScenarioError` for one that is wrong, and `UserError` if ``out`` is there already.
    """
    if not scenarios:
        raise ValueError("no scenarios given, expected at least one")
    root = Path(os.path.commonpath([Path(path).absolute().parent for path in scenarios.values()]))
    groups: dict[str, list[dict[str, Any]]] = {}
    with new_folder(out) as folder:
        for done, (name, path) in enumerate(scenarios.items(), start=1):
            place = Path(path).absolute().parent.relative_to(root).as_posix()
            card = _card(name, Path(path), template(path), folder)
            groups.setdefault(root.name if place == "." else place, []).append(card)
            if progress is not None:
                progress(done, len(scenarios))
        page = environment_of_pages().from_string(_PAGE).render(count=len(scenarios), groups=groups)
        (folder / "index.html").write_text(page, encoding="utf-8")
    return Path(out) / "index.html"


def thumbnail(scenario: Scenario) -> np.ndarray:
    """Four stills of ``scenario`` and its course, uint8 (h 966 3) RGB."""
    timeline = compile(scenario, fps=min(10.0, _FRAMES / scenario.clock.duration))
    return board(timeline, list(timeline), count=STILLS, columns=COLUMNS, width=STILL_WIDTH)


def _card(name: str, path: Path, template: Template, folder: Path) -> dict[str, Any]:
    """What the page says of a scenario at its defaults, whose thumbnail is put into ``folder``."""
    scenario = template.scenario()
    picture, file = thumbnail(scenario), f"{name.replace('/', '-')}.jpg"
    (folder / file).write_bytes(_jpeg(picture))
    minutes, seconds = divmod(scenario.clock.duration, 60)
    length = [f"{minutes:.0f} min"] * (minutes > 0) + [f"{seconds:g} s"] * (seconds > 0)
    return {
        "name": name,
        "picture": file,
        "height": picture.shape[0],
        "width": picture.shape[1],
        "description": " ".join(scenario.description.split()),
        "tags": scenario.tags,
        "length": " ".join(length),
        "sweep": len(template) if template.variations is not None else None,
        "command": shlex.join(
            ["drivesim", "preview", name if shipped().get(name) == path else str(path), "--out", f"out/{name}"]
        ),
    }


def _jpeg(picture: np.ndarray) -> bytes:
    """``picture`` in the best quality that keeps it small."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    for quality in (85, 75, 65, 55, 45, 35):
        data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) <= MOST_BYTES:
            break
    return data

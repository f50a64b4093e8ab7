"""The benchmark's page: one HTML file with its style, script, plots, pictures and boxes inside, nothing to load."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
from markupsafe import Markup

from drivesim.report.plots import Series, bars, lines, meter

TEMPLATES = Path(__file__).parent / "templates"
PLOTTED = 6  # clips in the plots over time: more lines cannot be told apart
PICTURE_WIDTH = 768  # px; wider frames are reduced to it
JPEG_QUALITY = 75
LOOKS = {
    "brightness": "brightness, grey levels",
    "sharpness": "sharpness, grey levels²",
    "flicker": "flicker, grey levels",
}
SLICES = {
    "time_of_day": "time of day",
    "weather": "weather",
    "crowdedness": "crowdedness",
    "size": "box height, share of the image's",
    "distance": "distance",
    "occlusion": "hidden share",
    "scenario": "scenario",
}
UNITS = {"size": (100, "%"), "distance": (1, " m"), "occlusion": (100, "%")}  # factor and unit that people read


@dataclass(frozen=True, eq=False)
class Shown:
    """The frames on a page: rows of frames.jsonl, each with its ``picture`` (`jpeg`), in the order of the clips.

    ``best`` and ``worst``: places in ``frames``, best and worst first. ``lowest_score``: of the detections they hold.
    """

    frames: Sequence[Mapping[str, Any]]
    best: Sequence[int]
    worst: Sequence[int]
    lowest_score: float


def jpeg(picture: np.ndarray) -> str:
    """A picture (uint8 h w 3 RGB) as a JPEG in base64, reduced to `PICTURE_WIDTH`."""
    picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    height, width = picture.shape[:2]
    if width > PICTURE_WIDTH:
        size = (PICTURE_WIDTH, round(height * PICTURE_WIDTH / width))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, "OpenCV could not encode a JPEG"
    return base64.b64encode(data.tobytes()).decode("ascii")


def environment_of_pages() -> jinja2.Environment:
    """How every page is filled: what it is given is escaped, and a name that it was not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # kinds keep their order
    environment.filters["share"] = lambda value: "-" if value is None else f"{value:.2f}"
    environment.globals["meter"] = meter
    environment.globals["script"] = lambda name: Markup((TEMPLATES / name).read_text(encoding="utf-8"))
    return environment


def render_benchmark(metrics: Mapping[str, Any], shown: Shown) -> str:
    """The page of a benchmark's metrics (what ``metrics.json`` holds) and frames, as HTML text."""
    kinds = {kind: scores for kind, scores in metrics["scores"].items() if scores["total"]["boxes"]}
    tracking = metrics.get("tracking")
    page = environment_of_pages().get_template("benchmark.html.j2")
    return page.render(
        metrics=metrics,
        tracking=tracking,
        rates=" and ".join(f"{rate:g}" for rate in tracking["protocol"]["rates"]) if tracking else "",
        plotted=metrics["clips"][:PLOTTED],
        kinds=kinds,
        absent=[kind for kind in metrics["scores"] if kind not in kinds],
        caveats=caveats(metrics),
        seeds=sorted({clip["provenance"]["seed"] for clip in metrics["clips"] if "seed" in clip["provenance"]}),
        slices=SLICES,
        value_name=value_name,
        charts={kind: _charts(scores) for kind, scores in kinds.items()},
        curve=_curve(metrics),
        looks={name: _look_plot(metrics, name, label) for name, label in LOOKS.items()},
        data={
            "score": metrics["protocol"]["score"],
            "lowest": shown.lowest_score,
            "clips": [
                {name: clip[name] for name in ("id", "name", "width", "height", "watched_frames")}
                for clip in metrics["clips"]
            ],
            "frames": list(shown.frames),
            "best": list(shown.best),
            "worst": list(shown.worst),
        },
    )


def value_name(by: str, row: Mapping[str, Any]) -> str:
    """What people read for the value of a slice.

    >>> value_name("size", {"value": "0.05 to 0.1", "low": 0.05, "high": 0.1}), value_name("weather", {"value": "dry"})
    ('5 to 10%', 'dry')
    """
    low, high = row.get("low"), row.get("high")
    if by not in UNITS or (low is None and high is None):
        return str(row["value"]).replace("_", " ")
    factor, unit = UNITS[by]
    if low is None:
        return f"< {factor * row['high']:g}{unit}"
    return f"≥ {factor * low:g}{unit}" if high is None else f"{factor * low:g} to {factor * high:g}{unit}"


def caveats(metrics: Mapping[str, Any]) -> list[str]:
    """What a reader must know before believing the numbers, from the numbers themselves."""
    clips, notes = metrics["clips"], []
    origins = {clip["origin"] for clip in clips}
    if len(clips) == 1:
        notes.append("One clip: there is no interval, and frames of one clip are much alike. Read no trend into it.")
    elif len(clips) < 10:
        notes.append(f"{len(clips)} clips: an interval from so few is itself rough.")
    if origins & {"town", "rollout"}:
        notes.append(
            "Synthetic video: a score here says how well the detector finds these drawn road users, "
            "not how well it does on a real street."
        )
    if metrics["detector"]["name"] == "reference" and "town" in origins:
        notes.append("The reference detector was trained on renders of the same town, so it is at home here.")
    if "rollout" in origins:
        notes.append(
            "A miss in a rollout may be the detector's or the generator's: the road user may not have been drawn."
        )
    unlabelled = [clip["name"] for clip in clips if clip["scored_frames"] < clip["watched_frames"]]
    if unlabelled:
        notes.append(f"Objects are unknown in frames of {', '.join(unlabelled)}: these were watched but not scored.")
    few = [kind for kind, scores in metrics["scores"].items() if 0 < scores["total"]["boxes"] < 100]
    if few:
        notes.append(f"Fewer than 100 true boxes of {', '.join(few)}: their scores can move a lot with a few boxes.")
    notes.append("Compare with other results only where the protocol hash is the same.")
    return notes


def _curve(metrics: Mapping[str, Any]) -> Markup:
    levels = [level / 100 for level in range(101)]
    series: list[Series] = [
        (kind, levels, scores["precision"]) for kind, scores in metrics["scores"].items() if scores["total"]["boxes"]
    ]
    return lines(series, x_label="recall", y_label="precision", y_range=(0.0, 1.0))


def _charts(scores: Mapping[str, Any]) -> dict[str, Markup]:
    """A small chart per slice: AP50 with its interval where there is one, else recall."""
    charts = {}
    for by, rows in scores["slices"].items():
        score = "recall" if by in ("distance", "occlusion") else "AP50"
        known = [row for row in rows if row["boxes"]]
        if known and by != "scenario":
            whiskers = [row["AP50_interval"] if score == "AP50" else None for row in rows]
            values = [
                (value_name(by, row), row[score], row["boxes"], whisker)
                for row, whisker in zip(rows, whiskers, strict=True)
            ]
            charts[by] = bars(values, x_label=SLICES[by], y_label=score)
    return charts


def _look_plot(metrics: Mapping[str, Any], name: str, label: str) -> Markup:
    series: list[Series] = [
        (
            clip["name"],
            [(row["start"] + row["end"]) / 2 for row in clip["looks"][name]],
            [row["mean"] for row in clip["looks"][name]],
        )
        for clip in metrics["clips"][:PLOTTED]
    ]
    return lines(series, x_label="time in the clip, s", y_label=label)

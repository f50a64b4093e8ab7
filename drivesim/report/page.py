"""The benchmark's page: one HTML file with its style, plots and pictures inside, no script, nothing to load."""

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
STILL_WIDTH = 960  # px; wider frames are reduced to it
JPEG_QUALITY = 82
LOOKS = {
    "brightness": "brightness, grey levels",
    "sharpness": "sharpness, grey levels²",
    "flicker": "flicker, grey levels",
}


@dataclass(frozen=True)
class StillBox:
    """A box on a still, px of the picture.

    ``source``: ``"truth"`` or ``"found"``. ``outcome``: of truth ``"hit"``, ``"missed"``, ``"ignored"``, of detections
    ``"hit"``, ``"false"``, ``"ignored"``, ``"unscored"``. ``score``: None for truth.
    """

    source: str
    box: Sequence[float]
    category: str
    outcome: str
    score: float | None


@dataclass(frozen=True, eq=False)
class Still:
    """A frame (uint8 h w 3 RGB) with its boxes; ``second`` since the clip's start, ``daytime`` None where unknown."""

    picture: np.ndarray
    clip: str
    scenario: str
    second: float
    daytime: str | None
    labelled: bool
    boxes: tuple[StillBox, ...]

    @property
    def width(self) -> int:
        """Pixels."""
        return self.picture.shape[1]

    @property
    def height(self) -> int:
        """Pixels."""
        return self.picture.shape[0]

    @property
    def data_url(self) -> str:
        """The picture as a JPEG inside an address."""
        picture = cv2.cvtColor(self.picture, cv2.COLOR_RGB2BGR)
        if self.width > STILL_WIDTH:
            size = (STILL_WIDTH, round(self.height * STILL_WIDTH / self.width))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        assert done, "OpenCV could not encode a JPEG"
        return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def environment_of_pages() -> jinja2.Environment:
    """How every page is filled: what it is given is escaped, and a name that it was not given is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_benchmark(metrics: Mapping[str, Any], stills: Sequence[Still]) -> str:
    """The page of a benchmark's metrics (what ``metrics.json`` holds) and stills, as HTML text."""
    environment = environment_of_pages()
    environment.filters["share"] = lambda value: "-" if value is None else f"{value:.2f}"
    environment.globals["meter"] = meter
    page = environment.get_template("benchmark.html.j2")
    return page.render(
        metrics=metrics,
        plotted=metrics["clips"][:PLOTTED],
        stills=stills,
        kinds={kind: scores for kind, scores in metrics["scores"].items() if scores["total"]["boxes"]},
        absent=[kind for kind, scores in metrics["scores"].items() if not scores["total"]["boxes"]],
        caveats=caveats(metrics),
        curve=_curve(metrics),
        recall={kind: _recall_plots(scores) for kind, scores in metrics["scores"].items()},
        looks={name: _look_plot(metrics, name, label) for name, label in LOOKS.items()},
    )


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


def _recall_plots(scores: Mapping[str, Any]) -> dict[str, Markup]:
    heights = [
        (_bin(row, lambda edge: f"{100 * edge:.0f}", "%"), row["recall"], row["count"])
        for row in scores["recall_by_height"]
    ]
    depths = [
        (_bin(row, lambda edge: f"{edge:.0f}", " m"), row["recall"], row["count"]) for row in scores["recall_by_depth"]
    ]
    plots = {"height": bars(heights, x_label="box height, share of the image's", y_label="recall")}
    if any(row["count"] for row in scores["recall_by_depth"]):
        plots["distance"] = bars(depths, x_label="distance", y_label="recall")
    return plots


def _bin(row: Mapping[str, Any], text: Any, unit: str) -> str:
    low, high = row["low"], row["high"]
    if low is None:
        return f"< {text(high)}{unit}"
    return f"≥ {text(low)}{unit}" if high is None else f"{text(low)} to {text(high)}{unit}"


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

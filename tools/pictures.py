"""Draw docs/pictures/storyboard.jpg: twelve scenarios, day, dusk and night by clear sky, rain, fog and snow.

The town is above, the model below, at the same moments.

    python tools/pictures.py [--weights nano|DIR|none] [--out FILE]

Rolls each scenario out at 7.5 frames/s into a temporary folder. Without weights only the town
is drawn.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

import drivesim
from drivesim.clips.video import resize
from drivesim.doctor import shipped_parts
from drivesim.overlay import storyboard
from drivesim.town import Town
from scenarios.facts import time_of_day

BOARD = (  # scenario, daylight, weather (None: the scenario's own), two moments, s
    ("zebra_crossing", None, None, (2.0, 8.0)),
    ("cut_in_truck_rain", None, None, (3.2, 8.0)),
    ("fog_drive", 1.0, None, (2.0, 9.6)),
    ("snowfall_day", None, None, (2.0, 9.6)),
    ("busy_junction", 0.5, None, (3.2, 14.0)),
    ("lead_turns_off", 0.5, "rainy", (2.0, 6.4)),
    ("ped_crossing_near", 0.5, "foggy", (2.0, 4.8)),
    ("snow_dusk_city", None, None, (2.0, 9.6)),
    ("night_city", None, None, (2.0, 16.0)),
    ("rain_at_night", None, None, (2.0, 9.6)),
    ("breakdown_night", None, "foggy", (2.0, 6.4)),
    ("snow_night", None, None, (2.0, 9.6)),
)
FPS = 7.5
SIZE = (256, 512)


def moments(
    name: str,
    daylight: float | None,
    weather: str | None,
    seconds: tuple[float, float],
    weights: str | None,
    work: Path,
) -> tuple[list[np.ndarray], list[str]]:
    """Pictures of one scenario of `BOARD`, the town's above the model's, and their labels."""
    changes = {"environment.initial.daylight": daylight, "environment.initial.weather": weather}
    values = {place: value for place, value in changes.items() if value is not None}
    timeline = drivesim.compile(drivesim.load(name, values), fps=FPS)
    rows = [min(round(second * FPS), len(timeline) - 1) for second in seconds]
    with Town(timeline.camera) as town:
        drawn = [resize(town.render(timeline, row, ("colour",)).colour, SIZE) for row in rows]
    if weights is not None:
        clip = drivesim.rollout(timeline, work / name, weights=weights, fps=FPS)
        dreamt = clip.read(rows, size=SIZE)
        drawn = [np.concatenate(pair) for pair in zip(drawn, dreamt, strict=True)]
    facts = [timeline[row] for row in rows]
    return drawn, [f"{name}  {row.time:.1f} s  {time_of_day(row.daylight)}  {row.weather}" for row in facts]


def main() -> None:
    """Read the arguments and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="nano" if shipped_parts() else None, help="folder of parts, nano, or none")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs/pictures/storyboard.jpg")
    arguments = parser.parse_args()
    frames, labels = [], []
    with tempfile.TemporaryDirectory() as work:
        for row in BOARD:
            drawn, told = moments(*row, None if arguments.weights == "none" else arguments.weights, Path(work))
            frames += drawn
            labels += told
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    sheet = storyboard(frames, labels, columns=4, width=SIZE[1])
    cv2.imwrite(str(arguments.out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    main()

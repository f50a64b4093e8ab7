"""Draw docs/pictures/storyboard.jpg: shipped scenarios, the town above and the model below, at the same moments.

    python tools/pictures.py [--weights nano|DIR] [--out FILE]

Rolls each scenario out at 7.5 frames/s into a temporary folder. Without weights only the town is drawn.
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

MOMENTS = {  # seconds of each scenario: one early, one late or where something happens
    "day_free_ride": (2.0, 16.0),
    "night_city": (2.0, 16.0),
    "curved_road": (2.0, 9.6),
    "dense_traffic": (2.0, 9.6),
    "day_to_night": (6.0, 14.0),
    "lead_brake": (2.0, 12.0),
    "cut_in": (5.6, 14.4),
    "pedestrian_crossing": (6.4, 8.0),
}
FPS = 7.5
SIZE = (256, 512)


def moments(name: str, weights: str | None, work: Path) -> tuple[list[np.ndarray], list[str]]:
    """Pictures of one scenario at `MOMENTS`, the town's above the model's, and their labels."""
    timeline = drivesim.compile(drivesim.load(name), fps=FPS)
    rows = [round(second * FPS) for second in MOMENTS[name]]
    with Town(timeline.camera) as town:
        drawn = [resize(town.render(timeline, row, ("colour",)).colour, SIZE) for row in rows]
    if weights is not None:
        clip = drivesim.rollout(timeline, work / name, weights=weights, fps=FPS)
        dreamt = clip.read(rows, size=SIZE)
        drawn = [np.concatenate(pair) for pair in zip(drawn, dreamt, strict=True)]
    facts = [timeline[row] for row in rows]
    return drawn, [f"{name}  {row.time:.1f} s  {time_of_day(row.daylight)}" for row in facts]


def main() -> None:
    """Read the arguments and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="nano" if shipped_parts() else None, help="folder of parts, or nano")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs/pictures/storyboard.jpg")
    arguments = parser.parse_args()
    frames, labels = [], []
    with tempfile.TemporaryDirectory() as work:
        for name in MOMENTS:
            drawn, told = moments(name, arguments.weights, Path(work))
            frames += drawn
            labels += told
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    sheet = storyboard(frames, labels, columns=4, width=SIZE[1])
    cv2.imwrite(str(arguments.out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])


if __name__ == "__main__":
    main()

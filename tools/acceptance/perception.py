"""The acceptance lines of the benchmark: the reference detector on renders of the town that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lines import Line, Result

import drivesim
from drivesim.clips import read_clip
from drivesim.evaluation.scenes import score_scenes, see_scenes
from drivesim.generate.town import town_dataset
from drivesim.perception.scene import SceneDetector

SEED = 1001  # of scenarios that are in no training set: those are made with other seeds
CLIPS, FRAMES, EVERY = 120, 8, 4


def reference_detector(folder: Path) -> Result:
    """Boxes by day (and by night and kind of weather), time of day, weather and lane lines, on new scenarios."""
    town_dataset(folder / "town", clips=CLIPS, seed=SEED, frames=FRAMES, fast_share=0.0)
    clips = [read_clip(path) for path in sorted((folder / "town" / "clips").iterdir())]
    detector = SceneDetector()
    scores = drivesim.benchmark(clips, detector, folder / "scores", every=EVERY)["scores"]
    scenes = score_scenes([row for clip in clips for row in see_scenes(clip, detector, every=EVERY)])
    figure: dict[str, Any] = {
        kind: {row["value"]: _short(row) for row in scores[kind]["slices"]["time_of_day"]}
        for kind in ("vehicle", "person")
    }
    passed = (
        figure["vehicle"]["day"]["AP50"] >= 0.80
        and figure["person"]["day"]["AP50"] >= 0.60
        and scenes["time_of_day"]["accuracy"] >= 0.98
        and scenes["lanes"]["total"]["found"] >= 0.90
    )
    return Result(figure | {"scenes": scenes}, passed)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("AP50", "AP50_interval", "recall", "boxes", "clips", "frames")}


LINES = (
    Line(
        "reference detector on new renders of the town",
        "by day AP50 >= 0.80 for vehicles, >= 0.60 for people; time of day >= 98%; lane lines >= 90%",
        reference_detector,
    ),
)

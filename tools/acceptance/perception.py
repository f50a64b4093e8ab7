"""The acceptance lines of the benchmark: the reference detector on renders of the town that it has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lines import Line, Result, shared

import drivesim
from drivesim.clips import Clip, read_clip
from drivesim.datasets import read_footage
from drivesim.evaluation.scenes import score_scenes, see_scenes
from drivesim.generate.town import town_dataset
from drivesim.perception.scene import SceneDetector
from scenarios.facts import time_of_day

SEED = 1001  # of scenarios that are in no training set: those are made with other seeds
CLIPS, FRAMES, EVERY = 120, 8, 4


def reference_detector(folder: Path) -> Result:
    """Boxes by day (and by night and kind of weather), time of day, weather and lane lines, on new scenarios."""
    town_dataset(folder / "town", clips=CLIPS, seed=SEED, frames=FRAMES, rates=(7.5,))
    clips = [read_clip(path) for path in sorted((folder / "town" / "clips").iterdir())]
    detector = SceneDetector()
    scores = drivesim.benchmark(clips, detector, folder / "scores", every=EVERY)["scores"]
    scenes = score_scenes([row for clip in clips for row in see_scenes(clip, detector, every=EVERY)])
    figure: dict[str, Any] = {
        kind: {row["value"]: _short(row) for row in scores[kind]["slices"]["time_of_day"]}
        for kind in ("vehicle", "person")
    }
    figure |= {"times_seen": _times_seen(clips, detector)}
    passed = (
        figure["vehicle"]["day"]["AP50"] >= 0.80
        and figure["person"]["day"]["AP50"] >= 0.60
        and scenes["time_of_day"]["accuracy"] >= 0.98
        and scenes["lanes"]["total"]["found"] >= 0.90
    )
    return Result(figure | {"scenes": scenes}, passed)


def _times_seen(clips: Sequence[Clip], detector: SceneDetector) -> dict[str, Any]:
    """The times of day seen in frames by day: of the town, of the town darkened to 0.3, of real streets."""
    by_day = [
        frame
        for clip in clips
        for facts, frame in zip(clip.facts[::EVERY], clip.frames(step=EVERY), strict=True)
        if facts.daylight is not None and time_of_day(facts.daylight) == "day"
    ]
    real = {
        name: [frame for clip in read_footage(shared(*place)) for frame in clip.frames(step=10)]
        for name, place in (
            ("PandaSet", ("pandaset_002", "front_camera.mp4")),
            ("Udacity", ("udacity_lanelines", "solidWhiteRight.mp4")),
        )
    }
    dark = [(frame * 0.3).astype(np.uint8) for frame in by_day]
    return {
        name: dict(Counter(scene.time_of_day for scene in detector.scenes(frames)))
        for name, frames in {"town by day": by_day, "town by day, darkened": dark, **real}.items()
    }


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("AP50", "AP50_interval", "recall", "boxes", "clips", "frames")}


LINES = (
    Line(
        "reference detector on new renders of the town",
        "by day AP50 >= 0.80 for vehicles, >= 0.60 for people; time of day >= 98%; lane lines >= 90%",
        reference_detector,
    ),
)

"""A small dataset made by hand: clips of three frames of the town and of rollouts, which detectors have looked at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from drivesim.atomic import write_json
from drivesim.clips import ClipWriter
from drivesim.clips.agreement import Agreement, Judge, write_agreement
from drivesim.clips.dataset import DATASET_SCHEMA, Row
from drivesim.clips.store import sha256
from scenarios.crowdedness import crowdedness
from scenarios.facts import Camera, FrameFacts, ObjectFacts

JUDGES = (Judge("one", "1" * 64), Judge("two", "2" * 64))
WIDTH, HEIGHT, FPS = 64, 32, 7.5


def objects(index: int) -> tuple[ObjectFacts, ...]:
    """A car that moves, a person, a car too hidden to be looked for, and a traffic light."""
    return (
        ObjectFacts(1, "car", (4.0 + index, 8.0, 24.0 + index, 24.0), occlusion=0.0),
        ObjectFacts(2, "pedestrian", (40.0, 10.0, 44.0, 22.0), occlusion=0.25),
        ObjectFacts(3, "truck", (30.0, 8.0, 60.0, 20.0), occlusion=0.75),
        ObjectFacts(4, "traffic_light", (50.0, 0.0, 52.0, 6.0)),
    )


def write_one(
    folder: Path, name: str, *, source: str, split: str, frames: int = 3, seed: int = 0, weather: str | None = "clear"
) -> Row:  # fmt: skip
    """A clip of a dataset; returns its row."""
    scenario = {"name": f"street_{seed}", "sha256": f"{seed:064x}"}
    provenance = {"origin": source, "scenario": scenario, "seed": seed}
    with ClipWriter(folder / "clips" / name, fps=FPS, width=WIDTH, height=HEIGHT, provenance=provenance) as writer:
        for index in range(frames):
            things = objects(index)
            facts = FrameFacts(
                index, round(index / FPS, 4), daylight=(seed % 3) / 2, weather=weather,
                crowdedness=crowdedness(things, HEIGHT), camera=Camera().resized(WIDTH, HEIGHT), objects=things,
            )  # fmt: skip
            writer.write(np.full((HEIGHT, WIDTH, 3), 60 * index, np.uint8), facts)
        clip = writer.finish()
    card = json.loads((clip.path / "clip.json").read_text())
    size = sum(entry["bytes"] for entry in card["files"].values())
    return Row(
        id=name, sha256=sha256(clip.path / "clip.json"), bytes=size, source=source, scenario=scenario, seed=seed,
        camera="front", group=f"street_{seed}", split=split, fps=FPS, frames=frames,
    )  # fmt: skip


def write_rows(folder: Path, rows: list[Row]) -> None:
    """The manifest."""
    (folder / "manifest.jsonl").write_text("".join(row.line() + "\n" for row in rows))


def write_dataset(folder: Path, *, recipe: dict | None = None) -> Path:
    """Two clips of the town and a rollout, in two splits. Judge one finds the car, judge two a bit of the person."""
    places = [("a", "town", "train"), ("b", "town", "val"), ("c", "rollout", "train")]
    rows = [write_one(folder, n, source=o, split=s, seed=seed) for seed, (n, o, s) in enumerate(places)]
    write_rows(folder, rows)
    write_json(folder / "dataset.json", {"schema": DATASET_SCHEMA, "name": "streets", "recipe": recipe or {}})
    overlaps = {(k, track): ((0.75, 0.0) if track == 1 else (0.0, 0.25)) for k in range(3) for track in (1, 2)}
    write_agreement(folder / "agreement/c.json", Agreement(JUDGES, overlaps))
    return folder

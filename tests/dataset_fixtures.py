"""A small native dataset for the tests of exports: boxes worked out by hand, town and rollout, every kind of mark."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from drivesim import atomic
from drivesim.clips import ClipWriter
from drivesim.clips.agreement import Agreement, Judge, write_agreement
from drivesim.clips.dataset import DATASET_SCHEMA, Dataset, Row, read_dataset
from drivesim.clips.store import sha256
from scenarios.facts import Camera, Crowdedness, EgoState, FrameFacts, ObjectFacts

WIDTH, HEIGHT, FPS, FRAMES = 128, 64, 7.5, 3
CAMERA = Camera(width=WIDTH, height=HEIGHT, fx=97.5, fy=97.5, cx=64.0, cy=32.0, x=1.6, y=0.1, z=1.5, pitch=0.02)
CLIPS = (  # id, source, split
    ("a-town", "town", "train"),
    ("b-rollout", "rollout", "train"),
    ("c-town", "town", "val"),
    ("d-town", "town", "test"),
)


def things(index: int) -> tuple[ObjectFacts, ...]:
    """The objects of a frame, some moving by a pixel per frame.

    Written everywhere: 1 (car), 2 (pedestrian), 4 (bicycle, a third hidden), 5 (van, at the image's corner), 7 (bus).
    Nowhere: 3 (car, wholly hidden), 6 (car, half a pixel wide).
    """
    x = float(index)
    return (
        ObjectFacts(
            1, "car", (10.25 + x, 30.5, 30.75 + x, 45.0), occlusion=0.0, truncation=0.0, center=(21.6, 8.1, 0.75),
            size=(4.5, 1.8, 1.5), heading=0.5, speed=8.0, depth=20.0,
        ),
        ObjectFacts(
            2, "pedestrian", (60.0, 20.0, 68.0, 44.0), occlusion=0.0, truncation=0.0, center=(9.6, 0.0, 0.875),
            size=(0.5, 0.6, 1.75), heading=-3.0, speed=1.0, depth=8.0,
        ),
        ObjectFacts(3, "car", (14.0, 31.0, 20.0, 40.0), occlusion=1.0, truncation=0.0),
        ObjectFacts(4, "bicycle", (80.0 - x, 24.0, 90.5 - x, 50.0), occlusion=0.333, truncation=0.0),
        ObjectFacts(5, "van", (100.0, 10.0, 128.0, 64.0), occlusion=0.0, truncation=0.4),
        ObjectFacts(6, "car", (50.0, 31.0, 50.5, 40.0), occlusion=0.0, truncation=0.0),
        ObjectFacts(7, "bus", (40.0, 25.0, 48.0, 33.0), occlusion=0.7, truncation=0.0),
    )  # fmt: skip


def write_dataset(folder: Path) -> Dataset:
    """Four clips of three frames; of the rollout's boxes, the judge did not find that of track 2 in frame 1."""
    rows = []
    for number, (name, source, split) in enumerate(CLIPS):
        provenance = {"origin": source, "scenario": {"name": name, "sha256": f"{number:064x}"}, "seed": number}
        out = folder / "clips" / name
        with ClipWriter(out, fps=FPS, width=WIDTH, height=HEIGHT, provenance=provenance, lossless=True) as writer:
            for index in range(FRAMES):
                frame = np.full((HEIGHT, WIDTH, 3), 40 + 50 * number, np.uint8)
                frame[30:45, 10 + index : 31 + index] = (200, 60, 20)
                writer.write(frame, facts_of(index, daylight=number / 3))
            writer.finish()
        files = json.loads((out / "clip.json").read_bytes())["files"]
        rows.append(
            Row(
                id=name,
                sha256=sha256(out / "clip.json"),
                bytes=sum(file["bytes"] for file in files.values()),
                source=source,
                scenario=provenance["scenario"],
                seed=number,
                camera="front",
                group=name,
                split=split,
                fps=FPS,
                frames=FRAMES,
            )
        )
    overlaps = {(index, track): (0.9,) for index in range(FRAMES) for track in (1, 2, 4)} | {(1, 2): (0.2,)}
    write_agreement(folder / "agreement" / "b-rollout.json", Agreement((Judge("judge", "0" * 64),), overlaps))
    atomic.write_json(folder / "dataset.json", {"schema": DATASET_SCHEMA, "name": "hand_made", "recipe": {}})
    atomic.write_text(folder / "manifest.jsonl", "".join(row.line() + "\n" for row in rows))
    return read_dataset(folder)


def facts_of(index: int, *, daylight: float = 0.0) -> FrameFacts:
    """The facts of a frame."""
    return FrameFacts(
        index, round(index / FPS, 6), daylight=daylight, weather="rainy", crowdedness=Crowdedness(2, 1),
        ego=EgoState(0.0, 0.0, 0.0, 8.5), camera=CAMERA, objects=things(index),
    )  # fmt: skip

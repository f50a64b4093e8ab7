"""The dataset that exports are proven on: 20 short clips, town and rollout mixed, in three splits, and its exports.

``python -m tools.prove.make_dataset WORK FORMAT ...`` makes in WORK the dataset ``native``, for each format its export
``<format>``, and ``<format>.expected.json``: what a reader must find, as a list of clips with their split, number of
frames and labels [frame, track, class, x1, y1, x2, y2, flagged], px, half-open.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from drivesim import atomic, render, rollout
from drivesim.clips import Clip
from drivesim.clips.agreement import Agreement, Judge, write_agreement
from drivesim.clips.dataset import DATASET_SCHEMA, SPLITS, Dataset, Row, read_dataset
from drivesim.clips.store import sha256
from drivesim.exports import export
from drivesim.exports.labels import LabelRule, labels
from scenarios import compile
from scenarios.crowdedness import is_visible
from scenarios.sampling import sample
from tests.tiny_weights import write_tiny_weights

CLIPS, SECONDS = 20, 2.0
MAKERS = (("rollout", 1.875), ("town", 7.5), ("town", 1.875), ("town", 1.875))
"""Source and frames/s of the clips in turn; between nuScenes' key frames at 2 Hz there are others at 7.5."""
RULE = LabelRule("flag")


def main(work: Path, formats: list[str]) -> None:
    """Make everything."""
    native = work / "native"
    weights = write_tiny_weights(work / "weights")
    rows = sorted((_make(native, weights, number) for number in range(CLIPS)), key=lambda row: row.id)
    atomic.write_json(native / "dataset.json", {"schema": DATASET_SCHEMA, "name": "proof", "recipe": {"seed": 0}})
    atomic.write_text(native / "manifest.jsonl", "".join(row.line() + "\n" for row in rows))
    for form in formats:
        write_export(read_dataset(native), form, work)


def write_export(dataset: Dataset, form: str, work: Path) -> None:
    """Write an export and what a reader must find of it."""
    export(dataset, form, work / form, rule=RULE)
    wanted = []
    for row, clip in dataset.clips():
        agreement = dataset.agreement(row)
        found = [
            [facts.index, thing.track_id, name, *thing.box, flagged]
            for facts in clip.facts
            for thing, name, flagged in labels(facts, form, agreement, RULE)
        ]
        wanted.append({"clip": row.id, "split": row.split, "frames": row.frames, "fps": row.fps, "labels": found})
    atomic.write_json(work / f"{form}.expected.json", wanted)


def _make(native: Path, weights: Path, number: int) -> Row:
    """Clip ``number`` and its row; the pixels of a rollout of random weights are noise, its labels are requests."""
    source, fps = MAKERS[number % len(MAKERS)]
    timeline = compile(sample(0, number, duration=SECONDS), fps=fps)
    name = f"{source}-{number:02d}"
    out = native / "clips" / name
    if source == "town":
        clip = render(timeline, out, size=(128, 256))
    else:
        clip = rollout(timeline, out, weights=weights, fps=fps, device="cpu", allow_untrained_camera=True)
        write_agreement(native / "agreement" / f"{name}.json", _invented(clip))
    files = json.loads((out / "clip.json").read_bytes())["files"]
    return Row(
        id=name, sha256=sha256(out / "clip.json"), bytes=sum(file["bytes"] for file in files.values()), source=source,
        scenario=clip.provenance["scenario"], seed=number, camera="front", group=name,
        split=SPLITS[number % len(SPLITS)], fps=clip.fps, frames=len(clip),
    )  # fmt: skip


def _invented(clip: Clip) -> Agreement:
    """A judge that does not look but misses every second visible box: noise would show it nothing, and both are due."""
    places = [
        (facts.index, thing.track_id)
        for facts in clip.facts
        for thing in facts.objects or ()
        if is_visible(thing, clip.height)
    ]
    return Agreement(
        (Judge("invented", "0" * 64),), {place: (0.8 * (k % 2),) for k, place in enumerate(sorted(places))}
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

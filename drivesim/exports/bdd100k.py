"""BDD100K's multiple object tracking set, in the Scalabel form.

The folder::

    images/track/<split>/<clip>/<clip>-0000001.jpg     frames, numbered from 1 as there
    labels/box_track_20/<split>/<clip>.json            {"frames": [...], "groups": null, "config": {...}}
    labels/sem_seg/masks/<split>/<clip>/<clip>-0000001.png    of clips with a semantic pass
    conditions.jsonl                                   what the form has no place for

A split is the folder of its videos' files, which scalabel reads as one (``scalabel.label.io.load(folder)``).

* Absent optional fields are written as null: scalabel 0.3.1 asks for that where pydantic 2 is installed.
* x2 and y2 are inclusive (Scalabel's `box2d_to_xyxy` adds 1), ours are half-open: 1 px is taken off.
* The size stands with every frame and not in the config, which would override it for clips of other sizes.
* A flagged box has the attribute "ignored": scalabel's converters and scores then ask nobody to find it.
* "occluded" and "truncated" are yes or no, from `PARTIAL` of the box on. "scene" is not known: "undefined".
* BDD100K boxes a rider apart from the machine; ours are one box, written as the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from drivesim import atomic
from drivesim.clips.dataset import Dataset, Row
from drivesim.exports.card import Conditions
from drivesim.exports.labels import Label, LabelRule, labels
from drivesim.exports.passes import write_semantic
from drivesim.exports.pictures import write_picture
from scenarios.facts import FrameFacts, time_of_day
from scenarios.light_heads import COLOURS

CLASSES = (
    "pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle", "traffic light", "traffic sign",
)  # fmt: skip
"""BDD100K's ten in its own order, so that converted class numbers are its own."""
PARTIAL = 0.1
_TIMES = {"night": "night", "dawn_dusk": "dawn/dusk", "day": "daytime"}
_LAMPS = {colour: "yellow" if name == "amber" else name for name, colour in COLOURS.items()}


def write(
    dataset: Dataset, rows: Sequence[Row], folder: Path, *, rule: LabelRule,
    progress: Callable[[int, int], object] | None = None,
) -> None:  # fmt: skip
    """Fill ``folder`` with the clips of ``rows``. Raises `UserError` if a clip is not whole or has no labels."""
    config = {
        "imageSize": None, "attributes": None, "poseSigmas": None,
        "categories": [{"name": name, "subcategories": None, "isThing": True, "color": None} for name in CLASSES],
    }  # fmt: skip
    with Conditions(folder) as sidecar:
        for done, row in enumerate(rows, start=1):
            clip, agreement = dataset.verified(row), dataset.agreement(row)
            size = {"width": clip.width, "height": clip.height}
            frames = []
            for facts, picture in zip(clip.facts, clip.frames(), strict=True):
                name = f"{row.id}-{facts.index + 1:07d}.jpg"
                file = f"images/track/{row.split}/{row.id}/{name}"
                write_picture(folder / file, picture)
                found = labels(facts, "bdd100k", agreement, rule)
                frames.append(_frame(row, facts, name, size, [_label(label) for label in found]))
                sidecar.write(row, facts, file)
            masks = folder / "labels" / "sem_seg" / "masks" / row.split / row.id
            write_semantic(clip, "bdd100k", masks, f"{row.id}-{{:07d}}.png", first=1)
            path = folder / "labels" / "box_track_20" / row.split / f"{row.id}.json"
            atomic.write_text(path, json.dumps({"frames": frames, "groups": None, "config": config}, allow_nan=False))
            if progress is not None:
                progress(done, len(rows))


def _frame(row: Row, facts: FrameFacts, name: str, size: dict[str, int], found: list[dict[str, Any]]) -> dict[str, Any]:
    day = facts.daylight
    return {
        "name": name, "url": None, "videoName": row.id, "frameIndex": facts.index,
        "timestamp": round(1000 * facts.time),  # ms
        "attributes": {
            "weather": facts.weather or "undefined", "scene": "undefined",
            "timeofday": "undefined" if day is None else _TIMES[time_of_day(day)],
        },
        "intrinsics": None, "extrinsics": None, "size": size, "labels": found,
    }  # fmt: skip


def _label(label: Label) -> dict[str, Any]:
    thing = label.thing
    x1, y1, x2, y2 = thing.box
    attributes: dict[str, Any] = {"crowd": False, "ignored": label.flagged}
    if thing.occlusion is not None:
        attributes["occluded"] = thing.occlusion >= PARTIAL
    if thing.truncation is not None:
        attributes["truncated"] = thing.truncation >= PARTIAL
    if thing.category == "traffic_light":
        attributes["trafficLightColor"] = _LAMPS.get(thing.appearance or (0, 0, 0), "none")
    return {
        "id": str(thing.track_id), "index": None, "manualShape": None, "manualAttributes": None, "score": None,
        "attributes": attributes, "category": label.name,
        "box2d": {"x1": x1, "y1": y1, "x2": round(x2 - 1, 3), "y2": round(y2 - 1, 3)},
        "box3d": None, "poly2d": None, "rle": None, "graph": None,
    }  # fmt: skip

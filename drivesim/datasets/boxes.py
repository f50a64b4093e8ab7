"""Labels of real footage: a JSON file of 2-D boxes per frame.

The form::

    {"box_format": "x1,y1,x2,y2 normalised 0..1",
     "frames": [{"frame": 0, "boxes": [{"box": [x1, y1, x2, y2], "group": "vehicle", "label": "Car", "track": 7,
                                        "occluded": 0.1, "truncated": 0.0, "depth_m": 12.5}]}]}

``label``, ``track``, ``occluded``, ``truncated`` and ``depth_m`` may be missing: they are then unknown. A frame that is
not listed is unknown too; a frame with an empty list has nobody in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivesim.clips.facts_file import strict_json
from drivesim.errors import UserError

BOX_FORMAT = "x1,y1,x2,y2 normalised 0..1"
MAX_BYTES = 512 * 2**20
UNNAMED = {"vehicle": "car", "person": "pedestrian"}
"""The category of a box whose label tells its group only: the group's most common."""
CATEGORIES = {
    "Car": "car",
    "Pickup Truck": "truck",  # as nuScenes and BDD100K class it
    "Medium-sized Truck": "truck",
    "Semi-truck": "truck",
    "Other Vehicle - Construction Vehicle": "truck",
    "Other Vehicle - Uncommon": "truck",
    "Emergency Vehicle": "van",
    "Bus": "bus",
    "Motorcycle": "motorcycle",
    "Motorized Scooter": "motorcycle",
    "Bicycle": "bicycle",
    "Pedestrian": "pedestrian",
    "Pedestrian with Object": "pedestrian",
    "Animals - Other": "animal",
    "Cones": "obstacle",
    "Pylons": "obstacle",
}
"""PandaSet's labels in our categories. Other boxes of the group "other" (signs, say) are passed over."""


@dataclass(frozen=True, slots=True)
class Box:
    """One labelled thing. ``corners``: (x1, y1, x2, y2) as shares of the image; ``depth``: m; ``None``: unknown."""

    track: int
    category: str
    corners: tuple[float, float, float, float]
    occluded: float | None
    truncated: float | None
    depth: float | None


def read_boxes(path: Path, *, frames: int) -> dict[int, tuple[Box, ...]]:
    """The boxes of each labelled frame by its number, for footage of ``frames`` frames.

    A box without a track gets a negative number that no other box of the file has: who it is stays unknown.
    Raises `UserError` with file, frame and box on anything malformed.
    """
    document = _load(path)
    rows: dict[int, tuple[Box, ...]] = {}
    tracks = [box.get("track") for row in document["frames"] for box in row["boxes"]]
    unused = min((track for track in tracks if isinstance(track, int) and track < 0), default=0)
    for row in document["frames"]:
        index = row["frame"]
        if not isinstance(index, int) or not 0 <= index < frames or index in rows:
            raise UserError(f"{path}: frame {index!r} found, expected each of 0..{frames - 1} at most once")
        boxes = []
        for number, box in enumerate(row["boxes"]):
            if box.get("group") == "other" and box.get("label") not in CATEGORIES:
                continue
            unused -= 1
            try:
                boxes.append(_box(box, unused))
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f"{path}: frame {index}, box {number}: {error}") from error
        rows[index] = tuple(boxes)
    return rows


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: {path.stat().st_size} bytes, expected at most {MAX_BYTES}")
        document = strict_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}, expected a file of boxes") from error
    except ValueError as error:
        raise UserError(f"{path}: {error}, expected JSON") from error
    fine = isinstance(document, dict) and isinstance(document.get("frames"), list)
    if not fine or not all(isinstance(row, dict) and isinstance(row.get("boxes"), list) for row in document["frames"]):
        raise UserError(f"{path}: no frames with boxes found, expected {{'frames': [{{'frame': 0, 'boxes': []}}]}}")
    if document.get("box_format") != BOX_FORMAT:
        raise UserError(f"{path}: box_format is {document.get('box_format')!r}, expected {BOX_FORMAT!r}")
    return document


def _box(row: Mapping[str, Any], unused: int) -> Box:
    x1, y1, x2, y2 = (float(value) for value in row["box"])
    if not (0 <= x1 <= x2 <= 1 and 0 <= y1 <= y2 <= 1):
        raise ValueError(f"box is {row['box']}, expected 0 <= x1 <= x2 <= 1 and 0 <= y1 <= y2 <= 1")
    names = CATEGORIES if "label" in row else UNNAMED
    name = row["label"] if "label" in row else row.get("group")
    if name not in names:
        raise ValueError(f"{'label' if 'label' in row else 'group'} is {name!r}, expected one of {sorted(names)}")
    return Box(
        track=row.get("track", unused), category=names[name], corners=(x1, y1, x2, y2),
        occluded=row.get("occluded"), truncated=row.get("truncated"), depth=row.get("depth_m"),
    )  # fmt: skip

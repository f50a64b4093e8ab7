"""What every export carries beside its format: where it comes from, and the conditions of every frame.

``drivesim.json`` is written by `drivesim.exports.export`; a format that has no place for conditions writes them with
`Conditions`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from drivesim import atomic
from drivesim.clips.dataset import Dataset, Row
from drivesim.clips.store import sha256
from drivesim.exports.labels import LabelRule
from scenarios.facts import FrameFacts, time_of_day

EXPORT_SCHEMA = "drivesim.export/1"
CARD = "drivesim.json"
CONDITIONS = "conditions.jsonl"


def write_card(folder: Path, dataset: Dataset, form: str, rows: Sequence[Row], rule: LabelRule) -> None:
    """Write ``drivesim.json``: the dataset, by the sha256 of its manifest, the rule of its labels, and its clips."""
    card = {
        "schema": EXPORT_SCHEMA, "format": form, "version": version("drivesim"), "synthetic": True,
        "dataset": {"name": dataset.name, "manifest_sha256": sha256(dataset.path / "manifest.jsonl")},
        "rule": asdict(rule),
        "clips": [
            {"clip": row.id, "source": row.source, "split": row.split, "fps": row.fps, "frames": row.frames}
            for row in rows
        ],
    }  # fmt: skip
    atomic.write_json(folder / CARD, card)


def conditions(facts: FrameFacts, row: Row) -> dict[str, Any]:
    """The conditions of a frame, JSON-ready; ``None``: unknown.

    Daylight in [0, 1] and its class, weather, the counts of visible vehicles and people, the ego's speed in m/s, and
    that no camera saw it.
    """
    crowd = facts.crowdedness
    return {
        "daylight": facts.daylight,
        "time_of_day": None if facts.daylight is None else time_of_day(facts.daylight),
        "weather": facts.weather,
        "crowdedness": None if crowd is None else {"vehicles": crowd.vehicles, "people": crowd.people},
        "ego_speed": None if facts.ego is None else facts.ego.speed,
        "synthetic": True,
        "source": row.source,
    }


class Conditions:
    """The sidecar ``conditions.jsonl`` of a folder: one line per frame."""

    def __init__(self, folder: Path) -> None:
        """Open the file."""
        self._file = (folder / CONDITIONS).open("w", encoding="utf-8")

    def __enter__(self) -> Conditions:
        """The sidecar."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def write(self, row: Row, facts: FrameFacts, file: str, **more: Any) -> None:
        """A frame's line: clip, frame, time, the picture's ``file`` in the export, `conditions`, and ``more``."""
        line = {
            "clip": row.id,
            "frame": facts.index,
            "time": facts.time,
            "file": file,
            **conditions(facts, row),
            **more,
        }
        self._file.write(json.dumps(line, allow_nan=False) + "\n")

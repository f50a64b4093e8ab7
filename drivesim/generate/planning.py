"""What making clips will come to before it starts: minutes, size, time, splits, and which conditions they cover."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from drivesim.clips.dataset import SPLITS
from drivesim.errors import UserError
from drivesim.generate.jobs import Job
from scenarios.camera import Camera
from scenarios.facts import WEATHERS, time_of_day
from scenarios.quantities import DAYLIGHT, TRAFFIC_LEVELS

# Of one process, on the processors this was measured on; a picture of 512 x 1024 px has FULL pixels.
FULL = 512 * 1024
TOWN_CLIP, TOWN_FRAME, TOWN_PICTURE = 1.0, 0.05, 0.15  # s per clip, per frame, and per FULL pixels of each
ROLLOUT_CLIP, ROLLOUT_FRAME = 1.0, 0.4
FACTS_BYTES = 15_000  # of a frame's facts
VIDEO_BYTES = {"town": 50_000, "rollout": 60_000}  # per FULL pixels; a rollout has an overlay too
PASS_BYTES = {"semantic": 8_000, "instance": 7_000, "depth": 200_000}  # the same, of a pass of the town


@dataclass(frozen=True)
class Plan:
    """What some jobs will take. ``seconds``: of one process. ``bytes``: on disk."""

    clips: int
    frames: int
    video_seconds: float
    seconds: float
    bytes: int
    splits: Mapping[str, int]
    conditions: Mapping[tuple[str, str, str, str], int]  # clips by source, time of day, weather, traffic level

    def summary(self, workers: int) -> dict[str, Any]:
        """The totals; ``workers``: processes that share the work."""
        return {
            "clips": self.clips,
            "frames": self.frames,
            "video_minutes": round(self.video_seconds / 60, 2),
            "estimated_gigabytes": round(self.bytes / 1e9, 4),
            "estimated_hours": round(self.seconds / workers / 3600, 3),
            "splits": dict(self.splits),
        }


def plan(jobs: Sequence[Job], size: tuple[int, int] | None = None, passes: Sequence[str] = ()) -> Plan:
    """The plan of some jobs; ``size``: (height, width) px of the town's pictures, None: their cameras'; ``passes``.

    A job's frames are those of its whole drive or the most it may have; a drive that stops earlier has fewer.
    """
    frames, seconds, video, total = 0, 0.0, 0.0, 0
    splits, conditions = Counter[str](), Counter[tuple[str, str, str, str]]()
    for job in jobs:
        scenario = job.loaded()
        camera: Camera = scenario.camera_facts()
        pixels = size[0] * size[1] if size is not None and job.source == "town" else camera.width * camera.height
        share = pixels / FULL
        whole = max(1, int(scenario.clock.duration * job.fps + 1e-6))
        count = whole if job.frames is None else min(whole, job.frames)
        frames += count
        video += count / job.fps
        if job.source == "town":
            seconds += TOWN_CLIP + count * (TOWN_FRAME + TOWN_PICTURE * share)
        else:
            seconds += ROLLOUT_CLIP + count * ROLLOUT_FRAME
        stored = sum(PASS_BYTES[name] for name in passes) if job.source == "town" else 0
        total += count * int(FACTS_BYTES + (VIDEO_BYTES[job.source] + stored) * share)
        splits[job.split] += 1
        start = scenario.environment.initial
        conditions[job.source, time_of_day(start.daylight), start.weather, start.traffic_level] += 1
    return Plan(len(jobs), frames, video, seconds, total, {name: splits[name] for name in SPLITS}, dict(conditions))


def check_disk(made: Plan, out: Path) -> None:
    """Raise `UserError` if what is to be made is larger than what is free at ``out``, a folder that exists."""
    free = shutil.disk_usage(out).free
    if made.bytes > free:
        raise UserError(
            f"{out}: {free / 1e9:.3g} GB free, expected about {made.bytes / 1e9:.3g} GB for {made.clips} clips"
        )


def told(made: Plan, workers: int) -> str:
    """The plan for a terminal."""
    row = made.summary(workers)
    splits = ", ".join(f"{count} {name}" for name, count in made.splits.items())
    lines = [
        f"{row['clips']} clips, {row['frames']} frames ({splits})",
        f"  video      {row['video_minutes']:g} minutes",
        f"  size       about {row['estimated_gigabytes']:g} GB",
        f"  time       about {row['estimated_hours']:g} hours in {workers} process{'es' if workers > 1 else ''}",
    ]
    for source in sorted({cell[0] for cell in made.conditions}):
        lines += ["", *coverage_lines(made, source)]
    return "\n".join(lines)


def coverage_lines(made: Plan, source: str) -> list[str]:
    """Clips by time of day and weather (rows, those with the most empty cells first) and traffic level (columns).

    All three as they are at the beginning of the drive.
    """
    rows = []
    for time, weather in product(DAYLIGHT, WEATHERS):
        hits = [made.conditions.get((source, time, weather, level), 0) for level in TRAFFIC_LEVELS]
        rows.append((hits.count(0), f"{time} {weather}", hits))
    rows.sort(key=lambda row: -row[0])
    empty = sum(row[0] for row in rows)
    head = f"{source}: {empty} of {len(rows) * len(TRAFFIC_LEVELS)} conditions have no clip"
    lines = [head, f"  {'traffic level':<20}" + "".join(f"{level:>8}" for level in TRAFFIC_LEVELS)]
    return lines + [f"  {name:<20}" + "".join(f"{hit or '-':>8}" for hit in hits) for _, name, hits in rows]


def as_json(made: Plan, workers: int) -> str:
    """The plan in JSON: the summary and the conditions, empty cells first."""
    sources = sorted({cell[0] for cell in made.conditions})
    cells: list[dict[str, Any]] = [
        {
            "source": s,
            "time": t,
            "weather": w,
            "traffic_level": level,
            "clips": made.conditions.get((s, t, w, level), 0),
        }
        for s, t, w, level in product(sources, DAYLIGHT, WEATHERS, TRAFFIC_LEVELS)
    ]
    cells.sort(key=lambda cell: cell["clips"] > 0)
    return json.dumps({**made.summary(workers), "coverage": cells}, indent=1)

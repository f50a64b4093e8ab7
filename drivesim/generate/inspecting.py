"""A dataset in numbers: how much there is, which conditions it covers, what its boxes are worth."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from drivesim.clips.agreement import Agreement
from drivesim.clips.dataset import SPLITS, Dataset
from drivesim.exports.labels import LabelRule
from drivesim.metrics.detection import bootstrap
from scenarios.crowdedness import crowdedness_class, crowdedness_classes
from scenarios.facts import TIMES_OF_DAY, WEATHERS, FrameFacts, categories, time_of_day

INSPECTION_SCHEMA = "drivesim.inspection/1"
SIZES = ("small", "medium", "large")  # COCO's, by area: up to 32^2 px, up to 96^2 px, above
SOURCES = ("town", "rollout")
Cell = tuple[str, str, str]
"""Time of day, weather, class of crowdedness."""


def inspect(dataset: Dataset) -> dict[str, Any]:
    """The dataset in numbers, JSON-ready; reads all facts. Raises `UserError` where a clip is not whole.

    "coverage": frames and clips by time of day, weather and crowdedness, empty cells first; frames with one of them
    unknown are "uncovered_frames". "boxes": by category and COCO's size. "agreement": per judge the share of the
    visible boxes that it finds, with a bootstrap interval over clips, and "doubted", those that no judge finds, by the
    overlap of the suite's labels; "policies": what exports make of them.
    """
    rule = label_rule(dataset)
    frames: Counter[Cell] = Counter()
    clips: Counter[Cell] = Counter()
    boxes: Counter[tuple[str, str]] = Counter()
    agreements: list[Agreement] = []
    uncovered = 0
    for row, clip in dataset.clips():
        seen = set()
        for facts in clip.facts:
            cell = _cell(facts)
            if cell is None:
                uncovered += 1
            else:
                frames[cell] += 1
                seen.add(cell)
            boxes.update((thing.category, _size(thing.box)) for thing in facts.objects or ())
        clips.update(seen)
        agreement = dataset.agreement(row)
        if agreement is not None:
            agreements.append(agreement)
    cells = itertools.product(TIMES_OF_DAY, WEATHERS, (name for name, _ in crowdedness_classes()))
    names = ("time_of_day", "weather", "crowdedness")
    coverage = [
        {**dict(zip(names, cell, strict=True)), "frames": frames[cell], "clips": clips[cell]}
        for cell in sorted(cells, key=lambda cell: frames[cell] > 0)
    ]
    doubted = sum(max(row) < rule.overlap for one in agreements for row in one.overlaps.values())
    return {
        "schema": INSPECTION_SCHEMA, "name": dataset.name,
        "clips": len(dataset.rows), "frames": sum(row.frames for row in dataset.rows),
        "minutes": round(sum(row.frames / row.fps for row in dataset.rows) / 60, 3),
        "gigabytes": round(sum(row.bytes for row in dataset.rows) / 1e9, 6),
        "parts": _parts(dataset), "coverage": coverage, "uncovered_frames": uncovered,
        "boxes": {name: {size: boxes[name, size] for size in SIZES} for name in categories()},
        "agreement": {
            "overlap": rule.overlap, "judged_clips": len(agreements), "judges": _judges(agreements, rule.overlap),
            "boxes": sum(len(one.overlaps) for one in agreements), "doubted": doubted,
        },
        "policies": {
            "keep": {"flagged": 0, "dropped": 0}, "flag": {"flagged": doubted, "dropped": 0},
            "drop": {"flagged": 0, "dropped": doubted},
        },
    }  # fmt: skip


def label_rule(dataset: Dataset) -> LabelRule:
    """What the dataset's suite says of labels (``recipe.suite.labels``), else the default."""
    said = (dataset.card.get("recipe", {}).get("suite") or {}).get("labels") or {}
    return LabelRule(**{key: said[key] for key in ("policy", "overlap", "least") if key in said})


def describe(found: dict[str, Any]) -> str:
    """What `inspect` found, as Markdown."""
    lines = [
        f"{found['clips']} clips, {found['frames']} frames, {found['minutes']:.2f} minutes, "
        f"{found['gigabytes']:.3g} GB.", "",
        *_table(("split", "source", "clips", "frames"), [tuple(row.values()) for row in found["parts"]]), "",
        *_coverage(found), "",
    ]  # fmt: skip
    boxes = [(name, *sizes.values()) for name, sizes in found["boxes"].items()]
    lines += ["Boxes by size (COCO's, by area: up to 32 x 32 px, up to 96 x 96 px, above):", ""]
    lines += [*_table(("category", *SIZES), boxes), "", *_agreement(found)]
    return "\n".join(lines) + "\n"


def _cell(facts: FrameFacts) -> Cell | None:
    if facts.daylight is None or facts.weather is None or facts.crowdedness is None:
        return None
    return time_of_day(facts.daylight), facts.weather, crowdedness_class(facts.crowdedness)


def _size(box: tuple[float, float, float, float]) -> str:
    area = (box[2] - box[0]) * (box[3] - box[1])
    return SIZES[(area > 32**2) + (area > 96**2)]


def _parts(dataset: Dataset) -> list[dict[str, Any]]:
    """Clips and frames by split and source."""
    parts = []
    for split, source in itertools.product(SPLITS, SOURCES):
        frames = [row.frames for row in dataset.rows if (row.split, row.source) == (split, source)]
        if frames:
            parts.append({"split": split, "source": source, "clips": len(frames), "frames": sum(frames)})
    return parts


def _judges(agreements: Sequence[Agreement], overlap: float) -> list[dict[str, Any]]:
    """How many of the boxes each judge finds: the share over all, and its interval over clips."""
    rows = []
    for judge in sorted({judge for one in agreements for judge in one.judges}, key=lambda j: (j.name, j.fingerprint)):
        counts = []  # (found, looked for) of each clip
        for one in agreements:
            if judge in one.judges:
                values = [row[one.judges.index(judge)] for row in one.overlaps.values()]
                counts.append((sum(value >= overlap for value in values), len(values)))

        def recall(drawn: Sequence[int], counts: list[tuple[int, int]] = counts) -> float | None:
            looked = sum(counts[k][1] for k in drawn)
            return sum(counts[k][0] for k in drawn) / looked if looked else None

        rows.append({
            "name": judge.name, "fingerprint": judge.fingerprint, "clips": len(counts),
            "boxes": sum(looked for _, looked in counts), "recall": recall(range(len(counts))),
            "interval": bootstrap(recall, len(counts), seed=0),
        })  # fmt: skip
    return rows


def _coverage(found: dict[str, Any]) -> list[str]:
    """The cells as a table of time of day and weather by crowdedness; rows with most empty cells come first."""
    names = [name for name, _ in crowdedness_classes()]
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for cell in found["coverage"]:
        rows.setdefault((cell["time_of_day"], cell["weather"]), {})[cell["crowdedness"]] = cell["frames"]
    order = itertools.product(TIMES_OF_DAY, WEATHERS)
    table = [(*place, *(rows[place][name] or "EMPTY" for name in names)) for place in order]
    table.sort(key=lambda row: -row.count("EMPTY"))
    empty = sum(not cell["frames"] for cell in found["coverage"])
    told = f"Frames by what is seen ({empty} of {len(found['coverage'])} cells are empty"
    unknown = f"; {found['uncovered_frames']} frames of unknown conditions" * bool(found["uncovered_frames"])
    return [f"{told}{unknown}):", "", *_table(("time of day", "weather", *names), table)]


def _agreement(found: dict[str, Any]) -> list[str]:
    one = found["agreement"]
    if not one["judged_clips"]:
        return ["No detector has looked at rollouts: their boxes are requests that nobody has checked."] * any(
            row["source"] == "rollout" for row in found["parts"]
        )
    rows = [
        (row["name"], row["fingerprint"][:12], row["clips"], row["boxes"], *_found(row["recall"], row["interval"]))
        for row in one["judges"]
    ]
    return [
        f"Visible boxes of rollouts that each detector finds (IoU from {one['overlap']:g}):", "",
        *_table(("judge", "weights", "clips", "boxes", "found", "95 % interval over clips"), rows), "",
        f"No judge finds {one['doubted']} of {one['boxes']} boxes: exports keep them all with the policy keep, flag "
        f"{one['doubted']} with flag, leave out {one['doubted']} with drop.",
    ]  # fmt: skip


def _found(recall: float | None, interval: Sequence[float] | None) -> tuple[str, str]:
    return (
        "unknown" if recall is None else f"{recall:.3f}",
        "none of one clip" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}",
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A Markdown table whose columns are aligned, so that it reads as plain text too."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return [lines[0], "| " + " | ".join("-" * width for width in widths) + " |", *lines[1:]]

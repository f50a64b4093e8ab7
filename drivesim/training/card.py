"""card.json beside the weights: what they were trained on, how, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conditioning import NAMES
from drivesim import atomic
from drivesim.datasets.training_reader import CachedClip
from drivesim.parts import PARTS
from drivesim.training.plan import StagePlan
from drivesim.weight_files import find_part, part_file, read_card

SCHEMA = "drivesim.card/1"
LICENCE = "Apache-2.0"
FOLDERS = ("folders", "cache", "weights")
UNMEASURED = {"status": "not learned", "evidence": "not measured"}


def write_card(
    weights: Path,
    part: str,
    *,
    fingerprint: str,
    preset: str,
    seed: int,
    planned: StagePlan,
    config: Mapping[str, Any],
    measured: Mapping[str, float],
    average: Mapping[str, Any],
    preset_sampling: Mapping[str, Any],
    sampling: Mapping[str, Any],
    plan: Mapping[str, int],
    clips: Sequence[CachedClip],
    init_from: str | None,
) -> None:
    """Add a finished part to the card; what it says of other parts, and of conditions, stays.

    Args:
        weights: folder of the parts.
        part: name of the part.
        fingerprint: of the part's file; who loads the weights asks for it.
        preset: its preset.
        seed: of the run.
        planned: what the stage trained.
        config: the resolved settings of the stage.
        measured: numbers on held-out clips.
        average: the width that was chosen, and the losses that it was chosen by.
        preset_sampling: how a rollout samples with weights of the preset, where a card says nothing else yet.
        sampling: what the part asks of a rollout's sampling.
        plan: what it asks of a rollout's plan.
        clips: all clips of the run.
        init_from: fingerprint of the part that the stage went on from.
    """
    path = weights / "card.json"
    card = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    card |= {"schema": SCHEMA, "preset": preset, "licence": LICENCE}
    card["data"] = {
        "fingerprint": planned.data,
        "clips": len(clips),
        "frames": sum(clip.length for clip in clips),
        "origins": sorted({clip.clip.origin for clip in clips}),
    }
    card["trained_range"] = trained_range(clip.seen() for clip in clips)
    card.setdefault("conditions", {name: dict(UNMEASURED) for name in NAMES})
    for section, usual, asked in (("sampling", preset_sampling, sampling), ("plan", {}, plan)):
        if usual or asked:
            card[section] = dict(usual) | card.get(section, {}) | dict(asked)
    parts = card.setdefault("parts", {})
    parts[part] = {
        "fingerprint": fingerprint,
        "seed": seed,
        **asdict(planned),
        "samples": planned.samples,
        "measured": {name: round(value, 4) for name, value in measured.items()},
        "average": dict(average),
        "init_from": init_from,
        "config": portable(config),
    }
    atomic.write_json(path, card)


def copy_lines(weights: Path, source: Path, part: str) -> None:
    """Add what the card of the folder ``source`` says of a part to the card of ``weights``, if there is one."""
    if (source / "card.json").exists():
        told = json.loads((source / "card.json").read_text(encoding="utf-8")).get("parts", {}).get(part)
        path = weights / "card.json"
        card = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        card["parts"] = card.get("parts", {}) | ({part: told} if told else {})
        atomic.write_json(path, card)


def begin_with(weights: Path, source: Path) -> None:
    """Make ``weights`` a copy of the set of parts in ``source``, unless there is a set already. The card comes last."""
    if not (weights / "card.json").exists():
        for part in PARTS:
            if (file := find_part(source, part)).is_file():
                atomic.write_bytes(part_file(weights, part), file.read_bytes())
        card = {name: value for name, value in read_card(source).items() if name != "base"}  # all of it is here
        atomic.write_json(weights / "card.json", card)


def portable(config: Mapping[str, Any]) -> dict[str, Any]:
    """The resolved settings of a stage without the folders of the machine that trained it.

    >>> portable({"data": {"cache": "/home/me/run/cache", "seed": 0}, "seed_everything": 1})
    {'data': {'seed': 0}, 'seed_everything': 1}
    """
    return {
        name: {key: entry for key, entry in value.items() if key not in FOLDERS}
        if isinstance(value, Mapping)
        else value
        for name, value in config.items()
    }


def trained_range(seen: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The extremes of what clips show, and the names they use; what no clip knows is left out.

    >>> trained_range([{"daylight": [0.0, 0.4], "weather": ["clear"]}, {"daylight": [0.3, 1.0], "weather": ["rainy"]}])
    {'daylight': [0.0, 1.0], 'weather': ['clear', 'rainy']}
    """
    found: dict[str, list[Any]] = {}
    for row in seen:
        for name, values in row.items():
            found.setdefault(name, []).extend(values)
    return {
        name: sorted(set(values)) if isinstance(values[0], str) else [min(values), max(values)]
        for name, values in sorted(found.items())
    }

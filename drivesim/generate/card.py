"""README.md of a dataset: what its user must know, with the header that the Hugging Face hub reads."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from drivesim import atomic
from drivesim.clips.dataset import Dataset, read_failures
from drivesim.clips.store import canonical
from drivesim.generate.inspecting import describe, inspect, label_rule

LICENCE = "Apache-2.0"  # of the town, its scenarios and its labels
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
TAGS = ("synthetic", "autonomous-driving", "driving-simulation", "object-detection", "multi-object-tracking", "video")


def write_card(dataset: Dataset) -> Path:
    """Write the card as README.md into the dataset's folder."""
    return atomic.write_text(dataset.path / "README.md", card(dataset))


def card(dataset: Dataset) -> str:
    """The card: a function of the dataset alone, so that the same dataset has the same card.

    Of the recipe it reads ``suite`` (with ``description`` and ``labels``), ``weights`` (a fingerprint by part),
    ``weights_card`` (``licence``, and ``conditions``: a status by condition), and ``software``. What is missing there
    is said to be unknown.
    """
    found = inspect(dataset)
    recipe = dataset.card["recipe"]
    sources = sorted({row["source"] for row in found["parts"]})
    return "\n".join([
        *_header(dataset, found, sources), "",
        f"# {_plain(dataset.name)}", "",
        *([_plain(recipe["suite"]["description"]), ""] if (recipe.get("suite") or {}).get("description") else []),
        "Synthetic driving video with labels, made by drivesim. No camera saw any of it, and every clip says so "
        "(`synthetic` in clip.json and in the video's comment). Not evidence of vehicle safety.", "",
        "## Sources and licences", "", *_sources(recipe, sources), "",
        "## Contents", "", describe(found), *_labels(dataset, sources),
        "## Known failures", "", *_failures(dataset, recipe, sources), "",
        "## Made by", "", *_recipe(dataset, recipe),
    ]) + "\n"  # fmt: skip


def _header(dataset: Dataset, found: dict[str, Any], sources: list[str]) -> list[str]:
    """YAML that the hub reads; JSON strings are YAML, whatever is in a name."""
    licence = _weights_licence(dataset.card["recipe"]) if "rollout" in sources else LICENCE
    size = next((name for most, name in SIZES if found["frames"] < most), "n>10M")
    header = [f"license: {LICENCE.lower()}"]
    if licence != LICENCE:
        header = ["license: other", f"license_name: {json.dumps(licence or 'unknown')}"]
    return [
        "---", *header, f"pretty_name: {json.dumps(dataset.name)}", "task_categories:", "- object-detection",
        "size_categories:", f"- {size}", "tags:", *(f"- {tag}" for tag in TAGS), "---",
    ]  # fmt: skip


def _sources(recipe: dict[str, Any], sources: list[str]) -> list[str]:
    lines = []
    if "town" in sources:
        lines.append(f"- town: rendered from drivesim's own procedural town ({LICENCE}); its labels are exact.")
    if "rollout" in sources:
        licence = _weights_licence(recipe) or "of unknown licence: the recipe does not tell"
        lines.append(
            f"- rollout: made by a video diffusion model (weights: {licence}); its labels are what it was asked for, "
            "not what is seen."
        )
    return lines or ["No clip yet."]


def _labels(dataset: Dataset, sources: list[str]) -> list[str]:
    if "rollout" not in sources:
        return []
    rule = label_rule(dataset)
    return [f"The suite's own policy for boxes that no judge finds: {rule.policy}, IoU {rule.overlap:g}.", ""]


def _failures(dataset: Dataset, recipe: dict[str, Any], sources: list[str]) -> list[str]:
    lines = []
    conditions = (recipe.get("weights_card") or {}).get("conditions")
    if "rollout" in sources and conditions is None:
        lines.append("- What the model obeys is unknown: the recipe has no card of its weights.")
    for name, status in sorted((conditions or {}).items()):
        if status != "obeyed":
            lines.append(f"- The model's {_plain(name)}: {_plain(status)} (by the card of its weights).")
    for reason, count in sorted(Counter(read_failures(dataset.path).values()).items()):
        lines.append(f"- {count} clip{'s' if count != 1 else ''} could not be made: {_plain(reason)}")
    return lines or ["None known."]


def _recipe(dataset: Dataset, recipe: dict[str, Any]) -> list[str]:
    suite, scenarios = (
        recipe.get("suite"),
        sorted({(row.scenario["name"], row.scenario["sha256"]) for row in dataset.rows}),
    )
    sums = "".join(sha for _, sha in scenarios)
    lines = ["`drivesim generate SUITE.yaml --out DIR`, with the suite that stands in dataset.json.", ""]
    if suite is not None:
        lines.append(f"- suite: sha256 {_sum(canonical(suite))}")
    lines.append(f"- {len(scenarios)} scenarios at their values: sha256 {_sum(sums)} of their fingerprints in order")
    lines += [f"- weights {part}: {mark}" for part, mark in sorted((recipe.get("weights") or {}).items())]
    lines += [f"- {name} {version}" for name, version in sorted((recipe.get("software") or {}).items())]
    return lines


def _weights_licence(recipe: dict[str, Any]) -> str | None:
    licence = (recipe.get("weights_card") or {}).get("licence")
    return None if licence is None else str(licence)


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(text: str) -> str:
    """Text in one line in which Markdown and HTML mean nothing."""
    line = " ".join(str(text).split())
    return "".join(f"\\{sign}" if sign in r"\`*_[]<>#|!" else sign for sign in line)

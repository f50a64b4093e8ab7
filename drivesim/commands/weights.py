"""``drivesim weights``: which weights are shipped, what is in a set, whether it is whole, and its model card."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivesim.commands.common import command
from drivesim.errors import UserError

if TYPE_CHECKING:
    from drivesim.weight_sets import WeightSet


def add(groups: Any) -> None:
    """Declare the commands."""
    about = "list the shipped weights, tell what is in a set, and check one"
    kinds = groups.add_parser("weights", help=about, description=f"{about.capitalize()}.").add_subparsers(
        title="kinds", metavar="KIND", required=True
    )
    command(kinds, "list", run_list, about="list the shipped weights, a line each", example="drivesim weights list")
    info = command(
        kinds,
        "info",
        run_info,
        about="tell a set's networks, training, data, scores, what it obeys, and its licence",
        example="drivesim weights info nano --json",
    )
    info.add_argument("--json", action="store_true", help="all of it as JSON")
    verify = command(
        kinds,
        "verify",
        run_verify,
        about="check every file of a set without running it, a line for each fault (exit status 1 if there is one)",
        example="drivesim weights verify out/run/weights",
    )
    card = command(
        kinds,
        "card",
        run_card,
        about="write a set's model card as Markdown, with the scores of evaluations",
        example="drivesim weights card nano --evaluation out/obedience out/drift --out model_card.md",
    )
    card.add_argument(
        "--evaluation", nargs="+", default=[], metavar="DIR", help="folders that drivesim evaluate wrote for this set"
    )
    card.add_argument("--failures", type=Path, metavar="FILE", help="Markdown: what is known to go wrong")
    card.add_argument("--out", type=Path, required=True, metavar="FILE", help="the card, a new file or one to replace")
    for made in (info, verify, card):
        made.add_argument(
            "weights", nargs="?", default="nano", metavar="nano|DIR", help="shipped weights (default: nano) or a folder"
        )


def run_list(arguments: argparse.Namespace) -> int:
    """Print one line per shipped set."""
    from drivesim.weight_files import shipped_weights
    from drivesim.weight_sets import describe_weights

    for name in shipped_weights():
        found = describe_weights(name)
        count = f"{len(found.parts)} parts{' and a detector' if found.detector else ''}"
        size = f"{found.parameters:,} parameters, {found.bytes / 1e6:.1f} MB"
        print(f"{name:8}{count}, {size}, trained on {_data(found.card['data'])}")
    return 0


def run_info(arguments: argparse.Namespace) -> int:
    """Print the model card."""
    from drivesim.weight_sets import describe_weights

    found = describe_weights(arguments.weights)
    if arguments.json:
        print(json.dumps(found.to_dict(), indent=1))
    else:
        for line in _told(found):
            print(line)
    return 0


def run_verify(arguments: argparse.Namespace) -> int:
    """Print what is wrong, one line each."""
    from drivesim.weight_sets import check_weights

    found = check_weights(arguments.weights)
    for line in found or [f"{arguments.weights}: fine"]:
        print(line)
    return 1 if found else 0


def run_card(arguments: argparse.Namespace) -> int:
    """Write the model card."""
    from drivesim import atomic
    from drivesim.model_card import model_card, read_evaluation
    from drivesim.weight_sets import describe_weights

    failures = ""
    if arguments.failures is not None:
        try:
            failures = arguments.failures.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UserError(f"{arguments.failures}: {error}, expected a text") from error
    evaluations = [read_evaluation(folder) for folder in arguments.evaluation]
    text = model_card(describe_weights(arguments.weights), evaluations, failures=failures)
    atomic.write_text(arguments.out, text)
    print(arguments.out)
    return 0


def _told(found: WeightSet) -> Iterator[str]:
    from drivesim.rollout.obeyed import in_words
    from drivesim.weight_sets import NOTICE

    card = found.card
    yield f"{found.name}: {found.parameters:,} parameters, {found.bytes / 1e6:.1f} MB"
    if found.borrowed:
        yield f"on {card['base']}, of which it takes {', '.join(found.borrowed)}"
    yield f"licence: {card.get('licence', 'not stated')}; {NOTICE}"
    yield f"data: {_data(card['data'])}; fingerprint {_short(card['data'].get('fingerprint'))}"
    yield f"seen in training: {_values(card['trained_range'])}"
    for name, row in found.parts.items():
        yield ""
        mark = _short(row["fingerprint"])
        yield f"{name}: {row['parameters']:,} parameters, {row['bytes'] / 1e6:.1f} MB, fingerprint {mark}"
        yield f"  network: {_values(row['network'])}"
        parents = ", ".join(f"{parent} {_short(mark)}" for parent, mark in row["parents"].items())
        yield f"  parents: {parents or 'none'}"
        if "batches" in row:
            start = f", going on from {_short(row['init_from'])}" if row.get("init_from") else ""
            yield f"  training: {row['batches']} batches of {row['batch_size']} in {row['budget_minutes']:g} min{start}"
        if row.get("measured"):
            yield f"  on held-out clips: {_values(row['measured'])}"
    if found.detector:
        yield ""
        yield f"detector: {found.detector['bytes'] / 1e6:.1f} MB, sha256 {_short(found.detector['sha256'])}"
    yield ""
    yield "what it obeys:"
    for name, row in card["conditions"].items():
        yield f"  {name:13}{row.get('status', 'not stated'):13}{in_words(row.get('evidence', ''))}"


def _data(row: Mapping[str, Any]) -> str:
    size = f" ({row['clips']} clips, {row['frames']} frames)" if {"clips", "frames"} <= row.keys() else ""
    return ", ".join(row["origins"]) + size


def _values(row: Mapping[str, Any]) -> str:
    """Names and values in one line; of what is nested too.

    >>> _values({"size": [128, 256], "unet": {"patch": 2}, "rate": 0.5})
    'size 128 256, unet (patch 2), rate 0.5'
    """
    return ", ".join(f"{name} {_value(value)}" for name, value in row.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_values(value)})"
    if isinstance(value, list):
        return " ".join(_value(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(mark: Any) -> str:
    return "unknown" if mark is None else str(mark)[:12]

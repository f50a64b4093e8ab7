"""The model card of a set of weights as Markdown: what it is made of, saw, obeys, how its rollouts score and drift."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from drivesim.errors import UserError
from drivesim.evaluation.comparing_models import SCHEMA
from drivesim.weight_sets import NOTICE, WeightSet

ARMS = ("rollout", "town", "no boxes", "image decoder", "image upsampler", "other")
USE = (
    "Made for synthetic driving video that follows a scenario, and for research on such models. The pictures are of a"
    " drawn town, or of what else is named under data, never of a real street; they are marked as synthetic, and a"
    " detector's score on them says little about real streets."
)


def read_evaluation(folder: str | Path) -> dict[str, Any]:
    """What an evaluation of a generator found: metrics.json of a folder of ``drivesim evaluate``.

    Raises `UserError` where there is none.
    """
    file = Path(folder) / "metrics.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: {error}, expected what `drivesim evaluate` wrote") from error
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise UserError(f"{file}: schema is {schema!r}, expected {SCHEMA!r}, of the evaluation of a generator")
    return found


def model_card(weights: WeightSet, evaluations: Sequence[Mapping[str, Any]] = (), *, failures: str = "") -> str:
    """The card in Markdown.

    Args:
        weights: of `drivesim.weight_sets.describe_weights`.
        evaluations: of `read_evaluation`, of these very weights.
        failures: what is known to go wrong, as Markdown.

    Raises `UserError` for an evaluation of other weights.
    """
    marks = {name: row["fingerprint"] for name, row in weights.parts.items()}
    for found in evaluations:
        if odd := [name for name, mark in marks.items() if found["weights"].get(name) != mark]:
            raise UserError(
                f"{found['protocol']['name']} was measured with another {odd[0]}, expected that of {weights.name}"
            )
    lines = [f"# Model card: {weights.name}", "", *_about(weights), *_parts(weights), *_obeyed(weights)]
    for found in evaluations:
        lines += _scores(found)
    lines += [
        "## Known failures",
        "",
        failures.strip() or "None were written down. That is not to say there are none.",
        "",
    ]
    return "\n".join(lines)


def _about(weights: WeightSet) -> Iterator[str]:
    data, seen = weights.card["data"], weights.card["trained_range"]
    size = f"{data['clips']} clips, {data['frames']} frames; " if {"clips", "frames"} <= data.keys() else ""
    yield from (f"{USE}", "", f"**{NOTICE.capitalize()}.** Licence: {weights.card.get('licence', 'not stated')}.", "")
    yield f"Data: {', '.join(data['origins'])} ({size}fingerprint {str(data.get('fingerprint'))[:12]})."
    yield ""
    yield from _table(("seen in training", "range"), [(name, _range(value)) for name, value in seen.items()])


def _parts(weights: WeightSet) -> Iterator[str]:
    yield from (f"## Parts: {weights.parameters:,} parameters, {weights.bytes / 1e6:.1f} MB", "")
    rows = []
    for name, row in weights.parts.items():
        size = f"{row['batches']} of {row['batch_size']}" if "batches" in row else "not stated"
        kept = str(row["init_from"])[:12] if row.get("init_from") else ""
        measured = ", ".join(f"{key} {value:g}" for key, value in row.get("measured", {}).items())
        rows.append((name, f"{row['parameters']:,}", size, kept, measured, row["fingerprint"][:12]))
    yield from _table(("part", "parameters", "batches", "went on from", "on held-out clips", "fingerprint"), rows)


def _obeyed(weights: WeightSet) -> Iterator[str]:
    yield from (
        "## What it obeys",
        "",
        "Gain: by how much the loss on unseen clips falls when told the truth instead of another clip's.",
        "",
    )
    rows = []
    for name, row in weights.card["conditions"].items():
        evidence = row.get("evidence")
        heard = evidence.get("heard") if isinstance(evidence, Mapping) else None
        told = (f"{heard['gain']:.3f}", _interval(heard["interval"])) if isinstance(heard, Mapping) else ("", "")
        rows.append((name, row.get("status", "not stated"), *told))
    yield from _table(("condition", "status", "gain", "95% interval"), rows)


def _scores(found: Mapping[str, Any]) -> Iterator[str]:
    """The tables of one evaluation."""
    protocol = found["protocol"]
    arms = [arm for arm in ARMS if arm in found["arms"]]
    yield f"## {protocol['name']} ({found['protocol_sha256'][:12]})"
    yield ""
    yield (
        f"{len(protocol['drives'])} drives at {protocol['fps']:g} frames/s; 95% intervals over {_drawn(found)}. "
        + "; ".join(f"{arm}: {found['arms'][arm]}" for arm in arms)
        + "."
    )
    yield ""
    rows = []
    for name, row in found["measures"].items():
        key, interval = ("median", "median_interval") if "unit" in row else ("value", "interval")
        cells = [f"{_number(row['arms'][arm][key])} {_interval(row['arms'][arm][interval])}".strip() for arm in arms]
        rows.append((f"{name}, median {row['unit']}" if "unit" in row else name, *cells))
    yield from _table(("measure", *arms), rows)
    if "smoothness" in found:
        looks = [(name, *(_number(by[arm]["value"]) for arm in arms)) for name, by in found["smoothness"].items()]
        yield from _table(("of pictures", *arms), looks)
    if "drift" in found:
        yield from _drift(found["drift"]["drift"], protocol["window"])


def _drawn(found: Mapping[str, Any]) -> str:
    return found["drift"]["drawn"] if "drift" in found else "drives"


def _drift(rows: Mapping[str, Any], window: float) -> Iterator[str]:
    """The course of every metric as a share of the town's in the same window, and whether the last window holds."""
    count = max((len(row["share"]) for row in rows.values()), default=0)
    shown = sorted({round(k * (count - 1) / 9) for k in range(10)}) if count > 10 else list(range(count))
    yield (
        f"Windows of {window:g} s, as shares of the town's in the same window; kept: of the first one's, by the last. "
        "Begun anew: the last window against a rollout that begins there, which asks for the same without time gone by."
    )
    yield ""
    table = [
        (
            name,
            *(_number(row["share"][k]) for k in shown),
            _number(row["kept"][-1]),
            _held(row["held"]),
            _number(row["of_anew"]),
            _held(row["held_of_anew"]),
            row["better"],
        )
        for name, row in rows.items()
        if row["share"]
    ]
    yield from _table(
        ("metric", *(f"{k * window:g} s" for k in shown), "kept", "held", "of begun anew", "held", "better"), table
    )


def _held(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (_row(head), _row(["---"] * len(head)), *map(_row, rows), "")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    """Three digits.

    >>> _number(0.12345), _number(1234.5), _number(None)
    ('0.123', '1.23e+03', '')
    """
    return "" if value is None else f"{value:.3g}"


def _interval(ends: Sequence[float] | None) -> str:
    return "" if ends is None else f"({ends[0]:.3g} to {ends[1]:.3g})"


def _range(value: Sequence[Any]) -> str:
    return ", ".join(value) if isinstance(value[0], str) else f"{value[0]:g} to {value[-1]:g}"

"""The acceptance lines of the benchmark's protocols: each by its one command, with the shipped weights, to its end."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from lines import Line, Result, drivesim, hashes, read_json

from drivesim.evaluation.protocol import Protocol

HOUR = 3600.0


def same_twice(folder: Path) -> Result:
    """Two benchmarks of one clip, byte by byte, and the hash of the protocol with each of its rules changed."""
    drivesim("render", "cut_in", "--out", folder / "clip", "--fps", 3.75)
    for name in ("one", "two"):
        drivesim("benchmark", folder / "clip", "--every", 2, "--tracker", "byte", "--out", folder / name)
    first, second = (hashes(folder / name) for name in ("one", "two"))
    base = Protocol()
    unchanged = [
        field.name
        for field in dataclasses.fields(base)
        if dataclasses.replace(base, **{field.name: _another(getattr(base, field.name))}).sha256() == base.sha256()
    ]
    figure = {"files": sorted(first), "equal": first == second, "rules that do not change the hash": unchanged}
    return Result(figure, first == second and not unchanged)


def _another(value: Any) -> Any:
    """Some other value of a rule."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, min_height=0.5)
    if isinstance(value, tuple):
        return value[:-1]
    if isinstance(value, str):
        return "category" if value == "group" else value + "x"
    return value / 2 if isinstance(value, float) else value + 1 if value < 100 else value - 1


def sanity(folder: Path) -> Result:
    """The benchmark's test of itself: every defect caught, every clean clip fine."""
    drivesim("evaluate", "sanity", "--out", folder / "out")  # raises if one is missed
    rows = _metrics(folder)["checks"]
    figure = {row["name"]: [row["clean"]["value"], row["spoiled"]["value"]] for row in rows}
    return Result(figure, all(row["caught"] for row in rows))


def drives(name: str, *more: str) -> Line:
    """A protocol of evaluation drives: what each arm gets, by measure."""

    def measure(folder: Path) -> Result:
        done = drivesim("evaluate", name, *more, "--out", folder / "out")
        metrics = _metrics(folder)
        figure = {
            measure: {arm: _rounded(row["value"], row["interval"]) for arm, row in rows["arms"].items()}
            for measure, rows in metrics["measures"].items()
        }
        whole = bool(figure) and (folder / "out" / "report.html").stat().st_size > 0
        return Result({"seconds": round(done.seconds), "hash": metrics["protocol_sha256"][:12], **figure}, whole)

    return Line(f"evaluate {name}", "runs to its end by one command, with its report", measure)


def stress(folder: Path) -> Result:
    """AP50 of vehicles by value of each field, in the town and in the rollout."""
    done = drivesim("evaluate", "stress", "--out", folder / "out")
    metrics = _metrics(folder)
    figure: dict[str, Any] = {"seconds": round(done.seconds), "hash": metrics["protocol_sha256"][:12]}
    for swept in metrics["sweeps"]:
        figure[swept["field"]] = swept["measures"]["AP50 of vehicles by reference"]
    return Result(figure, (folder / "out" / "report.html").stat().st_size > 0)


def trainability(folder: Path) -> Result:
    """Arms and differences of AP50; within an hour, and the real side learns."""
    done = drivesim("evaluate", "trainability", "--out", folder / "out")
    metrics = _metrics(folder)
    figure = {key: metrics[key] for key in ("arms", "differences", "counts")} | {"seconds": round(done.seconds)}
    return Result(figure, done.seconds <= HOUR and bool(metrics["counts"]["counts"]))


def _metrics(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(folder / "out" / "metrics.json")
    return found


def _rounded(value: float | None, interval: list[float] | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if interval is None else f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


LINES = (
    Line("the same benchmark twice", "equal bytes; every rule changes the hash", same_twice),
    Line("sanity", "every defect caught, no clean clip called spoiled", sanity),
    drives("layout"),
    drives("obedience"),
    drives("drift"),
    Line("evaluate stress", "runs to its end by one command, with its report", stress),
    Line("evaluate trainability", "within an hour on 2 cores; R at AP50 >= 0.3", trainability),
)

"""The acceptance lines of the video model, from its obedience to its memory, on the evaluation drives.

They take hours; these variables of the environment say on what and for how long:

* ``DRIVESIM_ACCEPTANCE_WEIGHTS``: the weights, a folder or a shipped name (default: nano).
* ``DRIVESIM_ACCEPTANCE_OUT``: a folder for the rollouts, from which a later run goes on (default: one that goes again).
* ``DRIVESIM_ACCEPTANCE_TRAINING``: folders of the clips that the weights have seen, apart by the system's separator.
* ``DRIVESIM_ACCEPTANCE_DRIVES``: only the first so many evaluation drives.
* ``DRIVESIM_ACCEPTANCE_MINUTES``: the length of the long rollouts (default: 5).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from chain import beginning, weights, yolox
from lines import Line, Result, Unavailable, drivesim, read_json

from drivesim import atomic
from drivesim.evaluation.drift import MEDIAN
from scenarios.suite import FIVE_MINUTES, Drive, evaluation_suite

MINUTES = float(os.environ.get("DRIVESIM_ACCEPTANCE_MINUTES", "5"))
FPS = 7.5  # of the long rollouts, as of `evaluate drift`
STRAYS = 1.1  # how much more than in proportion a longer rollout may take: 5.5 times the time for 5 times the length


def chosen() -> str:
    """The weights to be measured."""
    return os.environ.get("DRIVESIM_ACCEPTANCE_WEIGHTS") or weights()


@cache
def kept() -> Path:
    """Where rollouts of the chosen weights are kept, apart from those of others."""
    from drivesim.parts import load_weights

    marks = json.dumps(load_weights(chosen()).fingerprints, sort_keys=True)
    return _root() / hashlib.sha256(marks.encode()).hexdigest()[:12]


@cache
def _root() -> Path:
    if given := os.environ.get("DRIVESIM_ACCEPTANCE_OUT"):
        return Path(given)
    folder = _temporary()
    return Path(folder.name)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="drivesim-acceptance-video-")  # goes when the run ends


def drives() -> tuple[Drive, ...]:
    """The evaluation drives that are asked for."""
    count = os.environ.get("DRIVESIM_ACCEPTANCE_DRIVES")
    return evaluation_suite()[: None if count is None else int(count)]


@cache
def evaluated(protocol: str) -> dict[str, Any]:
    """What ``drivesim evaluate PROTOCOL`` writes into its metrics.json."""
    out = kept() / f"{protocol}-{MINUTES:g}min" if protocol == "drift" else kept() / f"{protocol}-{len(drives())}"
    words: list[Any] = ["evaluate", protocol, "--weights", chosen(), "--out", out, "--judge", "reference"]
    for drive in long_drives() if protocol == "drift" else drives():
        words += ["--drive", f"{drive.scenario}@{drive.seed}"]
    try:
        words += ["--judge", yolox()]
    except Unavailable:
        pass  # its own line says so
    if protocol == "obedience":
        for folder in filter(None, os.environ.get("DRIVESIM_ACCEPTANCE_TRAINING", "").split(os.pathsep)):
            words += ["--training", folder]
    drivesim(*words)
    found: dict[str, Any] = read_json(out / "metrics.json")
    return found


def long_drives() -> list[Drive]:
    """Three drives, `MINUTES` long."""
    return [Drive(long_scenario(drive.scenario, 60 * MINUTES), drive.seed) for drive in FIVE_MINUTES]


def long_scenario(name: str, seconds: float) -> str:
    """A scenario of five minutes, or a file of its beginning."""
    if seconds == 300:
        return name
    kept().mkdir(parents=True, exist_ok=True)
    return str(beginning(kept(), name, seconds=seconds))


# --- obedience


@dataclass(frozen=True)
class Bar:
    """What a measure must reach. ``least`` and ``most``: None: no bound.

    ``of``: the arm whose value the bounds are shares of; "": none. ``median``: they are for the median error.
    """

    name: str
    measure: str
    least: float | None = None
    most: float | None = None
    of: str = ""
    arm: str = "rollout"
    median: bool = False
    protocol: str = "obedience"

    @property
    def bound(self) -> str:
        """In words."""
        words = [f"{sign} {value:g}" for sign, value in ((">=", self.least), ("<=", self.most)) if value is not None]
        return " and ".join(words) + (f" times that of {self.of}" if self.of else "")

    def met(self, value: float | None, other: float | None) -> bool:
        """Whether ``value`` is within the bounds; ``other``: that of the arm ``of``."""
        if value is None or (self.of and other is None):
            return False
        unit = other if self.of and other is not None else 1.0
        above = self.least is None or (value >= self.least * unit and value > 0)
        return above and (self.most is None or value <= self.most * unit)

    def line(self) -> Line:
        """The acceptance line."""
        return Line(self.name, self.bound, self._measure)

    def _measure(self, folder: Path) -> Result:
        row = evaluated(self.protocol)["measures"].get(self.measure)
        if row is None:
            raise Unavailable(f"no judge for {self.measure}")
        cell, key = row["arms"][self.arm], "median" if self.median else "value"
        if not cell["count"]:
            raise Unavailable(f"these drives say nothing of {self.measure}")
        interval = cell["median_interval" if self.median else "interval"]
        figure = {key: cell[key], "interval": interval, "bar": self.bound}
        other = None
        if self.of:
            other = row["arms"][self.of][key]
            ratio = "times_floor" if self.of == "other" else "median_share" if self.median else "share"
            figure |= {self.of: other, "ratio": row[ratio]}
        else:
            figure["town"] = row["arms"]["town"][key]
        figure |= {name: cell[name] for name in ("clips", "frames", "count")}
        return Result(figure, self.met(cell[key], other))


LARGE, STEADY = "AP50 of large vehicles by {}", "steady colour of road users"
BARS = (
    Bar("large vehicles drawn, by the reference detector", LARGE.format("reference"), least=0.6, of="town"),
    Bar("the same against another drive's boxes", LARGE.format("reference"), least=3.0, of="other"),
    Bar("large vehicles drawn, by YOLOX-nano", LARGE.format("yolox_nano"), least=0.5, of="town"),
    Bar("time of day, clear of borders", "time of day, clear of borders", least=0.98),
    Bar("time of day after a change", "time of day, after a change", least=0.98),
    Bar("crowdedness", "crowdedness by reference", least=0.8),
    Bar("crowdedness without boxes", "crowdedness by reference", least=0.5, arm="no boxes"),
    Bar("colour of tracks, CIEDE2000", "colour of road users", most=20.0, median=True),
    Bar("change of a track's colour", STEADY, most=2.0, of="town", median=True),
    Bar("straight lane lines found", "straight lane lines", least=0.7, of="town"),
    Bar("straight lane lines, distance", "straight lane lines", most=8.0, median=True),
    Bar("curved lane lines found", "curved lane lines", least=0.7, of="town"),
    Bar("curved lane lines, distance", "curved lane lines", most=8.0, median=True),
    Bar("ego speed", "ego speed, relative", most=0.2, median=True, protocol="smoothness"),
)
SMOOTH = {"flicker": (None, 1.5), "sharpness": (0.7, None), "speed": (0.7, 1.4)}
"""By row of pictures, its least and its most share of the town's."""


# --- drift


def held(folder: Path, *, verdict: str) -> Result:
    """What the last window keeps, by metric: of the first one's share of the town's, or of what is begun anew there.

    ``verdict``: "held" or "held_of_anew".
    """
    found = evaluated("drift")
    rows = found["drift"]["drift"]
    told = {name: row for name, row in rows.items() if row[verdict] is not None}
    figure = {
        "lost": {name: _short(row) for name, row in told.items() if not row[verdict]},
        "held": {name: _short(row) for name, row in told.items() if row[verdict]},
        "not told": sorted(set(rows) - set(told)),
    }
    return Result(figure | _size(found), bool(told) and not figure["lost"])


def _short(row: Mapping[str, Any]) -> dict[str, Any]:
    ends = {"first": row["share"][0], "last": row["share"][-1]}
    return ends | {"kept": row["kept"][-1], "of_anew": row["of_anew"], "better": row["better"]}


def last_window(folder: Path) -> Result:
    """The bars of obedience and of smoothness in the last window, those that can be told there."""
    found = evaluated("drift")
    arms = found["drift"]
    smooth = [Bar(name, name, *bounds, of="town") for name, bounds in SMOOTH.items()]
    figure: dict[str, Any] = {"missed": {}, "met": {}, "not told": []}
    for bar in (*(bar for bar in BARS if bar.arm == "rollout" and bar.of != "other"), *smooth):
        name = bar.measure + MEDIAN * bar.median
        ends = [arms[arm][name][-1]["value"] if name in arms[arm] else None for arm in ("rollout", "town")]
        if ends[0] is None or ends[1] is None:
            figure["not told"].append(bar.name)
            continue
        met = bar.met(*ends)
        figure["met" if met else "missed"][bar.name] = {"rollout": ends[0], "town": ends[1], "bar": bar.bound}
    return Result(figure | _size(found), bool(figure["met"]) and not figure["missed"])


def _size(found: Mapping[str, Any]) -> dict[str, Any]:
    """Clips and frames of a drift, from its smoothness, which looks at all of them."""
    cell = found["smoothness"]["sharpness"]["rollout"]
    windows = len(found["drift"]["rollout"]["sharpness"])
    return {"clips": cell["clips"], "frames": cell["frames"], "windows": windows, "minutes": MINUTES}


def length(seconds: float) -> dict[str, float]:
    """Peak memory in MiB and seconds that a rollout so long takes; of a run before, if it has been measured."""
    file = kept() / f"length-{seconds:g}.json"
    if not file.exists():
        with tempfile.TemporaryDirectory(prefix="drivesim-acceptance-") as folder:
            words = ["--out", f"{folder}/clip", "--fps", FPS, "--weights", chosen(), "--seed", FIVE_MINUTES[0].seed]
            done = drivesim("rollout", long_scenario(FIVE_MINUTES[0].scenario, seconds), *words)
        atomic.write_json(file, {"MiB": done.peak, "seconds": done.seconds})
    found: dict[str, float] = read_json(file)
    return found


def memory(folder: Path) -> Result:
    """Peak memory of the long rollout over that of 20 s."""
    short, long = length(20), length(60 * MINUTES)
    ratio = long["MiB"] / short["MiB"]
    return Result({"20 s": short, f"{MINUTES:g} min": long, "ratio": ratio, "clips": 1}, ratio <= 1.15)


def time(folder: Path) -> Result:
    """Time of the long rollout over that of a minute."""
    if MINUTES <= 1:
        raise Unavailable(f"the long rollouts take {MINUTES:g} min, expected more than 1")
    short, long = length(60), length(60 * MINUTES)
    ratio = long["seconds"] / short["seconds"]
    most = STRAYS * MINUTES
    return Result({"1 min": short, f"{MINUTES:g} min": long, "ratio": ratio, "bar": most, "clips": 1}, ratio <= most)


# --- smoothness


def smooth(folder: Path, *, name: str) -> Result:
    """One row of pictures against the town's."""
    cells = evaluated("smoothness")["smoothness"][name]
    least, most = SMOOTH[name]
    share = cells["rollout"]["share"]["value"]
    passed = share is not None and (least is None or share >= least) and (most is None or share <= most)
    return Result({"bar": SMOOTH[name], **cells["rollout"], "town": cells["town"]["value"]}, passed)


def layers(folder: Path, *, arm: str) -> Result:
    """Flicker and the distance of windows to the town's, with the temporal layers and without them."""
    found = evaluated("smoothness")
    windows = found["distances"]["windows"]
    figure: dict[str, Any] = {"clips": found["smoothness"]["flicker"][arm]["clips"]}
    figure["frames"] = found["smoothness"]["flicker"][arm]["frames"]
    for name, cells in (("flicker", found["smoothness"]["flicker"]), *windows.items()):
        figure[name] = {key: {part: cells[key][part] for part in ("value", "interval")} for key in ("rollout", arm)}
    better = [figure[name]["rollout"]["value"] < figure[name][arm]["value"] for name in ("flicker", "kernel")]
    return Result(figure, all(better))


# --- copies


def copies(folder: Path) -> Result:
    """The share of rollouts' windows that are nearer to training clips than unseen town clips are."""
    found = evaluated("obedience")["copies"]
    if found is None:
        raise Unavailable("DRIVESIM_ACCEPTANCE_TRAINING names no clips of the training")
    if found["held_out"]["threshold"] is None:
        raise Unavailable(f"{found['held_out']['clips']} drives, expected {found['held_out']['needed']}")
    cell = found["arms"]["rollout"]
    about = {"bar": found["held_out"]["quantile"], "clips": found["held_out"]["clips"], "nearest": found["nearest"][:1]}
    return Result({**cell, **about, "training": found["training"]}, cell["share"] <= about["bar"])


LINES = (  # by protocol: obedience, drift, lengths, and last smoothness, which takes longest
    *(bar.line() for bar in BARS if bar.protocol == "obedience"),
    Line("copies of training clips", "no more windows near them than of unseen clips", copies),
    Line(
        "long rollouts hold what they have",
        "the last window >= 80% of the first, errors <= 125%",
        partial(held, verdict="held"),
    ),
    Line(
        "long rollouts are as good as ones begun anew",
        "the last window >= 80% of one that begins there, errors <= 125%",
        partial(held, verdict="held_of_anew"),
    ),
    Line("the last window of long rollouts", "meets the bars", last_window),
    Line("memory of a long rollout", "<= 1.15 times that of 20 s", memory),
    Line("time of a long rollout", f"<= {STRAYS} times in proportion to a minute", time),
    *(bar.line() for bar in BARS if bar.protocol == "smoothness"),
    *(
        Line(f"{name} of rollouts", f"{least or 0:g} to {most or 'any'} times the town's", partial(smooth, name=name))
        for name, (least, most) in SMOOTH.items()
    ),
    *(
        Line(f"temporal layers of the {what}", "less flicker and nearer windows", partial(layers, arm=f"image {what}"))
        for what in ("decoder", "upsampler")
    ),
)

"""What an acceptance line is, and the tools the lines share: running, measuring and killing commands."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DRIVESIM_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
KILLS = 10
LONGEST = 0.35  # of an uninterrupted run: a rollout of 20 s has finished its first chunk by then, and not its second


class Unavailable(Exception):
    """Why a line cannot be measured here: real data, a browser or weights are missing."""


@dataclass(frozen=True)
class Result:
    """What a line measured. ``figure``: JSON-ready. ``passed``: whether it is within the bound."""

    figure: Any
    passed: bool


@dataclass(frozen=True)
class Line:
    """One acceptance line: ``measure(folder)`` works in a folder of its own and returns a `Result`."""

    name: str
    bound: str
    measure: Callable[[Path], Result]

    def run(self, folder: Path) -> dict[str, Any]:
        """The line, its figure and bound as one JSON-ready row; ``passed`` is None where it cannot be measured here."""
        row: dict[str, Any] = {"line": self.name, "bound": self.bound}
        started = time.monotonic()
        try:
            result = self.measure(folder)
            row |= {"figure": result.figure, "passed": result.passed}
        except Unavailable as reason:
            row |= {"figure": f"not measured: {reason}", "passed": None}
        except subprocess.CalledProcessError as error:
            row |= {"figure": f"exit code {error.returncode}: {(error.stderr or '').strip()[-500:]}", "passed": False}
        return row | {"seconds": round(time.monotonic() - started, 1)}


@dataclass(frozen=True)
class Done:
    """A command that has ended: its output, its log, wall-clock seconds and peak resident memory in MiB."""

    out: str
    err: str
    seconds: float
    peak: float


def command(*words: Any) -> list[str]:
    """``drivesim WORDS`` with this Python."""
    return [sys.executable, "-m", "drivesim", *map(str, words)]


def drivesim(*words: Any) -> Done:
    """Run a drivesim command to its end. Raises ``CalledProcessError`` if it fails."""
    return measured(command(*words))


def measured(argv: Sequence[str]) -> Done:
    """Run a command to its end and measure it. Raises ``CalledProcessError`` if it fails."""
    started, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(argv, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        while child.poll() is None:
            peak = max(peak, _peak_kib(child.pid))
            time.sleep(0.1)
        texts = [file.read() for file in (out, err) if file.seek(0) == 0]
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, argv, *texts)
    return Done(*texts, time.monotonic() - started, peak / 1024)


def _peak_kib(pid: int) -> int:
    """The high-water mark of a running process's memory (a child's ``ru_maxrss`` would include its parent's)."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(row.split()[1]) for row in rows if row.startswith("VmHWM:")), 0)  # a zombie has none


def killed_at_random(argv: Sequence[str], *, seconds: float, seed: int, cwd: Path) -> tuple[int, float]:
    """Start a command, SIGKILL it at a random moment, and again, `KILLS` times; then let it end.

    ``seconds`` is what an uninterrupted run takes. The moments reach up to `LONGEST` of it: the longer ones fall behind
    some finished work, and a command is still seldom done before the last of them; it is then killed no more. Returns
    the kills that hit, and when (seconds since the epoch) the run began that was let end.
    """
    moments = random.Random(seed)
    hits = 0
    for _ in range(KILLS):
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd)
        try:
            child.wait(timeout=moments.uniform(0.0, LONGEST * seconds))
            break
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            hits += 1
    last = time.time()
    subprocess.run(argv, check=True, capture_output=True, text=True, cwd=cwd)
    return hits, last


def hashes(folder: Path) -> dict[str, str]:
    """Sha256 of every file below ``folder`` but the run.json, by relative path."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != "run.json")
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def shared(*names: str) -> Path:
    """A file or folder of the real data."""
    path = SHARED.joinpath(*names)
    if not path.exists():
        raise Unavailable(f"no {path}; DRIVESIM_TEST_DATA names the folder of real data")
    return path


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))

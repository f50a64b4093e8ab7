"""How fast datasets are made, read and exported here, as the Markdown tables of docs/datasets.md.

``python tools/throughput.py [--clips N]``; with Ray installed (``pip install 'drivesim[ray]'``) its row is there, too.
Generation is timed from its first finished clip to its last, in turn and `TURNS` times over, since machines are shared;
what goes before the first clip (processes start, the plan is made) is told beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "acceptance"))
from lines import command, drivesim
from reading import measure_reader

from drivesim.exports import FORMATS

TURNS = 3
FRAMES, FPS = 16, 7.5
WAYS = {"1 process": ("--workers", "1"), "2 processes": ("--workers", "2")}
RAY = {"Ray, 2 workers": ("--workers", "2", "--engine", "ray")}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=24, help="of each generation (24)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drivesim-throughput-") as name:
        folder = Path(name)
        ways = WAYS | (RAY if find_spec("ray") else {})
        print("\n".join(_generation(folder, arguments.clips, ways)), flush=True)
        print("\n".join(_exports(folder)), flush=True)
        print("\n".join(_reading(folder)), flush=True)


def _generation(folder: Path, clips: int, ways: dict[str, tuple[str, ...]]) -> list[str]:
    document = {
        "schema": "drivesim.suite/1", "name": "throughput", "fps": FPS, "frames": FRAMES, "clips": [{"sample": clips}],
    }  # fmt: skip
    suite = folder / "suite.yaml"
    suite.write_text(json.dumps(document))
    rates: dict[str, list[float]] = {way: [] for way in ways}
    starts: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(TURNS):
        for way, words in list(ways.items())[:: 1 if turn % 2 == 0 else -1]:
            out = folder / f"{way}-{turn}".replace(" ", "")
            started = time.time()
            environment = os.environ | {"RAY_ADDRESS": ""}
            argv = command("generate", suite, "--out", out, *words)
            subprocess.run(argv, check=True, capture_output=True, text=True, env=environment)
            done = sorted(file.stat().st_mtime for file in out.glob("clips/*/clip.json"))
            rates[way].append((len(done) - 1) / (done[-1] - done[0]))
            starts[way].append(done[0] - started)
    first = statistics.median(rates[next(iter(ways))])
    rows = [f"| town, {FRAMES} frames of 512 x 1024 | clips/s | frames/s | against 1 process | first clip after |"]
    rows.append("|---|---|---|---|---|")
    for way in ways:
        rate, start = statistics.median(rates[way]), statistics.median(starts[way])
        rows.append(f"| {way} | {rate:.2f} | {rate * FRAMES:.1f} | {rate / first:.2f} | {start:.0f} s |")
    return [*rows, ""]


def _exports(folder: Path) -> list[str]:
    dataset = next(folder.glob("1process-0"))
    frames = sum(json.loads(line)["frames"] for line in (dataset / "manifest.jsonl").open())
    rows = ["| export | frames/s | MB for 1000 frames |", "|---|---|---|"]
    for form in FORMATS:
        out = folder / form
        seconds = drivesim("dataset", "export", dataset, "--format", form, "--out", out).seconds
        size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
        rows.append(f"| {form} | {frames / seconds:.0f} | {1000 * size / frames:.0f} |")
    return [*rows, ""]


def _reading(folder: Path) -> list[str]:
    found = measure_reader(folder / "webdataset", folder)
    assert found.passed
    return ["| reading for training | frames/s |", "|---|---|"] + [
        f"| {name.removeprefix('frames/s, ')} | {rate:.0f} |" for name, rate in found.figure.items()
    ]


if __name__ == "__main__":
    main()

"""Datasets: whatever interrupts the making of one, or however it is shared out, the bytes are the same."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from lines import Line, Result, Unavailable, command, drivesim, hashes

from drivesim.clips.dataset import read_dataset

CLIPS = int(os.environ.get("DRIVESIM_ACCEPTANCE_CLIPS", "200"))
KILLS = 20
SHARDS = 3


def suite(folder: Path) -> Path:
    """A suite of short clips of random streets."""
    path = folder / "suite.yaml"
    document = {
        "schema": "drivesim.suite/1", "name": "short", "fps": [7.5, 30], "size": [128, 256], "frames": 4,
        "clips": [{"sample": CLIPS}],
    }  # fmt: skip
    path.write_text(json.dumps(document))
    return path


def killed(folder: Path) -> Result:
    """A run that is killed at random moments, at the same share of its time each, and one that is not."""
    file = suite(folder)
    seconds = drivesim("generate", file, "--out", folder / "whole").seconds
    moments, hits = random.Random(0), 0
    argv = command("generate", file, "--out", folder / "cut")
    for _ in range(KILLS):
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(timeout=moments.uniform(0.0, 1.2 * seconds / KILLS + 3.0))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            hits += 1
    drivesim(*argv[3:])
    one, other = hashes(folder / "whole"), hashes(folder / "cut")
    figure = {
        "clips": len(read_dataset(folder / "cut").rows), "kills": hits, "files": len(one), "seconds": round(seconds, 1),
        "differing": sorted(name for name in {*one, *other} if one.get(name) != other.get(name))[:5],
    }  # fmt: skip
    return Result(figure, one == other and hits == KILLS and figure["clips"] == CLIPS)


def shared_out(folder: Path) -> Result:
    """The shards of a run, joined, and the run itself."""
    file = suite(folder)
    drivesim("generate", file, "--out", folder / "whole")
    parts = [folder / f"part{i}" for i in range(1, SHARDS + 1)]
    for i, out in enumerate(parts, start=1):
        drivesim("generate", file, "--out", out, "--shard", f"{i}/{SHARDS}")
    drivesim("dataset", "merge", *parts, "--out", folder / "joined")
    one, other = hashes(folder / "whole"), hashes(folder / "joined")
    figure = {"clips": [len(read_dataset(out).rows) for out in parts], "files": len(one)}
    return Result(figure, one == other)


def under_ray(folder: Path) -> Result:
    """A run in one process, and one in two Ray actors, one of which is killed in the middle of a clip."""
    if find_spec("ray") is None:
        raise Unavailable("Ray is not installed: pip install 'drivesim[ray]'")
    file = suite(folder)
    drivesim("generate", file, "--out", folder / "whole", "--workers", 1)
    argv = command("generate", file, "--out", folder / "cut", "--workers", 2, "--engine", "ray")
    with (folder / "told.txt").open("w+") as told:
        child = subprocess.Popen(argv, stdout=told, stderr=told, env=os.environ | {"RAY_ADDRESS": ""})
        killed_after = _kill_an_actor(child, folder / "cut" / "clips")
        child.wait()
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, argv, stderr=(folder / "told.txt").read_text())
    one, other = hashes(folder / "whole"), hashes(folder / "cut")
    figure = {
        "clips": len(read_dataset(folder / "cut").rows), "killed after": killed_after, "files": len(one),
        "differing": sorted(name for name in {*one, *other} if one.get(name) != other.get(name))[:5],
    }  # fmt: skip
    return Result(figure, one == other and killed_after is not None and figure["clips"] == CLIPS)


def _kill_an_actor(child: subprocess.Popen[bytes], clips: Path) -> int | None:
    """Kill an actor at work once a quarter of the clips are begun; how many were. None: the run was over before."""
    while child.poll() is None:
        begun = len(list(clips.glob("*"))) if clips.exists() else 0
        actors = [pid for pid in _descendants(child.pid) if _title(pid).startswith("ray::_Worker.run")]
        if begun >= CLIPS // 4 and actors:
            os.kill(actors[0], signal.SIGKILL)
            return begun
        time.sleep(0.02)
    return None


def _descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(word) for task in tasks for word in _read(task).split()]
    return children + [deeper for child in children for deeper in _descendants(child)]


def _title(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/cmdline"))


def _read(file: Path) -> str:
    """A file of /proc; empty once its process is gone."""
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


LINES = (
    Line("datasets killed at random moments", f"{CLIPS} clips, {KILLS} SIGKILLs: every file identical", killed),
    Line("datasets of joined shards", f"{SHARDS} shards: every file identical to one run's", shared_out),
    Line("datasets under Ray with a worker killed", f"{CLIPS} clips: every file identical to one run's", under_ray),
)

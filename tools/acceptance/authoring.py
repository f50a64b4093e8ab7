"""The acceptance lines of scenario authoring: files, their simulation, geometry, previews."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from lines import Line, Result, drivesim
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from scenarios import ScenarioError, Template, shipped, validate
from scenarios.camera import NEAR, box_corners, project_box, to_camera
from scenarios.facts import Camera

FUZZED = 10_000
BOXES = 10_000
HASHING = """
import hashlib, json, sys
from scenarios import compile, load
name, fps, step, order, shard, of = sys.argv[1], *map(int, sys.argv[2:])
line = compile(load(name), fps=fps / 2)
frames = [k for k in range(0, len(line), step) if (k // step) % of == shard][::order]
rows = {k // step: json.dumps(line[k].to_dict() | {"index": 0}) for k in frames}
print(json.dumps({k: hashlib.sha256(row.encode()).hexdigest() for k, row in rows.items()}))
"""


def library(folder: Path) -> Result:
    """Every shipped scenario is valid, plays, and meets its expectations."""
    found = [str(finding) for path in shipped().values() for finding in validate(path, play=True)]
    return Result({"scenarios": len(shipped()), "findings": found}, not found and len(shipped()) >= 36)


def previews(folder: Path) -> Result:
    """Seconds that the preview of each shipped scenario takes, the slowest first."""
    seconds = {name: drivesim("preview", name, "--out", folder / name).seconds for name in shipped()}
    slowest = sorted(seconds.items(), key=lambda row: -row[1])[:3]
    return Result({"previews": len(seconds), "slowest": dict(slowest)}, slowest[0][1] < 10.0)


def same_bytes(folder: Path) -> Result:
    """Facts of shipped scenarios from other processes: shards, backwards, without the wide vectors, at 30 frames/s."""
    wide = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]  # whatever NumPy could leave out here
    plain, without = ({"NPY_DISABLE_CPU_FEATURES": names, "PYTHONWARNINGS": "error"} for names in ("", " ".join(wide)))
    names = sorted(shipped())[:: max(1, len(shipped()) // 6)]
    unequal = []
    for name in names:
        whole = _hashes(name, 15, 1, 1, 0, 1, plain)
        parts = [_hashes(name, 15, 1, -1, shard, 3, without) for shard in range(3)]
        joined = {k: value for part in parts for k, value in part.items()}
        fast = _hashes(name, 60, 4, 1, 0, 1, plain)
        fast = {k: fast.get(k, "") for k in whole}  # its last fourth frame may lie beyond the slow clip's last
        if not whole == joined == fast:
            unequal.append(name)
    return Result({"scenarios": names, "switched_off": wide, "unequal": unequal}, not unequal)


def _hashes(name: str, *numbers: int | dict[str, str]) -> dict[str, str]:
    *words, environment = numbers
    assert isinstance(environment, dict)
    argv = [sys.executable, "-c", HASHING, name, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=os.environ | environment)
    hashes: dict[str, str] = json.loads(done.stdout)
    return hashes


def fuzz(folder: Path) -> Result:
    """Mutated library files and random YAML: our error or a scenario, quickly and in little memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said: Counter[str] = Counter()
    slowest, crashes = 0.0, []
    for number, text in enumerate(_broken(FUZZED)):
        started = time.process_time()
        try:
            opened = Template(text, "fuzz", None)
            opened.scenario()
            said["sweep findings" if opened.examine_sweep() else "fine"] += 1
        except ScenarioError as error:
            said["findings"] += 1
            if "\n" in str(error) or " expected " not in str(error):
                crashes.append(f"{number}: {error}")
        except Exception as error:  # that none comes this far is what is measured
            crashes.append(f"{number}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.process_time() - started)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    figure = {
        "files": FUZZED,
        **said,
        "slowest_s": round(slowest, 3),
        "grown_MiB": round(grown),
        "crashes": crashes[:3],
    }
    return Result(figure, not crashes and slowest < 1.0 and grown < 200 and said["findings"] > said["fine"] > 0)


def _broken(count: int) -> Iterator[str]:
    """Library files with letters, lines, values or keys changed, and YAML made at random."""
    dice = random.Random(0)
    texts = [path.read_text(encoding="utf-8") for path in shipped().values()]
    pieces = [*"{}[]:,&*!|>-#'\"%@\\\t\n 019.~$(", "\x00", "é", "- ", ": ", "1e999", "$x", "-1", "80 km/h", "<<: *a"]
    words = sorted({word for text in texts for word in text.split()})
    for number in range(count):
        text = list(dice.choice(texts))
        if number % 4 == 0:
            text = [
                dice.choice(words) + dice.choice((" ", "\n", ": ", ", ", "\n  ")) for _ in range(dice.randint(1, 80))
            ]
        elif number % 4 == 1:
            rows = "".join(text).splitlines(keepends=True)
            for _ in range(dice.randint(1, 3)):
                rows.insert(dice.randrange(len(rows)), rows.pop(dice.randrange(len(rows))))
            text = rows
        elif number % 4 == 2:
            text = "".join(text).split(" ")
            for _ in range(dice.randint(1, 4)):
                text[dice.randrange(len(text))] = dice.choice(words)
            text = [" ".join(text)]
        else:
            for _ in range(dice.randint(1, 6)):
                at = dice.randrange(len(text))
                text[at : at + dice.randint(0, 4)] = dice.choice(pieces)
        yield "".join(text)


def projection(folder: Path) -> Result:
    """Boxes in the image against samples of their surfaces, refined around the outermost ones."""
    dice = np.random.default_rng(0)
    camera = Camera()
    worst, seen, near = 0.0, 0, 0
    while seen < BOXES:
        size = dice.uniform((0.3, 0.3, 0.5), (12.0, 2.6, 3.5))
        ahead = dice.uniform(-2.0, 8.0) if seen % 2 else dice.uniform(5.0, 120.0)
        center = (ahead, dice.uniform(-1.0, 1.0) * (4.0 + 0.6 * abs(ahead)), size[2] / 2)
        heading = dice.uniform(-np.pi, np.pi)
        made = project_box(camera, center, size, heading)
        bounds = _sampled(camera, box_corners(center, size, heading))
        if made is None or bounds is None:
            narrow = made is None or (made.box[2] - made.box[0] < 1.0 or made.box[3] - made.box[1] < 1.0)
            if (bounds is not None and (bounds[2:] - bounds[:2]).min() > 1.0) or not narrow:
                worst = np.inf
            continue
        seen += 1
        near += bool((to_camera(camera, box_corners(center, size, heading))[:, 2] < NEAR).any())
        worst = max(worst, float(np.abs(np.array(made.box) - bounds).max()))
    return Result(
        {"boxes": seen, "cut_at_the_near_plane": near, "worst_px": round(worst, 4)}, worst <= 1.0 and near > 500
    )


def _sampled(camera: Camera, corners: np.ndarray) -> np.ndarray | None:
    """Bounds (4) in the image of a box with ``corners`` (8 3), by sampling its six faces; None if no sample is seen."""
    faces = ((0, 1, 3), (4, 5, 7), (0, 1, 4), (3, 2, 7), (0, 3, 4), (1, 2, 5))  # a corner and its two neighbours
    origin = np.stack([corners[a] for a, _, _ in faces])
    u_axis = np.stack([corners[b] - corners[a] for a, b, _ in faces])
    v_axis = np.stack([corners[c] - corners[a] for a, _, c in faces])
    face, u, v = (axis.ravel() for axis in np.meshgrid(np.arange(6), *[np.linspace(0, 1, 100)] * 2, indexing="ij"))
    # Along the rims closely: there the border of the image cuts off slivers that a grid misses.
    rim_face, rim, side = (axis.ravel() for axis in np.meshgrid(np.arange(6), np.linspace(0, 1, 1500), (0.0, 1.0)))
    face = np.concatenate([face, rim_face, rim_face])
    u, v = np.concatenate([u, rim, side]), np.concatenate([v, side, rim])
    bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
    span = 1.0 / 99
    for _ in range(16):  # slowly: where the border of the image cuts an edge, the outermost sample creeps along it
        points = origin[face] + u[:, None] * u_axis[face] + v[:, None] * v_axis[face]
        inside, pixels = _in_image(camera, points)
        if not inside.any():
            break
        best = []
        for one in np.unique(face[inside]):  # per face, for the outermost sample may lie on one that few samples hit
            kept = np.flatnonzero(inside & (face == one))
            best += [kept[pick(pixels[kept, axis])] for pick in (np.argmin, np.argmax) for axis in (0, 1)]
        bounds[:2] = np.minimum(bounds[:2], pixels[best].min(axis=0))
        bounds[2:] = np.maximum(bounds[2:], pixels[best].max(axis=0))
        step = np.linspace(-1, 1, 17) * span
        grid_u, grid_v = (axis.ravel() for axis in np.meshgrid(step, step))
        face = np.repeat(face[best], len(grid_u))
        u, v = (
            np.clip(np.concatenate([values[b] + grid for b in best]), 0, 1)
            for values, grid in ((u, grid_u), (v, grid_v))
        )
        span /= 2
    return bounds if np.isfinite(bounds).all() else None


def _in_image(camera: Camera, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which points (n 3) are seen, (n), and their pixels (n 2)."""
    seen = to_camera(camera, points)
    front = seen[:, 2] >= NEAR
    depth = np.where(front, seen[:, 2], 1.0)
    pixels = np.stack([camera.cx + camera.fx * seen[:, 0] / depth, camera.cy + camera.fy * seen[:, 1] / depth], axis=1)
    inside = front & (pixels >= 0).all(axis=1) & (pixels <= (camera.width, camera.height)).all(axis=1)
    return inside, pixels


def plans(folder: Path) -> Result:
    """``plan`` of a drawn sweep: 64 points are the first 64 of 100, and four shards together are the whole."""
    file = folder / "sweep.yaml"
    text = (shipped()["cut_in"]).read_text(encoding="utf-8").split("variations:")[0]
    sweep = "variations: {{mode: {mode}, runs: {runs}, over: {{ego.initial.speed: {{uniform: {{low: 5, high: 20}}}}, "
    sweep += "environment.initial.daylight: {{values: [day, night]}}}}}}\n"
    figure = {}
    for mode in ("random", "halton"):
        rows = {}
        for runs in (64, 100):
            file.write_text(text + sweep.format(mode=mode, runs=runs))
            rows[runs] = json.loads(drivesim("plan", file, "--json").out)["list"]
        shards = [json.loads(drivesim("plan", file, "--json", "--shard", f"{i}/4").out)["list"] for i in (1, 2, 3, 4)]
        joined = sorted((row for shard in shards for row in shard), key=lambda row: row["k"])
        figure[mode] = {"first_64_equal": rows[64] == rows[100][:64], "shards_equal": joined == rows[100]}
    return Result(figure, all(all(row.values()) for row in figure.values()))


LINES = (
    Line("library validates, plays and meets its expectations", "no finding; 36 scenarios or more", library),
    Line("previews of the library", "< 10 s each", previews),
    Line("facts from other processes", "the same bytes", same_bytes),
    Line("projection against sampling", "<= 1 px on 10,000 boxes", projection),
    Line("fuzzed files", "10,000: our error or a scenario, < 1 s, < 200 MiB", fuzz),
    Line("plans of drawn sweeps", "64 are the first 64 of 100; shards are the whole", plans),
)

"""Training clips of the town: random scenarios that cover the conditions evenly, rendered with exact labels.

The folder::

    dataset.json     what its clips depend on: seed, length, rates, size
    manifest.jsonl   one line per finished clip, in order: id, sha256 of its clip.json (which holds those of its files),
                     bytes, seed, scenario, rate, split
    clips/<id>/      the clips

Every clip is whole or absent, and the manifest names whole ones only. A killed run that starts again makes what is
missing; the result has the same bytes, in whatever order and by however many processes the clips are made.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from drivesim.atomic import write_json, write_text
from drivesim.clips import Clip
from drivesim.clips.store import read_json, sha256
from drivesim.errors import UserError
from scenarios import compile
from scenarios.sampling import sample

CORES = os.cpu_count() or 1
DATASET_SCHEMA = "drivesim.dataset/1"
SLOW, FAST = 7.5, 30.0  # frames/s: the upper two rates of the ladder; a slow clip holds the lowest, 1.875, too
VAL_PERCENT = 10
# Then new processes take over, since the memory of a town is not all given back. The pool's own `max_tasks_per_child`
# hangs in Python 3.11 once its first workers are done.
CLIPS_OF_A_WORKER = 32
_GOLDEN = (
    0.6180339887498949  # its multiples spread evenly and, unlike i % 3, in no step with the sampler's own sequences
)


@dataclass(frozen=True)
class Recipe:
    """What the clips of a dataset depend on; see `town_dataset`."""

    seed: int
    frames: int
    fast_share: float
    height: int
    width: int

    def fps(self, index: int) -> float:
        """The frame rate of clip ``index``, frames/s."""
        return FAST if index * _GOLDEN % 1.0 < self.fast_share else SLOW


def town_dataset(
    out: str | Path, *, clips: int, seed: int = 0, frames: int = 60, fast_share: float = 1 / 3,
    size: tuple[int, int] = (512, 1024), workers: int = CORES, progress: Callable[[int, int], object] | None = None,
) -> Path:  # fmt: skip
    """Make ``clips`` training clips of the town in the folder ``out``, or those that are missing there; returns it.

    ``seed``: of the scenarios. ``frames``: per clip. ``fast_share``: share of clips at 30 frames/s (60 frames: 2 s),
    the others run at 7.5 (8 s). ``size``: (height, width), px. ``workers``: processes. ``progress(done, total)`` is
    called with the number of finished clips. Asking for more clips later adds to the folder.

    Raises `UserError` if ``out`` holds anything but a dataset with the same seed, frames, share and size.

    >>> import tempfile
    >>> out = town_dataset(tempfile.mkdtemp(), clips=1, frames=1, size=(32, 64), workers=1)
    >>> sorted(path.name for path in out.iterdir())
    ['clips', 'dataset.json', 'manifest.jsonl']
    """
    out, recipe = Path(out), Recipe(seed, frames, fast_share, *size)
    rows = _open(out, recipe)
    done = 0
    for start in range(0, clips, CLIPS_OF_A_WORKER * workers):
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=end_with_parent) as pool:
            some = range(start, min(clips, start + CLIPS_OF_A_WORKER * workers))
            jobs = [pool.submit(_make, out, recipe, index) for index in some]
            try:
                for job in as_completed(jobs):
                    row = job.result()
                    rows[row["id"]] = row
                    _write_manifest(out, rows)
                    done += 1
                    if progress is not None:
                        progress(done, clips)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return out


def split(scenario: str) -> str:
    """``"train"`` or ``"val"`` for the sha256 of a scenario: by scenario, never by frame.

    >>> split("00" * 32), split("63" * 32)
    ('val', 'train')
    """
    return "val" if int(scenario[:8], 16) % 100 < VAL_PERCENT else "train"


def _open(out: Path, recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Make or check the folder; returns the manifest's rows by id."""
    card = {"schema": DATASET_SCHEMA, "recipe": asdict(recipe), "synthetic": True}
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        found = read_json(out / "dataset.json")
        if found != json.loads(json.dumps(card)):
            raise UserError(f"{out}: found {found and found.get('recipe')}, expected a new folder or {asdict(recipe)}")
    else:
        write_json(out / "dataset.json", card)
    manifest = out / "manifest.jsonl"
    lines = manifest.read_text(encoding="utf-8").splitlines() if manifest.exists() else []
    return {row["id"]: row for row in map(json.loads, lines)}


def _write_manifest(out: Path, rows: dict[str, dict[str, Any]]) -> None:
    write_text(out / "manifest.jsonl", "".join(json.dumps(rows[name], sort_keys=True) + "\n" for name in sorted(rows)))


def _make(out: Path, recipe: Recipe, index: int) -> dict[str, Any]:
    """Render clip ``index``, or find it there; returns its line of the manifest."""
    from drivesim.town import render  # here, so that only the workers open the renderer

    fps = recipe.fps(index)
    scenario = sample(recipe.seed, index, duration=recipe.frames / fps)
    name = f"town-{recipe.seed}-{index:06d}"
    clip: Clip = render(compile(scenario, fps=fps), out / "clips" / name, size=(recipe.height, recipe.width))
    card = clip.path / "clip.json"
    return {
        "id": name, "path": f"clips/{name}", "sha256": sha256(card), "seed": recipe.seed, "index": index,
        "bytes": sum(entry["bytes"] for entry in json.loads(card.read_bytes())["files"].values()),
        "scenario": clip.provenance["scenario"], "split": split(clip.provenance["scenario"]["sha256"]),
        "fps": clip.fps, "frames": len(clip),
    }  # fmt: skip


def end_with_parent() -> None:
    """End this worker as soon as the run that started it is gone, also after a SIGKILL: nothing may write on."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

"""Training clips of the town: random scenarios that cover the conditions evenly, the short form of `generate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from drivesim.errors import UserError
from drivesim.generate.engines import CORES
from drivesim.generate.run import Generated, generate
from drivesim.generate.suite import Suite, suite_of

SLOW, FAST = 7.5, 30.0  # frames/s: the upper two rates of the ladder; a slow clip holds the lowest, 1.875, too
RATES = (FAST, SLOW, SLOW)
FRAMES = 60
SIZE = (512, 1024)


def town_suite(
    *, clips: int, seed: int = 0, frames: int = FRAMES, rates: Sequence[float] = RATES, size: tuple[int, int] = SIZE
) -> Suite:
    """The suite of `town_dataset`."""
    return suite_of(
        {
            "name": "town",
            "seed": seed,
            "fps": list(rates),
            "size": list(size),
            "frames": frames,
            "splits": {"train": 1.0, "val": 0.0, "test": 0.0},  # training holds some out itself
            "clips": [{"sample": clips}],
        }
    )


def town_dataset(
    out: str | Path, *, clips: int, seed: int = 0, frames: int = FRAMES, rates: Sequence[float] = RATES,
    size: tuple[int, int] = SIZE, workers: int = CORES, progress: Callable[[int, int], object] | None = None,
) -> Path:  # fmt: skip
    """Make ``clips`` training clips of the town in the folder ``out``, or those that are missing there; returns it.

    ``seed``: of the scenarios. ``frames``: per clip. ``rates``: frames/s, each for as many clips (60 frames last 2 s at
    30 frames/s, 8 s at 7.5). ``size``: (height, width), px. ``workers``: processes. ``progress(done, total)`` is
    called with the number of finished clips. Asking for more clips later adds to the folder.

    Raises `UserError` if a clip could not be made, or ``out`` holds anything but a dataset with the same seed, frames,
    rates and size.

    >>> import tempfile
    >>> out = town_dataset(tempfile.mkdtemp(), clips=1, frames=1, size=(32, 64), workers=1)
    >>> sorted(path.name for path in out.iterdir())
    ['README.md', 'clips', 'dataset.json', 'manifest.jsonl']
    """
    suite = town_suite(clips=clips, seed=seed, frames=frames, rates=rates, size=size)
    made: Generated = generate(suite, out, workers=workers, progress=progress)
    for name, reason in made.failures.items():
        raise UserError(f"{out}: {len(made.failures)} of {clips} clips could not be made, {name}: {reason}")
    return Path(out)

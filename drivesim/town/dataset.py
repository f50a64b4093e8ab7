"""Training clips of the town: random scenarios, rendered one after the other; a killed run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from drivesim.clips import Clip
from drivesim.town.film import render
from scenarios.sampling import sample
from scenarios.timeline import compile


def render_samples(
    count: int,
    out: str | Path,
    *,
    seed: int = 0,
    fps: float = 30.0,
    size: tuple[int, int] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> list[Clip]:
    """The first ``count`` random scenarios of ``seed`` as clips of the town, ``out/sample_SEED_INDEX``, each of 8 s.

    ``fps``: frames/s. ``size``: (height, width) in px; None means the camera's own. ``progress(done, total)`` counts
    clips. Clips that are there already are kept: a killed run goes on, and a larger ``count`` adds to a smaller.
    Raises `UserError` where something else is in a clip's place.

    >>> import tempfile
    >>> clips = render_samples(1, tempfile.mkdtemp(), fps=0.25, size=(64, 128))
    >>> [(clip.name, len(clip)) for clip in clips]
    [('sample_0_0', 2)]
    """
    clips = []
    for index in range(count):
        scenario = sample(seed, index)
        clips.append(render(compile(scenario, fps=fps), Path(out) / scenario.name, size=size))
        if progress is not None:
            progress(index + 1, count)
    return clips

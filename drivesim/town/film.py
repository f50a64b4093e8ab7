"""`render`: a timeline to a clip of the town, frame by frame to disk."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from drivesim.atomic import partial_folder
from drivesim.clips import Clip, ClipWriter, finished, software
from drivesim.clips.passes import PASSES, to_picture
from drivesim.errors import UserError
from drivesim.overlay import draw
from drivesim.town.classes import CLASSES
from drivesim.town.renderer import Town
from scenarios.timeline import Timeline


def render(
    timeline: Timeline,
    out: str | Path,
    *,
    lossless: bool = False,
    size: tuple[int, int] | None = None,
    overlay: bool = False,
    passes: Sequence[str] = (),
    progress: Callable[[int, int], object] | None = None,
    resume: bool = True,
) -> Clip:
    """The town's video of ``timeline`` with its exact labels, as a clip in the new folder ``out``.

    ``size``: (height, width) in px; None means the camera's own, else the facts are those of the resized camera.
    ``overlay``: also a video "overlay" with the labels drawn in. ``passes``: of "semantic", "instance" and "depth"
    those that are stored as well (`drivesim.clips.passes`). ``progress(done, total)`` is called after every frame.
    ``resume``: go on after the last whole chunk of a killed run and return a clip that is there already; False starts
    anew. Raises `UserError` for an unknown pass, or if something else is at ``out``.

    >>> import tempfile
    >>> from scenarios import compile, load
    >>> from drivesim.town import render
    >>> timeline = compile(load("cut_in"), fps=0.1)
    >>> clip = render(timeline, tempfile.mkdtemp() + "/clip", size=(64, 128))
    >>> len(clip), clip.origin
    (2, 'town')
    """
    if unknown := [name for name in passes if name not in PASSES]:
        raise UserError(f"found the pass {unknown[0]!r}, expected some of {', '.join(PASSES)}")
    passes = sorted(set(passes))
    if size is not None:
        timeline = copy.copy(timeline)
        timeline.camera = timeline.camera.resized(width=size[1], height=size[0])
    provenance = {
        "origin": "town",
        "scenario": {"name": timeline.scenario.name, "sha256": timeline.scenario.fingerprint},
        "seed": timeline.seed,
        "fps": timeline.fps,
        "size": [timeline.camera.height, timeline.camera.width],
        "software": software("panda3d", "numpy", "opencv-python"),
    }
    if timeline.begins:
        provenance["begins"] = timeline.begins
    if passes:
        provenance["passes"] = {name: list(CLASSES) if name == "semantic" else None for name in passes}
    if not resume:
        shutil.rmtree(partial_folder(out), ignore_errors=True)
    elif (clip := finished(out, provenance)) is not None and (not overlay or "overlay" in clip.videos):
        return clip
    width, height = timeline.camera.width, timeline.camera.height
    with (
        ClipWriter(
            out, fps=timeline.fps, width=width, height=height, provenance=provenance, lossless=lossless,
            extra_videos=(*passes, *(("overlay",) if overlay else ())), lossless_videos=passes,
        ) as writer,
        Town(timeline.camera) as town,
    ):  # fmt: skip
        for k in range(writer.done, len(timeline)):
            facts = timeline[k]
            drawn = town.draw(facts, timeline.track(k), timeline.world, timeline.ego_s(k), ("colour", *passes))
            frame = drawn.colour
            assert frame is not None
            extra = {name: to_picture(name, getattr(drawn, name)) for name in passes}
            if overlay:
                extra["overlay"] = draw(frame, facts)
            writer.write(frame, facts, **extra)
            if progress is not None:
                progress(k + 1, len(timeline))
        return writer.finish()

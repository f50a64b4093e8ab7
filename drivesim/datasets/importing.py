"""Other people's datasets as a folder of native clips."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from drivesim import atomic
from drivesim.clips import Clip, ClipWriter
from drivesim.datasets.coco import read_coco
from drivesim.datasets.kitti import read_kitti
from drivesim.errors import UserError

READERS: dict[str, Callable[..., list[Clip]]] = {"coco": read_coco, "kitti": read_kitti}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


def import_clips(
    folder: str | Path, form: str, out: str | Path, *, fps: float | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Path:  # fmt: skip
    """Write the clips of a folder of format ``form`` to ``out/clips/<name>``, all or nothing; returns ``out``.

    ``fps``: frames per second where the files do not tell. ``progress(done, total)``: called after every clip. Pictures
    of odd size are kept without loss, as H.264 has even sizes only. Raises `UserError` on an unknown format, what the
    reader refuses, and names that are no plain file names or are there twice.
    """
    if form not in READERS:
        raise UserError(f"format is {form!r}, expected one of {', '.join(READERS)}")
    clips = READERS[form](folder, fps=fps)
    names = [clip.name for clip in clips]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            raise UserError(f"{folder}: a clip is named {name[:200]!r}, expected plain names, each once")
    with atomic.new_folder(out) as place:
        for done, clip in enumerate(clips, start=1):
            _write(clip, place / "clips" / clip.name)
            if progress is not None:
                progress(done, len(clips))
    return Path(out)


def _write(clip: Clip, out: Path) -> None:
    lossless = bool(clip.width % 2 or clip.height % 2)
    with ClipWriter(
        out, fps=clip.rate, width=clip.width, height=clip.height, provenance=clip.provenance, lossless=lossless
    ) as writer:
        for frame, facts in zip(clip.frames(), clip.facts, strict=True):
            writer.write(frame, facts)
        writer.finish()

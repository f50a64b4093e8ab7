"""Passes of a clip as the picture files of other people's formats."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import yaml

from drivesim.clips import Clip
from drivesim.clips.passes import read_pass
from drivesim.errors import UserError
from drivesim.exports.labels import MAPS
from drivesim.exports.pictures import write_picture

DEPTH_SCALE = 256.0  # KITTI's: the picture's value is 256 times the metres, and 0 where there is none
_MOST_DEPTH = 65535


@cache
def _semantic(form: str) -> dict[str, int]:
    found: dict[str, int] = yaml.safe_load((MAPS / f"{form}_semantic.yaml").read_text(encoding="utf-8"))
    return found


def write_semantic(clip: Clip, form: str, folder: Path, name: str, *, first: int = 0) -> None:
    """Write a clip's semantic pass, if it has one: 8-bit PNGs of the format's numbers.

    ``name``: of a picture in ``folder``, such as "{:06d}.png", for a frame's number; frames count from ``first``.
    Raises `UserError` if a class of the clip has no number in the format's map.
    """
    if "semantic" not in clip.videos:
        return
    numbers = _semantic(form)
    classes = clip.provenance["passes"]["semantic"]
    if unknown := [name for name in classes if name not in numbers]:
        raise UserError(f"{clip.path}: found the class {unknown[0]!r}, expected some of {', '.join(numbers)}")
    table = np.array([numbers[name] for name in classes], np.uint8)
    for k, picture in enumerate(read_pass(clip, "semantic", range(len(clip)))):
        write_picture(folder / name.format(first + k), table[picture])


def write_depth(clip: Clip, folder: Path, name: str) -> None:
    """Write a clip's depth, if it has it, as KITTI does: 16-bit PNGs, 256 a metre; 0: the sky and beyond 255 m.

    ``folder`` and ``name``: see `write_semantic`.
    """
    if "depth" not in clip.videos:
        return
    for k, depth in enumerate(read_pass(clip, "depth", range(len(clip)))):
        scaled = np.rint(np.where(np.isfinite(depth), depth, 0.0) * DEPTH_SCALE)
        write_picture(folder / name.format(k), np.where(scaled <= _MOST_DEPTH, scaled, 0).astype(np.uint16))

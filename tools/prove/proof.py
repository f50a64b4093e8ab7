"""What the proofs share: the expected clips, the comparison of boxes, and the line that a proof prints.

A proof is ``tools/prove/<format>.py NATIVE EXPORT``; it runs where only that format's reader is installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

Label = tuple[Any, ...]  # frame, track (None where the format has no place for it), class, x1, y1, x2, y2, flagged


def expected(export: Path) -> list[dict[str, Any]]:
    """The clips that the reader must find."""
    return json.loads(export.with_name(f"{export.name}.expected.json").read_text(encoding="utf-8"))


def same(found: list[Label], wanted: list[Label], rounding: float) -> bool:
    """Whether two lists hold the same labels in any order, their boxes within ``rounding`` px."""
    if len(found) != len(wanted):
        return False
    rest = list(wanted)
    for label in found:
        near = [other for other in rest if _near(label, other, rounding)]
        if not near:
            return False
        rest.remove(near[0])
    return True


def _near(one: Label, other: Label, rounding: float) -> bool:
    exact = (0, 1, 2, 7)
    return all(one[k] == other[k] for k in exact) and all(abs(one[k] - other[k]) <= rounding for k in range(3, 7))


def prove(form: str, reader: str, main: Callable[[Path, Path], dict[str, Any]]) -> None:
    """Run ``main(native, export)`` on the arguments; print its clips, frames, boxes, tracks, passed as a JSON line.

    Exits with 1 if it did not pass.
    """
    with redirect_stdout(sys.stderr):  # readers like to talk
        found = main(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps({"format": form, "reader": reader, "version": version(reader), **found}), flush=True)
    sys.exit(not found["passed"])

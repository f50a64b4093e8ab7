"""facts.jsonl: a header line with the schema, then the facts of one frame per line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, overload

import numpy as np

from drivesim.clips.slices import Slice
from drivesim.errors import UserError
from scenarios.facts import FACTS_SCHEMA, FrameFacts

MAX_LINE = 16 * 2**20  # bytes; a crowded frame has some 30 kB


def facts_header() -> bytes:
    """The first line of a facts file."""
    return _line({"schema": FACTS_SCHEMA})


def facts_line(facts: FrameFacts) -> bytes:
    """One frame as a line. Raises ``ValueError`` on NaN or infinity."""
    return _line(facts.to_dict())


def strict_json(data: bytes) -> Any:
    """The value of a JSON text. Raises ``ValueError`` on NaN and infinity, which Python would take, also as 1e999.

    >>> strict_json(b'{"speed": 3.5}')
    {'speed': 3.5}
    """
    try:
        value = json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("lists within lists without end found, expected JSON of some depth") from error
    if b"\\ud" in data.lower():
        json.dumps(value, ensure_ascii=False).encode()  # fails on half a character, which nothing could print or store
    return value


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} found, expected a finite number")


def _line(value: dict) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


class FactsFile(Sequence[FrameFacts]):
    """The facts of a file as a sequence, parsed on demand: memory holds the line offsets only.

    Raises `UserError` if the header or the number of lines differs from ``frames``, or a line is not a frame's facts.
    """

    def __init__(self, path: Path | Slice, frames: int) -> None:
        """``frames``: how many there must be. Nothing is read yet."""
        self.path, self._frames = path, frames

    def __len__(self) -> int:
        """The number of frames."""
        return self._frames

    @overload
    def __getitem__(self, index: int) -> FrameFacts: ...
    @overload
    def __getitem__(self, index: slice) -> list[FrameFacts]: ...
    def __getitem__(self, index: int | slice) -> FrameFacts | list[FrameFacts]:
        """Frame ``index``, or a list of frames for a slice."""
        if isinstance(index, slice):
            return list(self._read(range(len(self))[index]))
        return next(self._read([range(len(self))[index]]))

    def __iter__(self) -> Iterator[FrameFacts]:
        """All frames, one at a time."""
        return self._read(range(len(self)))

    def _read(self, indices: Sequence[int]) -> Iterator[FrameFacts]:
        with self.path.open("rb") as file:
            for index in indices:
                start, end = self._offsets[index : index + 2]
                file.seek(start)
                try:
                    facts = FrameFacts.from_json(file.read(end - start))
                except ValueError as error:
                    raise UserError(f"{self.path}:{index + 2}: {error}") from error
                if facts.index != index:
                    raise UserError(f"{self.path}:{index + 2}: facts of frame {facts.index}, expected frame {index}")
                yield facts

    @cached_property
    def _offsets(self) -> np.ndarray:
        """Byte offset of each frame's line, and of the end."""
        offsets = [0]
        with self.path.open("rb") as file:
            header = file.readline(MAX_LINE)
            if header != facts_header():
                raise UserError(f"{self.path}:1: header is {header[:80]!r}, expected {facts_header()!r}")
            offsets = [len(header)]
            while line := file.readline(MAX_LINE):
                if not line.endswith(b"\n"):
                    raise UserError(
                        f"{self.path}:{len(offsets) + 1}: the line is cut or long, expected up to {MAX_LINE} bytes"
                    )
                offsets.append(offsets[-1] + len(line))
        if len(offsets) - 1 != self._frames:
            raise UserError(f"{self.path}: facts of {len(offsets) - 1} frames, expected {self._frames}")
        return np.array(offsets, dtype=np.int64)

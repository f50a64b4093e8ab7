"""A file within a file, such as a member of a tar: read in place, its sum checked before anything else is."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from drivesim.errors import UserError


@dataclass(frozen=True)
class Slice:
    """``size`` bytes of the file ``path`` from ``offset`` on, which are a file called ``name``.

    ``sha256``: of these bytes, in hex; None where nobody noted it. It stands where a `Path` is only read.
    """

    path: Path
    name: str
    offset: int
    size: int
    sha256: str | None = None

    def open(self, mode: str = "rb") -> BinaryIO:
        """The bytes as a file of their own. Raises `UserError` if they are not those of `sha256`, once looked at."""
        assert mode == "rb"
        if self.sha256 is not None and self._found != self.sha256:
            raise UserError(f"{self}: sha256 is {self._found}, expected {self.sha256} (damaged)")
        return self._raw()

    def read_bytes(self) -> bytes:
        """All bytes."""
        with self.open() as file:
            return file.read()

    def __str__(self) -> str:
        """``shard.tar/member``."""
        return str(self.path / self.name)

    @cached_property
    def _found(self) -> str:
        with self._raw() as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]

    def _raw(self) -> BinaryIO:
        return cast(BinaryIO, io.BufferedReader(_Window(self), 1 << 16))


class _Window(io.RawIOBase):
    """The bytes of a `Slice`, unbuffered."""

    def __init__(self, of: Slice) -> None:
        self._file = of.path.open("rb", buffering=0)
        self._start, self._size, self._at = of.offset, of.size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        count = self._file.readinto(memoryview(buffer)[:wanted]) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()

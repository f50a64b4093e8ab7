"""Files and folders that are whole or absent: written beside their place, flushed to disk, then moved there."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drivesim.errors import UserError


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write ``data`` to ``path`` so that a reader, or a killed run, never sees half of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    sync_folder(path.parent)
    return path


def write_text(path: str | Path, text: str) -> Path:
    """Write UTF-8 text atomically."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, value: Any) -> Path:
    """Write JSON atomically: sorted keys, two spaces, no NaN (raises ``ValueError`` on one)."""
    return write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def partial_folder(out: str | Path) -> Path:
    """Where a folder that becomes ``out`` is built."""
    out = Path(out)
    return out.with_name(f".{out.name}.partial")


def move_folder(partial: Path, out: str | Path) -> Path:
    """Move a finished folder to its place. Raises ``UserError`` if anything but an empty folder stands there."""
    out = Path(out)
    for file in partial.rglob("*"):
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
    try:
        os.replace(partial, out)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        raise UserError(f"{out}: already there, expected a new or an empty folder") from error
    sync_folder(out.parent)
    return out


@contextmanager
def new_folder(out: str | Path) -> Iterator[Path]:
    """Give an empty folder to build in; it becomes ``out`` if the block ends without an error, else nothing remains."""
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: already there, expected a new or an empty folder")
    partial = partial_folder(out)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        move_folder(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def sync_folder(folder: Path) -> None:
    """Flush a folder's own entry list to disk (a rename alone is not durable on every file system)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

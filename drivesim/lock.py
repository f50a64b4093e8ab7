"""One run at a time in a folder, also after a SIGKILL: who writes there holds a lock that ends with it."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from functools import cache
from pathlib import Path

from drivesim.errors import UserError

logger = logging.getLogger(__name__)
PATIENCE = 15.0  # s that the workers of a killed run may take to notice
_CANNOT = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


class Lock:
    """Holds a folder: the run that makes it alone takes it, then its workers join. A context manager.

    Raises `UserError` if another run, or a worker that it left, still writes there after `PATIENCE`. Where the file
    system has no locks, a warning says so.
    """

    def __init__(self, folder: Path) -> None:
        """Take the lock of a folder that exists."""
        self._handle = os.open(folder, os.O_RDONLY)
        start = time.monotonic()
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(self._handle, fcntl.LOCK_SH)
                return
            except BlockingIOError:
                if time.monotonic() - start > PATIENCE:
                    os.close(self._handle)
                    raise UserError(f"{folder}: another run writes there, expected one at a time") from None
                time.sleep(0.05)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise
                logger.warning("%s: no locks on this file system; let only one run at a time write there", folder)
                return

    def __enter__(self) -> Lock:
        """The lock."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        os.close(self._handle)


@cache
def join(folder: Path) -> int | None:
    """Hold a folder until this process ends, beside the run that it works for; returns the handle."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        os.close(handle)
        return None
    return handle

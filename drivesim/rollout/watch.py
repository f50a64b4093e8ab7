"""Who wants to know where a rollout's time goes: its stages are named here, and a watcher hears when each works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

STAGES = ("conditions", "first", "keys", "between", "decode", "steady", "enlarge", "overlay", "write")
"""In the order in which a frame meets them."""

Watch = Callable[[str], AbstractContextManager[object]]

_watch: Watch | None = None


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Within the block each stage of every rollout of this process works inside ``watch(name)``."""
    global _watch
    before, _watch = _watch, watch
    try:
        yield
    finally:
        _watch = before


@contextmanager
def working(name: str) -> Iterator[None]:
    """What a stage works in; it may also decorate the function that does the work."""
    with nullcontext() if _watch is None else _watch(name):
        yield

"""A rollout's pipeline: its parts work at the same time, each in a thread of its own, on what the part before has made.

Latents of a few frames, the small pictures of those before, the large pictures of those before that, and their writing.
What is made does not depend on who is faster: each part makes one thing after the other, and is never more than one
ahead.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

from drivesim.clips import Clip, ClipWriter
from drivesim.overlay import draw
from drivesim.rollout.pictures import scaled
from drivesim.rollout.session import Session, State
from drivesim.rollout.watch import working
from scenarios import Timeline
from scenarios.facts import FrameFacts

logger = logging.getLogger(__name__)

T = TypeVar("T")
Progress = Callable[[int, int], None]
HEAVY = 3  # parts that keep processors busy: what makes latents, small pictures, large ones
_END: Any = object()


@dataclasses.dataclass(frozen=True)
class _Pictures:
    """Consecutive frames on their way: ``made`` is a `Window`, small pictures (t 3 H W) or large frames (t h w 3)."""

    first: int
    made: Any
    facts: Sequence[FrameFacts]
    ends_step: int | None = None
    """The first frame of the step whose last frames these are: once they are written, its state is not needed."""


def stream(
    session: Session, timeline: Timeline, out: Path, provenance: dict[str, Any], progress: Progress | None
) -> Clip:
    """Make a session's clip of a timeline at ``out``, or go on with what an earlier run left of it.

    ``provenance``: of the clip. ``progress``: called with (frames done, frames in all).
    """
    height, width = session.large_size
    states = out.with_name(f".{out.name}.states")
    with ClipWriter(
        out, fps=session.plan.fps, width=width, height=height, provenance=provenance, chunk_frames=session.plan.step,
        extra_videos=("overlay",),
    ) as writer, shared_processors():  # fmt: skip
        _resume(session, states, writer.done)
        start = session.state.frame
        before = timeline[start - 1] if start else None
        with (
            closing(ahead(_windows(session, timeline))) as windows,
            closing(ahead(_small(session, windows, before, states))) as small,
            closing(ahead(_large(session, small, writer.done))) as large,
        ):
            for piece in large:
                for frame, fact in zip(piece.made, piece.facts, strict=True):
                    fact = scaled(fact, width, height)
                    with working("overlay"):
                        drawn = draw(frame, fact)
                    with working("write"):
                        writer.write(frame, fact, overlay=drawn)
                if piece.ends_step is not None:
                    (states / f"{piece.ends_step}.safetensors").unlink(missing_ok=True)
                if progress is not None:
                    progress(piece.first + len(piece.facts), len(timeline))
        clip = writer.finish()
    shutil.rmtree(states, ignore_errors=True)
    return clip


def _windows(session: Session, timeline: Timeline) -> Iterator[_Pictures]:
    """The latents of the steps of the plan that are to come, a few at a time."""
    plan, total = session.plan, len(timeline)
    facts: list[FrameFacts] = []  # from the start of the step; to work them out takes time
    while (start := session.state.frame) < total:
        count = min(plan.step, total - start)
        ahead_of = range(start + len(facts), start + plan.horizon)
        facts += [timeline[min(frame, total - 1)] for frame in ahead_of]  # the world ends with the clip
        first = start
        for window in session.windows(session.told(facts), count):
            shown = facts[first - start :][: window.shown.stop - window.shown.start]
            yield _Pictures(first, window, shown, start if window.state else None)
            first += len(shown)
        facts = facts[count:]


def _small(
    session: Session, windows: Iterator[_Pictures], before: FrameFacts | None, states: Path
) -> Iterator[_Pictures]:
    """The small pictures of those windows. ``before``: the facts of the frame before the first, if there is one."""
    for piece in windows:
        low = session.steady(session.decode(piece.made), piece.facts, before)
        if (state := piece.made.state) is not None:
            state.save(states / f"{state.frame}.safetensors", session.picture)  # before the chunk counts as done
        yield dataclasses.replace(piece, made=low)
        before = piece.facts[-1]


def _large(session: Session, small: Iterator[_Pictures], done: int) -> Iterator[_Pictures]:
    """The frames of those small pictures that are of a step that begins at ``done`` or later."""
    for piece in small:
        if piece.first < done:
            continue
        chunks = session.plan.chunks(len(piece.facts))
        for chunk in chunks:
            facts, first = piece.facts[chunk.start : chunk.stop], piece.first + chunk.start
            told = session.told(facts, large=True)
            frames = session.enlarge(piece.made[chunk.start : chunk.stop], told, first).numpy()
            yield _Pictures(first, frames, facts, piece.ends_step if chunk == chunks[-1] else None)


def _resume(session: Session, states: Path, done: int) -> None:
    """Bring a session to the newest state that an earlier run left at or before frame ``done``; forget all others."""
    saved = {int(path.stem): path for path in states.glob("*.safetensors")} if done else {}
    newest = max((frame for frame in saved if frame <= done), default=0)
    if newest:
        session.state, session.picture = State.load(saved[newest])
        logger.info("going on at frame %d", done)
    for path in states.glob("*"):
        if path != saved.get(newest):
            path.unlink()


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The items of an iterator that works in a thread of its own, one item ahead of who asks.

    What it raises is raised here. Whoever asks no more (`close`) waits for the item it works on.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    # Each thread has its own number of torch's threads; a new one takes it from what was set last anywhere.
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)) as worker:
        coming = worker.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = worker.submit(next, items, _END)
            yield item


@contextmanager
def shared_processors() -> Iterator[None]:
    """Within the block torch uses fewer threads, here and in `ahead`: the heavy parts do not crowd each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // HEAVY))
    try:
        yield
    finally:
        torch.set_num_threads(before)

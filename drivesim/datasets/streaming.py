"""Endless windows of frames, decoded in the background from clips wherever they lie: no cache, any amount of video.

Sample i is a pure function of (seed, purpose, i) (`drivesim.datasets.order`), so a run goes on exactly by starting at
its next sample, and the number of workers changes nothing but the speed.
"""

from __future__ import annotations

import itertools
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from drivesim.clips import MAIN, Clip
from drivesim.datasets.order import Mix, Order
from drivesim.datasets.training_reader import Size, Window, Windows
from drivesim.errors import UserError
from scenarios.facts import FrameFacts


@dataclass(frozen=True)
class Source:
    """Clips that are read together; those of a shard, or of a folder, must stand together. ``weight``: of its samples.

    Raises `UserError` if there are no clips.
    """

    clips: Sequence[Clip]
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Check that there is something to read."""
        if not self.clips:
            raise UserError("a source has no clips to train on, expected one or more")


@dataclass(frozen=True)
class Sample:
    """A window of frames. ``colour``: (t h w 3) uint8. ``indices``: of the frames in ``clip``. ``interval``: s."""

    colour: np.ndarray
    clip: Clip
    indices: range
    interval: float

    @property
    def facts(self) -> list[FrameFacts]:
        """The facts of each frame, read now."""
        return [self.clip.facts[k] for k in self.indices]


class _Visit(NamedTuple):
    """One of a source's visits: which clip, and the windows to take."""

    clip: Clip
    windows: list[Window]


class Stream:
    """Samples by number; in order and ahead of their use by `samples`.

    Raises `UserError` when no clip of a source is long enough; clips that are too short are left out.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        frames: int,
        size: Size,
        rates: Sequence[float] = (),
        windows: int = 16,
        pool: int = 32,
        seed: int,
        purpose: str,
        workers: int = 0,
    ) -> None:
        """Set up; nothing is decoded yet.

        Args:
            sources: what to read, mixed by weight.
            frames: per window.
            size: (height, width) of the frames, px.
            rates: frames/s of the windows, drawn evenly of those that a clip allows; empty: each clip's own.
            windows: taken of a clip at each visit; more cost less decoding for each, and are more alike.
            pool: so many visits are shuffled together; twice as many are held in memory.
            seed: with ``purpose``, the key of every draw.
            purpose: what the samples are for.
            workers: threads that decode; 0: as many as there are cores.
        """
        self.frames, self.size, self.rates = frames, size, rates
        self.windows, self.pool = windows, pool
        self.seed, self.purpose = seed, purpose
        self.workers = workers or os.cpu_count() or 1
        self.waited = 0.0  # s that who reads has spent on waiting for frames
        try:
            self._mix = Mix([source.weight for source in sources], seed=seed, purpose=purpose)
        except ValueError as error:
            raise UserError(str(error)) from error
        self._clips: list[list[tuple[Clip, Windows]]] = []
        self._orders: list[Order] = []
        for number, source in enumerate(sources):
            fitting = self._fitting(source.clips)
            groups = [len(list(group)) for _, group in itertools.groupby(clip.path.parent for clip, _ in fitting)]
            self._clips.append(fitting)
            self._orders.append(
                Order(groups, windows=windows, pool=pool, seed=seed, purpose=f"{purpose}/source {number}")
            )

    def sample(self, index: int) -> Sample:
        """Sample ``index``, decoded now."""
        source, visit, number = self._place(index)
        clip, windows = self._visit(source, visit)
        return self._read(_Visit(clip, [windows[number]]))[0]

    def samples(self, start: int = 0) -> Generator[Sample, None, None]:
        """Samples ``start``, ``start + 1``, ... without end, decoded a pool ahead by threads that end with it.

        Raises `UserError` that names the file when a clip cannot be read.
        """
        workers = _Workers(self.workers, self._read)
        ahead: deque[tuple[int, int, int]] = deque()
        visits: dict[tuple[int, int], Future[list[Sample]]] = {}
        try:
            for index in itertools.count(start):
                while len(ahead) <= self.pool * self.windows:
                    place = source, visit, _ = self._place(index + len(ahead))
                    ahead.append(place)
                    if (source, visit) not in visits:
                        visits[source, visit] = workers.submit(self._visit(source, visit))
                source, visit, number = ahead.popleft()
                for old in [key for key in visits if key[0] == source and key[1] // self.pool < visit // self.pool]:
                    del visits[old]
                since = time.monotonic()
                found = visits[source, visit].result()
                self.waited += time.monotonic() - since
                yield found[number]
        finally:
            workers.close()

    def _place(self, index: int) -> tuple[int, int, int]:
        """(source, visit, window of the visit) of a sample."""
        source, number = self._mix.source(index)
        return source, *self._orders[source].place(number)

    def _visit(self, source: int, visit: int) -> _Visit:
        clip, windows = self._clips[source][self._orders[source].clip(visit)]
        purpose = f"{self.purpose}/source {source}"
        first = visit * self.windows
        return _Visit(clip, [windows.draw(self.seed, purpose, first + k) for k in range(self.windows)])

    def _read(self, visit: _Visit) -> list[Sample]:
        """All windows of a visit; each of the frames they have is decoded once."""
        clip, windows = visit
        wanted = sorted({k for window in windows for k in window.indices})
        try:
            colour = dict(zip(wanted, clip.videos[MAIN].pick(wanted, self.size), strict=True))
        except OSError as error:
            raise UserError(f"{clip.path}: {error}, expected a readable clip") from error
        return [Sample(np.stack([colour[k] for k in w.indices]), clip, w.indices, w.interval) for w in windows]

    def _fitting(self, clips: Sequence[Clip]) -> list[tuple[Clip, Windows]]:
        Windows([(len(clip), clip.fps) for clip in clips], frames=self.frames, rates=self.rates)  # raises if none fits
        found = []
        for clip in clips:
            try:
                found.append((clip, Windows([(len(clip), clip.fps)], frames=self.frames, rates=self.rates)))
            except UserError:
                continue
        return found


class _Workers:
    """Daemon threads that work off jobs in order: FFmpeg decodes and scales without Python's lock.

    A `concurrent.futures` pool would finish all it was given before the interpreter may end. On Linux, where threads
    have priorities of their own, they step back for the training: its threads wait for each other at every layer, so
    that one of them delayed delays all.
    """

    def __init__(self, count: int, work: Callable[[_Visit], list[Sample]]) -> None:
        self._work = work
        self._jobs: queue.SimpleQueue[tuple[_Visit, Future[list[Sample]]] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"reader {k}", daemon=True) for k in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, visit: _Visit) -> Future[list[Sample]]:
        """What the work makes of a visit, when it is done."""
        future: Future[list[Sample]] = Future()
        self._jobs.put((visit, future))
        return future

    def close(self) -> None:
        """End the threads, each after the job that it is at."""
        self._closed.set()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10))
        while (job := self._jobs.get()) is not None and not self._closed.is_set():
            visit, future = job
            try:
                future.set_result(self._work(visit))
            except BaseException as error:  # whoever waits for the result is to know
                future.set_exception(error)

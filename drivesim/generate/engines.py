"""Engines: ways to run the same function for many jobs. What comes of a job never depends on the engine.

An engine takes jobs, the function and a number of workers, and gives the outcomes in whatever order they are ready; a
job whose process died again and again has a failure as its outcome.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Protocol

from drivesim.errors import UserError
from drivesim.generate.jobs import Job
from drivesim.generate.making import Outcome

Outcomes = Generator[Outcome, None, None]


class Make(Protocol):
    """What an engine runs: a function that other processes can be given."""

    @property
    def device(self) -> str:
        """Where it computes."""
        ...

    def join(self) -> None:
        """Called once in each process that it is given to, before the first job."""
        ...

    def __call__(self, job: Job) -> Outcome:
        """What becomes of a job; raises nothing."""
        ...


Engine = Callable[[Sequence[Job], Make, int], Outcomes]

CORES = os.cpu_count() or 1
# Then new processes take over, since the memory of a town is not all given back. The pool's own `max_tasks_per_child`
# hangs in Python 3.11 once its first workers are done.
CLIPS_OF_A_WORKER = 32


def find(name: str) -> Engine:
    """The engine of that name: "local" (processes), "inline" (this process), "ray". Raises `UserError`."""
    if name == "ray":
        from drivesim.generate.on_ray import on_ray

        return on_ray
    engines: dict[str, Engine] = {"local": local, "inline": inline}
    if name not in engines:
        raise UserError(f"engine is {name!r}, expected local, inline or ray")
    return engines[name]


def inline(jobs: Sequence[Job], make: Make, workers: int) -> Outcomes:
    """One after the other in this process; ``workers`` must be 1."""
    if workers != 1:
        raise UserError(f"found {workers} workers, expected 1 for the engine inline")
    yield from map(make, jobs)


def local(jobs: Sequence[Job], make: Make, workers: int) -> Outcomes:
    """In ``workers`` processes of this machine, which end with this one."""
    some = CLIPS_OF_A_WORKER * workers
    for batch in (jobs[start : start + some] for start in range(0, len(jobs), some)):
        left = {job.id: job for job in batch}
        try:
            for outcome in _pool(batch, make, workers):
                del left[outcome.id]
                yield outcome
        except BrokenProcessPool:  # the death of one process takes the pool along
            yield from _one_by_one(list(left.values()), make)


def _processes(make: Make, workers: int) -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=(make,))


def _begin(make: Make) -> None:
    end_with_parent()
    make.join()


def _pool(jobs: Sequence[Job], make: Make, workers: int) -> Outcomes:
    with _processes(make, workers) as pool:
        running = [pool.submit(make, job) for job in jobs]
        try:
            for done in as_completed(running):
                yield done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _one_by_one(jobs: Sequence[Job], make: Make) -> Outcomes:
    """One job at a time, so that a process's death is the fault of one of them."""
    left = deque(jobs)
    while left:
        with _processes(make, 1) as pool:
            try:
                while left:
                    yield pool.submit(make, left[0]).result()
                    left.popleft()
            except BrokenProcessPool:
                yield Outcome(left.popleft().id, failure="the process that made it died twice")


def end_with_parent() -> None:
    """End this worker as soon as the run that started it is gone, also after a SIGKILL: nothing may write on."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

"""The engine on a cluster: Ray actors that hold the model and write into the same folder (``drivesim[ray]``).

All machines must see the dataset's folder at the same path (a shared file system) and have drivesim and, for rollouts
with weights of one's own, these at the same path. ``RAY_ADDRESS`` names the cluster; without it Ray starts one on this
machine, for this run. Each actor has one job at a time, so nothing piles up; a job whose actor is lost goes to another.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from drivesim.errors import UserError
from drivesim.generate import engines
from drivesim.generate.jobs import Job
from drivesim.generate.making import Outcome

TRIES = 3  # of a job whose workers are lost
PATIENCE = 10.0  # s, with a cluster's machine that does not answer


class _Worker:
    """What an actor is: the function, and through it the weights it has loaded."""

    def __init__(self, make: engines.Make) -> None:
        make.join()
        self._make = make

    def run(self, job: Job) -> Outcome:
        return self._make(job)


def on_ray(jobs: Sequence[Job], make: engines.Make, workers: int) -> engines.Outcomes:
    """In up to ``workers`` actors of a Ray cluster, each with a processor of its own and, on CUDA, a GPU.

    Raises `UserError` where Ray is not installed, the cluster cannot be reached or has no GPU for a device "cuda", and
    where an actor cannot open the dataset's folder.
    """
    if make.device.startswith("cuda:"):
        raise UserError(f"device is {make.device!r}, expected cuda: Ray gives each worker a GPU of its own")
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        _start(ray, workers)
    gpus = 1 if make.device == "cuda" else 0
    try:
        if ray.cluster_resources().get("GPU", 0) < gpus:
            raise UserError("Ray: the cluster has no GPU, expected one for the device cuda")
        yield from _spread(ray, ray.remote(num_cpus=1, num_gpus=gpus)(_Worker), jobs, ray.put(make), workers)
    finally:
        if started:
            ray.shutdown()


def _start(ray: Any, workers: int) -> None:
    """Join the cluster at ``RAY_ADDRESS``, or start one for this run, which keeps its figures to itself."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address := os.environ.get("RAY_ADDRESS"):
        _knock(address)
    else:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # What goes through the object store is as small as the maker.
        options |= {"address": "local", "num_cpus": workers, "include_dashboard": False, "object_store_memory": 1 << 27}
    try:
        ray.init(**options)
    except Exception as error:  # a node that does not come up in time is told by a bare Exception
        raise UserError(f"Ray: {error}, expected a cluster at RAY_ADDRESS or none named") from error


def _knock(address: str) -> None:
    """Raise `UserError` where nobody listens at host:port; Ray itself would try for many minutes, without a word."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():  # else "auto", or something that Ray itself refuses
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
        except (OSError, OverflowError) as error:
            raise UserError(f"RAY_ADDRESS is {address!r}: {error}, expected that of a running cluster") from error


def _spread(ray: Any, actor: Any, jobs: Sequence[Job], make: Any, workers: int) -> engines.Outcomes:
    """The outcomes of actors with one job each; a next job starts before an outcome is given, then they wait."""
    waiting, lost = deque(jobs), Counter[str]()
    running: dict[Any, tuple[Any, int, Job]] = {}  # by the promised outcome: the actor, its jobs so far, the job

    def start(worker: Any = None, number: int = 0) -> None:
        if worker is not None and (not waiting or number == engines.CLIPS_OF_A_WORKER):
            ray.kill(worker)
            worker, number = None, 0
        if waiting:
            worker, job = worker or actor.remote(make), waiting.popleft()
            running[worker.run.remote(job)] = worker, number + 1, job

    try:
        for _ in range(min(workers, len(jobs))):
            start()
        while running:
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            worker, number, job = running.pop(done)
            outcome = _outcome(ray, done)
            if outcome is not None:
                start(worker, number)
                yield outcome
                continue
            ray.kill(worker)  # where it cannot be reached, it may live
            lost[job.id] += 1
            if lost[job.id] < TRIES:
                waiting.append(job)
            start()
            if lost[job.id] == TRIES:
                yield Outcome(job.id, failure=f"the {TRIES} workers that made it were lost")
    finally:
        for worker, *_ in running.values():  # left alone, they would end their jobs
            ray.kill(worker)


def _outcome(ray: Any, done: Any) -> Outcome | None:
    """What became of a job; None: its actor was lost."""
    try:
        outcome: Outcome = ray.get(done)
    except ray.exceptions.RayActorError as error:
        if error.actor_init_failed:
            raise UserError(f"Ray: a worker cannot begin: {str(error).splitlines()[-1]}") from error
        return None
    except (ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError):
        return None
    return outcome


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UserError("the engine ray needs Ray, expected it installed: pip install 'drivesim[ray]'") from error
    return ray

"""The engine on a cluster: Ray actors that hold the model and write into the same folder (``drivesim[ray]``).

All machines must see the dataset's folder at the same path (a shared file system) and have drivesim and, for rollouts
with weights of one's own, these at the same path. ``RAY_ADDRESS`` names the cluster; without it Ray starts one on this
machine. Each actor has one job at a time, so nothing piles up; a job whose actor is lost goes to another.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from drivesim.errors import UserError
from drivesim.generate import engines
from drivesim.generate.jobs import Job
from drivesim.generate.making import Outcome

TRIES = 3  # of a job whose workers are lost


class _Worker:
    """What an actor is: the function, and through it the weights it has loaded."""

    def __init__(self, make: engines.Make) -> None:
        make.join()
        self._make = make

    def run(self, job: Job) -> Outcome:
        return self._make(job)


def on_ray(jobs: Sequence[Job], make: engines.Make, workers: int) -> engines.Outcomes:
    """In up to ``workers`` actors of a Ray cluster, each with a processor of its own and, on CUDA, a GPU.

    Raises `UserError` where Ray is not installed or the cluster cannot be reached.
    """
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        try:
            ray.init(num_cpus=None if os.environ.get("RAY_ADDRESS") else workers, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"Ray: {error}, expected a cluster at RAY_ADDRESS or none named") from error
    gpus = 1 if make.device.startswith("cuda") else 0
    actor = ray.remote(num_cpus=1, num_gpus=gpus)(_Worker)
    try:
        yield from _spread(ray, actor, jobs, ray.put(make), workers)
    finally:
        if started:
            ray.shutdown()


def _spread(ray: Any, actor: Any, jobs: Sequence[Job], make: Any, workers: int) -> engines.Outcomes:
    waiting, lost = deque(jobs), Counter[str]()
    running: dict[Any, tuple[Any, int, Job]] = {}  # by the promised outcome: the actor, its jobs so far, the job

    def start(worker: Any, number: int) -> None:
        if not waiting:
            ray.kill(worker)
            return
        if number == engines.CLIPS_OF_A_WORKER:  # its memory is not all given back
            ray.kill(worker)
            worker, number = actor.remote(make), 0
        job = waiting.popleft()
        running[worker.run.remote(job)] = worker, number + 1, job

    for _ in range(min(workers, len(jobs))):
        start(actor.remote(make), 0)
    while running:
        (done, *_), _ = ray.wait(list(running), num_returns=1)
        worker, number, job = running.pop(done)
        try:
            yield ray.get(done)
        except ray.exceptions.RayActorError:
            lost[job.id] += 1
            if lost[job.id] < TRIES:
                waiting.append(job)
            else:
                yield Outcome(job.id, failure=f"the {TRIES} workers that made it were lost")
            worker, number = actor.remote(make), 0
        start(worker, number)


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UserError("the engine ray needs Ray, expected it installed: pip install 'drivesim[ray]'") from error
    return ray

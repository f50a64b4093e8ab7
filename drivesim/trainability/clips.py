"""The clips of trainability: R and the test, which are the town's or given ones, and S, the rollouts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from drivesim.clips import Clip, ClipWriter, finished
from drivesim.datasets.training_reader import find_clips, fingerprint
from drivesim.errors import UserError
from drivesim.rollout import rollout
from drivesim.town import render
from drivesim.trainability.protocol import TrainabilityProtocol
from scenarios import Timeline, compile
from scenarios.sampling import sample


class Job(NamedTuple):
    """One clip to be made in the folder ``out``: the town's render of a sampled scenario, or a rollout of it."""

    out: Path
    number: int
    rolled: bool


def jobs(protocol: TrainabilityProtocol, folder: Path, *, count: int) -> dict[str, list[Job]]:
    """By set the clips to make: R and the test, unless real ones are given, and ``count`` rollouts S.

    Rollout k is of the scenario of R's render k, so that only the pictures differ. The test has scenarios of its own.
    Rollouts come first: what is wrong with weights or device shows at once.
    """
    numbers = {"S": range(count)}
    if protocol.real is None:
        numbers |= {"R": range(protocol.clips), "test": range(protocol.clips, protocol.clips + protocol.test)}
    return {
        name: [Job(folder / name / f"{number:06d}", number, name == "S") for number in rows]
        for name, rows in numbers.items()
    }


def make(job: Job, protocol: TrainabilityProtocol, weights: str | Path, device: str) -> Clip:
    """The clip of a job, or the one that is there already."""
    timeline = timeline_of(protocol, job.number)
    if job.rolled:
        # The cameras are the protocol's, whatever camera the weights were trained with: so it is for all weights.
        return rollout(timeline, job.out, weights=weights, device=device, allow_untrained_camera=True)
    return render(timeline, job.out, size=protocol.size)


def timeline_of(protocol: TrainabilityProtocol, number: int) -> Timeline:
    """Sampled scenario ``number``, as long as the protocol's clips."""
    scenario = sample(protocol.scenarios, number, duration=protocol.frames / protocol.fps)
    timeline = compile(scenario, fps=protocol.fps)
    assert len(timeline) == protocol.frames, (len(timeline), protocol.frames)
    return timeline


def given_clips(folder: str | Path, out: Path, protocol: TrainabilityProtocol) -> dict[str, list[Clip]]:
    """R and the test from the labelled clips in a folder: what `drivesim benchmark` reads, split by clip.

    Clips of one scenario stay on one side. A third, but at most ``protocol.test``, is the test; of the rest at most
    ``protocol.clips`` are R. Of each clip ``protocol.frames`` labelled frames, spread over it, are copied to ``out``.

    Raises `UserError` for fewer than two clips for either side, and as `find_clips` does.
    """
    found = [clip for clip in find_clips([folder]) if _labelled(clip)]
    groups: dict[str, list[Clip]] = {}
    for clip in found:
        scenario = clip.provenance.get("scenario") or {}
        groups.setdefault(scenario.get("sha256", str(clip.path)), []).append(clip)
    order = sorted(groups.values(), key=lambda clips: hashlib.sha256(clips[0].name.encode()).digest())
    wanted = min(protocol.test, len(found) // 3)
    chosen: dict[str, list[Clip]] = {"test": [], "R": []}
    for group in order:
        chosen["test" if len(chosen["test"]) < wanted else "R"] += group
    chosen = {"test": chosen["test"][: protocol.test], "R": chosen["R"][: protocol.clips]}
    if min(map(len, chosen.values())) < 2:
        raise UserError(
            f"{folder}: {len(found)} labelled clips of {len(groups)} scenarios or drives, expected 2 or more to train "
            "on and 2 or more, a third of all, to test with"
        )
    return {
        name: [_copied(clip, out / name / f"{number:03d}-{clip.name}", protocol) for number, clip in enumerate(clips)]
        for name, clips in chosen.items()
    }


def mark_of(clips: Sequence[Clip]) -> str:
    """A hash over what is in clips that drivesim wrote: their frames and facts."""
    cards = [json.loads((clip.path / "clip.json").read_bytes()) for clip in clips]
    return hashlib.sha256(json.dumps([card["files"] for card in cards], sort_keys=True).encode()).hexdigest()


def _labelled(clip: Clip) -> list[int]:
    """The frames whose objects are known."""
    return [number for number, facts in enumerate(clip.facts) if facts.objects is not None]


def _copied(clip: Clip, out: Path, protocol: TrainabilityProtocol) -> Clip:
    """Some labelled frames of a clip, spread over it, as a clip of its own; the one that is there already."""
    known = _labelled(clip)
    places = np.linspace(0, len(known) - 1, min(protocol.frames, len(known)))
    numbers = [known[round(place)] for place in places]
    provenance = {**clip.provenance, "copied": {"name": clip.name, "mark": fingerprint(clip), "frames": numbers}}
    if (there := finished(out, provenance)) is not None:
        return there
    # Lossless: what a camera's own coding has left is not coded a second time.
    with ClipWriter(
        out, fps=protocol.fps, width=clip.width, height=clip.height, provenance=provenance, lossless=True
    ) as writer:
        for place, frame in enumerate(clip.read(numbers[writer.done :]), start=writer.done):
            writer.write(frame, dataclasses.replace(clip.facts[numbers[place]], index=place))
        return writer.finish()

"""Measuring for a card what weights obey: which conditions the networks hear, and which are seen in the pictures."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from conditioning import NAMES
from drivesim import atomic
from drivesim.clips import Clip
from drivesim.datasets.training_reader import find_clips, fingerprint, held_out
from drivesim.errors import UserError
from drivesim.evaluation.hearing import LEVELS, Heard, hear, windows
from drivesim.evaluation.seeing import day_night_accuracy, draw, judges, span
from drivesim.metrics.obedience import LEAST_GAIN, LEAST_SPAN, OBEYED, Gain, Span, status
from drivesim.parts import Weights, load_weights
from drivesim.perception import Detector
from drivesim.rollout.stages import Sampling, Stages
from scenarios.randomness import key

logger = logging.getLogger(__name__)

PROTOCOL = "drivesim.conditions/1"
FRAMES = 4


def fill_card(
    folder: str | Path,
    clips: Sequence[Clip],
    *,
    detector: Detector | None = None,
    frames: int = FRAMES,
    seed: int = 0,
    device: str = "cpu",
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Measure finished weights on clips they have not seen, and write it into their card.json; returns the card.

    ``card["conditions"][name]`` becomes ``{"status": ..., "evidence": {"heard": ..., "unknown": ..., "seen": ...}}``:
    the gain of telling it instead of another clip's, and instead of leaving it unknown; what a judge sees; and by the
    first and the last its `drivesim.metrics.obedience.status`. ``card["obedience"]`` says how that was measured. The
    rest of the card stays.

    Args:
        folder: the weights.
        clips: unseen ones (`unseen_clips`), which know as many facts as possible.
        detector: the judge of boxes and crowdedness, which have none without it.
        frames: per clip: frames to be judged, and windows for each network.
        seed: of all noise, and of what is told in a condition's place.
        device: "cpu", "cuda", ...
        progress: called with (done, in all), of the conditions that are told and of the frames that are made.

    Raises:
        UserError: there are fewer than two clips, or the weights cannot be read.
    """
    if len(clips) < 2:
        raise UserError(f"found {len(clips)} unseen clips to measure on, expected 2 or more")
    weights = load_weights(folder)
    stages = _stages(weights, seed, device)
    shown = windows(clips, stages, frames=1, rate=None, per_clip=frames)
    total, tell = len(NAMES) + len(shown), progress or (lambda done, total: None)
    heard = hear(clips, stages, per_clip=frames, seed=seed, progress=lambda done, _: tell(done, total))
    each = [_stages(weights, key(seed, "obedience/first", number), device) for number in range(len(shown))]
    pictures = draw(shown, each, seed=seed, progress=lambda done, _: tell(len(NAMES) + done, total))
    seen = {name: span(judge, pictures) for name, judge in judges(detector).items()}
    conditions = {name: _row(heard[name], seen.get(name)) for name in heard}
    if (accuracy := day_night_accuracy(pictures)) is not None:
        conditions["daylight"]["evidence"]["day_night_accuracy"] = round(accuracy, 4)
    about = {
        "protocol": PROTOCOL,
        "levels": LEVELS,
        "least_gain": LEAST_GAIN,
        "least_span": LEAST_SPAN,
        "obeyed_from": round(OBEYED, 4),
        "seed": seed,
        "clips": [clip.name for clip in clips],
        "clips_sha256": _together(clips),
        "frames": len(shown),
        "steps": stages.sampling.first_steps,
        "guidance": dict(stages.sampling.guidance),
        "detector": None if detector is None else {"name": detector.name, "sha256": detector.fingerprint},
        "weights": weights.fingerprints,
    }
    card = weights.card | {"conditions": conditions, "obedience": about}
    atomic.write_json(Path(folder) / "card.json", card)
    return card


def is_filled(folder: str | Path) -> bool:
    """Whether what the card says of the conditions was measured on the weights that lie beside it."""
    weights = load_weights(folder)
    return weights.card.get("obedience", {}).get("weights") == weights.fingerprints


def unseen_clips(folders: Sequence[str | Path], card: Mapping[str, Any]) -> list[Clip]:
    """The clips below ``folders`` that weights with this ``card`` were not trained on.

    Of the very clips of the training these are the ones it held out. Other clips all count as unseen, which is logged.
    """
    clips = find_clips(folders)
    if _together(clips) != card["data"]["fingerprint"]:
        logger.info("these are not the clips of the training: all %d count as unseen", len(clips))
        return clips
    share = card["parts"]["unet.image"]["config"]["data"]["held_out_share"]
    hidden = held_out(clips, share)
    return [clip for clip, out in zip(clips, hidden, strict=True) if out]


def _row(heard: Heard, seen: Span | None) -> dict[str, Any]:
    """A condition's entry in the card."""
    evidence = {
        "heard": "nothing to compare" if heard.swapped is None else _gain(heard.swapped),
        "unknown": "nothing to compare" if heard.unknown is None else _gain(heard.unknown),
        "seen": "not judged" if seen is None else _span(seen),
    }
    return {"status": status(heard.swapped, seen), "evidence": evidence}


def _gain(gain: Gain) -> dict[str, Any]:
    interval = None if gain.interval is None else [round(end, 4) for end in gain.interval]
    return {"gain": round(gain.value, 4), "interval": interval, "clips": gain.clips, "windows": gain.samples}


def _span(seen: Span) -> dict[str, Any]:
    values = {"floor": seen.floor, "found": seen.found, "ceiling": seen.ceiling, "place": seen.place}
    return {name: None if value is None else round(value, 4) for name, value in values.items()}


def _stages(weights: Weights, seed: int, device: str) -> Stages:
    sampling = Sampling.of(weights.card.get("sampling", {}))
    return Stages(weights, sampling=sampling, seed=seed, device=torch.device(device))


def _together(clips: Sequence[Clip]) -> str:
    """The fingerprint of clips as the plan of a training notes it."""
    return hashlib.sha256("".join(fingerprint(clip) for clip in clips).encode()).hexdigest()

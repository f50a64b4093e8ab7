"""What one sees of the conditions in first frames that the image network makes: judges that know no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from drivesim.clips.video import resize
from drivesim.evaluation.hearing import Window, partners
from drivesim.evaluation.protocol import Protocol
from drivesim.metrics.appearance import brightness
from drivesim.metrics.obedience import (
    Span,
    balanced_accuracy,
    best_threshold,
    day_and_night,
    line_contrast,
)
from drivesim.metrics.ranking import spearman
from drivesim.perception import Detections, Detector
from drivesim.perception.matching import match, truth_of
from drivesim.rollout.pictures import pixels
from drivesim.rollout.stages import Stages
from scenarios.facts import Camera, FrameFacts

Frames = Sequence[np.ndarray]  # uint8 (h w 3) RGB


@dataclass(frozen=True, eq=False)
class Pictures:
    """Frames of one size for the same n ``facts``: the ``truth``, those ``made`` for them, and those for ``others``."""

    facts: Sequence[FrameFacts]
    truth: Frames
    made: Frames
    others: Frames


Judge = Callable[[Frames, Pictures], float | None]
"""How much of a condition is seen in frames that should show the facts of `Pictures`; None if that cannot be told."""


def draw(
    rows: Sequence[Window],
    stages: Sequence[Stages],
    *,
    seed: int,
    progress: Callable[[int, int], object] | None = None,
) -> Pictures:
    """Make a first frame for each window of one frame, by the rollout's own way; ``stages``: one of each window.

    ``seed``: of which frame, made for another clip, is judged as if it were made for this one. ``progress``: called
    with (frames made, frames in all).
    """
    made = []
    for row, stage in zip(rows, stages, strict=True):
        made.append(_first_frame(row, stage))
        if progress is not None:
            progress(len(made), len(rows))
    return Pictures(
        facts=[row.facts[0] for row in rows],
        truth=[row.pictures[0] for row in rows],
        made=made,
        others=[made[k] for k in partners(rows, seed=seed)],
    )


def span(judge: Judge, pictures: Pictures) -> Span | None:
    """What a judge finds in frames for other facts, for the facts, and in the truth; None if it cannot tell."""
    floor, found, ceiling = (judge(f, pictures) for f in (pictures.others, pictures.made, pictures.truth))
    if floor is None or found is None or ceiling is None:
        return None
    return Span(floor, found, ceiling)


def judges(detector: Detector | None) -> dict[str, Judge]:
    """The judges there are, by the condition they judge. Boxes and crowdedness need a detector."""
    found: dict[str, Judge] = {"daylight": judge_daylight, "road": judge_road}
    if detector is not None:
        found["boxes"] = partial(judge_boxes, detector=detector)
        found["crowdedness"] = partial(judge_crowdedness, detector=detector)
    return found


def judge_daylight(frames: Frames, pictures: Pictures) -> float | None:
    """Rank correlation of mean brightness with that of the truth; 1 for the truth itself."""
    return spearman([brightness(frame) for frame in frames], [brightness(frame) for frame in pictures.truth])


def judge_road(frames: Frames, pictures: Pictures) -> float | None:
    """How much more brightness changes on the road's lines than beside them: (on - beside) / (on + beside)."""
    rows = [line_contrast(frame, row) for frame, row in zip(frames, pictures.facts, strict=True)]
    on, beside = (sum(row[side] for row in rows if row is not None) for side in (0, 1))
    return (on - beside) / (on + beside) if on + beside > 0 else None


def judge_boxes(frames: Frames, pictures: Pictures, *, detector: Detector) -> float | None:
    """The share of visible vehicles whose box the detector finds, by the rules of the detection benchmark."""
    rule = Protocol()
    boxes = hits = 0
    for frame, row in zip(frames, pictures.facts, strict=True):
        if row.objects is None or row.camera is None:
            continue
        truth = truth_of(row.objects, "vehicle", row.camera.height, rule.visible)
        found = _vehicles(frame, row.camera, detector)
        boxes += int((~truth.ignored).sum())
        hits += int(match(found, truth, rule.iou).found.sum())
    return hits / boxes if boxes else None


def judge_crowdedness(frames: Frames, pictures: Pictures, *, detector: Detector) -> float | None:
    """Rank correlation of the number of vehicles that the detector finds with the number of visible ones.

    Boxes are told too, so this sees that both are obeyed, not which of them.
    """
    counts = [
        (len(_vehicles(frame, row.camera, detector)), row.crowdedness.vehicles)
        for frame, row in zip(frames, pictures.facts, strict=True)
        if row.crowdedness is not None and row.camera is not None
    ]
    return spearman([seen for seen, _ in counts], [true for _, true in counts]) if counts else None


def day_night_accuracy(pictures: Pictures) -> float | None:
    """How well made frames by day are told from those by night, by the brightness that tells the true ones apart best.

    The mean of the shares of days and of nights that are told rightly; None unless there are both.
    """
    chosen, by_day = day_and_night(pictures.facts)
    truth, made = ([brightness(frames[k]) for k in chosen] for frames in (pictures.truth, pictures.made))
    threshold = best_threshold(truth, by_day)
    return None if threshold is None else balanced_accuracy(made, by_day, threshold)


def _vehicles(frame: np.ndarray, camera: Camera, detector: Detector) -> Detections:
    """What is found in a frame enlarged to the camera's picture, whose pixels boxes are in."""
    found = detector([resize(frame, (camera.height, camera.width))])[0]
    return found.above(Protocol().score).of("vehicle")


@torch.inference_mode()
def _first_frame(row: Window, stages: Stages) -> np.ndarray:
    latent = stages.first(row.told)
    return pixels(stages.weights.autoencoder.decode(latent.to(stages.device)).float().cpu())[0]

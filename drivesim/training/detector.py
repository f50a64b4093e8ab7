"""The detector's stage: which cells answer for which box, and its losses."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from drivesim.networks.detector import Detector, DetectorConfig
from drivesim.training.data import Batch, pixels
from drivesim.training.detector_data import IGNORED, UNKNOWN
from drivesim.training.stages import Stage

REACH = 1.5  # strides: cells so near to a box's centre, per axis, answer for it
SIDES = ((0.0, 80.0), (48.0, 160.0), (120.0, float("inf")))  # px: longer side of the boxes that each map answers for
SHOWN_SCORE = 0.3


class DetectorStage(Stage):
    """Trains the detector.

    Quality focal loss on the class scores and lane lines, GIoU loss on the boxes, L1 on the place of a line in its
    cell, L1 on the daylight, cross entropy on the weather.
    """

    trained: Detector

    def __init__(
        self, part: str = "detector", *, network: DetectorConfig | None = None, box: float = 2.0, lanes: float = 0.5,
        daylight: float = 3.0, weather: float = 0.2, **settings: Any,
    ) -> None:  # fmt: skip
        """Build the network.

        Args:
            part: the stage's name.
            network: its sizes; the default's if not given.
            box: weight of the box loss beside the class loss.
            lanes: weight of the loss of lane lines.
            daylight: weight of the loss of the daylight.
            weather: weight of the loss of the weather.
            **settings: of `Stage`.
        """
        super().__init__(part, **settings)
        self.trained = Detector(network or DetectorConfig())
        self.box, self.lanes, self.daylight, self.weather = box, lanes, daylight, weather

    def compute(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss, what it is made of, the mean IoU of the cells that answer for a box. Nothing is random here."""
        seen = self.trained(batch["picture"])
        chosen, background = assign(batch["boxes"], batch["labels"], self.trained.centres, self.trained.strides)
        sample, cell = (chosen >= 0).nonzero(as_tuple=True)
        slot = chosen[sample, cell]
        overlap, enclosing = overlaps(seen.boxes[sample, cell], batch["boxes"][sample, slot])
        quality = torch.zeros_like(seen.logits)
        quality[sample, cell, batch["labels"][sample, slot]] = overlap.detach().clamp(min=0)
        count = max(1, len(cell))
        classes = (quality_focal(seen.logits, quality) * ((chosen >= 0) | background)[..., None]).sum() / count
        fit = (1 - enclosing).sum() / count
        lanes = lane_loss(seen.lanes, batch["lanes"])
        daylight = daylight_loss(seen.daylight, batch["daylight"])
        weather = weather_loss(seen.weather, batch["weather"])
        loss = classes + self.box * fit + self.lanes * lanes + self.daylight * daylight + self.weather * weather
        iou = overlap.sum() / count
        parts = {"class": classes, "box": fit, "lanes": lanes, "daylight": daylight, "weather": weather}
        return {"loss": loss, **parts, "iou": iou}

    @torch.no_grad()
    def show(self, batch: Batch) -> dict[str, np.ndarray]:
        """One picture (h w 3): held-out frames with true boxes in green, and with what is found in orange, below."""
        self.trained.eval()
        boxes, logits, *_ = self.trained(batch["picture"])
        self.trained.train()
        scores, _ = logits.sigmoid().max(-1)
        rows = []
        for number, frame in enumerate(pixels(batch["picture"])):
            true = batch["boxes"][number][batch["labels"][number] >= 0]
            sides = torch.cat([boxes[number, :, :2], boxes[number, :, 2:] - boxes[number, :, :2]], -1)
            kept = cv2.dnn.NMSBoxes(sides.tolist(), scores[number].tolist(), SHOWN_SCORE, 0.5)
            found = boxes[number][np.asarray(kept, int).reshape(-1)]
            rows.append(np.concatenate([_drawn(frame, true, (0, 255, 0)), _drawn(frame, found, (255, 150, 0))]))
        return {"detections": np.concatenate(rows, axis=1)}


def assign(boxes: Tensor, labels: Tensor, centres: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Which true box each cell answers for (b cells), -1 for none, and which cells are background (b cells).

    A cell answers for a box (FCOS, Tian et al. 2019, and its centre sampling) if its map is for boxes of that size and
    its centre is within `REACH` strides of the box's and not outside the box, but for half a stride, so that no box is
    too narrow to have a cell; of several boxes, for the smallest. Cells in ignored boxes are no background.

    Args:
        boxes: (b m 4) x1 y1 x2 y2, px.
        labels: (b m), as in `DetectorData`.
        centres: (cells 2) px.
        strides: (cells,) px.
    """
    if boxes.shape[1] == 0:
        nobody = boxes.new_full((len(boxes), len(centres)), -1, dtype=torch.long)
        return nobody, nobody < 0
    low, high = boxes[:, :, None, :2], boxes[:, :, None, 2:]
    away = (centres - (low + high) / 2).abs()  # b m cells 2
    near = torch.minimum(REACH * strides[:, None], torch.maximum((high - low) / 2, strides[:, None] / 2))
    side = (boxes[..., 2:] - boxes[..., :2]).amax(-1)[..., None]
    ranges = {stride: bounds for stride, bounds in zip(sorted(set(strides.tolist())), SIDES, strict=True)}
    least, most = (strides.new_tensor([ranges[stride][k] for stride in strides.tolist()]) for k in (0, 1))
    answers = (away <= near).all(-1) & (side >= least) & (side < most) & (labels >= 0)[..., None]
    area = (boxes[..., 2:] - boxes[..., :2]).prod(-1)[..., None]
    smallest, slot = torch.where(answers, area, torch.inf).min(dim=1)
    chosen = torch.where(smallest.isfinite(), slot, -1)
    covered = ((centres >= low) & (centres < high)).all(-1) & (labels == IGNORED)[..., None]
    return chosen, (chosen < 0) & ~covered.any(1)


def quality_focal(logits: Tensor, quality: Tensor) -> Tensor:
    """``|quality - p|^2 BCE(p, quality)`` per element, p = sigmoid(logits) (Li et al. 2020, equation 3)."""
    gap = (quality - logits.sigmoid()).abs()
    return gap**2 * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")


def lane_loss(lanes: Tensor, target: Tensor) -> Tensor:
    """Of lane lines: ``lanes`` (b 2 h w), logits as of `Seen`, against ``target`` (b 2 h w), as of `DetectorData`."""
    known, crossed = target[:, 0] >= 0, target[:, 0] > 0
    count = crossed.sum().clamp(min=1)
    there = (quality_focal(lanes[:, 0], target[:, 0].clamp(min=0)) * known).sum() / count
    return there + ((lanes[:, 1].sigmoid() - target[:, 1]).abs() * crossed).sum() / count


def daylight_loss(daylight: Tensor, target: Tensor) -> Tensor:
    """Mean distance of ``daylight`` and ``target`` (b,), where that is not NaN: unknown."""
    known = ~target.isnan()
    return (daylight - target)[known].abs().sum() / known.sum().clamp(min=1)


def weather_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross entropy of ``logits`` (b k) and class numbers (b,), those that are `UNKNOWN` left out."""
    loss = F.cross_entropy(logits, target, ignore_index=UNKNOWN, reduction="sum")
    return loss / (target != UNKNOWN).sum().clamp(min=1)


def overlaps(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalized IoU (Rezatofighi et al. 2019, algorithm 1) of boxes (n 4) with others (n 4), row by row."""
    common = (torch.minimum(boxes[:, 2:], others[:, 2:]) - torch.maximum(boxes[:, :2], others[:, :2])).clamp(min=0)
    hull = torch.maximum(boxes[:, 2:], others[:, 2:]) - torch.minimum(boxes[:, :2], others[:, :2])
    inner, outer = common.prod(-1), hull.prod(-1).clamp(min=1e-6)
    union = ((boxes[:, 2:] - boxes[:, :2]).prod(-1) + (others[:, 2:] - others[:, :2]).prod(-1) - inner).clamp(min=1e-6)
    iou = inner / union
    return iou, iou - (outer - union) / outer


def _drawn(frame: np.ndarray, boxes: Tensor, colour: tuple[int, int, int]) -> np.ndarray:
    frame = np.ascontiguousarray(frame)
    for x1, y1, x2, y2 in boxes.round().int().tolist():
        cv2.rectangle(frame, (x1, y1), (x2, y2), colour, 1)
    return frame

"""Pictures at the two ends of a rollout: a first frame from a file, and frames as they are stored."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from drivesim.errors import UserError
from drivesim.networks.upsampler import RESIDUAL_SCALE
from scenarios.facts import Box, FrameFacts


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as the networks read it: ``colour`` (3 H W) in [-1, 1]; ``sha256``: of the file it came from."""

    colour: Tensor
    sha256: str


def read_picture(path: str | Path, size: tuple[int, int]) -> Picture:
    """The picture in a file, its middle cut to the shape of ``size`` = (height, width) px and brought to that size.

    Raises `UserError` if there is no picture in the file.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file, expected a picture")
    data = path.read_bytes()
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if found is None:
        raise UserError(f"{path}: not a readable picture, expected PNG, JPEG, ...")
    height, width = found.shape[:2]
    rows = min(height, round(width * size[0] / size[1]))
    columns = min(width, round(height * size[1] / size[0]))
    top, left = (height - rows) // 2, (width - columns) // 2
    cut = found[top : top + rows, left : left + columns]
    shrinks = rows >= size[0]
    small = cv2.resize(cut, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
    colour = torch.from_numpy(rgb).permute(2, 0, 1).float() / 127.5 - 1.0
    return Picture(colour, hashlib.sha256(data).hexdigest())


def pixels(pictures: Tensor) -> np.ndarray:
    """Pictures (t 3 h w) in [-1, 1] as uint8 (t h w 3), RGB."""
    scaled = (pictures.clamp(-1, 1) + 1.0).mul(127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).contiguous().numpy()


def enlarged(low: Tensor, residual: Tensor) -> Tensor:
    """Pictures ``low`` (t 3 h w) in [-1, 1] as large as the ``residual`` (t 3 H W), which is added: (t H W 3, uint8).

    That is `Upsampler.picture` and `pixels`, but for the last digits of floats. Each picture is brought to its
    end before the next one, in the processor's cache: all together take five times as long.
    """
    height, width = residual.shape[-2:]
    frames = torch.empty(len(low), height, width, 3, dtype=torch.uint8)
    for frame, small, rest in zip(frames, low.permute(0, 2, 3, 1), residual.permute(0, 2, 3, 1), strict=True):
        large = cv2.resize(np.ascontiguousarray(small.numpy()), (width, height), interpolation=cv2.INTER_LINEAR)
        picture = torch.from_numpy(large).add_(rest, alpha=1 / RESIDUAL_SCALE)
        frame.copy_(picture.clamp_(-1, 1).add_(1.0).mul_(127.5).round_())
    return frames


def sharpened(pictures: Tensor, amount: float) -> Tensor:
    """Pictures (t 3 h w) and ``amount`` times what a blur over 5 px takes away: "unsharp masking"; 0 leaves them."""
    if not amount:
        return pictures
    wide = F.pad(pictures, (2, 2, 2, 2), mode="replicate")
    binomial = pictures.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
    kernel = torch.outer(binomial, binomial).expand(pictures.shape[1], 1, 5, 5)
    sharp = pictures + amount * (pictures - F.conv2d(wide, kernel, groups=pictures.shape[1]))
    return sharp.clamp(-1, 1)


def scaled(facts: FrameFacts, width: int, height: int) -> FrameFacts:
    """The facts of an image scaled to ``width`` x ``height`` px: its camera, which must be known, and all boxes."""
    camera = facts.camera
    if camera is None:
        raise ValueError(f"frame {facts.index} has no camera, expected one: it says what its boxes are pixels of")
    if (camera.width, camera.height) == (width, height):
        return facts
    x, y = width / camera.width, height / camera.height

    def box(old: Box) -> Box:
        return old[0] * x, old[1] * y, old[2] * x, old[3] * y

    objects = facts.objects and tuple(
        dataclasses.replace(
            thing, box=box(thing.box), amodal_box=None if thing.amodal_box is None else box(thing.amodal_box)
        )
        for thing in facts.objects
    )
    return dataclasses.replace(facts, camera=camera.resized(width, height), objects=objects)

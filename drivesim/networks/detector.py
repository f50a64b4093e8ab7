"""The reference detector: a small anchor-free network for road users, daylight, weather and lane lines.

Every cell of three maps, 1/8, 1/16 and 1/32 of the picture's size, predicts one box by the offset of its centre and the
logarithm of its size in strides (YOLOX, Ge et al. 2021). A class score also says how well the box fits (generalized
focal loss, Li et al. 2020), so that there is no objectness beside it. Every cell of the finest map says whether a lane
line crosses its middle row, and where. The scene (the daylight as a number, the weather as a class) is judged from the
spread of the maps and their means above and below the middle, where sky and street mostly are. It is fast enough for a
CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from drivesim.networks.config import Config

STRIDES = (8, 16, 32)
RARE = -4.6  # logit of 0.01: at first nearly every cell is background


@dataclass(frozen=True)
class DetectorConfig(Config):
    """Sizes of the detector.

    ``size``: height and width of the pictures, px, multiples of 32. ``widths``: channels at 1/2, 1/4, 1/8, 1/16, 1/32.
    ``blocks``: residual blocks at 1/4, 1/8, 1/16, 1/32. ``head``: channels of the heads. ``classes``: categories.
    ``weathers``: classes of the weather.
    """

    size: tuple[int, int] = (256, 512)
    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    blocks: tuple[int, ...] = (1, 3, 3, 2)
    head: int = 48
    classes: int = 10
    weathers: int = 5


class Seen(NamedTuple):
    """What the network sees in n pictures.

    ``boxes`` (n cells 4): x1 y1 x2 y2 in input px; ``logits`` (n cells classes). ``daylight`` (n,) in (0, 1).
    ``weather`` (n weathers): logits. ``lanes`` (n 2 h/8 w/8): logits of a line crossing the cell's middle row, and of
    the share of the cell's width at which it does.
    """

    boxes: Tensor
    logits: Tensor
    daylight: Tensor
    weather: Tensor
    lanes: Tensor


class Block(nn.Module):
    """``x + conv3(act(norm(conv1(x))))``, with half the channels in between (Redmon and Farhadi 2018)."""

    def __init__(self, channels: int) -> None:
        """``channels``: in and out."""
        super().__init__()
        self.squeeze = convolution(channels, channels // 2, 1)
        self.widen = convolution(channels // 2, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (n c h w) -> the same shape."""
        return x + self.widen(self.squeeze(x))


class Detector(nn.Module):
    """Backbone, one pass down the pyramid, and heads shared by its three maps."""

    centres: Tensor
    strides: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        """Build it untrained."""
        super().__init__()
        self.config = config
        widths = config.widths
        self.stem = convolution(3, widths[0], 3, stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(convolution(before, width, 3, stride=2), *(Block(width) for _ in range(count)))
            for before, width, count in zip(widths[:-1], widths[1:], config.blocks, strict=True)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, config.head, 1) for width in widths[2:])
        self.smooth = nn.ModuleList(convolution(config.head, config.head, 3) for _ in STRIDES)
        score = nn.Conv2d(config.head, config.classes, 1)
        assert score.bias is not None
        nn.init.constant_(score.bias, RARE)
        self.find_classes = nn.Sequential(convolution(config.head, config.head, 3), score)
        self.find_boxes = nn.Sequential(convolution(config.head, config.head, 3), nn.Conv2d(config.head, 4, 1))
        self.find_lanes = nn.Sequential(convolution(config.head, config.head, 3), nn.Conv2d(config.head, 2, 1))
        pooled = 3 * sum(widths[1:])
        self.judge_scene = nn.Sequential(
            nn.Linear(pooled, config.head), nn.SiLU(), nn.Linear(config.head, 1 + config.weathers)
        )
        centres, strides = cells(config.size)
        self.register_buffer("centres", centres, persistent=False)
        self.register_buffer("strides", strides, persistent=False)

    def forward(self, x: Tensor) -> Seen:
        """What is seen in ``x`` (n 3 h w) in [-1, 1]."""
        h, maps = self.stem(x), []
        for stage in self.stages:
            h = stage(h)
            maps.append(h)
        halves = [half.mean((2, 3)) for m in maps for half in m.chunk(2, dim=2)]
        scene = self.judge_scene(torch.cat([*halves, *(m.std((2, 3)) for m in maps)], dim=1)).float()
        maps = [lateral(m) for lateral, m in zip(self.lateral, maps[1:], strict=True)]
        for level in (1, 0):
            maps[level] = maps[level] + F.interpolate(maps[level + 1], scale_factor=2.0, mode="nearest")
        maps = [smooth(m) for smooth, m in zip(self.smooth, maps, strict=True)]
        logits, raw = (
            torch.cat([rearrange(head(m), "n k h w -> n (h w) k") for m in maps], dim=1).float()
            for head in (self.find_classes, self.find_boxes)
        )
        centre = self.centres + raw[..., :2] * self.strides[:, None]
        half = raw[..., 2:].clamp(max=6.0).exp() * self.strides[:, None]  # up to 400 strides: beyond any picture
        boxes = torch.cat([centre - half, centre + half], dim=-1)
        return Seen(boxes, logits, scene[:, 0].sigmoid(), scene[:, 1:], self.find_lanes(maps[0]).float())


def cells(size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Centres (cells 2) as x, y in px and strides (cells,) in px of all cells of all maps, fine to coarse, row by row.

    >>> centres, strides = cells((32, 64))
    >>> len(strides), centres[1].tolist(), centres[-1].tolist()
    (42, [12.0, 4.0], [48.0, 16.0])
    """
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = (torch.arange(0, side, stride) + stride / 2 for side in size)
        grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
        centres.append(grid.reshape(-1, 2))
        strides.append(torch.full((len(rows) * len(columns),), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def convolution(channels: int, out: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm (which folds into it when exported), SiLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, stride=stride, padding=kernel // 2, bias=False), nn.BatchNorm2d(out), nn.SiLU()
    )

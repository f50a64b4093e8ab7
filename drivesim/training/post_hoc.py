"""Averages of any width, after the training (post-hoc EMA: Karras et al. 2023, arXiv 2312.02696, Section 3.2, App. C).

An average is the integral of the weights over the updates so far, times a profile. Two widths are averaged while a
stage trains, and snapshots of both are stored; the profile of another width is about a weighted sum of the stored ones,
and the same sum of the stored weights is its average.

What it costs per parameter: 4 bytes of memory, and of the resume point, for the second average; 4 bytes of disk for
each snapshot of both in float16, so 32 for the 8 that are usual (180 MB for nano's unet.image, 13 GB for base's; the
setting ``model.snapshots`` asks for fewer); 4 bytes of memory while one is rebuilt, which reads every snapshot once.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from drivesim import atomic
from drivesim.errors import UserError
from drivesim.parts import PARTS, load_part, save_part
from drivesim.training.ema import EMA, exponent
from drivesim.weight_files import part_file

FORMAT = "drivesim.average/1"
AVERAGES = "averages"
WIDTHS = (0.05, 0.10)
"""The averages that are kept while a stage trains."""
REACH = 0.1
"""A width is rebuilt if the sum of profiles misses at most this share of its own, in the norm of L2."""
SPACING = 0.9  # 8 snapshots miss 8% of width 0.03 and 2% of 0.15; at even distances 10% and 3%


class Profile(NamedTuple):
    """``p(s) = (g + 1) s^g / t^(g + 1)`` for updates s up to t = ``updates``, with g = ``exponent(width)``."""

    updates: int
    width: float


def inner(a: Profile, b: Profile) -> float:
    """The integral of the product of two profiles over all updates (App. C), by logarithms: the powers are huge.

    >>> plain = inner(Profile(10, 0.28), Profile(10, 0.28))  # nearly the plain mean's, 1/10 for ten updates
    >>> 0.1 < plain < 0.11
    True
    """
    g, h = exponent(a.width), exponent(b.width)
    power = (g + h + 1) * math.log(min(a.updates, b.updates))
    power -= (g + 1) * math.log(a.updates) + (h + 1) * math.log(b.updates)
    return (g + 1) * (h + 1) / (g + h + 1) * math.exp(power)


def combination(kept: Sequence[Profile], wanted: Profile) -> tuple[np.ndarray, float]:
    """How much of each kept profile adds up nearest to the wanted one, and the share of its norm that is missed.

    Least squares (App. C), and, which the paper does not ask, the shares add up to 1 (by a Lagrange multiplier): else
    a weight that never moved would come back half a percent smaller.
    """
    if not kept:
        return np.zeros(0), 1.0
    own = inner(wanted, wanted)
    products = np.array([[inner(a, b) for b in kept] for a in kept]) / own
    onto = np.array([inner(a, wanted) for a in kept]) / own
    ones = np.ones((len(kept), 1))
    system = np.block([[products, ones], [ones.T, np.zeros((1, 1))]])
    share = np.linalg.solve(system, np.append(onto, 1.0))[:-1]
    return share, math.sqrt(max(0.0, float(1.0 - 2.0 * share @ onto + share @ products @ share)))


def snapshot_updates(batches: int, count: int) -> list[int]:
    """After which updates of a run snapshots are stored: the end, and ever wider apart before it.

    >>> snapshot_updates(1000, 8)
    [478, 531, 590, 656, 729, 810, 900, 1000]
    """
    return sorted({max(1, round(batches * SPACING**k)) for k in range(count)})


class Snapshots:
    """A folder of averages: one file for each profile, whole or absent, the same bytes however often it is written."""

    def __init__(self, folder: str | Path) -> None:
        """``folder``: need not be there yet."""
        self.folder = Path(folder)

    def clear(self) -> None:
        """Remove those of another training."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def save(self, average: EMA, width: float) -> None:
        """Store an average in float16."""
        about = {"format": FORMAT, "updates": average.updates, "width": width}
        halves = {name: value.to("cpu", torch.float16).contiguous() for name, value in average.average.items()}
        data = safetensors.torch.save(halves, {"drivesim": json.dumps(about, sort_keys=True)})
        atomic.write_bytes(self.folder / f"{average.updates:08d}_{width:.2f}.safetensors", data)

    def profiles(self) -> dict[Path, Profile]:
        """What is stored, by file. Raises ``UserError`` for a file that is no snapshot."""
        return {file: _profile(file) for file in sorted(self.folder.glob("*.safetensors"))}

    def missed(self, wanted: Profile) -> float:
        """The share of a profile that the stored ones do not span."""
        return combination(list(self.profiles().values()), wanted)[1]

    def rebuilt(self, wanted: Profile) -> dict[str, Tensor]:
        """An average of another width, float32 on the CPU. Raises ``UserError`` if `missed` is above `REACH`."""
        stored = self.profiles()
        shares, missed = combination(list(stored.values()), wanted)
        if missed > REACH:
            raise UserError(
                f"width {wanted.width}: the {len(stored)} snapshots in {self.folder} miss {missed:.0%} of it,"
                f" expected at most {REACH:.0%}"
            )
        total: dict[str, Tensor] = {}
        for file, share in zip(stored, shares, strict=True):
            with safe_open(file, "pt") as tensors:
                for name in tensors.keys():
                    value = tensors.get_tensor(name).float().mul_(float(share))
                    total[name] = total[name].add_(value) if name in total else value
        return total


@torch.no_grad()
def write_into(module: nn.Module, average: Mapping[str, Tensor]) -> None:
    """Overwrite the module's parameters of these names."""
    parameters = dict(module.named_parameters())
    for name, value in average.items():
        parameters[name].copy_(value)


def reaverage(run: str | Path, stage: str, *, width: float, into: str | Path) -> Path:
    """Write the part of a finished stage again, averaged over another width; returns its file in the folder ``into``.

    Buffers (the latents' scale in ae.image) stay those of the run's part: what was trained on it knows them.

    Raises:
        UserError: the stage has no finished part or no snapshots, or they do not span the width.
    """
    if stage not in PARTS:
        raise UserError(f"stage is {stage!r}, expected one of {', '.join(PARTS)}")
    weights = Path(run) / "weights"
    if Path(into).resolve() == weights.resolve():
        raise UserError(f"{into} holds the part that the stage chose, expected another folder")
    part = load_part(weights, stage)
    snapshots = Snapshots(Path(run) / "stages" / stage / AVERAGES)
    stored = snapshots.profiles().values()
    if not stored:
        raise UserError(f"{snapshots.folder} holds no snapshots, expected those of a finished stage")
    try:
        exponent(width)
    except ValueError as error:
        raise UserError(str(error)) from error
    end = max(profile.updates for profile in stored)
    write_into(part.network, snapshots.rebuilt(Profile(end, width)))
    save_part(into, stage, part.network, part.config, part.parents, dtype=torch.bfloat16, inputs=part.inputs)
    return part_file(into, stage)


def _profile(file: Path) -> Profile:
    try:
        with safe_open(file, "pt") as tensors:
            about = json.loads(tensors.metadata()["drivesim"])
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']!r}")
        return Profile(about["updates"], about["width"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{file} is no snapshot of averaged weights, or damaged: {error!r}") from error

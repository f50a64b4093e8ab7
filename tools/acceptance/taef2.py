"""TAEF2, a tiny pretrained image autoencoder, run from its two files of weights: what ours is measured beside.

The net, as its file names and shapes tell it: 3x3 convolutions of width 64, residual blocks of three of them, strided
ones down, nearest neighbours up; at the smallest size a block first adds a side branch to its input: 1x1, GroupNorm(4),
ReLU, 1x1.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]


class Taef2:
    """Encoder and decoder from ``folder`` (taef2_encoder.pth, taef2_decoder.pth). Pictures (n 3 h w) are in [0, 1]."""

    def __init__(self, folder: Path) -> None:
        names = ("encoder", "decoder")
        states = [torch.load(folder / f"taef2_{name}.pth", weights_only=True) for name in names]
        self._encoder, self._decoder = ({key: value.float() for key, value in state.items()} for state in states)

    @torch.no_grad()
    def round_trip(self, x: Tensor) -> Tensor:
        """Pictures, encoded and decoded."""
        z = _run(self._encoder, x, up=False)
        z = F.relu(F.conv2d(torch.tanh(z / 3) * 3, self._decoder["1.weight"], self._decoder["1.bias"], padding=1))
        return _run({key: value for key, value in self._decoder.items() if key[:2] != "1."}, z, up=True).clamp(0, 1)


def _run(state: State, x: Tensor, *, up: bool) -> Tensor:
    """Layer after layer; a convolution without a bias changes the size by two."""
    for index in sorted({int(key.split(".")[0]) for key in state}):
        weight, bias = state.get(f"{index}.weight"), state.get(f"{index}.bias")
        if weight is None:
            x = _block(state, index, x)
        elif bias is not None:
            x = F.conv2d(x, weight, bias, padding=1)
        elif up:
            x = F.conv2d(F.interpolate(x, scale_factor=2), weight, padding=1)
        else:
            x = F.conv2d(x, weight, stride=2, padding=1)
    return x


def _block(state: State, index: int, x: Tensor) -> Tensor:
    def get(name: str) -> Tensor:
        return state[f"{index}.{name}"]

    if f"{index}.pool.0.weight" in state:
        side = F.group_norm(F.conv2d(x, get("pool.0.weight")), 4, get("pool.1.weight"), get("pool.1.bias"))
        x = x + F.conv2d(F.relu(side), get("pool.3.weight"))
    h = x
    for layer in (0, 2, 4):
        h = F.conv2d(h if layer == 0 else F.relu(h), get(f"conv.{layer}.weight"), get(f"conv.{layer}.bias"), padding=1)
    return F.relu(h + x)

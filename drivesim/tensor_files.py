"""Safetensors files that strangers may have made: read whole and checked, or refused in a line. Never a pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from drivesim.errors import UserError

HEADER_LIMIT = 4 << 20  # bytes; the header of `base` is about a tenth of it


def check_place(file: Path) -> None:
    """Raise ``UserError`` for a link that leads out of its folder: what it means would depend on the machine."""
    real = file.resolve()
    if not real.is_relative_to(file.parent.resolve()):
        raise UserError(f"{file} is a link to {real}, expected a file in the folder of the weights")


def read_tensors(file: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a safetensors file, as stored, and its header.

    Raises ``UserError`` for a file of another kind, one that is damaged or leads out of its folder, and for a value
    that is not finite.
    """
    file = Path(file)
    check_place(file)
    data = file.read_bytes()
    if data[8:9] != b"{":
        raise UserError(f"{file} begins with {data[:9]!r}, expected a safetensors file: no other kind is read")
    size = int.from_bytes(data[:8], "little")
    if size > HEADER_LIMIT:
        raise UserError(f"{file} has a header of {size} bytes, expected at most {HEADER_LIMIT}")
    try:
        tensors, header = safetensors.torch.load(data), json.loads(data[8 : 8 + size])
        check_finite(tensors, file.stem)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{file} is damaged: {error}") from error
    return tensors, header


def check_finite(tensors: Mapping[str, Tensor], name: str) -> None:
    """Raise ``ValueError`` for a value that is not finite; ``name``: of what they are of."""
    for key, value in tensors.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{key} of {name} holds a value that is not finite")

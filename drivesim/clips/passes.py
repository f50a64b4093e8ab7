"""Passes of a clip: what stands at every pixel, as lossless videos beside the first, one picture per frame.

* ``semantic``: uint8 (h w), number of a class; the clip's provenance names the classes.
* ``instance``: int32 (h w), track id, or 0 where there is no road user.
* ``depth``: float32 (h w), m along the optical axis, to the millimetre; infinite for the sky.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drivesim.clips.clip import Clip
from drivesim.errors import UserError

PASSES = ("semantic", "instance", "depth")
MOST = 2**24 - 1  # three bytes a pixel: of depth it stands for the sky
_PER_METRE = 1000


def to_picture(name: str, values: np.ndarray) -> np.ndarray:
    """The values (h w) of a pass as uint8 (h w 3), highest byte first.

    Raises ``ValueError`` for an unknown pass, or values that have no place in three bytes.

    >>> to_picture("depth", np.array([[0.5, np.inf]], np.float32)).tolist()
    [[[0, 1, 244], [255, 255, 255]]]
    """
    if name not in PASSES:
        raise ValueError(f"pass is {name!r}, expected one of {PASSES}")
    if name == "depth":
        far = ~(values < MOST / _PER_METRE)
        numbers = np.where(far, MOST, np.rint(np.where(far, 0, values) * _PER_METRE)).astype(np.int64)
    else:
        numbers = values.astype(np.int64)
    if numbers.min(initial=0) < 0 or numbers.max(initial=0) > MOST:
        raise ValueError(f"{name} is from {numbers.min()} to {numbers.max()}, expected 0 to {MOST}")
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], axis=-1).astype(np.uint8)


def from_picture(name: str, picture: np.ndarray) -> np.ndarray:
    """The inverse of `to_picture`: uint8, int32 or float32 (h w).

    >>> from_picture("depth", to_picture("depth", np.array([[0.5, np.inf]]))).tolist()
    [[0.5, inf]]
    """
    high, middle, low = (picture[..., k].astype(np.int32) for k in range(3))
    numbers = (high << 16) + (middle << 8) + low
    if name == "depth":
        return np.where(numbers == MOST, np.inf, numbers / _PER_METRE).astype(np.float32)
    return numbers.astype(np.uint8 if name == "semantic" else np.int32)


def read_pass(clip: Clip, name: str, indices: Sequence[int]) -> Iterator[np.ndarray]:
    """The pass of some frames (ascending) of a clip, one at a time. Raises `UserError` if the clip has none."""
    if name not in clip.videos:
        have = ", ".join(pass_ for pass_ in PASSES if pass_ in clip.videos) or "none"
        raise UserError(f"{clip.path}: found no pass {name!r}; it has {have}")
    for picture in clip.videos[name].pick(indices):
        yield from_picture(name, picture)

"""The video of a clip that is made in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np


class DrawnFrames:
    """``count`` frames (uint8 h w 3 RGB), each drawn by its number when it is asked for."""

    def __init__(self, count: int, draw: Callable[[int], np.ndarray]) -> None:
        self.count, self.draw = count, draw

    def __len__(self) -> int:
        return self.count

    def pick(self, indices: Sequence[int]) -> Iterator[np.ndarray]:
        return map(self.draw, indices)

"""Averaged weights: what is shipped is the average over the end of the training, smoother than its last step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

WIDEST = 0.28  # a little below the width of the plain mean, 1 / sqrt(12)


@cache
def exponent(width: float) -> float:
    """The power g of the averaging profile, in proportion to t^g, whose standard deviation is ``width`` of the run.

    The largest root of ``g + 1 = width^2 (g + 2)^2 (g + 3)`` (Karras et al. 2023, Section 3.1).

    >>> round(exponent(0.05), 2), round(exponent(0.10), 2)
    (16.97, 6.94)
    """
    if not 0.0 < width <= WIDEST:
        raise ValueError(f"EMA width is {width}, expected a share of the run above 0 and at most {WIDEST}")
    s = width**-2
    return float(np.roots([1.0, 7.0, 16.0 - s, 12.0 - s]).real.max())


class EMA:
    """The power-function average of a module's trained parameters (Karras et al. 2023, arXiv 2312.02696, equation 127).

    The average reaches back over a fixed share of the training so far, so that it needs no tuning to a run's length.
    Update n keeps ``beta = (1 - 1/n) ** (exponent + 1)`` of the old average; the first takes the weights as they are.
    """

    def __init__(self, module: nn.Module, *, width: float = 0.05) -> None:
        """``width``: standard deviation of the averaging window as a share of the run, see `exponent`."""
        self.exponent = exponent(width)
        self.updates = 0
        self.average = {name: p.detach().clone() for name, p in module.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the module's present weights."""
        self.updates += 1
        beta = (1.0 - 1.0 / self.updates) ** (self.exponent + 1.0)
        torch._foreach_lerp_(list(self.average.values()), self._present(module), 1.0 - beta)

    @contextmanager
    def swapped(self, module: nn.Module) -> Iterator[None]:
        """Inside the block the module holds the averaged weights, afterwards its own again."""
        own = [p.detach().clone() for p in self._present(module)]
        self.copy_to(module)
        try:
            yield
        finally:
            torch._foreach_copy_(self._present(module), own)

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Overwrite the module's trained parameters with the average."""
        torch._foreach_copy_(self._present(module), list(self.average.values()))

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs."""
        return {"updates": self.updates, "average": self.average}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`. Raises ``ValueError`` if the names of the parameters differ."""
        average: dict[str, Tensor] = state["average"]
        if average.keys() != self.average.keys():
            raise ValueError(f"EMA of {len(average)} parameters found, expected {len(self.average)} of the same names")
        self.updates = state["updates"]
        for name, value in average.items():
            self.average[name].copy_(value)

    def _present(self, module: nn.Module) -> list[Tensor]:
        parameters = dict(module.named_parameters())
        return [parameters[name].data for name in self.average]

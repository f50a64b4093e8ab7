"""Random conditions for tests of networks: every condition known, boxes in some places."""

import torch

from conditioning.conditions import MAPS, NAMES, Conditions
from conditioning.layout import MAX_TOKENS, TOKEN_DIM
from conditioning.signals import SIGNALS


def conditions(b, t, size, seed=0):
    """Conditions of b clips of t frames with maps of ``size`` (h, w)."""
    random = torch.Generator().manual_seed(seed)
    return Conditions(
        maps={name: torch.rand(b, t, k, *size, generator=random) for name, k in MAPS.items()},
        tokens=torch.randn(b, t, MAX_TOKENS, TOKEN_DIM, generator=random),
        token_mask=torch.rand(b, t, MAX_TOKENS, generator=random) < 0.3,
        signals={name: torch.randn(b, t, k, generator=random) for name, k in SIGNALS.items()},
        known={name: torch.ones(b, t, dtype=torch.bool) for name in NAMES},
    )

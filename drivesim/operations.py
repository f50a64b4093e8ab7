"""How much networks compute, and how much this machine can: operations counted and ceilings measured."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

ATEN = torch.ops.aten
COUNTED = dict(flop_registry)
"""How the operations of torch's functions are counted; those of attention on CPUs torch does not count itself."""
for _way in ("", "_backward"):
    COUNTED[getattr(ATEN, f"_scaled_dot_product_flash_attention_for_cpu{_way}")] = flop_registry[
        getattr(ATEN, f"_scaled_dot_product_flash_attention{_way}")
    ]
CEILING = (8, 128, 32, 64)  # n c h w of the convolution, 3 x 3 from c to c, that is taken for what the machine can do
TURNS = 5
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Operations(TorchDispatchMode):
    """Counts the operations of what torch does within the block, in this thread alone; their number is ``total``.

    torch's own `FlopCounterMode` also follows modules, in all threads at once.
    """

    def __init__(self) -> None:
        """Nothing counted yet."""
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what is asked for, and count it; what torch makes of other operations is counted by those."""
        kwargs = kwargs or {}
        if func._overloadpacket not in COUNTED:
            with self:
                made = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if made is NotImplemented else made
        made = func(*args, **kwargs)
        self.total += COUNTED[func._overloadpacket](*args, **kwargs, out_val=made)
        return made


def now(device: torch.device) -> float:
    """Seconds on a clock that a ``device`` has come up with: what a GPU has queued is waited for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def measure_ceiling(device: torch.device) -> dict[str, float]:
    """The fastest of `TURNS` convolutions of the size `CEILING` in fp32 and bf16, 10^9 operations/s."""
    n, c, h, w = CEILING
    found = {}
    for name, kind in PRECISIONS.items():
        layout: dict[str, Any] = {"device": device, "dtype": kind, "memory_format": torch.channels_last}
        x, weight = torch.ones(CEILING).to(**layout), torch.ones(c, c, 3, 3).to(**layout)
        seconds = []
        for _ in range(1 + TURNS):
            started = now(device)
            with torch.inference_mode():
                F.conv2d(x, weight, padding=1)
            seconds.append(now(device) - started)
        found[name] = 2 * n * c * c * 9 * h * w / min(seconds) / 1e9
    return found

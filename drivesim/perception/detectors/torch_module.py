"""Any PyTorch module as a detector: what a plug-in wraps its network in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from drivesim.errors import UserError
from drivesim.perception.detections import Detections
from drivesim.perception.detectors.layouts import Layout
from drivesim.perception.detectors.reading import detect

if TYPE_CHECKING:
    from torch import Tensor, nn


class TorchDetector:
    """A module whose ``forward`` turns a picture (1 3 h w) float32 into the tensor, or tensors, that a layout reads.

    >>> import torch
    >>> class Always(torch.nn.Module):
    ...     def forward(self, picture):
    ...         return torch.tensor([[[8.0, 4.0, 24.0, 12.0, 0.9]]])
    >>> detector = TorchDetector(Always(), size=(32, 64), layout=Layout("boxes", classes={0: "car"}), name="always")
    >>> detector([np.zeros((64, 128, 3), np.uint8)])[0].boxes.tolist()
    [[16.0, 8.0, 48.0, 24.0]]
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        size: tuple[int, int],
        layout: Layout,
        name: str,
        threads: int = 1,
        device: str = "cpu",
    ) -> None:
        """Wrap ``module``, which is put into evaluation mode; ``size``: (height, width) of its input, px."""
        self.name, self.size, self.layout, self.device = name, size, layout, device
        self.categories = frozenset(layout.classes.values())
        self._threads = threads
        self._module = module.to(device).eval()
        self.fingerprint = tensors_sha256(module.state_dict())

    def __call__(self, frames: Sequence[np.ndarray]) -> list[Detections]:
        """What is in each frame (uint8 (h, w, 3) RGB)."""
        with inference(self._threads):
            return [detect(frame, self._run, self.size, self.layout, self.name) for frame in frames]

    def _run(self, picture: np.ndarray) -> list[np.ndarray]:
        import torch

        made: Any = self._module(torch.from_numpy(picture).to(self.device))
        outputs = [made] if isinstance(made, torch.Tensor) else made
        if not isinstance(outputs, list | tuple) or not all(isinstance(output, torch.Tensor) for output in outputs):
            raise UserError(f"{self.name}: its module returned {type(made).__name__}, expected a tensor or several")
        return [output.float().cpu().numpy() for output in outputs]


@contextmanager
def inference(threads: int) -> Iterator[None]:
    """No gradients and this many threads inside; outside as before, since the setting belongs to the whole process."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(before)


def tensors_sha256(tensors: Mapping[str, Tensor], *more: str) -> str:
    """The sha256 of named tensors, their bytes in order of name, and of ``more`` words."""
    import torch

    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    for words in more:
        total.update(words.encode())
    return total.hexdigest()

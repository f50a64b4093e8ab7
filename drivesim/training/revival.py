"""Codes of a codebook that nobody uses are put where they are needed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from drivesim.networks.codebook import Codebook

PATIENCE = 100  # batches without use


class Revival(nn.Module):
    """Puts idle codes onto random latents of the batch ("random restarts", Dhariwal et al. 2020, arXiv 2005.00341).

    By gradient alone they would stay idle: only a code that is the nearest of some latent moves. A fresh codebook, all
    zeros, is so laid over the first batch's latents. How long each code has been idle is kept in resume points.
    """

    idle: Tensor

    def __init__(self, count: int) -> None:
        """``count``: of codes."""
        super().__init__()
        self.register_buffer("idle", torch.zeros(count, dtype=torch.long))

    @torch.no_grad()
    def revive(self, codebook: Codebook, latents: Tensor, generator: torch.Generator) -> None:
        """Note which codes latents (n c h w) use, and move those that none has used for `PATIENCE` batches."""
        self.idle += 1
        self.idle[codebook.nearest(latents).unique()] = 0
        dead = (self.idle >= PATIENCE) | (codebook.codes == 0).all(1)
        cells = latents.float().movedim(1, -1).flatten(0, 2)
        chosen = torch.randint(len(cells), (int(dead.sum()),), generator=generator)
        codebook.codes[dead] = cells[chosen.to(cells.device)]
        self.idle[dead] = 0

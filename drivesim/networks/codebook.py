"""The codes of a VQ autoencoder: its decoder sees each latent cell as the code nearest to it."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COMMITMENT = 0.25  # beta of van den Oord et al. 2017 (arXiv 1711.00937), Eq. 3
CELLS_AT_ONCE = 1024  # whose distances to all codes are held at a time: 64 MB with 16384 codes


class Codebook(nn.Module):
    """Codes (k c) that latents are rounded to. Fresh ones are zero: training puts them onto its first latents.

    A code is a parameter, learned by gradient, and so averaged, resumed and stored like all other weights.
    """

    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.codes = nn.Parameter(torch.zeros(count, channels))

    @torch.no_grad()
    def nearest(self, z: Tensor) -> Tensor:
        """Numbers (n h w) of the codes nearest to the cells of latents (n c h w); of equally near ones the first."""
        cells = z.float().movedim(1, -1)
        exact = "donot_use_mm_for_euclid_dist"  # products of matrices would be taken in bfloat16 in mixed precision
        found = [
            torch.cdist(some, self.codes, compute_mode=exact).argmin(1)
            for some in cells.flatten(0, 2).split(CELLS_AT_ONCE)
        ]
        return torch.cat(found).view(cells.shape[:3])

    def look_up(self, numbers: Tensor) -> Tensor:
        """Codes (n c h w) of numbers (n h w)."""
        return F.embedding(numbers, self.codes).movedim(-1, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Latents (n c h w) as their nearest codes. The gradient passes straight to ``z``; the codes get none."""
        return self.look_up(self.nearest(z)).detach() + (z - z.detach())  # exactly the codes, unlike z + (codes - z)


class Unquantised(NamedTuple):
    """What a VQ encoder says: latents (n c h w), ``scaled`` and as they are held against the ``codebook``.

    It stands where a KL autoencoder has a `Posterior`, and has its methods; nothing about it is random.
    """

    scaled: Tensor
    plain: Tensor
    codebook: Codebook

    def mode(self) -> Tensor:
        """The latent (n c h w), not quantised."""
        return self.scaled

    def sample(self, _: torch.Generator) -> Tensor:
        """The same."""
        return self.scaled

    def losses(self) -> dict[str, Tensor]:
        """``vq``, the second and third term of Eq. 3, as means over latent values; and how many codes are in use.

        The number, ``perplexity``, is the exponential of the entropy of the codes' use, as if all were used equally.
        """
        numbers = self.codebook.nearest(self.plain)
        codes = self.codebook.look_up(numbers)
        moved, committed = F.mse_loss(codes, self.plain.detach()), F.mse_loss(self.plain, codes.detach())
        share = numbers.flatten().bincount(minlength=len(self.codebook.codes)) / numbers.numel()
        return {"vq": moved + COMMITMENT * committed, "perplexity": torch.special.entr(share).sum().exp()}

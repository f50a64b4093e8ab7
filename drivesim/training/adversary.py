"""A patch discriminator that is trained beside a decoder."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from drivesim.networks.discriminator import ImageDiscriminator, VideoDiscriminator
from drivesim.training.losses import feature_matching, hinge_discriminator, hinge_generator


class Adversary(nn.Module):
    """Tells real frames (or windows, by 3-D convolutions: Video LDM Sec. 3.1.1) from decoded ones."""

    def __init__(self, *, windows: bool) -> None:
        """``windows``: judge windows, not single frames."""
        super().__init__()
        self.windows = windows
        self.critic = VideoDiscriminator() if windows else ImageDiscriminator()

    def group(self) -> dict[str, Any]:
        """The discriminator's parameters for the optimiser, with little momentum."""
        return {"params": self.parameters(), "betas": (0.5, 0.9)}

    def losses(self, picture: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Of windows (b t 3 H W): ``fooling`` and ``matching`` for the decoder, ``critic`` for the discriminator.

        One backward pass serves both: to the decoder the discriminator is a constant, to it the picture is one.
        """
        if not self.windows:
            picture, truth = picture.flatten(0, 1), truth.flatten(0, 1)
        constant = {name: value.detach() for name, value in self.critic.named_parameters()}
        fake, drawn = functional_call(self.critic, constant, picture)
        real, seen = self.critic(truth)
        return {
            "fooling": hinge_generator(fake),
            "matching": feature_matching(seen, drawn),
            "critic": hinge_discriminator(real, self.critic(picture.detach())[0]),
        }

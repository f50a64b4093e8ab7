"""A patch discriminator that is trained beside a decoder."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from drivesim.networks.discriminator import ImageDiscriminator, VideoDiscriminator
from drivesim.training.losses import hinge_discriminator, hinge_generator


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

    def judge(self, picture: Tensor, truth: Tensor, parts: dict[str, Tensor], *, weight: float, begun: bool) -> Tensor:
        """What the judgement adds to a decoder's loss: nothing until it has ``begun``. Notes it in ``parts``."""
        nothing = picture.new_zeros(())
        parts["fooling"], parts["critic"] = self.losses(picture, truth) if begun else (nothing, nothing)
        return weight * parts["fooling"] + parts["critic"]

    def losses(self, picture: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The hinge losses of the decoder and of the discriminator, for windows (b t 3 H W).

        One backward pass serves both: to the decoder the discriminator is a constant, to it the picture is one.
        """
        if not self.windows:
            picture, truth = picture.flatten(0, 1), truth.flatten(0, 1)
        constant = {name: value.detach() for name, value in self.critic.named_parameters()}
        fooling = hinge_generator(functional_call(self.critic, constant, picture))
        return fooling, hinge_discriminator(self.critic(truth), self.critic(picture.detach()))

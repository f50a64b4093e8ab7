"""Video networks: an image network, which knows no time, and a temporal part, joined by the image network's hook."""

from __future__ import annotations

from einops import rearrange, repeat
from torch import Tensor, nn

from conditioning.conditions import Conditions
from drivesim.networks.autoencoder import Autoencoder
from drivesim.networks.temporal import TemporalBlocks
from drivesim.networks.unet import UNet
from drivesim.networks.upsampler import Upsampler


class VideoNet(nn.Module):
    """A video denoiser out of exactly two children, ``image`` and ``temporal``.

    Freezing, optimiser groups and saving go by child. Skipping time is calling ``video.image``, or ``alpha=1``: both
    give the image model, to the bit. Raises ``ValueError`` if the temporal part is made for other blocks.
    """

    def __init__(self, image: UNet | Upsampler, temporal: TemporalBlocks) -> None:
        super().__init__()
        _check_sites(image, temporal)
        self.image, self.temporal = image, temporal

    def forward(
        self,
        x: Tensor,
        noise: Tensor,
        cond: Conditions | None = None,
        *,
        context: Tensor | None = None,
        alpha: float | None = None,
        **inputs: Tensor,
    ) -> Tensor:
        """The prediction (b t c h w) for ``x`` (b t c h w) at noise ``u`` (b,).

        Args:
            x: noised clips.
            noise: one level per clip.
            cond: conditions of b clips of t frames, or None: nothing is known, not even the frame interval.
            context: c_S (b t c+1 h w), Video LDM Eq. 3; None is no context frame at all, as a mask of zeros.
            alpha: spatial share of all mixes instead of the learned ones.
            **inputs: further inputs of the image network, (b t ...) each.
        """
        b, t, _, h, w = x.shape
        if context is None and self.temporal.config.context_channels:
            context = x.new_zeros(b, t, self.temporal.config.latent_channels + 1, h, w)
        y = self.image(
            rearrange(x, "b t c h w -> (b t) c h w"),
            repeat(noise, "b -> (b t)", t=t),
            None if cond is None else cond.flat(),
            between=self.temporal.between(t, noise=noise, cond=cond, context=context, alpha=alpha),
            **{name: rearrange(value, "b t ... -> (b t) ...") for name, value in inputs.items()},
        )
        return rearrange(y, "(b t) c h w -> b t c h w", t=t)


class VideoDecoder(nn.Module):
    """A video decoder of exactly two children: ``image``, an autoencoder, and ``temporal``, blocks in its decoder."""

    def __init__(self, image: Autoencoder, temporal: TemporalBlocks) -> None:
        super().__init__()
        _check_sites(image, temporal)
        self.image, self.temporal = image, temporal

    def forward(self, z: Tensor, *, alpha: float | None = None) -> Tensor:
        """Latents (b t c h w) -> frames (b t 3 H W), about in [-1, 1]."""
        t = z.shape[1]
        between = self.temporal.between(t, alpha=alpha)
        y = self.image.decode(rearrange(z, "b t c h w -> (b t) c h w"), between=between)
        return rearrange(y, "(b t) c h w -> b t c h w", t=t)


def _check_sites(image: UNet | Upsampler | Autoencoder, temporal: TemporalBlocks) -> None:
    offered = image.config.sites()
    for site in temporal.config.sites:
        if site not in offered:
            raise ValueError(f"the temporal part follows {site}, expected one of {offered}")

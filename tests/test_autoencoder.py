import pytest
import torch
import torch.nn.functional as F
from torch import nn

from drivesim.networks.autoencoder import Autoencoder, AutoencoderConfig, Posterior
from drivesim.presets import load_preset

DEVIATIONS = torch.tensor([1.0] * 3 + [0.5] * 5)  # of scaled latents: three channels of colour, five of detail


def tiny():
    """The tiny autoencoder with its zeroed last projections drawn at random."""
    torch.manual_seed(0)
    net = Autoencoder(load_preset("tiny")["ae.image"])
    for parameter in net.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return net


def test_pictures_become_latents_of_an_eighth_and_come_back():
    net, x = tiny(), torch.rand(2, 3, 64, 128) * 2 - 1
    z = net.encode(x).mode()
    assert z.shape == (2, 8, 8, 16)
    assert net.decode(z).shape == x.shape


def test_other_sizes_that_divide_go_through_and_those_that_do_not_are_refused():
    net = tiny()
    assert net.decode(net.encode(torch.zeros(1, 3, 40, 24)).mode()).shape == (1, 3, 40, 24)
    with pytest.raises(ValueError, match="60 x 128 pixels, expected multiples of 8"):
        net.encode(torch.zeros(1, 3, 60, 128))


def test_fitted_latents_have_loud_colours_and_quiet_detail_and_decode_to_the_same_picture():
    net, x = tiny(), torch.rand(4, 3, 64, 128) * 2 - 1
    before = net.encode(x)
    picture = net.decode(before.mode())
    net.fit_latents(before.mean.mean((0, 2, 3)), before.mean.std((0, 2, 3)))
    after = net.encode(x)
    torch.testing.assert_close(after.mean.mean((0, 2, 3)), torch.zeros(8), atol=1e-4, rtol=0)
    torch.testing.assert_close(after.mean.std((0, 2, 3)), DEVIATIONS, atol=1e-3, rtol=0)
    torch.testing.assert_close(net.decode(after.mode()), picture, atol=1e-4, rtol=0)
    torch.testing.assert_close(
        (0.5 * after.logvar).exp() / (0.5 * before.logvar).exp(),
        net.latent_scale[:, None, None].expand_as(after.logvar),
        rtol=1e-3,
        atol=0,
    )


def test_fitting_again_what_is_fitted_changes_nothing():
    net = tiny()
    net.fit_latents(torch.full((8,), 2.0), torch.full((8,), 4.0))
    shift, scale = net.latent_shift.clone(), net.latent_scale.clone()
    net.fit_latents(torch.zeros(8), DEVIATIONS)
    assert torch.equal(shift, torch.full((8,), 2.0))
    assert torch.equal(scale, 0.25 * DEVIATIONS)
    assert torch.equal(net.latent_shift, shift)
    assert torch.equal(net.latent_scale, scale)


def test_kl_of_the_standard_normal_is_zero_and_of_a_shifted_one_half_the_square():
    zero = torch.zeros(1, 2, 3, 3)
    assert Posterior(zero, zero).losses()["kl"] == 0.0
    assert Posterior(zero + 2, zero).losses()["kl"] == 2.0


def test_samples_follow_the_posterior_and_the_generator():
    posterior = Posterior(torch.full((1, 1, 100, 100), 3.0), torch.full((1, 1, 100, 100), 2 * torch.tensor(0.5).log()))
    z = posterior.sample(torch.Generator().manual_seed(0))
    assert z.mean().item() == pytest.approx(3.0, abs=0.02)
    assert z.std().item() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(z, posterior.sample(torch.Generator().manual_seed(0)))


def test_hook_is_called_after_every_block_of_the_decoder():
    net, seen = tiny(), []

    def between(name, h):
        seen.append((name, h.shape[1]))
        return h

    net.decode(torch.zeros(1, 8, 8, 16), between=between)
    assert seen == [(site.name, site.width) for site in net.config.sites()]


def test_fresh_autoencoder_makes_the_picture_small_and_large_again():
    x = torch.rand(2, 3, 64, 128) * 2 - 1
    net = Autoencoder(load_preset("tiny")["ae.image"])
    small = F.avg_pool2d(x, 8)
    torch.testing.assert_close(net.encode(x).mean[:, :3], small)
    torch.testing.assert_close(net.decode(net.encode(x).mode()), F.interpolate(small, scale_factor=8, mode="bilinear"))


def test_fewer_than_three_latent_channels_are_refused():
    with pytest.raises(ValueError, match="2 latent channels, expected 3 or more"):
        Autoencoder(AutoencoderConfig(channels=2))


def test_channel_that_says_nothing_cannot_be_scaled():
    with pytest.raises(ValueError, match="expected all positive"):
        tiny().fit_latents(torch.zeros(8), torch.tensor([1.0] * 7 + [0.0]))

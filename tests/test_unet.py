import pytest
import torch
from sample_conditions import conditions
from torch import nn

from conditioning.conditions import NAMES
from drivesim.diffusion import Denoiser, ddim, levels
from drivesim.networks.conditioner import ConditionEmbedder, ConditionerConfig
from drivesim.networks.unet import UNet, UNetConfig
from drivesim.presets import load_preset


def loud(seed=0, **changes):
    """The tiny U-Net with its zeroed last projections drawn at random, so that everything is heard."""
    torch.manual_seed(seed)
    net = UNet(load_preset("tiny")["unet.image"].from_dict(load_preset("tiny")["unet.image"].to_dict() | changes))
    for parameter in net.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return net.eval()


def pictures(n=3, size=(8, 16)):
    random = torch.Generator().manual_seed(1)
    return torch.randn(n, 8, *size, generator=random), torch.rand(n, generator=random)


def test_fresh_net_predicts_zero():
    x, noise = pictures()
    assert not UNet(load_preset("tiny")["unet.image"])(x, noise).any()


@pytest.mark.parametrize("size", [(8, 16), (16, 16), (24, 40)])
def test_any_size_that_halves_goes_through(size):
    x, noise = pictures(size=size)
    assert loud()(x, noise, conditions(3, 1, (16, 32))).shape == x.shape


@pytest.mark.parametrize("name", [name for name in NAMES if name != "interval"])
def test_every_condition_is_heard(name):
    (x, noise), net, cond = pictures(), loud(), conditions(3, 1, (16, 32))
    assert (net(x, noise, cond) - net(x, noise, cond.without(name))).abs().max() > 1e-5


def test_noise_level_is_heard():
    (x, noise), net = pictures(), loud()
    assert (net(x, noise) - net(x, noise * 0.9)).abs().max() > 1e-4


def test_all_unknown_is_the_same_as_no_conditions():
    (x, noise), net, cond = pictures(), loud(), conditions(3, 1, (16, 32))
    torch.testing.assert_close(net(x, noise, cond.without_all()), net(x, noise, None))


def test_values_of_unknown_conditions_are_never_read():
    (x, noise), net = pictures(), loud()
    one, other = conditions(3, 1, (16, 32), seed=1), conditions(3, 1, (16, 32), seed=2)
    assert torch.equal(net(x, noise, one.without_all()), net(x, noise, other.without_all()))


def test_order_of_box_tokens_does_not_matter():
    (x, noise), net, cond = pictures(), loud(), conditions(3, 1, (16, 32))
    order = torch.randperm(cond.tokens.shape[2], generator=torch.Generator().manual_seed(0))
    changed = type(cond)(cond.maps, cond.tokens[:, :, order], cond.token_mask[:, :, order], cond.signals, cond.known)
    torch.testing.assert_close(net(x, noise, changed), net(x, noise, cond), rtol=1e-4, atol=1e-5)


def test_pictures_of_a_batch_do_not_mix():
    (x, noise), net, cond = pictures(), loud(), conditions(3, 1, (16, 32))
    alone = net(x[1:2], noise[1:2], type(cond).stack([cond])._map(lambda value: value[1:2]))
    torch.testing.assert_close(net(x, noise, cond)[1:2], alone, rtol=1e-4, atol=1e-5)


def test_hook_is_called_once_after_every_block_of_the_config_in_order():
    (x, noise), net, seen = pictures(), loud(), []

    def between(name, h):
        seen.append((name, h.shape[1], x.shape[2] // h.shape[2]))
        return h

    net(x, noise, between=between)
    assert seen == [(site.name, site.width, site.factor) for site in net.config.sites()]


def test_blocks_are_named_for_where_they_work():
    names = [site.name for site in UNetConfig(depth=1, widths=(8, 8)).sites()]
    assert names == ["16x32_down0", "8x16_down0", "8x16_up0", "16x32_up0"]


def test_conditions_of_another_number_of_pictures_are_refused():
    x, noise = pictures()
    with pytest.raises(ValueError, match="of 2 x 4 frames, expected 3"):
        loud()(x, noise, conditions(2, 4, (16, 32)))


def test_attention_without_tokens_is_refused():
    with pytest.raises(ValueError, match="expected token_layers >= 1"):
        UNet(UNetConfig(conditions=ConditionerConfig(token_layers=0)))


def test_maps_keep_their_place():
    config = ConditionerConfig(map_factor=2, map_width=8, token_layers=0)
    embedder = ConditionEmbedder(config, 16)
    cond = conditions(1, 1, (8, 16))
    other = conditions(1, 1, (8, 16))
    other.maps["road"][..., 5, 6] += 0.5  # cell (5, 6) lies in the working place (2, 3)
    change = embedder(cond, n=1, size=(4, 8))[1] - embedder(other, n=1, size=(4, 8))[1]
    assert change.abs().sum(dim=(0, 1)).nonzero().tolist() == [[2, 3]]


def test_little_training_makes_brightness_follow_daylight():
    torch.manual_seed(0)
    net, denoiser = UNet(load_preset("tiny")["unet.image"]), Denoiser()
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
    cond = conditions(8, 1, (16, 32)).without_all()
    cond.known["daylight"].fill_(True)
    cond.signals["daylight"].copy_(torch.tensor([-1.0, 1.0] * 4).view(8, 1, 1))
    x = cond.signals["daylight"].view(8, 1, 1, 1).expand(8, 8, 8, 16)
    random = torch.Generator().manual_seed(0)
    for _ in range(120):
        optimiser.zero_grad()
        u, noise = torch.rand(8, generator=random), torch.randn(x.shape, generator=random)
        denoiser.loss(lambda x_u, u: net(x_u, u, cond), x, u, noise).mean().backward()
        optimiser.step()
    with torch.no_grad():
        start = torch.randn(x.shape, generator=random)
        predict = lambda x_u, u: denoiser.denoise(lambda y, w: net(y, w, cond), x_u, u)  # noqa: E731
        brightness = ddim(predict, start, levels(4, denoiser.schedule)).mean((1, 2, 3))
    assert (brightness - x[:, 0, 0, 0]).abs().max() < 0.3

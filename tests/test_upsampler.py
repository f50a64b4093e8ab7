import dataclasses

import cv2
import numpy as np
import pytest
import torch
from sample_conditions import conditions
from torch import nn

from drivesim.networks.temporal import TemporalBlocks
from drivesim.networks.unet import UNetConfig
from drivesim.networks.upsampler import Upsampler, UpsamplerConfig
from drivesim.networks.video import VideoNet
from drivesim.presets import load_preset
from drivesim.training.upsampling import blurred

PRESET = load_preset("tiny")
SMALL, LARGE = (16, 32), (64, 128)


def loud(**changes):
    torch.manual_seed(0)
    config = PRESET["up.image"].unet
    net = Upsampler(UpsamplerConfig(unet=dataclasses.replace(config, **changes)))
    for parameter in net.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return net


def pictures(n=2):
    random = torch.Generator().manual_seed(1)
    return torch.randn(n, 3, *LARGE, generator=random), torch.rand(n, 3, *SMALL, generator=random) * 2 - 1


def test_residual_and_picture_are_inverse():
    net, (_, low) = loud(), pictures()
    high = torch.rand(2, 3, *LARGE) * 2 - 1
    torch.testing.assert_close(net.picture(net.residual(high, low), low), high)


def test_no_residual_is_the_bilinear_picture():
    net, low = loud(), torch.full((1, 3, *SMALL), 0.25)
    assert torch.equal(net.picture(torch.zeros(1, 3, *LARGE), low), torch.full((1, 3, *LARGE), 0.25))


@pytest.mark.parametrize("name", ["boxes", "road", "daylight"])
def test_layout_and_daylight_are_heard(name):
    net, (x, low), cond = loud(), pictures(), conditions(2, 1, SMALL)
    told = {"low": low, "level": torch.zeros(2)}
    noise = torch.rand(2)
    assert (net(x, noise, cond, **told) - net(x, noise, cond.without(name), **told)).abs().max() > 1e-5


def test_small_picture_its_level_and_the_noise_are_heard():
    net, (x, low) = loud(), pictures()
    noise, level = torch.full((2,), 0.5), torch.full((2,), 0.1)
    base = net(x, noise, low=low, level=level)
    assert base.shape == x.shape
    for other in (net(x, noise, low=-low, level=level), net(x, noise, low=low, level=2 * level)):
        assert (other - base).abs().max() > 1e-5
    assert (net(x, 0.5 * noise, low=low, level=level) - base).abs().max() > 1e-5


def test_fresh_video_upsampler_equals_the_image_upsampler():
    image = loud()
    net = VideoNet(image, TemporalBlocks(PRESET["up.temporal"]))
    x, low = torch.randn(1, 3, 3, *LARGE), torch.rand(1, 3, 3, *SMALL)
    cond, noise, level = conditions(1, 3, SMALL), torch.rand(1), torch.rand(1, 3)
    expected = image(x[0], noise.expand(3), cond.flat(), low=low[0], level=level[0])
    assert torch.equal(net(x, noise, cond, low=low, level=level)[0], expected)


@pytest.mark.parametrize("smooth", [True, False])
def test_where_there_is_nothing_no_grid_is_drawn_if_levels_are_enlarged_smoothly(smooth):
    low = torch.full((1, 3, 48, 48), 0.25)
    drawn = loud(smooth=smooth)(torch.zeros(1, 3, 192, 192), torch.ones(1), low=low, level=torch.zeros(1))
    cells = drawn.unfold(2, 4, 4).unfold(3, 4, 4)[:, :, 20:28, 20:28]  # far from the borders
    spread = cells.std((2, 3)).max()  # of the same pixel of all cells
    assert (spread < 1e-5) == smooth


def test_unet_of_other_channels_is_refused():
    with pytest.raises(ValueError, match="8 and 0 extra channels, expected 3 and 4"):
        Upsampler(UpsamplerConfig(unet=UNetConfig()))


def test_windows_are_blurred_as_opencv_blurs_them_each_by_its_own_deviation():
    windows = torch.rand(3, 2, 3, *SMALL, generator=torch.Generator().manual_seed(0))
    made = blurred(windows, torch.tensor([0.0, 0.7, 1.3]))
    assert torch.equal(made[0], windows[0])
    for deviation, window, result in zip((0.7, 1.3), windows[1:], made[1:], strict=True):
        for picture, found in zip(window, result, strict=True):
            picture, found = (np.ascontiguousarray(x.permute(1, 2, 0)) for x in (picture, found))
            told = {"sigmaX": deviation, "borderType": cv2.BORDER_REPLICATE}
            np.testing.assert_allclose(found, cv2.GaussianBlur(picture, (9, 9), **told), atol=1e-3)

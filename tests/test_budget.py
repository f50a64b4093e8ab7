"""What nano may cost, measured: parameters, and operations per frame and call (a multiply-add is 2)."""

import pytest
import torch
from sample_conditions import conditions
from torch.utils.flop_counter import FlopCounterMode

from drivesim.networks.registry import PARTS
from drivesim.networks.video import VideoDecoder, VideoNet
from drivesim.presets import load_preset, presets

DETECTOR = 1_000_000  # parameters left to the detector
KEY_FRAMES = 8


@pytest.fixture(scope="module")
def nano():
    with torch.device("meta"):  # counting needs no numbers
        return {part: kind.build(load_preset("nano")[part]) for part, kind in PARTS.items()}


def giga(call):
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 1e9


def empty(*shape):
    return torch.zeros(*shape, device="meta")


def test_nano_has_at_most_24_million_parameters(nano):
    assert sum(p.numel() for net in nano.values() for p in net.parameters()) + DETECTOR <= 24e6


@pytest.mark.parametrize(("part", "t"), [("unet.temporal_key", KEY_FRAMES), ("unet.temporal_interp", 5)])
def test_denoiser_call_of_a_frame_is_at_most_1500_million_operations(nano, part, t):
    net, cond = VideoNet(nano["unet.image"], nano[part]), conditions(1, t, (32, 64)).to("meta")
    assert giga(lambda: net(empty(1, t, 8, 16, 32), empty(1), cond)) / t <= 1.5


def test_decode_of_a_frame_is_at_most_3000_million_operations(nano):
    net = VideoDecoder(nano["ae.image"], nano["ae.temporal"])
    assert giga(lambda: net(empty(1, 6, 8, 16, 32))) / 6 <= 3.0


def test_upsampler_call_of_a_frame_is_at_most_8000_million_operations(nano):
    net, cond = VideoNet(nano["up.image"], nano["up.temporal"]), conditions(1, 2, (128, 256)).to("meta")
    call = lambda: net(empty(1, 2, 3, 512, 1024), empty(1), cond, low=empty(1, 2, 3, 128, 256), level=empty(1, 2))  # noqa: E731
    assert giga(call) / 2 <= 8.0


def test_base_has_the_sizes_of_the_paper():
    preset = load_preset("base")
    assert preset["unet.image"].widths == tuple(224 * multiplier for multiplier in (1, 2, 2, 3, 4))
    assert (preset["unet.temporal_key"].alphas, preset["unet.temporal_interp"].alphas) == (10, 5)


@pytest.mark.parametrize("name", presets())
def test_all_networks_of_a_preset_fit_each_other(name):
    preset = load_preset(name)
    with torch.device("meta"):
        nets = {part: kind.build(preset[part]) for part, kind in PARTS.items()}
        VideoNet(nets["unet.image"], nets["unet.temporal_key"])
        VideoNet(nets["unet.image"], nets["unet.temporal_interp"])
        VideoDecoder(nets["ae.image"], nets["ae.temporal"])
        VideoNet(nets["up.image"], nets["up.temporal"])
    h, w = preset["ae.image"].size
    latent = (h // preset["ae.image"].factor, w // preset["ae.image"].factor)
    unet, up = preset["unet.image"], preset["up.image"].unet
    assert (unet.size, unet.channels) == (latent, preset["ae.image"].channels)
    assert up.size == (h * up.patch, w * up.patch)
    for part in ("unet.temporal_key", "unet.temporal_interp"):
        assert preset[part].latent_channels == unet.channels

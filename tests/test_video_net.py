import pytest
import torch
from torch import nn

from drivesim.networks.autoencoder import Autoencoder
from drivesim.networks.discriminator import ImageDiscriminator, VideoDiscriminator
from drivesim.networks.temporal import TemporalBlocks, TemporalConfig
from drivesim.networks.unet import UNet, UNetConfig
from drivesim.networks.video import VideoDecoder, VideoNet
from drivesim.presets import load_preset

PRESET = load_preset("tiny")


def decoder():
    torch.manual_seed(0)
    image = Autoencoder(PRESET["ae.image"])
    nn.init.normal_(image.decoder.head.weight, std=0.1)
    return VideoDecoder(image, TemporalBlocks(PRESET["ae.temporal"]))


def test_fresh_video_decoder_equals_the_image_decoder():
    net, z = decoder(), torch.randn(2, 3, 8, 8, 16)
    assert torch.equal(net(z), net.image.decode(z.flatten(0, 1)).unflatten(0, (2, 3)))


def test_trained_video_decoder_reaches_over_frames_and_falls_back_with_alpha_one():
    net, z = decoder(), torch.randn(1, 5, 8, 8, 16)
    for parameter in net.temporal.parameters():
        nn.init.normal_(parameter, std=0.2)
    other = z.clone()
    other[:, 2] += 1.0
    change = (net(other) - net(z)).abs().amax(dim=(0, 2, 3, 4))
    assert (change[[1, 2, 3]] > 1e-4).all()
    assert torch.equal(net(z, alpha=1.0), net.image.decode(z[0])[None])


def test_decoder_takes_windows_of_any_length():
    assert decoder()(torch.randn(1, 1, 8, 8, 16)).shape == (1, 1, 3, 64, 128)


def test_temporal_part_made_for_other_blocks_is_refused():
    image = UNet(UNetConfig.from_dict(PRESET["unet.image"].to_dict() | {"widths": [32, 96]}))
    with pytest.raises(ValueError, match=r"follows Site\(name='2x4_down0', width=64, factor=4\), expected one of"):
        VideoNet(image, TemporalBlocks(PRESET["unet.temporal_key"]))


def test_video_net_refuses_a_window_of_another_length():
    net = VideoNet(UNet(PRESET["unet.image"]), TemporalBlocks(PRESET["unet.temporal_interp"]))
    with pytest.raises(ValueError, match="4 frames, expected 5"):
        net(torch.randn(1, 4, 8, 8, 16), torch.rand(1))


def test_two_temporal_parts_share_one_image_net():
    image = UNet(PRESET["unet.image"])
    key = VideoNet(image, TemporalBlocks(PRESET["unet.temporal_key"]))
    interp = VideoNet(image, TemporalBlocks(PRESET["unet.temporal_interp"]))
    assert key.image is interp.image
    assert key(torch.randn(1, 8, 8, 8, 16), torch.rand(1)).shape == (1, 8, 8, 8, 16)
    assert interp(torch.randn(1, 5, 8, 8, 16), torch.rand(1)).shape == (1, 5, 8, 8, 16)


def test_sites_in_a_config_come_back_from_plain_values():
    config = PRESET["unet.temporal_key"]
    assert TemporalConfig.from_dict(config.to_dict()) == config
    assert config.to_dict()["sites"][0] == {"name": "4x8_down0", "width": 32, "factor": 2}


def test_discriminators_judge_patches():
    logits, features = ImageDiscriminator(widths=(8, 16))(torch.randn(2, 3, 32, 64))
    assert [x.shape for x in (logits, *features)] == [(2, 1, 8, 16), (2, 8, 16, 32), (2, 16, 8, 16)]
    video = VideoDiscriminator(widths=(8, 16))
    clip = torch.randn(1, 4, 3, 32, 64)
    logits, features = video(clip)
    assert [x.shape for x in (logits, *features)] == [(1, 4, 1, 8, 16), (1, 8, 4, 16, 32), (1, 16, 4, 8, 16)]
    assert (logits - video(clip[:, [1, 0, 3, 2]])[0]).abs().max() > 1e-5

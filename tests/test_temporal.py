"""The promises of temporal layers on a frozen image model: written before the layers."""

import pytest
import torch
from sample_conditions import conditions
from torch import nn

from drivesim.networks.config import Site
from drivesim.networks.temporal import Mix, TemporalAttention, TemporalBlocks, TemporalConfig, TemporalConv
from drivesim.networks.unet import UNet
from drivesim.networks.video import VideoNet
from drivesim.presets import load_preset

B, T, C, H, W = 2, 8, 8, 8, 16


def video_net(part="unet.temporal_key", seed=0):
    """A video net whose image part says something: its zeroed last projections are drawn at random."""
    torch.manual_seed(seed)
    preset = load_preset("tiny")
    image = UNet(preset["unet.image"])
    for parameter in image.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return VideoNet(image, TemporalBlocks(preset[part]))


def clip(seed=1):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(B, T, C, H, W, generator=random)
    context = torch.cat([torch.randn(B, T, C, H, W, generator=random), torch.ones(B, T, 1, H, W)], dim=2)
    return x, torch.tensor([0.3, 0.8]), conditions(B, T, (16, 32), seed), context


def by_image(net, x, noise, cond):
    return net.image(x.flatten(0, 1), noise.repeat_interleave(T), cond.flat()).unflatten(0, (B, T))


def train(net, count=3):
    """A few steps of the temporal part alone, without weight decay, context on."""
    for parameter in net.image.parameters():
        parameter.requires_grad_(False)
    optimiser = torch.optim.AdamW(net.temporal.parameters(), lr=1e-2, weight_decay=0.0)
    for seed in range(count):
        x, noise, cond, context = clip(seed)
        optimiser.zero_grad()
        (net(x, noise, cond, context=context) - context[:, :, :C]).square().mean().backward()
        optimiser.step()
    return net


def test_video_net_has_exactly_the_children_image_and_temporal():
    assert [name for name, _ in video_net().named_children()] == ["image", "temporal"]


def test_fresh_video_net_equals_image_net():
    net = video_net()
    x, noise, cond, context = clip()
    assert by_image(net, x, noise, cond).std() > 0.01
    assert torch.equal(net(x, noise, cond, context=context), by_image(net, x, noise, cond))


def test_three_steps_move_every_temporal_tensor_and_no_image_tensor():
    net = video_net()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    train(net)
    moved = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if name.startswith("temporal.")}


def test_last_projections_learn_at_the_first_step():
    net = train(video_net(), count=1)
    block = net.temporal.blocks["4x8_down0"]
    assert block.conv.conv1.weight.any()
    assert block.attention.attention.out.weight.any()
    assert not block.conv_mix.logit.any()  # alpha follows from the second step on


def test_alpha_one_after_training_is_still_the_image_net():
    net = train(video_net())
    x, noise, cond, context = clip(9)
    assert not torch.equal(net(x, noise, cond, context=context), by_image(net, x, noise, cond))
    assert torch.equal(net(x, noise, cond, context=context, alpha=1.0), by_image(net, x, noise, cond))


def test_shuffled_frames_shuffle_the_output_only_when_time_is_off():
    net = train(video_net())
    x, noise, cond, context = clip(9)
    order = [3, 1, 7, 0, 2, 6, 5, 4]
    shuffled = (x[:, order], noise, cond.frames(order))
    off = net(*shuffled, context=context[:, order], alpha=1.0)
    torch.testing.assert_close(off, net(x, noise, cond, context=context, alpha=1.0)[:, order], rtol=1e-4, atol=1e-5)
    on = net(*shuffled, context=context[:, order])
    assert (on - net(x, noise, cond, context=context)[:, order]).abs().max() > 1e-3


def test_every_frame_hears_of_a_context_frame():
    net = train(video_net())
    x, noise, cond, context = clip(9)
    other = context.clone()
    other[:, 0, :C] += 1.0
    change = net(x, noise, cond, context=other) - net(x, noise, cond, context=context)
    assert (change.abs().amax(dim=(0, 2, 3, 4)) > 1e-5).all()


def test_no_context_is_a_mask_of_zeros():
    net = train(video_net())
    x, noise, cond, context = clip(9)
    assert torch.equal(net(x, noise, cond), net(x, noise, cond, context=torch.zeros_like(context)))


def test_the_frame_interval_changes_a_trained_video_net_and_not_the_image_net():
    net = train(video_net())
    x, noise, cond, context = clip(9)
    slow, fast = cond.at_interval(1 / 1.875), cond.at_interval(1 / 30)
    assert not torch.equal(net(x, noise, slow, context=context), net(x, noise, fast, context=context))
    assert torch.equal(by_image(net, x, noise, slow), by_image(net, x, noise, fast))


def test_mix_is_spatial_share_of_h_and_the_rest_of_h_plus_delta():
    mix = Mix(2)
    with torch.no_grad():
        mix.logit.copy_(torch.logit(torch.tensor([0.25, 0.75])))
    h, delta = torch.full((2, 1, 1, 1), 10.0), torch.full((2, 1, 1, 1), 4.0)
    torch.testing.assert_close(mix(h, delta, t=2).flatten(), torch.tensor([13.0, 11.0]))


def test_window_of_another_length_is_refused_with_an_alpha_per_frame_and_fine_with_one():
    h = torch.zeros(6, 1, 1, 1)
    with pytest.raises(ValueError, match="3 frames, expected 2"):
        Mix(2)(h, h, t=3)
    assert Mix(1)(h, h, t=3).shape == h.shape


def test_fresh_alpha_is_one_half():
    assert torch.sigmoid(Mix(3).logit).tolist() == [0.5, 0.5, 0.5]


def test_temporal_conv_reaches_one_frame_further_with_each_kernel():
    config = TemporalConfig(sites=(), embed=0, context_channels=0)
    conv = TemporalConv(32, config)
    nn.init.normal_(conv.conv1.weight)
    h = torch.zeros(9, 32, 4, 4)
    h[4] = torch.randn(32, 4, 4)
    delta = conv(h, t=9) - conv(torch.zeros_like(h), t=9)
    assert delta.abs().amax(dim=(1, 2, 3)).gt(0).tolist() == [False, False, *[True] * 5, False, False]


def test_temporal_attention_knows_the_order_of_frames():
    attention = TemporalAttention(32, TemporalConfig(sites=(), embed=0))
    nn.init.normal_(attention.attention.out.weight)
    h = torch.randn(4, 32, 1, 1)
    assert (attention(h.flip(0), t=4) - attention(h, t=4).flip(0)).abs().max() > 1e-3


def test_context_for_a_part_without_context_channels_is_refused():
    config = TemporalConfig(sites=(Site("a", 32, 1),), embed=0, context_channels=0)
    with pytest.raises(ValueError, match="0 context channels, and got one"):
        TemporalBlocks(config).between(2, context=torch.zeros(1, 2, 9, 4, 4))

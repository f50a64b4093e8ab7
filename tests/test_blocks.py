"""The pieces that write over what nobody reads again: the same to the bit, and never where a gradient goes through."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from drivesim.networks.blocks import ResBlock, add_over, silu_over, to_channels_last


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2, 36, 5, 7), (1, 1, 3, 4), (3, 4, 1, 1), (0, 4, 2, 2)])
def test_channels_last_changes_nothing_but_the_layout(shape, kind):
    x = torch.randn(shape).to(kind)
    made = to_channels_last(x)
    assert torch.equal(made, x)
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_channels_last_of_some_channels_of_more():
    x = torch.randn(2, 6, 3, 5)[:, :4]
    assert torch.equal(to_channels_last(x), x)


def test_gradients_go_through_channels_last():
    x = torch.randn(1, 3, 2, 2, requires_grad=True)
    to_channels_last(x).square().sum().backward()
    assert torch.equal(x.grad, 2 * x.detach())


def test_what_is_written_over():
    h, x = torch.randn(2, 3), torch.randn(2, 3)
    with torch.inference_mode():
        one, two = h.clone(), h.clone()
        assert silu_over(one) is one
        assert add_over(two, x) is two
    assert torch.equal(one, F.silu(h))
    assert torch.equal(two, h + x)


def test_a_sum_has_the_type_of_both():
    h, x = torch.randn(2, 3).bfloat16(), torch.randn(2, 3)
    with torch.inference_mode():
        assert torch.equal(add_over(h.clone(), x), h + x)


@pytest.mark.parametrize("norm", [True, False])
def test_a_block_gives_the_same_with_and_without_gradients(norm):
    torch.manual_seed(0)
    block = ResBlock(16, 16, embed=8, norm=norm)
    torch.nn.init.normal_(block.conv1.weight)
    x, emb = torch.randn(2, 16, 4, 6), torch.randn(2, 8)
    kept = x.clone()
    with torch.no_grad():
        made = block(x, emb)
    assert torch.equal(x, kept)
    learning = block(x.requires_grad_(), emb)
    assert torch.equal(made, learning)
    learning.sum().backward()
    assert torch.isfinite(x.grad).all()

import pytest
import torch

from conditioning import Context

Z = torch.randn(2, 5, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def test_c_s_is_the_masked_latents_and_the_mask():
    stack = Context.predict(Z, 2).stack()
    assert stack.shape == (2, 5, 4, 4, 4)
    assert torch.equal(stack[:, :2, :3], Z[:, :2])
    assert stack[:, 2:].abs().max() == 0
    assert (stack[:, :2, 3] == 1).all()


def test_interpolation_is_given_both_ends_and_nothing_else():
    assert Context.interpolate(Z).mask[0, :, 0, 0, 0].tolist() == [1, 0, 0, 0, 1]
    assert Context.none(Z).stack().abs().max() == 0


def test_what_is_not_given_cannot_be_seen():
    other = Z.clone()
    other[:, 1:] = torch.nan
    seen = Context.predict(torch.nan_to_num(other), 1).stack()
    assert torch.equal(seen, Context.predict(Z, 1).stack())


@pytest.mark.parametrize("most", [1, 2, 3])
def test_drawn_contexts_of_prediction_have_0_1_or_more_leading_frames_equally_often(most):
    many = Z[:1].expand(3000, -1, -1, -1, -1)
    mask = Context.draw("predict", many, torch.Generator().manual_seed(0), frames=most).mask[:, :, 0, 0, 0]
    counts = mask.sum(1)
    assert (mask[:, most:] == 0).all()
    assert (mask[:, :-1] >= mask[:, 1:]).all()
    shares = [(counts == k).float().mean().item() for k in range(most + 1)]
    assert shares == pytest.approx([1 / (most + 1)] * (most + 1), abs=0.03)


def test_two_frames_are_drawn_unless_another_number_is_asked_for():
    many = Z.repeat(20, 1, 1, 1, 1)
    usual, two, three = (
        Context.draw("predict", many, torch.Generator().manual_seed(0), **more).mask
        for more in ({}, {"frames": 2}, {"frames": 3})
    )
    assert torch.equal(usual, two)
    assert not torch.equal(usual, three)


def test_drawn_contexts_of_interpolation_are_both_ends_or_sometimes_none():
    many = Z[:1].expand(3000, -1, -1, -1, -1)
    mask = Context.draw("interpolate", many, torch.Generator().manual_seed(0)).mask[:, :, 0, 0, 0]
    assert torch.equal(mask[:, 0], mask[:, -1])
    assert (mask[:, 1:-1] == 0).all()
    assert mask[:, 0].mean().item() == pytest.approx(0.9, abs=0.02)


def test_noise_on_the_context_keeps_its_power_and_tells_its_share():
    big = torch.ones(2, 2, 8, 64, 64)
    context = Context.predict(big, 1).noised(
        torch.tensor([0.0, 0.6]), torch.randn(big.shape, generator=torch.Generator().manual_seed(0))
    )
    stack = context.stack()
    assert torch.equal(stack[0, 0, :8], big[0, 0])
    assert stack[1, 0, :8].mean().item() == pytest.approx(0.8, abs=0.01)
    assert stack[1, 0, :8].std().item() == pytest.approx(0.6, abs=0.01)
    assert stack[1, 0, 8].unique().tolist() == pytest.approx([0.8])
    assert stack[:, 1].abs().max() == 0


def test_impossible_contexts_are_errors():
    with pytest.raises(ValueError, match="expected 0 to 4"):
        Context.predict(Z, 5)
    with pytest.raises(ValueError, match="at least 3"):
        Context.interpolate(Z[:, :2])
    with pytest.raises(ValueError, match="expected 'predict' or 'interpolate'"):
        Context.draw("extrapolate", Z, torch.Generator())

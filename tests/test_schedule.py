import math

import pytest
import torch

from drivesim.diffusion import Schedule, spread_levels

U = torch.linspace(0, 1, 101)
ALL = [Schedule(kind, zero) for kind in ("cosine", "linear") for zero in (True, False)]


@pytest.mark.parametrize("schedule", ALL, ids=str)
def test_variance_is_preserved_and_signal_only_falls(schedule):
    a, s = schedule.alpha_sigma(U)
    torch.testing.assert_close(a**2 + s**2, torch.ones_like(a))
    assert (a.diff() < 0).all()
    assert (a[0], s[0]) == (1.0, 0.0)


@pytest.mark.parametrize("kind", ["cosine", "linear"])
def test_zero_terminal_snr_leaves_exactly_nothing_of_the_signal(kind):
    assert [share.item() for share in Schedule(kind).alpha_sigma(torch.ones(()))] == [0.0, 1.0]
    assert Schedule(kind, zero_terminal_snr=False).alpha_sigma(torch.ones(()))[0] > 0.005


def test_cosine_is_half_and_half_in_the_middle():
    a, s = Schedule().alpha_sigma(torch.tensor([0.5]))
    torch.testing.assert_close((a.item(), s.item()), (math.sqrt(0.5), math.sqrt(0.5)))


def test_linear_at_its_first_steps_is_the_product_of_the_papers_betas():
    beta_1 = 0.0015
    beta_2 = (math.sqrt(0.0015) + (math.sqrt(0.0195) - math.sqrt(0.0015)) / 999) ** 2
    a, _ = Schedule("linear", zero_terminal_snr=False).alpha_sigma(torch.tensor([0.001, 0.002]))
    expected = [math.sqrt(1 - beta_1), math.sqrt((1 - beta_1) * (1 - beta_2))]
    torch.testing.assert_close(a, torch.tensor(expected), rtol=1e-6, atol=0)


def test_shape_and_dtype_are_those_of_the_levels():
    a, s = Schedule("linear").alpha_sigma(torch.rand(2, 3, dtype=torch.float64))
    assert a.shape == s.shape == (2, 3)
    assert a.dtype == s.dtype == torch.float64


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'sigmoid', expected one of"):
        Schedule("sigmoid")


def test_spread_levels_fill_every_part_and_each_is_even_by_itself():
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([spread_levels(4, generator) for _ in range(4000)])
    assert sorted((drawn[0] * 4).int().tolist()) == [0, 1, 2, 3]
    assert ((drawn * 4).int().sort(1).values == torch.arange(4)).all()
    shares = torch.histc(drawn[:, 0], 8, 0.0, 1.0) / len(drawn)
    assert (shares - 1 / 8).abs().max() < 0.02  # four standard deviations of a share of 1/8 in 4000

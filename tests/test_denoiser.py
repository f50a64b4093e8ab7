import pytest
import torch

from drivesim.diffusion import Denoiser, Schedule

OPEN = Schedule(zero_terminal_snr=False)
BOTH = [Denoiser(OPEN, "v"), Denoiser(OPEN, "eps")]


def sample():
    random = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 5, 3, 4, 4, generator=random).double()
    return x, torch.tensor([0.02, 0.3, 0.6, 0.9, 1.0]).double(), noise


def oracle(denoiser, x, u, noise):
    """The predictor that knows the answer."""
    a, s = (share.view(-1, 1, 1, 1) for share in denoiser.schedule.alpha_sigma(u))
    answer = a * noise - s * x if denoiser.target == "v" else noise
    return lambda x_u, u: answer


def test_noised_by_hand():
    denoiser = Denoiser()
    x, noise = torch.full((1, 2), 3.0), torch.full((1, 2), 5.0)
    torch.testing.assert_close(denoiser.noised(x, torch.tensor([0.5]), noise), torch.full((1, 2), 8.0 * 0.5**0.5))
    assert torch.equal(denoiser.noised(x, torch.tensor([1.0]), noise), noise)


@pytest.mark.parametrize("denoiser", BOTH, ids=["v", "eps"])
def test_oracle_gives_the_sample_back_at_every_level(denoiser):
    x, u, noise = sample()
    found = denoiser.denoise(oracle(denoiser, x, u, noise), denoiser.noised(x, u, noise), u)
    torch.testing.assert_close(found, x)


@pytest.mark.parametrize("denoiser", BOTH, ids=["v", "eps"])
def test_oracle_has_no_loss(denoiser):
    x, u, noise = sample()
    loss = denoiser.loss(oracle(denoiser, x, u, noise), x, u, noise)
    torch.testing.assert_close(loss.double(), torch.zeros(5).double(), atol=1e-12, rtol=0)


def test_v_at_pure_noise_is_minus_the_sample():
    denoiser, (x, _, noise) = Denoiser(), sample()
    u = torch.ones(5).double()
    assert torch.equal(denoiser.noised(x, u, noise), noise)
    torch.testing.assert_close(denoiser.denoise(lambda x_u, u: -x, noise, u), x)


def test_loss_of_silence_is_the_mean_square_of_the_target():
    u = torch.tensor([1.0])  # there v = -x
    x = torch.tensor([[1.0, 3.0]])
    assert Denoiser().loss(lambda x_u, u: torch.zeros_like(x_u), x, u, torch.zeros(1, 2)).tolist() == [5.0]


def test_weight_leaves_given_frames_out_of_the_loss():
    u = torch.tensor([1.0])
    clip = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1, 1).expand(1, 2, 4, 2, 2)
    weight = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1, 1)
    silence = lambda x_u, u: torch.zeros_like(x_u)  # noqa: E731
    assert Denoiser().loss(silence, clip, u, torch.zeros_like(clip), weight=weight).tolist() == [9.0]


def test_eps_refuses_a_schedule_that_ends_in_pure_noise():
    with pytest.raises(ValueError, match="cannot start from zero SNR"):
        Denoiser(Schedule(), "eps")


def test_unknown_target_and_levels_of_another_batch_are_refused():
    with pytest.raises(ValueError, match="'x0', expected one of"):
        Denoiser(target="x0")
    with pytest.raises(ValueError, match=r"shape \(3,\), expected one per sample: \(2,\)"):
        Denoiser().noised(torch.zeros(2, 4), torch.zeros(3), torch.zeros(2, 4))

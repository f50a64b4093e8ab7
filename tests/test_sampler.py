import pytest
import torch

from drivesim.diffusion import Denoiser, Schedule, ddim, levels

MEAN, STD = 0.7, 0.3


def gaussian(schedule):
    """The best denoiser of samples from N(MEAN, STD^2): the posterior mean of x_0 given x_u, in closed form."""

    def denoise(x, u):
        a, s = (share.view(-1, 1) for share in schedule.alpha_sigma(u))
        return MEAN + a * STD**2 / (a**2 * STD**2 + s**2) * (x - a * MEAN)

    return denoise


def noise(n, seed=0):
    return torch.randn(n, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_one_deterministic_step_from_pure_noise_is_the_mean():
    schedule = Schedule()
    x = ddim(gaussian(schedule), noise(4), levels(1, schedule))
    torch.testing.assert_close(x, torch.full_like(x, MEAN))


def test_two_steps_match_the_hand_calculation():
    schedule = Schedule()
    start = noise(4)
    # first step: x_0 = MEAN, e = start, so at u = 1/2 (a = s = sqrt(1/2)) x = a (MEAN + start); then x_0 there
    a = 0.5**0.5
    expected = MEAN + a * STD**2 / (0.5 * STD**2 + 0.5) * (a * (MEAN + start) - a * MEAN)
    torch.testing.assert_close(ddim(gaussian(schedule), start, levels(2, schedule)), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["cosine", "linear"])
def test_many_deterministic_steps_map_noise_onto_the_gaussian(kind):
    schedule = Schedule(kind)
    start = noise(64)
    x = ddim(gaussian(schedule), start, levels(2000, schedule))
    torch.testing.assert_close(x, MEAN + STD * start, atol=0.02, rtol=0)  # the probability flow of a Gaussian is linear


def test_random_steps_have_mean_and_deviation_of_the_gaussian():
    schedule = Schedule()
    x = ddim(
        gaussian(schedule), noise(10_000), levels(400, schedule), eta=1.0, generator=torch.Generator().manual_seed(1)
    )
    assert x.mean().item() == pytest.approx(MEAN, abs=0.01)
    assert x.std().item() == pytest.approx(STD, abs=0.01)


def test_v_and_eps_predictors_of_one_model_take_the_same_path():
    schedule = Schedule(zero_terminal_snr=False)
    best = gaussian(schedule)

    def eps(x, u):
        a, s = (share.view(-1, 1) for share in schedule.alpha_sigma(u))
        return (x - a * best(x, u)) / s

    def v(x, u):
        a, s = (share.view(-1, 1) for share in schedule.alpha_sigma(u))
        return a * eps(x, u) - s * best(x, u)

    paths = []
    for target, predict in (("v", v), ("eps", eps)):
        denoiser = Denoiser(schedule, target)
        paths.append(ddim(lambda x, u, d=denoiser, p=predict: d.denoise(p, x, u), noise(8), levels(7, schedule)))
    torch.testing.assert_close(*paths)


def test_same_generator_gives_the_same_sample_and_eta_needs_one():
    schedule = Schedule()
    draw = [
        ddim(gaussian(schedule), noise(4), levels(3, schedule), eta=0.5, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    with pytest.raises(ValueError, match="no generator"):
        ddim(gaussian(schedule), noise(4), levels(3, schedule), eta=0.5)


def test_callback_sees_every_step():
    seen = []
    schedule = Schedule()
    x = ddim(gaussian(schedule), noise(1), levels(4, schedule), callback=seen.append)
    assert [(step["index"], step["u"]) for step in seen] == [(0, 1.0), (1, 0.75), (2, 0.5), (3, 0.25)]
    assert torch.equal(seen[-1]["x"], x)


def test_levels_may_start_below_pure_noise_and_refuse_nonsense():
    assert levels(2, Schedule(), first=0.5).u.tolist() == [0.5, 0.25, 0.0]
    with pytest.raises(ValueError, match="got n=0"):
        levels(0, Schedule())
    with pytest.raises(ValueError, match=r"first=0\.2, last=0\.2"):
        levels(3, Schedule(), first=0.2, last=0.2)

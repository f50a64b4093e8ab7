"""The samplers on a Gaussian: there the best denoiser and the way of every sample are known in closed form."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from drivesim.diffusion import SAMPLERS, Denoiser, Schedule, ddim, levels

MEAN, STD = 0.7, 0.5


def gaussian(schedule):
    """The best denoiser of samples from N(MEAN, STD^2): the posterior mean of x_0 given x_u, in closed form."""

    def denoise(x, u):
        a, s = (share.view(-1, 1) for share in schedule.alpha_sigma(u))
        return MEAN + a * STD**2 / (a**2 * STD**2 + s**2) * (x - a * MEAN)

    return denoise


def noise(n, seed=0):
    return torch.randn(n, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact(start, steps):
    """Where the probability flow leads: it keeps how many deviations a sample lies from the mean."""
    a, s = steps.a.double(), steps.s.double()
    deviation = (a**2 * STD**2 + s**2).sqrt()
    return a[-1] * MEAN + deviation[-1] / deviation[0] * (start - a[0] * MEAN)


def error(name, n, schedule, *, first=1.0, last=0.0):
    """The root mean square error of a sampler's n steps, and how often it called the denoiser."""
    calls = []

    def denoise(x, u):
        calls.append(u)
        return gaussian(schedule)(x, u)

    steps, start = levels(n, schedule, first=first, last=last), noise(64)
    off = SAMPLERS[name](denoise, start, steps) - exact(start, steps)
    return off.square().mean().sqrt().item(), len(calls)


@pytest.mark.parametrize("name", SAMPLERS)
def test_one_step_from_pure_noise_is_the_mean(name):
    schedule = Schedule()
    x = SAMPLERS[name](gaussian(schedule), noise(4), levels(1, schedule))
    torch.testing.assert_close(x, torch.full_like(x, MEAN))


# --- order


@pytest.mark.parametrize("kind", ["cosine", "linear"])
@pytest.mark.parametrize(("name", "order"), [("ddim", 1), ("dpm", 2), ("heun", 2)])
def test_twice_the_steps_divide_the_error_by_two_to_the_order(name, order, kind):
    errors = [error(name, n, Schedule(kind), first=0.9, last=0.1)[0] for n in (64, 128, 256)]
    for coarse, fine in pairwise(errors):
        assert coarse / fine == pytest.approx(2**order, rel=0.1)


@pytest.mark.parametrize("name", ["dpm", "heun"])
def test_second_order_is_kept_from_pure_noise_to_clean_data(name):
    """Four times the steps divide DDIM's error by 4 and theirs by 16; nearly, since log-SNR has no end there."""
    coarse, fine = (error(name, n, Schedule())[0] for n in (128, 512))
    assert coarse / fine > 8
    coarse, fine = (error("ddim", n, Schedule())[0] for n in (128, 512))
    assert coarse / fine == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("n", [4, 8, 16, 32])
def test_second_order_is_nearer_than_ddim_at_the_same_number_of_calls(n):
    schedule = Schedule()
    dpm, calls = error("dpm", n, schedule)
    assert calls == n
    assert dpm < error("ddim", n, schedule)[0]
    heun, calls = error("heun", n, schedule)
    assert calls == 2 * n - 2  # the first and the last step are Euler's
    assert heun < error("ddim", calls, schedule)[0]


@pytest.mark.parametrize("name", ["dpm", "heun"])
@pytest.mark.parametrize("n", [1, 2])
def test_steps_beside_pure_noise_and_clean_data_are_ddims(name, n):
    schedule = Schedule()
    steps = levels(n, schedule)
    x = SAMPLERS[name](gaussian(schedule), noise(8), steps)
    torch.testing.assert_close(x, ddim(gaussian(schedule), noise(8), steps), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("schedule", [Schedule(), Schedule("linear"), Schedule(zero_terminal_snr=False)])
def test_a_known_sample_is_reached_whatever_the_number_of_steps(name, schedule):
    """Where all data are one point, ``x_0`` never changes: all samplers are exact, in float32 at every level too."""
    point = torch.tensor([[0.3], [-2.0]])
    start = noise(2).float()
    for n in (1, 2, 3, 50, 1000):
        x = SAMPLERS[name](lambda x, u: point, start, levels(n, schedule))
        torch.testing.assert_close(x, point, rtol=0, atol=1e-4)


# --- DDIM


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
    start = noise(10_000)
    x = ddim(gaussian(schedule), start, levels(400, schedule), eta=1.0, noise=lambda i: noise(10_000, seed=i + 1))
    assert x.mean().item() == pytest.approx(MEAN, abs=0.01)
    assert x.std().item() == pytest.approx(STD, abs=0.01)
    assert abs(torch.corrcoef(torch.stack([x, start]).squeeze(-1))[0, 1]) < 0.05  # the start is forgotten


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


def test_noise_is_asked_for_at_every_step_but_the_last_and_only_with_eta():
    schedule = Schedule()
    asked = []

    def fresh(i):
        asked.append(i)
        return noise(4, seed=i + 1)

    still = ddim(gaussian(schedule), noise(4), levels(3, schedule), noise=fresh)
    assert asked == []
    moved = ddim(gaussian(schedule), noise(4), levels(3, schedule), eta=0.5, noise=fresh)
    assert asked == [0, 1]  # into clean data none is added
    assert not torch.equal(still, moved)
    with pytest.raises(ValueError, match="no noise"):
        ddim(gaussian(schedule), noise(4), levels(3, schedule), eta=0.5)


# --- all samplers


@pytest.mark.parametrize("name", SAMPLERS)
def test_callback_sees_every_step(name):
    seen = []
    schedule = Schedule()
    x = SAMPLERS[name](gaussian(schedule), noise(1), levels(4, schedule), callback=seen.append)
    torch.testing.assert_close(seen[0]["x_0"], torch.full_like(x, MEAN))
    assert [(step["index"], step["u"]) for step in seen] == [(0, 1.0), (1, 0.75), (2, 0.5), (3, 0.25)]
    assert torch.equal(seen[-1]["x"], x)


def test_levels_may_start_below_pure_noise_and_refuse_nonsense():
    assert levels(2, Schedule(), first=0.5).u.tolist() == [0.5, 0.25, 0.0]
    with pytest.raises(ValueError, match="got n=0"):
        levels(0, Schedule())
    with pytest.raises(ValueError, match=r"first=0\.2, last=0\.2"):
        levels(3, Schedule(), first=0.2, last=0.2)

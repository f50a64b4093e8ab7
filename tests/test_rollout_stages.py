"""What each network does in a rollout, with tiny weights: noise by frame, samplers, guidance, context."""

import dataclasses

import numpy as np
import pytest
import torch

from drivesim.diffusion import levels
from drivesim.errors import UserError
from drivesim.networks.guided import guided
from drivesim.parts import load_weights
from drivesim.rollout import Plan, Sampling, Session, rollout
from drivesim.rollout import session as session_module
from drivesim.rollout.pictures import sharpened
from drivesim.rollout.stages import Stages
from drivesim.rollout.stream import plan_for
from scenarios import compile, loads
from tests.tiny_weights import CARD, STREET, write_tiny_weights

FPS = 7.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def weights(folder):
    return load_weights(folder)


@pytest.fixture(scope="module")
def timeline():
    return compile(loads(STREET), fps=FPS)


def session_for(weights, **changes):
    arguments = {"seed": 1, "plan": plan_for(weights, FPS), "sampling": Sampling.of(CARD["sampling"]), **changes}
    return Session(weights, **arguments)


def told(session, timeline):
    start = session.state.frame
    return session.told([timeline[min(start + k, len(timeline) - 1)] for k in range(session.plan.horizon)])


def test_noise_belongs_to_a_frame_whatever_is_drawn_with_it(weights):
    stages = Stages(weights, sampling=Sampling(), seed=3, device=torch.device("cpu"))
    both = stages._noise("key", [4, 5], (2, 3))
    assert torch.equal(both[1], stages._noise("key", [5], (2, 3))[0])
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(both[0], stages._noise("between", [4], (2, 3))[0])


class Plainly(Stages):
    """As rollouts were sampled before there was a choice: DDIM Eq. 12 without eta, and noise drawn once, per frame."""

    def _sample(self, predict, purpose, noise, steps):
        u, a, s = (values.tolist() for values in levels(steps, self.denoiser.schedule))
        x = noise(purpose)
        with self._precision():
            for i in range(steps):
                x_0 = self.denoiser.denoise(predict, x, torch.full((len(x),), u[i]))
                x = a[i + 1] * x_0 + s[i + 1] * ((x - a[i] * x_0) / s[i])
        return x


def test_default_sampling_is_plain_ddim_bit_for_bit(weights, timeline, monkeypatch):
    session = session_for(weights, sampling=Sampling(first_steps=2, key_steps=2, between_steps=2, enlarge_steps=2))
    low = session.step(told(session, timeline), 4)
    large = session.told([timeline[0]], large=True)
    monkeypatch.setattr(session_module, "Stages", Plainly)
    plain = session_for(weights, sampling=session.stages.sampling)
    assert torch.equal(low, plain.step(told(plain, timeline), 4))
    assert torch.equal(session.enlarge(low[:1], large, 0), plain.enlarge(low[:1], large, 0))


@pytest.mark.parametrize("changes", [{"sampler": "dpm"}, {"sampler": "heun"}, {"eta": 1.0}])
def test_another_sampler_makes_other_frames_and_the_same_ones_again(changes, weights, timeline):
    sessions = [session_for(weights, sampling=Sampling(first_steps=4, **row)) for row in ({}, changes, changes)]
    usual, other, again = (session.stages.first(session.told([timeline[0]])) for session in sessions)
    assert not torch.equal(usual, other)
    assert torch.equal(other, again)


@pytest.mark.parametrize("changes", [{}, {"sampler": "dpm"}, {"sampler": "heun"}, {"eta": 0.7}])
def test_a_frame_is_sampled_alike_in_any_company(changes, weights):
    """By a network that looks at every frame alone: what is left is the noise, which each frame has of its own."""
    stages = Stages(weights, sampling=Sampling(**changes), seed=3, device=torch.device("cpu"))

    def sample(frames):
        return stages._sample(lambda x, u: x.tanh(), "key", lambda purpose: stages._noise(purpose, frames, (8,)), 4)

    together, alone = sample([4, 5, 6]), sample([6, 4])
    assert torch.equal(together[[2, 0]], alone)
    assert not torch.equal(together[0], together[1])


def test_without_their_temporal_layers_decoder_and_upsampler_make_each_frame_alone(weights, timeline):
    usual, still = (session_for(weights, image_only=names) for names in ((), ("decoder", "upsampler")))
    latents = torch.randn(6, *still.stages.latent_shape, generator=torch.Generator().manual_seed(0))
    low = still.stages.decode(latents)
    with torch.inference_mode(), still.stages._precision():
        image = weights.autoencoder.decode(latents).float().clamp(-1, 1)
    assert torch.equal(low, image)
    assert not torch.equal(low, usual.stages.decode(latents))
    large = still.told([timeline[0], timeline[1]], large=True)
    others = torch.stack([low[0], -low[1]])  # the same first frame in other company
    assert torch.equal(still.enlarge(low[:2], large, 0)[0], still.enlarge(others, large, 0)[0])
    assert not torch.equal(usual.enlarge(low[:2], large, 0)[0], usual.enlarge(others, large, 0)[0])


def test_an_image_only_network_that_does_not_exist_is_one_clear_error(folder, timeline, tmp_path):
    with pytest.raises(UserError, match="asked for 'encoder' without temporal layers, expected some of decoder, up"):
        rollout(timeline, tmp_path / "clip", weights=folder, image_only=["encoder"])


def test_new_noise_is_drawn_for_each_step(weights):
    stages = Stages(weights, sampling=Sampling(eta=1.0), seed=3, device=torch.device("cpu"))
    asked = []

    def noise(purpose):
        asked.append(purpose)
        return stages._noise(purpose, [0], (2,))

    stages._sample(lambda x, u: x, "between", noise, 3)
    assert asked == ["between", "between/0", "between/1"]


def test_guidance_pushes_away_from_what_is_said_without_a_set_of_conditions(weights, timeline):
    conditions = session_for(weights).told([timeline[0]])
    calls = []

    def ask(told):
        calls.append(told)
        known = torch.tensor(float(told.known["boxes"].all()) + 10.0 * float(told.known["daylight"].all()))
        return lambda x, u: x + known

    x = torch.zeros(1)
    assert guided(ask, conditions, {"all": 1.0})(x, x) == 11.0
    assert guided(ask, conditions, {"all": 2.0})(x, x) == 22.0  # 0 + 2 (11 - 0)
    assert guided(ask, conditions, {"boxes": 3.0})(x, x) == 13.0  # 10 + 3 (11 - 10)
    assert guided(ask, conditions, {"boxes+daylight": 2.0})(x, x) == 22.0
    assert guided(ask, conditions, {"boxes": 3.0, "daylight": 2.0})(x, x) == 25.0  # 1 + 2 (13 - 1)


def test_sampling_reads_the_card_and_refuses_what_it_does_not_know():
    sampling = Sampling.of({"key_steps": 6, "low_level": 0.1}, steps=3)
    assert (sampling.key_steps, sampling.between_steps, sampling.enlarge_steps) == (3, 3, 2)
    assert sampling.low_level == 0.1
    assert Sampling().first_steps <= 8
    with pytest.raises(UserError, match="'speed'"):
        Sampling.of({"speed": 1})
    with pytest.raises(UserError, match="1 or more"):
        Sampling.of({}, steps=0)


def test_sampler_asked_for_counts_before_the_cards_and_what_will_not_do_is_refused():
    assert Sampling.of({"sampler": "heun"}).sampler == "heun"
    assert Sampling.of({"sampler": "heun"}, sampler="dpm").sampler == "dpm"
    assert Sampling.of({"eta": 1.0}) == Sampling(eta=1.0)
    with pytest.raises(UserError, match="sampler is 'euler', expected one of ddim, dpm, heun"):
        Sampling.of({}, sampler="euler")
    for eta in (-0.1, 1.5, float("nan")):
        with pytest.raises(UserError, match=f"eta is {eta}, expected 0 to 1"):
            Sampling(eta=eta)
    with pytest.raises(UserError, match=r"'dpm' has eta 0\.5, expected 0: only ddim"):
        Sampling.of({"eta": 0.5}, sampler="dpm")


def test_small_pictures_are_sharpened_as_much_as_asked_for_before_they_are_enlarged(weights, timeline):
    plain, keen = (session_for(weights, sampling=Sampling(sharpen=amount)) for amount in (0.0, 1.0))
    told = plain.told([timeline[0], timeline[1]], large=True)
    low = 0.5 * torch.rand(2, 3, *plain.stages.low_size, generator=torch.Generator().manual_seed(0))
    flat = torch.full_like(low, 0.25)
    assert not torch.equal(keen.enlarge(low, told, 0), plain.enlarge(low, told, 0))
    assert torch.equal(keen.enlarge(low, told, 0), plain.enlarge(sharpened(low, 1.0), told, 0))
    torch.testing.assert_close(keen.enlarge(flat, told, 0), plain.enlarge(flat, told, 0))
    for amount in (-1.0, float("nan")):
        with pytest.raises(UserError, match=f"sharpened by {amount}, expected 0 or more"):
            Sampling(sharpen=amount)


def test_a_single_step_enlarges_as_the_sampler_would_from_noise(weights, timeline):
    """The shortcut leaves out the noise: nothing of it is left in the outcome, and the network does not look at it."""
    stages = Stages(weights, sampling=Sampling(enlarge_steps=1), seed=3, device=torch.device("cpu"))
    told = session_for(weights).told([timeline[0], timeline[1]], large=True)
    low = 2 * torch.rand(2, 3, *stages.low_size, generator=torch.Generator().manual_seed(0)) - 1

    def predict(x, u):
        level = torch.zeros(1, 2)
        return weights.up_temporal(x, u, told, low=low[None], level=level).float()

    def noise(purpose):
        return torch.randn(1, 2, 3, *stages.large_size, generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        residual = stages._sample(predict, "large", noise, 1)[0]
        expected = weights.up.picture(residual, low)
    assert residual.abs().max() > 0.01
    frames = stages.enlarge(low, told, [0, 1])
    assert (frames.shape, frames.dtype) == ((2, *stages.large_size, 3), torch.uint8)
    difference = frames.permute(0, 3, 1, 2).float() - 127.5 * (expected + 1)
    assert difference.abs().max() < 0.501  # rounded


def test_sharpening_by_hand():
    """One row of light: of its 1 the blur leaves 6 / 16, of its neighbours' 0 it makes 4 / 16 and 1 / 16."""
    line = torch.zeros(1, 3, 9, 9)
    line[..., 4, :] = 0.5
    made = sharpened(line, 0.4)[0, 0, 2:7, 4]
    assert made == pytest.approx(0.5 * np.array([-0.025, -0.1, 1.25, -0.1, -0.025]))
    assert torch.equal(sharpened(line, 0.0), line)


def test_context_frames_are_noised_at_the_level_asked_for_and_the_network_is_told(weights, timeline):
    seen = []
    hook = weights.key.register_forward_pre_hook(lambda _, __, given: seen.append(given["context"]), with_kwargs=True)
    made = []
    try:
        for level in (0.0, 0.6):
            session = session_for(weights, sampling=Sampling(key_steps=1, context_level=level))
            conditions = told(session, timeline).frames(list(session.plan.keys)).at_interval(1 / session.plan.key_fps)
            given = session.stages._noise("test", [0, 4], session.stages.latent_shape)
            made.append(session.stages.keys(given, conditions, session.plan.keys))
    finally:
        hook.remove()
    clean, noised = seen[0][0], seen[-1][0]
    assert torch.equal(clean[:2, :-1], given)
    grain = session.stages._noise("context", [0, 4], session.stages.latent_shape)
    torch.testing.assert_close(noised[:2, :-1], 0.8 * given + 0.6 * grain)
    assert noised[:2, -1].unique().tolist() == pytest.approx([0.8])
    assert noised[2:].abs().max() == 0
    assert torch.equal(made[1][:2], given)  # what is shown stays clean
    assert not torch.equal(made[0][2:], made[1][2:])


@pytest.mark.parametrize("context", [1, 3])
def test_steps_continue_from_as_many_key_frames_as_the_card_says(context, weights, timeline):
    known = dataclasses.replace(weights, card=weights.card | {"plan": {"context": context}})
    plan = plan_for(known, FPS)
    assert (plan.context, plan.step) == (context, 4 * (8 - context))
    session = session_for(known, plan=plan)
    for _ in range(2):
        last = session.state.keys
        keys = session._keys(told(session, timeline))
        assert all(torch.equal(keys[4 * k], last[k]) for k in range(len(last)))
        session.step(told(session, timeline))
    assert len(last) == context


def test_context_is_the_weights_own_or_less(weights):
    assert plan_for(weights, FPS) == Plan(FPS)
    assert plan_for(weights, FPS, context=1).context == 1
    with pytest.raises(UserError, match="context is 3 key frames, expected 1 to 2: the weights know no more"):
        plan_for(weights, FPS, context=3)
    with pytest.raises(UserError, match="0 of 8 key frames are given, expected 1 to 7"):
        plan_for(weights, FPS, context=0)
    with pytest.raises(UserError, match="'window', expected context alone"):
        plan_for(dataclasses.replace(weights, card={"plan": {"window": 4}}), FPS)
    for level in (-0.1, 1.0, float("nan")):
        with pytest.raises(UserError, match=rf"context frames is {level}, expected from 0 to below 1"):
            Sampling(context_level=level)

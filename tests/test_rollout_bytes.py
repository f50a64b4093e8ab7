"""What pictures of a rollout may depend on, with the shipped weights: neither threads nor batches, hardly precision.

The bounds of bf16 against fp32 are those that docs/speed.md states.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from drivesim.parts import load_weights
from drivesim.rollout import Plan, Sampling, Session, rollout
from drivesim.rollout import stages as stages_module
from drivesim.rollout.stages import works_in_bf16
from scenarios import compile, load

FPS = 7.5
FRAMES = 6  # two windows of the decoder: one of interpolation more than a gap
needs_bf16 = pytest.mark.skipif(
    not works_in_bf16(torch.device("cpu")), reason="this processor has no bfloat16: networks work in float32 anyway"
)


@pytest.fixture(scope="module")
def weights():
    return load_weights("nano")


@pytest.fixture(scope="module")
def facts():
    timeline = compile(load("dense_traffic"), fps=FPS)
    return [timeline[k] for k in range(Plan(FPS).horizon)]


@pytest.fixture
def in_fp32(monkeypatch):
    def switch():
        monkeypatch.setattr(stages_module, "works_in_bf16", lambda device: False)

    return switch


def session_for(weights, **plan):
    return Session(weights, seed=1, plan=Plan(FPS, **plan), sampling=Sampling.of(weights.card["sampling"]))


def frames(session, facts):
    """Large pictures (t h w 3), int32."""
    low = session.step(session.told(facts), FRAMES)
    low = session.steady(low, facts[:FRAMES], None)
    chunks = session.plan.chunks(FRAMES)
    large = [
        session.enlarge(low[c.start : c.stop], session.told(facts[c.start : c.stop], large=True), c.start)
        for c in chunks
    ]
    return torch.cat(large).int()


@pytest.fixture(scope="module")
def expected(weights, facts):
    return frames(session_for(weights), facts)


def test_the_number_of_threads_changes_no_byte(tmp_path, weights):
    timeline = compile(load("dense_traffic"), fps=FPS).first(FRAMES)
    before, found = torch.get_num_threads(), []
    try:
        for number in (2, 4):  # of which each part of the pipeline takes half
            torch.set_num_threads(number)
            rollout(timeline, tmp_path / str(number), weights=weights, allow_untrained_camera=True)
            found.append((tmp_path / str(number) / "clip.json").read_bytes())  # it has the sums of all files
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


@pytest.mark.parametrize("together", [1, 2])
def test_windows_made_in_other_batches_are_the_same_but_for_rounding(together, weights, facts, expected):
    difference = (frames(session_for(weights, together=together), facts) - expected).abs()
    assert difference.max() <= 2


@needs_bf16
def test_bf16_is_near_fp32_in_each_network(weights, facts, in_fp32):
    latents = torch.randn(6, 8, 16, 32, generator=torch.Generator().manual_seed(0))
    session = session_for(weights)
    told, keys = session.told(facts[:4], large=True), session.told(facts[:8])
    half = session.stages.decode(latents)
    large = session.enlarge(half[:4], told, 0)
    with torch.inference_mode():
        exact = weights.key(latents[None, [0, 1, 2, 3, 4, 5, 0, 1]], torch.full((1,), 0.5), keys)
        with torch.autocast("cpu", torch.bfloat16):
            coarse = weights.key(latents[None, [0, 1, 2, 3, 4, 5, 0, 1]], torch.full((1,), 0.5), keys).float()
    in_fp32()
    assert 0 < 127.5 * (session.stages.decode(latents) - half).abs().max() < 3
    assert (session.enlarge(half[:4], told, 0).int() - large.int()).abs().max() <= 2
    assert 0 < (coarse - exact).norm() / exact.norm() < 0.02


@needs_bf16
def test_bf16_is_near_fp32_at_the_end_of_a_rollout(weights, facts, expected, in_fp32):
    in_fp32()
    difference = (frames(session_for(weights), facts) - expected).abs().numpy()
    assert 0 < difference.mean() < 1
    assert np.quantile(difference, 0.999) <= 8

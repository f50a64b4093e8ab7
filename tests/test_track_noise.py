"""What road users keep of their noise, and that a single frame's stays white."""

from __future__ import annotations

import math

import pytest
import torch

from drivesim.parts import load_weights
from drivesim.rollout.session import Session
from drivesim.rollout.stages import Sampling
from drivesim.rollout.stream import plan_for
from drivesim.rollout.track_noise import with_track_noise
from scenarios import compile, loads
from scenarios.facts import Camera, FrameFacts, ObjectFacts
from tests.tiny_weights import STREET, write_tiny_weights

CAMERA = Camera()
SHAPE = (4, 16, 32)  # a cell is 32 px


def facts(*things: tuple[int, tuple[float, float, float, float]]) -> FrameFacts:
    objects = tuple(ObjectFacts(track, "car", box, depth=20.0 - k) for k, (track, box) in enumerate(things))
    return FrameFacts(index=0, time=0.0, camera=CAMERA, objects=objects)


def noise(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def mean(x: torch.Tensor, rows: slice, columns: slice) -> torch.Tensor:
    """The mean mode of some cells, of unit size."""
    part = x[:, rows, columns]
    return part.mean((1, 2)) * math.sqrt(part[0].numel())


def test_the_mean_is_the_tracks_in_all_frames_and_sizes_and_all_else_the_frames():
    small, large = facts((7, (64, 64, 128, 128))), facts((7, (320, 128, 576, 384)))
    one, two = with_track_noise(noise(1), small, 5), with_track_noise(noise(2), large, 5)
    here, there = (slice(2, 4), slice(2, 4)), (slice(4, 12), slice(10, 18))
    torch.testing.assert_close(mean(one, *here), mean(two, *there))
    assert (mean(one, *here) - mean(noise(1), *here)).abs().min() > 0
    slope = [mean(x, rows, slice(a, b)) - mean(x, rows, slice(b, c)) for x, rows, a, b, c in (
        (one, slice(2, 4), 2, 3, 4), (two, slice(4, 12), 10, 14, 18),
    )]  # fmt: skip
    torch.testing.assert_close(*slope)
    outside = torch.ones(SHAPE, dtype=torch.bool)
    outside[:, 2:4, 2:4] = False
    assert torch.equal(one[outside], noise(1)[outside])
    fine = two[:, 4:8, 10:14] - two[:, 4:8, 10:14].mean((1, 2), keepdim=True)
    own = noise(2)[:, 4:8, 10:14]
    torch.testing.assert_close(fine, own - own.mean((1, 2), keepdim=True))
    other = with_track_noise(noise(1), facts((8, (64, 64, 128, 128))), 5)
    assert not torch.allclose(mean(one, *here), mean(other, *here))


@pytest.mark.parametrize("box", [(64.0, 64.0, 96.0, 160.0), (64.0, 64.0, 160.0, 192.0), (-50.0, 0.0, 70.0, 100.0)])
def test_noise_of_one_frame_is_as_white_as_before(box):
    """Over many tracks: no cell, and no pair of cells, is told apart from plain noise."""
    made = torch.stack([with_track_noise(noise(k), facts((k, box)), 5)[:, 0:6, 0:5] for k in range(1500)])
    cells = made.flatten(2).flatten(0, 1)
    covariance = cells.T @ cells / len(cells)
    assert (covariance - torch.eye(30)).abs().max() < 0.1  # 0.013 is the standard error


def test_tracks_that_are_too_small_or_unknown_change_nothing():
    plain = noise(3)
    unknown = facts((-1, (64.0, 64.0, 160.0, 192.0)))  # who it is in other frames, nobody knows
    for told in (facts((1, (65.0, 65.0, 70.0, 70.0))), unknown, FrameFacts(index=0, time=0.0), facts()):
        assert torch.equal(with_track_noise(plain, told, 5), plain)


def test_a_session_shares_noise_if_its_card_says_so_and_boxes_are_told(tmp_path):
    weights = load_weights(write_tiny_weights(tmp_path))
    timeline = compile(loads(STREET), fps=7.5)

    def made(*, shared: bool, given: bool, withheld: tuple[str, ...] = ()) -> torch.Tensor:
        session = Session(
            weights, seed=1, plan=plan_for(weights, 7.5), sampling=Sampling(track_noise=shared), withheld=withheld
        )
        rows = [timeline[min(k, len(timeline) - 1)] for k in range(session.plan.horizon)]
        return session.step(session.told(rows), facts=rows if given else ())

    usual = made(shared=False, given=True)
    assert not torch.equal(made(shared=True, given=True), usual)
    assert torch.equal(made(shared=True, given=False), usual)
    hidden = made(shared=False, given=True, withheld=("boxes",))
    assert torch.equal(made(shared=True, given=True, withheld=("boxes",)), hidden)

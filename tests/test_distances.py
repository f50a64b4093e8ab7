"""How far a generator's frames and windows lie from the town's, and whether they are copies of training clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivesim.clips import MAIN, Clip
from drivesim.errors import UserError
from drivesim.evaluation.copying import copies
from drivesim.evaluation.distances import distances
from drivesim.metrics.features import Texture
from tests.drawn_frames import DrawnFrames

FPS = 2


def clip(frames: list[np.ndarray], name: str, *, fps: int = FPS, folder: Path = Path()) -> Clip:
    provenance = {"origin": "town", "scenario": {"name": name}}
    return Clip(
        folder / name, name, Fraction(fps), 64, 32, provenance, (), {MAIN: DrawnFrames(len(frames), frames.__getitem__)}
    )


def street(seed: int, *, step: int = 4, count: int = 16) -> list[np.ndarray]:
    """A texture that slides by ``step`` px a frame."""
    noise = np.random.default_rng(seed).normal(0, 1, (32, 64 + 4 * count, 3))
    wide = np.clip(128 + 250 * cv2.GaussianBlur(noise, (0, 0), 2), 0, 255).astype(np.uint8)
    return [wide[:, step * k : step * k + 64] for k in range(count)]


def drives(seed: int, change=lambda frames: frames, *, count: int = 5) -> list[Clip]:
    return [clip(change(street(seed + k)), f"drive{seed + k}") for k in range(count)]


def shuffled(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [frames[k] for k in np.random.default_rng(1).permutation(len(frames))]


CHANGES = {
    "alike": lambda frames: frames,
    "blurred": lambda frames: [cv2.GaussianBlur(frame, (0, 0), 3) for frame in frames],
    "frozen": lambda frames: [frames[0]] * len(frames),
    "shuffled": shuffled,
}


@pytest.fixture(scope="module")
def found():
    """The distances of equal streets, drawn anew, and of those that are spoilt."""
    clips = {"town": drives(0)} | {name: drives(100, change) for name, change in CHANGES.items()}
    return distances(clips, Texture(), every=1, film=4, seed=0, draws=20)


@pytest.mark.parametrize("name", ["frechet", "kernel"])
def test_spoilt_frames_and_windows_lie_farther_than_equal_ones(found, name) -> None:
    frames = {arm: cell["value"] for arm, cell in found["frames"][name].items()}
    assert frames["blurred"] > 3 * abs(frames["alike"])
    assert frames["shuffled"] == pytest.approx(frames["alike"])  # a set of frames has no order
    windows = {arm: cell["value"] for arm, cell in found["windows"]["kernel"].items()}
    for spoilt in ("blurred", "frozen", "shuffled"):
        assert windows[spoilt] > 3 * abs(windows["alike"])


def test_the_halves_of_equal_sets_lie_as_far_apart_as_those_of_the_town(found) -> None:
    cells = found["frames"]["kernel"]
    floor = cells["town"]["halves"]
    assert floor["interval"][0] <= floor["value"] <= floor["interval"][1]
    assert cells["alike"]["halves"]["value"] == pytest.approx(floor["value"], rel=0.5)
    assert cells["blurred"]["halves"]["value"] > 2 * floor["interval"][1]
    assert (cells["town"]["value"], cells["town"]["samples"], cells["town"]["dimensions"]) == (None, 80, 56)
    assert len(cells["blurred"]["interval"]) == 2


def test_too_few_samples_are_said_to_be_so_and_have_no_interval(found) -> None:
    cell = found["windows"]["frechet"]["alike"]  # 20 windows, 112 dimensions
    assert (cell["enough"], cell["interval"], cell["halves"]) == (False, None, None)
    one = distances({"town": drives(0)[:1], "rollout": drives(9)[:1]}, Texture(), every=1, film=16, seed=0, draws=5)
    assert one["windows"]["kernel"]["rollout"] == {
        "value": None, "interval": None, "halves": None, "samples": 1, "dimensions": None, "enough": None,
    }  # fmt: skip


def test_features_of_pictures_only_leave_windows_out_and_have_their_own_length() -> None:
    class Flat:
        name, fingerprint, takes, length = "mean", "0" * 64, ("frames",), None

        def __call__(self, samples):
            return samples.mean((1, 2))

    found = distances({"town": drives(0), "rollout": drives(9)}, Flat(), every=4, film=4, seed=0, draws=5)
    assert found["windows"] is None
    assert found["features"] == {"name": "mean", "sha256": "0" * 64}
    assert found["frames"]["frechet"]["rollout"]["samples"] == 20


@pytest.fixture
def training(tmp_path) -> list[Clip]:
    """Clips at twice the rate of the rollouts, so that every other frame counts."""
    for k in range(8):
        (tmp_path / f"training{k}").touch()
    streets = [street(200 + k, step=2, count=40) for k in range(8)]
    return [clip(row, f"training{k}", fps=2 * FPS, folder=tmp_path) for k, row in enumerate(streets)]


def test_a_rollout_that_copies_its_training_is_caught_and_one_that_does_not_is_not(training) -> None:
    stolen = clip(street(203, step=2, count=40)[4:28:2], "thief")
    clips = {"town": drives(0, count=20), "rollout": [stolen, *drives(100)[:3]], "untold": drives(300)}
    found, pairs = copies(clips, training, film=4, seed=0, draws=50)
    assert (found["held_out"]["clips"], found["held_out"]["windows"]) == (20, 80)
    arm = found["arms"]["rollout"]
    assert (arm["windows"], arm["nearest"]) == (15, pytest.approx(0, abs=1e-6))
    assert arm["share"] >= 3 / 15
    assert arm["interval"][0] <= arm["share"] <= arm["interval"][1]
    assert found["arms"]["untold"]["share"] < 0.2
    assert [pair.training.clip.name for pair in pairs[:3]] == ["training3"] * 3
    first = min(found["nearest"][:3], key=lambda row: row["frames"][0])
    assert (first["drive"], first["frames"], first["training_frames"]) == ("thief", [0, 1, 2, 3], [4, 6, 8, 10])
    assert np.array_equal(pairs[0].shown.picture((32, 64)), pairs[0].training.picture((32, 64)))
    assert found["training"]["clips"] == 8


def test_too_few_held_out_drives_tell_the_nearest_and_no_share(training) -> None:
    found, pairs = copies({"town": drives(0), "rollout": drives(100)}, training, film=4, seed=0, draws=5)
    held_out, arm = found["held_out"], found["arms"]["rollout"]
    assert (held_out["clips"], held_out["needed"], held_out["threshold"]) == (5, 19, None)
    assert (arm["share"], arm["interval"], arm["windows"]) == (None, None, 20)
    assert arm["nearest"] == pairs[0].distance > 0


def test_training_clips_that_do_not_fit_are_left_out_and_none_at_all_is_an_error(training) -> None:
    clips = {"town": drives(0), "rollout": drives(100)}
    odd = [clip(street(400), "slow", fps=1), clip(street(401, count=3), "short")]
    found, _ = copies(clips, [*training, *odd], film=4, seed=0, draws=5)
    assert found["training"]["left_out"] == 2
    with pytest.raises(UserError, match="found 2 clips, expected one or more of 4 frames at 2 frames/s"):
        copies(clips, odd, film=4, seed=0, draws=5)

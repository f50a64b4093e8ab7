"""Drift: windows of a clip, how pictures run, and a rollout's course against the town's."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.evaluation.drift import BAR, drift, picture_scores

FPS = 5.0


def moving(count: int, *, step: int = 2) -> list[np.ndarray]:
    """A texture that slides to the left by ``step`` px a frame."""
    random = np.random.default_rng(0)
    wide = np.kron(random.integers(0, 255, (16, 64 + count * step // 8 + 1)), np.ones((8, 8))).astype(np.uint8)
    return [np.repeat(wide[:, k * step : k * step + 256, None], 3, axis=2) for k in range(count)]


def test_a_frozen_video_has_no_speed_and_a_moving_one_has_its_own() -> None:
    assert picture_scores(moving(1) * 6, FPS)["speed"] == pytest.approx(0, abs=1e-3)
    speed = picture_scores(moving(6), FPS)["speed"]
    assert speed == pytest.approx(2 / 256 * FPS, rel=0.15)  # 2 px of 256 a frame


def test_a_looping_video_comes_back_and_a_moving_one_does_not() -> None:
    frames = moving(20, step=8)
    assert picture_scores(frames * 2, FPS)["return"] == pytest.approx(0, abs=1e-6)
    assert picture_scores(frames, FPS)["return"] > 0.5


def test_blurred_pictures_lose_sharpness() -> None:
    import cv2

    sharp = moving(4)
    dull = [cv2.GaussianBlur(frame, (0, 0), 4) for frame in sharp]
    assert picture_scores(dull, FPS)["sharpness"] < 0.3 * picture_scores(sharp, FPS)["sharpness"]


def test_a_rollout_that_fades_keeps_less_and_less_of_its_first_share() -> None:
    row = drift({"recall": [0.6, 0.3, 0.0]}, {"recall": [0.8, 0.8, 0.4]})["recall"]
    assert row["share"] == pytest.approx([0.75, 0.375, 0.0])
    assert row["kept"] == pytest.approx([1.0, 0.5, 0.0])
    assert row["meets_bar"] is True


def test_a_first_window_below_the_bar_is_said_to_be_so() -> None:
    assert drift({"recall": [BAR - 0.1, 0.4]}, {"recall": [1.0, 1.0]})["recall"]["meets_bar"] is False


def test_what_one_side_does_not_know_has_no_share() -> None:
    row = drift({"recall": [None, 0.4, 0.4]}, {"recall": [0.5, 0.0, None]})["recall"]
    assert row == {"share": [None, None, None], "kept": [None, None, None], "meets_bar": None}

"""Brightness, sharpness, windows and flicker, on pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivesim.metrics.appearance import brightness, by_window, sharpness
from drivesim.metrics.flicker import warped_error


def texture(seed: int = 0, size: tuple[int, int] = (128, 256)) -> np.ndarray:
    """Smooth random texture, uint8 h w 3."""
    noise = np.random.default_rng(seed).normal(0, 1, (*size, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(128 + 300 * smooth, 0, 255).astype(np.uint8)


def test_brightness_of_black_grey_and_white() -> None:
    assert [brightness(np.full((8, 8, 3), level, np.uint8)) for level in (0, 100, 255)] == [0, 100, 255]


def test_blur_lowers_sharpness_and_a_plain_picture_has_none() -> None:
    clear = texture()
    assert sharpness(np.full((64, 64, 3), 90, np.uint8)) == 0
    assert sharpness(cv2.GaussianBlur(clear, (0, 0), 4)) < 0.5 * sharpness(clear)


def test_windows_hold_the_frames_that_start_in_them_at_every_rate() -> None:
    seconds = [k / 30 for k in range(90)]
    rows = by_window(seconds, [float(k) for k in range(90)], window=1.0)
    assert [row["count"] for row in rows] == [30, 30, 30]
    assert [row["mean"] for row in rows] == [14.5, 44.5, 74.5]
    assert rows[2]["start"] == 2.0


def test_a_window_without_known_values_has_no_mean() -> None:
    assert by_window([0.0, 5.0], [None, 1.0], window=2.0)[0]["mean"] is None
    with pytest.raises(ValueError, match="window is 0"):
        by_window([0.0], [1.0], window=0)


def test_the_same_picture_does_not_flicker() -> None:
    assert warped_error(texture(), texture()) == pytest.approx(0, abs=0.05)


def test_a_moved_picture_does_not_flicker_though_its_pixels_change() -> None:
    wide = texture(size=(128, 264))
    first, second = wide[:, 8:], wide[:, 4:-4]
    plain = np.abs(first.astype(float) - second).mean()
    assert plain > 15
    assert warped_error(first, second) < 0.1 * plain


def test_a_flash_of_ten_grey_levels_is_an_error_of_ten() -> None:
    picture = np.clip(texture(), 0, 240).astype(np.uint8)
    assert warped_error(picture, picture + 10) == pytest.approx(10, abs=1.5)


def test_noise_flickers_more_the_stronger_it_is() -> None:
    random = np.random.default_rng(1)
    picture = texture()
    errors = [
        warped_error(picture, np.clip(picture + random.normal(0, level, picture.shape), 0, 255).astype(np.uint8))
        for level in (2, 8, 24)
    ]
    assert errors[0] < errors[1] < errors[2]


def test_frames_of_different_size_are_refused() -> None:
    with pytest.raises(ValueError, match="same size"):
        warped_error(texture(), texture(size=(64, 64)))

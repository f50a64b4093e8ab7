"""Frozen, looping, blurred and normal video are told apart; speeds and blur of pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivesim.metrics.motion import LOOPS, blur, nearest_return, picture_speed

FPS = 10.0


def moving(count: int, *, start: int = 0, px: int = 4, seed: int = 0) -> list[np.ndarray]:
    """A camera that pans over a long random texture by ``px`` a frame; frames 64 x 128."""
    noise = np.random.default_rng(seed).normal(0, 1, (64, 128 + 400, 3))
    wide = np.clip(128 + 300 * cv2.GaussianBlur(noise, (0, 0), 3), 0, 255).astype(np.uint8)
    return [wide[:, px * k : px * k + 128] for k in range(start, start + count)]


def encoded(frame: np.ndarray, quality: int = 60) -> np.ndarray:
    """What a lossy codec makes of a frame."""
    return cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def test_a_pan_of_4_px_a_frame_has_that_speed() -> None:
    first, second = moving(2)
    speed = picture_speed(first, second, seconds=1 / FPS)
    assert speed.pixels == pytest.approx(40, rel=0.1)
    assert speed.widths == pytest.approx(40 / 128, rel=0.1)


def test_the_speed_in_widths_does_not_depend_on_the_size() -> None:
    small = moving(2)
    large = [cv2.resize(frame, (512, 256), interpolation=cv2.INTER_CUBIC) for frame in small]
    one, two = (picture_speed(*pair, seconds=0.1) for pair in (small, large))
    assert two.widths == pytest.approx(one.widths, rel=0.05)
    assert two.pixels == pytest.approx(4 * one.pixels, rel=0.05)


def test_a_frozen_video_has_no_speed_though_it_is_encoded_again() -> None:
    frame = moving(1)[0]
    assert picture_speed(frame, frame, seconds=0.1).pixels < 0.5
    assert picture_speed(encoded(frame, 90), encoded(frame, 60), seconds=0.1).widths < 0.02
    with pytest.raises(ValueError, match="0 s apart"):
        picture_speed(frame, frame, seconds=0)
    with pytest.raises(ValueError, match="same size"):
        picture_speed(frame, frame[::2], seconds=0.1)


def test_blur_rises_with_every_blurring_and_does_not_see_contrast() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (128, 256, 3)).astype(np.uint8)
    values = [blur(frame)] + [blur(cv2.GaussianBlur(frame, (0, 0), sigma)) for sigma in (1, 2, 4)]
    assert values == sorted(values)
    assert values[0] < 0.2 < 0.5 < values[3]
    assert blur(frame // 2 + 40) == pytest.approx(values[0], abs=0.01)
    assert blur(np.full((32, 32, 3), 77, np.uint8)) is None


def test_blur_of_one_upright_edge_by_hand() -> None:
    # Sobel of a step of 110 is 440 in two columns. A mean over 11 columns makes it a ramp of 10 a column: there Sobel
    # is 20 * 4 = 80. So of the 440 of each of the two columns 440 - 80 is taken away: 1 - 360 / 440.
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[:, 30:] = 110
    assert blur(frame) == pytest.approx(80 / 440)


def test_blur_only_along_the_motion_is_found() -> None:
    frame = np.random.default_rng(2).integers(0, 256, (64, 128, 3)).astype(np.uint8)
    assert blur(cv2.blur(frame, (9, 1))) > blur(frame) + 0.2


def test_a_pan_does_not_come_back() -> None:
    found = nearest_return(moving(60), fps=FPS)
    assert found.distance > 1
    assert not found.loops


def test_a_loop_is_found_though_it_is_encoded_again() -> None:
    once = moving(25)
    found = nearest_return([encoded(frame, 90) for frame in once] + [encoded(frame, 60) for frame in once], fps=FPS)
    assert found.loops
    assert found.distance < LOOPS / 2
    assert found.frame - found.earlier == 25


def test_a_video_that_runs_back_is_a_loop() -> None:
    there = moving(25)
    found = nearest_return(there + there[::-1], fps=FPS)
    assert found.distance == 0
    assert found.frame + found.earlier == 49
    assert found.frame - found.earlier >= 10


def test_standing_still_is_no_loop_nor_is_a_frozen_video() -> None:
    frames = moving(30)
    random = np.random.default_rng(5)
    stop = [np.clip(frames[-1] + random.normal(0, 2, frames[-1].shape), 0, 255).astype(np.uint8) for _ in range(30)]
    found = nearest_return(frames + stop + moving(20, start=30), fps=FPS)
    assert found is None or not found.loops
    assert nearest_return([frames[0]] * 40, fps=FPS) is None


def test_a_return_within_the_least_time_does_not_count_and_short_videos_tell_nothing() -> None:
    shake = moving(4) + moving(4)[::-1]  # comes back within 0.7 s
    assert not nearest_return(shake + moving(30, start=5), fps=FPS).loops
    assert nearest_return(shake, fps=FPS, least=0.3).distance == 0
    assert nearest_return(moving(8), fps=FPS) is None
    assert nearest_return(moving(1), fps=FPS) is None

"""Drift: windows of a clip, how pictures run, and a rollout's course against the town's."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from drivesim.clips import MAIN, Clip
from drivesim.evaluation.drift import BAR, course, drift
from drivesim.evaluation.smoothness import picture_rows, rows_of, smoothness
from drivesim.metrics.motion import nearest_return
from tests.drawn_frames import DrawnFrames

FPS = 5.0


def moving(count: int, *, step: int = 2) -> list[np.ndarray]:
    """A texture that slides to the left by ``step`` px a frame."""
    random = np.random.default_rng(0)
    wide = np.kron(random.integers(0, 255, (16, 64 + count * step // 8 + 1)), np.ones((8, 8))).astype(np.uint8)
    return [np.repeat(wide[:, k * step : k * step + 256, None], 3, axis=2) for k in range(count)]


def mean(frames: list[np.ndarray], name: str) -> float:
    return float(np.mean([value for value in picture_rows(frames, FPS)[name] if value is not None]))


def clip(frames: list[np.ndarray]) -> Clip:
    video = DrawnFrames(len(frames), frames.__getitem__)
    return Clip(Path("clip"), "clip", Fraction(5), 256, 128, {"origin": "town"}, (), {MAIN: video})


def of_pictures(clips: list[Clip]) -> dict[str, list[dict]]:
    return course(clips, list(map(rows_of, clips)), [{}] * len(clips), {}, seconds=2.0, block=0.4, seed=0, draws=100)


def test_a_frozen_video_has_no_speed_and_a_moving_one_has_its_own() -> None:
    assert mean(moving(1) * 6, "speed") == pytest.approx(0, abs=1e-3)
    speed = mean(moving(6), "speed")
    assert speed == pytest.approx(2 / 256 * FPS, rel=0.15)  # 2 px of 256 a frame


def test_a_looping_video_comes_back_and_a_moving_one_does_not() -> None:
    frames = moving(20, step=8)
    assert nearest_return(frames * 2, fps=FPS).distance == pytest.approx(0, abs=1e-6)
    assert nearest_return(frames, fps=FPS).distance > 0.5


def test_blurred_pictures_lose_sharpness() -> None:
    import cv2

    sharp = moving(4)
    dull = [cv2.GaussianBlur(frame, (0, 0), 4) for frame in sharp]
    assert mean(dull, "sharpness") < 0.3 * mean(sharp, "sharpness")


def test_each_window_has_an_interval_over_blocks_of_a_single_drive() -> None:
    grey = [
        np.full((128, 256, 3), level, np.uint8)
        for level in [100] * 10 + [100, 100, 200, 200, 100, 100, 200, 200, 100, 100]
    ]
    steady, restless = of_pictures([clip(grey)])["brightness"]  # windows of 10 frames, blocks of 2
    assert steady == {"value": pytest.approx(100), "interval": pytest.approx((100, 100))}
    assert restless["value"] == pytest.approx(140)
    low, high = restless["interval"]
    assert 100 <= low < 140 < high <= 200
    assert of_pictures([clip(grey)])["return"][0]["interval"] is None  # a block cannot come back


def test_several_drives_are_drawn_as_wholes() -> None:
    dark, light = ([np.full((128, 256, 3), level, np.uint8)] * 10 for level in (50, 150))
    (cell,) = of_pictures([clip(dark), clip(light), clip(light)])["brightness"]
    assert cell["value"] == pytest.approx(350 / 3)
    assert cell["interval"] == pytest.approx((50, 150))
    assert len(of_pictures([clip(dark), clip(light * 2)])["brightness"]) == 2  # the second window is of one drive


def cells(values: list[float | None]) -> list[dict]:
    return [{"value": value, "interval": None} for value in values]


def test_a_rollout_that_fades_keeps_less_and_less_of_its_first_share() -> None:
    row = drift({"recall": cells([0.6, 0.3, 0.0])}, {"recall": cells([0.8, 0.8, 0.4])}, {})["recall"]
    assert row["share"] == pytest.approx([0.75, 0.375, 0.0])
    assert row["kept"] == pytest.approx([1.0, 0.5, 0.0])
    assert row["meets_bar"] is True


def test_a_first_window_below_the_bar_is_said_to_be_so() -> None:
    rows = drift({"recall": cells([BAR - 0.1, 0.4])}, {"recall": cells([1.0, 1.0])}, {})
    assert rows["recall"]["meets_bar"] is False


def test_what_one_side_does_not_know_has_no_share() -> None:
    row = drift({"recall": cells([None, 0.4, 0.4])}, {"recall": cells([0.5, 0.0, None])}, {"recall": cells([None])})
    nothing = dict.fromkeys(("meets_bar", "held", "of_anew", "held_of_anew"))
    assert row["recall"] == {"share": [None] * 3, "kept": [None] * 3, "better": "more"} | nothing


@pytest.mark.parametrize(
    ("name", "last", "held"),
    [
        ("recall", 0.39, False),  # 0.4 is 80% of the first window's 0.5
        ("recall", 0.41, True),
        ("flicker", 0.63, False),  # 0.625 is 125% of it
        ("flicker", 0.62, True),
        ("flicker", 0.1, True),
        ("colour of road users, median", 0.63, False),
        ("speed", 0.39, False),
        ("speed", 0.63, False),
        ("speed", 0.5, True),
    ],
)
def test_the_last_window_holds_by_what_is_better(name, last, held) -> None:
    row = drift({name: cells([0.5, last])}, {name: cells([1.0, 1.0])}, {name: cells([0.5])})[name]
    assert (row["held"], row["held_of_anew"]) == (held, held)


def test_what_fog_takes_is_not_held_against_the_first_window_but_against_one_begun_anew() -> None:
    row = drift({"recall": cells([0.8, 0.3])}, {"recall": cells([1.0, 1.0])}, {"recall": cells([0.32])})["recall"]
    assert (row["held"], row["held_of_anew"]) == (False, True)
    assert row["of_anew"] == pytest.approx(0.3 / 0.32)


def test_little_flicker_at_first_meets_the_bar_and_much_does_not() -> None:
    towns = {"flicker": cells([1.0])}
    rows = {share: drift({"flicker": cells([share])}, towns, {})["flicker"] for share in (0.1, 2.1)}
    assert (rows[0.1]["meets_bar"], rows[2.1]["meets_bar"]) == (True, False)


def test_flicker_of_clips_beside_the_towns_by_hand() -> None:
    def grey(*levels: int) -> Clip:
        return clip([np.full((128, 256, 3), level, np.uint8) for level in levels])

    town = [grey(100, 110, 120), grey(100, 110, 120)]  # 10 grey levels a frame that no flow explains
    made = [grey(100, 120, 140), grey(100, 140, 180)]
    rows = {"town": list(map(rows_of, town)), "rollout": list(map(rows_of, made))}
    found = smoothness(rows, seed=0, draws=100)
    cell = found["flicker"]["rollout"]
    assert (cell["value"], cell["share"]["value"]) == (pytest.approx(30), pytest.approx(3))
    assert cell["share"]["interval"] == pytest.approx((2, 4))
    assert (cell["clips"], cell["frames"], found["brightness"]["rollout"]["frames"]) == (2, 4, 6)
    assert found["flicker"]["town"]["share"]["value"] == 1

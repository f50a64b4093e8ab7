"""Copies of training windows are caught, however they are disguised; what is only of the same kind is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivesim.metrics.copies import copy_threshold, find_copies, least_clips
from drivesim.metrics.features import Texture


def windows(seed: int, count: int) -> np.ndarray:
    """Windows of 4 frames of 32 x 64: random textures that pan."""
    made = []
    for number in range(count):
        noise = np.random.default_rng([seed, number]).normal(0, 1, (32, 80, 3))
        wide = np.clip(128 + 250 * cv2.GaussianBlur(noise, (0, 0), 3), 0, 255).astype(np.uint8)
        made.append([wide[:, 4 * k : 4 * k + 64] for k in range(4)])
    return np.array(made)


TRAINING, HELD_OUT, OTHERS = windows(0, 60), windows(1, 60), windows(2, 60)
EACH = range(60)  # every held-out window is of a clip of its own


def encoded(window: np.ndarray) -> np.ndarray:
    jpeg = [cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 40])[1] for frame in window]
    return np.stack([cv2.imdecode(data, cv2.IMREAD_COLOR) for data in jpeg])


DISGUISES = {
    "literal": lambda window: window,
    "encoded again": encoded,
    "mirrored": lambda window: window[:, :, ::-1],
    "brighter": lambda window: np.clip(window * 0.8 + 40, 0, 255).astype(np.uint8),
    "all of it": lambda window: encoded(np.clip(window[:, :, ::-1] * 0.9 + 20, 0, 255).astype(np.uint8)),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_few_copies_among_many_windows_are_caught(disguise) -> None:
    shown = OTHERS.copy()
    for at, source in ((3, 10), (40, 55)):
        shown[at] = DISGUISES[disguise](TRAINING[source])
    found = find_copies(shown, TRAINING, HELD_OUT, clips=EACH, quantile=1 / 60)
    assert set(found.caught[:2].tolist()) == {3, 40}
    assert found.training[[3, 40]].tolist() == [10, 55]
    assert found.distance[[3, 40]].max() < 0.7 * found.threshold
    assert 2 / 60 <= found.share < 0.1


def test_windows_of_the_same_kind_are_caught_no_more_often_than_held_out_ones() -> None:
    found = find_copies(OTHERS, TRAINING, HELD_OUT, clips=EACH, quantile=0.1)
    assert found.share < 0.25  # 0.1 is expected; 60 windows
    assert len(found.caught) == round(found.share * 60)
    assert found.threshold == sorted(found.held_out)[5]  # (1 + 5) / 61 <= 0.1 < (1 + 6) / 61


def unseen_shares(clips: int, *, alike: float, tries: int = 1500) -> list[float]:
    """Shares of an unseen clip's 8 windows below the threshold; ``alike``: the spread of clips over that of windows."""
    random, shares = np.random.default_rng(clips), []
    for _ in range(tries):
        near = alike * random.normal(size=(clips + 1, 1)) + random.normal(size=(clips + 1, 8))
        threshold = copy_threshold(near[1:].ravel(), np.repeat(range(clips), 8).tolist(), quantile=0.05)
        assert threshold is not None
        shares.append(float((near[0] < threshold).mean()))
    return shares


@pytest.mark.parametrize("alike", [0.0, 3.0])
@pytest.mark.parametrize(("clips", "least"), [(20, 0.004), (100, 0.02)])
def test_no_more_than_the_quantile_of_unseen_windows_are_caught_however_alike_those_of_a_clip_are(
    clips, least, alike
) -> None:
    shares = unseen_shares(clips, alike=alike)
    assert least < np.mean(shares) <= 0.05 + 2 * np.std(shares) / np.sqrt(len(shares))


def test_of_too_few_held_out_clips_there_is_no_threshold() -> None:
    few = np.random.default_rng(0).normal(size=40)
    assert copy_threshold(few, np.repeat(range(5), 8).tolist(), quantile=0.05) is None
    assert least_clips(0.05) == 19
    assert copy_threshold(few, np.repeat(range(5), 8).tolist(), quantile=1 / 6) == few.min()
    assert copy_threshold(few[:19], range(19), quantile=0.05) == few[:19].min()
    assert copy_threshold(few[:18], range(18), quantile=0.05) is None


def test_a_clip_counts_once_however_many_windows_it_has() -> None:
    # 1 + 2 / 2 of 4 clips: both windows of the first, and no other, may lie below
    distance, clips = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), ["a", "a", "b", "c", "c"]
    assert copy_threshold(distance, clips, quantile=0.5) == 3.0


def test_the_training_set_itself_is_all_copies_at_no_distance() -> None:
    found = find_copies(TRAINING, TRAINING, HELD_OUT, clips=EACH)
    assert found.share == 1
    assert found.distance.max() == 0
    assert found.training.tolist() == list(range(60))


def test_another_space_of_features_can_be_asked_for() -> None:
    shown = OTHERS.copy()
    shown[7] = encoded(TRAINING[20])
    assert 7 in find_copies(shown[:20], TRAINING[:30], HELD_OUT[:20], clips=range(20), features=Texture()).caught
    pictures = find_copies(TRAINING[:5, 0], TRAINING[:, 0], HELD_OUT[:, 0], clips=EACH)
    assert pictures.share == 1


def test_sets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="alike in all but number"):
        find_copies(OTHERS[:, :3], TRAINING, HELD_OUT, clips=EACH)
    with pytest.raises(ValueError, match="one or more of each"):
        find_copies(OTHERS, TRAINING, HELD_OUT[:0], clips=())
    with pytest.raises(ValueError, match="quantile is 1"):
        find_copies(OTHERS, TRAINING, HELD_OUT, clips=EACH, quantile=1)
    with pytest.raises(ValueError, match="found 18 held-out clips, expected 19 or more"):
        find_copies(OTHERS[:2], TRAINING[:2], HELD_OUT[:18], clips=range(18))

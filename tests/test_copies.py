"""Copies of training windows are caught, however they are disguised; what is only of the same kind is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivesim.metrics.copies import find_copies
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
    found = find_copies(shown, TRAINING, HELD_OUT, quantile=0.01)
    assert set(found.caught[:2].tolist()) == {3, 40}
    assert found.training[[3, 40]].tolist() == [10, 55]
    assert found.distance[[3, 40]].max() < 0.7 * found.threshold
    assert 2 / 60 <= found.share < 0.1


def test_windows_of_the_same_kind_are_caught_no_more_often_than_held_out_ones() -> None:
    found = find_copies(OTHERS, TRAINING, HELD_OUT, quantile=0.1)
    assert found.share < 0.25  # 0.1 is expected; 60 windows
    assert len(found.caught) == round(found.share * 60)
    assert found.threshold == pytest.approx(np.quantile(found.held_out, 0.1))


def test_the_training_set_itself_is_all_copies_at_no_distance() -> None:
    found = find_copies(TRAINING, TRAINING, HELD_OUT)
    assert found.share == 1
    assert found.distance.max() == 0
    assert found.training.tolist() == list(range(60))


def test_another_space_of_features_can_be_asked_for() -> None:
    shown = OTHERS.copy()
    shown[7] = encoded(TRAINING[20])
    assert 7 in find_copies(shown[:20], TRAINING[:30], HELD_OUT[:20], features=Texture()).caught
    pictures = find_copies(TRAINING[:5, 0], TRAINING[:, 0], HELD_OUT[:, 0])
    assert pictures.share == 1


def test_sets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="alike in all but number"):
        find_copies(OTHERS[:, :3], TRAINING, HELD_OUT)
    with pytest.raises(ValueError, match="one or more of each"):
        find_copies(OTHERS, TRAINING, HELD_OUT[:0])
    with pytest.raises(ValueError, match="quantile is 1"):
        find_copies(OTHERS, TRAINING, HELD_OUT, quantile=1)

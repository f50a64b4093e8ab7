"""Decoders: the numbers of each family of detection networks, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.perception.detectors.decoders import DECODERS, fit

LN3 = float(np.log(3))  # sigmoid(ln 3) = 3 / 4, sigmoid(-ln 3) = 1 / 4


def decode(output, *arrays, size):
    """Decode after the check that every adapter makes."""
    assert fit([np.shape(array) for array in arrays], DECODERS[output].shapes(size))
    return DECODERS[output].decode([np.asarray(array, float) for array in arrays], size)


def test_the_references_own_boxes_are_taken_as_they_are() -> None:
    boxes, scores = decode("boxes", [[[1, 2, 3, 4, 0.5, 0.25]]], size=(32, 32))
    assert boxes.tolist() == [[1, 2, 3, 4]]
    assert scores.tolist() == [[0.5, 0.25]]


def test_yolox_numbers_become_boxes_as_its_paper_says() -> None:
    # A 32 x 32 input has 16 + 4 + 1 cells. Cell 5 of stride 8 is column 1, row 1.
    raw = np.zeros((1, 21, 7))
    raw[0, 5] = [0.5, 0.25, np.log(2), np.log(4), 0.8, 0.5, 1.0]
    boxes, scores = decode("yolox", raw, size=(32, 32))
    assert boxes[5] == pytest.approx([12 - 8, 10 - 16, 12 + 8, 10 + 16])
    assert scores[5] == pytest.approx([0.4, 0.8])
    assert boxes[20] == pytest.approx([-16, -16, 16, 16])  # the one cell of stride 32: centre (0, 0), size 32


def test_fastestdet_numbers_become_boxes_as_its_authors_say() -> None:
    raw = np.zeros((1, 6, 2, 2))
    raw[0, :, 1, 0] = [0.5, 0.0, np.arctanh(0.5), 0.0, LN3, 0.25]  # tanh 0, 0.5; sigmoid 0.5, 0.75
    boxes, scores = decode("fastestdet", raw, size=(32, 64))
    centre, size = (0 / 2 * 64, 1.5 / 2 * 32), (0.5 * 64, 0.75 * 32)
    expected = [centre[0] - size[0] / 2, centre[1] - size[1] / 2, centre[0] + size[0] / 2, centre[1] + size[1] / 2]
    assert boxes[2] == pytest.approx(expected)
    assert scores[2, 0] == pytest.approx(0.5**0.6 * 0.25**0.4)


def test_nanodet_sides_lie_at_the_mean_of_their_distributions() -> None:
    # A 64 x 128 input has 8 * 16 + 4 * 8 + 2 * 4 + 1 * 2 = 170 cells. Cell 130 is the third of stride 16: (32, 0) px.
    raw = np.zeros((1, 170, 2 + 32))
    raw[0, 130, :2] = [0.9, 0.1]
    sides = raw[0, 130, 2:].reshape(4, 8)
    sides[0, 1] = 100.0  # left: surely 1 stride
    sides[1, [0, 1]] = 100.0, 100.0 + LN3  # top: 0 with 1 / 4, 1 with 3 / 4
    sides[2, 7] = 100.0  # right: surely 7; bottom: every bin alike, 3.5
    boxes, scores = decode("nanodet", raw, size=(64, 128))
    assert boxes[130] == pytest.approx([32 - 16, 0 - 0.75 * 16, 32 + 7 * 16, 0 + 3.5 * 16])
    assert scores[130].tolist() == [0.9, 0.1]
    assert boxes[169] == pytest.approx([64 - 3.5 * 64, -3.5 * 64, 64 + 3.5 * 64, 3.5 * 64])  # the last, of stride 64


def test_nanodet_maps_are_rounded_up() -> None:
    assert DECODERS["nanodet"].shapes((40, 40)) == ((1, 25 + 9 + 4 + 1, "32 + classes"),)


def test_detr_scores_are_a_softmax_whose_last_class_is_nothing() -> None:
    logits = [[[0.0, LN3, np.log(4)], [1000.0, 0.0, 0.0]]]  # 1 : 3 : 4; the second must not overflow
    boxes, scores = decode("detr", logits, [[[0.5, 0.25, 0.5, 0.5], [0, 0, 0, 0]]], size=(100, 200))
    assert scores == pytest.approx(np.array([[1 / 8, 3 / 8], [1, 0]]))
    assert boxes[0].tolist() == [100 - 50, 25 - 25, 100 + 50, 25 + 25]


def test_rtdetr_scores_are_a_sigmoid_each() -> None:
    boxes, scores = decode("rtdetr", [[[0.0, LN3]]], [[[0.25, 0.5, 0.1, 0.2]]], size=(100, 200))
    assert scores == pytest.approx(np.array([[0.5, 0.75]]))
    assert boxes[0] == pytest.approx([50 - 10, 50 - 10, 50 + 10, 50 + 10])


@pytest.mark.parametrize(
    ("shapes", "fits"),
    [
        ([(1, 7, 3), (1, 7, 4)], True),
        ([(1, 7, 3), (1, 7, 4), (1, 9)], True),  # what comes after is not read
        ([("batch", None, 3), (1, 7, 4)], True),  # a model may leave dimensions open
        ([(1, 7, 3), (1, 8, 4)], False),  # as many boxes as scores
        ([(1, 7, 3), (1, 7, 5)], False),
        ([(1, 7, 1), (1, 7, 4)], False),  # nothing but "nothing"
        ([(2, 7, 3), (2, 7, 4)], False),
        ([(7, 3), (7, 4)], False),
        ([(1, 7, 3)], False),
        ([], False),
    ],
)
def test_shapes_fit_or_not(shapes, fits) -> None:
    assert fit(shapes, DECODERS["detr"].shapes((32, 32))) is fits

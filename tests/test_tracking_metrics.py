"""HOTA, MOTA and IDF1: cases worked by hand, TrackEval (Luiten et al.), and boxes that do not count."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from trackeval.metrics import CLEAR, HOTA, Identity

from drivesim.metrics.tracking import TrackedFrame, clear_mot, left_out, tracking_scores
from drivesim.perception.assignment import assign
from drivesim.perception.matching import overlaps


def test_the_assignment_is_as_good_as_scipys_on_1000_random_tables() -> None:
    random = np.random.default_rng(0)
    for case in range(1000):
        shape = random.integers(0, 8, 2)
        scores = random.normal(size=shape) if case % 2 else random.integers(0, 3, shape).astype(float)
        rows, columns = assign(scores)
        theirs = linear_sum_assignment(scores, maximize=True)
        assert len(set(rows)) == len(set(columns)) == min(shape)
        assert scores[rows, columns].sum() == pytest.approx(scores[theirs].sum(), abs=1e-9)
        if case % 2:  # without ties there is one best
            assert (rows.tolist(), columns.tolist()) == (theirs[0].tolist(), theirs[1].tolist())


def test_an_assignment_of_scores_that_are_no_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        assign(np.array([[np.nan, 1.0]]))


def frame(truth, found, similarity) -> TrackedFrame:
    return TrackedFrame(np.array(truth, int), np.array(found, int), np.array(similarity, float))


def test_perfect_tracks_score_one() -> None:
    scores = tracking_scores([[frame([1, 2], [5, 6], np.eye(2))] * 3])
    assert [scores[name] for name in ("HOTA", "DetA", "AssA", "LocA", "MOTA", "IDF1")] == [1.0] * 6
    assert (scores["boxes"], scores["misses"], scores["false"], scores["switches"]) == (6, 0, 0, 0)


def test_a_track_cut_in_two_by_hand() -> None:
    # One true track of 4 frames, found as track 7 in frames 0-2 and as track 8 in frame 3, always exactly.
    # Detection: 4 / 4. Association: track 7: TPA 3, FNA 1, FPA 0: 3/4, thrice; track 8: TPA 1, FNA 3: 1/4, once.
    scores = tracking_scores([[frame([1], [7], [[1.0]])] * 3 + [frame([1], [8], [[1.0]])]])
    association = (3 * 3 / 4 + 1 / 4) / 4
    assert scores["DetA"] == 1.0
    assert scores["AssA"] == pytest.approx(association)
    assert scores["HOTA"] == pytest.approx(association**0.5)
    assert scores["MOTA"] == pytest.approx(1 - 1 / 4)  # the switch
    assert scores["IDF1"] == pytest.approx(2 * 3 / (4 + 4))


def test_a_missed_and_a_false_box_by_hand() -> None:
    # Frame 0: track 1 found, track 2 missed. Frame 1: both found, and one box of nothing under a new id.
    first, second = frame([1, 2], [5], [[0.8], [0.0]]), frame([1, 2], [5, 6, 9], [[0.8, 0, 0], [0, 0.8, 0]])
    scores = tracking_scores([[first, second]])
    # Up to level 0.80 (16 of 19 levels): TP 3, FN 1, FP 1. Track 1: 2/2, twice; track 2: TPA 1, FNA 1: 1/2, once.
    assert scores["DetA"] == pytest.approx(16 / 19 * 3 / 5)
    assert scores["AssA"] == pytest.approx(16 / 19 * (2 * 1 + 1 / 2) / 3)
    assert scores["HOTA"] == pytest.approx(16 / 19 * (3 / 5 * 2.5 / 3) ** 0.5)
    assert scores["LocA"] == pytest.approx((16 * 0.8 + 3) / 19)
    assert scores["MOTA"] == pytest.approx(1 - (1 + 1) / 4)
    assert scores["IDF1"] == pytest.approx(2 * 3 / (4 + 4))
    assert (scores["IDP"], scores["IDR"]) == (3 / 4, 3 / 4)


def test_the_same_id_in_two_clips_is_two_tracks() -> None:
    one, other = [frame([1], [5], [[1.0]])] * 2, [frame([1], [6], [[1.0]])] * 2
    apart, joined = tracking_scores([one, other]), tracking_scores([one + other])
    assert (apart["IDF1"], apart["AssA"], apart["switches"]) == (1.0, 1.0, 0)
    assert (joined["IDF1"], joined["AssA"], joined["switches"]) == (0.5, 0.5, 1)


def test_nothing_to_find_is_unknown_and_nothing_found_is_zero() -> None:
    nothing = tracking_scores([[frame([], [3], np.zeros((0, 1)))], []])
    assert (nothing["HOTA"], nothing["MOTA"], nothing["IDF1"], nothing["false"]) == (None, None, None, 1)
    assert tracking_scores([])["HOTA"] is None
    missed = tracking_scores([[frame([1], [], np.zeros((1, 0)))]])
    assert (missed["HOTA"], missed["MOTA"], missed["IDF1"], missed["misses"]) == (0.0, 0.0, 0.0, 1)


def test_frames_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="each at most once"):
        frame([1, 1], [2], [[0.5], [0.5]])
    with pytest.raises(ValueError, match=r"expected \(1, 2\)"):
        frame([1], [2, 3], [[0.5], [0.5]])
    with pytest.raises(ValueError, match="outside of"):
        frame([1], [2], [[1.5]])


A, B, FAR = [0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 60, 60]


def counted(truth, found, ignored) -> TrackedFrame:
    true_boxes, found_boxes = np.array(truth, float).reshape(-1, 4), np.array(found, float).reshape(-1, 4)
    whole = TrackedFrame(np.arange(len(truth)), np.arange(len(found)), overlaps(true_boxes, found_boxes))
    cover = overlaps(found_boxes, true_boxes, of_first=True).T
    return left_out(whole, ignored=np.array(ignored, bool), cover=cover)


def test_an_ignored_box_is_neither_missed_nor_is_what_lies_on_it_false() -> None:
    for found in ([A, B], [A]):
        scores = clear_mot([[counted([A, B], found, [False, True])]])
        assert (scores["MOTA"], scores["misses"], scores["false"]) == (1.0, 0, 0)
    false = clear_mot([[counted([A, B], [A, FAR], [False, True])]])
    assert (false["MOTA"], false["false"]) == (0.0, 1)


def test_a_box_that_counts_keeps_its_match_though_it_lies_on_an_ignored_box() -> None:
    behind = [0, 0, 10, 12]  # ignored, and covers the found box as well
    frames = [counted([A, behind], [A], [False, True]), counted([A, behind], [A, [0, 1, 10, 12]], [False, True])]
    assert [len(one.found) for one in frames] == [1, 1]
    assert clear_mot([frames])["MOTA"] == 1.0


def random_clip(random: np.random.Generator) -> list[TrackedFrame]:
    """Up to 8 frames of up to 5 true and found tracks that mostly go together, with gaps, switches and clutter."""
    clip = []
    for _ in range(random.integers(1, 9)):
        truth, found = (random.permutation(5)[: random.integers(0, 6)] for _ in range(2))
        same = truth[:, None] == (found[None] if random.random() < 0.8 else 4 - found[None])
        similarity = np.where(same, random.uniform(0.3, 1, same.shape), random.uniform(0, 0.7, same.shape))
        similarity[random.random(same.shape) < 0.2] = 0
        clip.append(TrackedFrame(truth, found, similarity))
    return clip


def for_trackeval(clip: list[TrackedFrame]) -> dict[str, object]:
    """A clip in the form of TrackEval's metrics: ids from 0 without gaps."""
    sides = {}
    for name, key in (("truth", "gt"), ("found", "tracker")):
        ids = [getattr(one, name) for one in clip]
        kinds = sorted({int(number) for row in ids for number in row})
        sides[f"{key}_ids"] = [np.array([kinds.index(number) for number in row], int) for row in ids]
        sides[f"num_{key}_ids"] = len(kinds)
        sides[f"num_{key}_dets"] = sum(map(len, ids))
    return sides | {"similarity_scores": [one.similarity for one in clip], "num_timesteps": len(clip)}


def test_hota_mota_and_idf1_agree_with_trackeval_on_1000_random_sets_of_clips() -> None:
    random = np.random.default_rng(1)
    judges = HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False})
    seen = []
    for _ in range(1000):
        clips = [random_clip(random) for _ in range(random.integers(1, 3))]
        rows = [for_trackeval(clip) for clip in clips]
        higher, clear, identity = (
            judge.combine_sequences({str(k): judge.eval_sequence(row) for k, row in enumerate(rows)})
            for judge in judges
        )
        ours = tracking_scores(clips)
        if ours["boxes"] == 0:
            assert ours["HOTA"] is None
            continue
        for name in ("HOTA", "DetA", "AssA", "LocA"):
            assert ours[name] == pytest.approx(higher[name].mean(), abs=1e-9), name
        assert ours["MOTA"] == pytest.approx(clear["MOTA"], abs=1e-9)
        assert [ours[name] for name in ("misses", "false", "switches")] == [
            clear[name] for name in ("CLR_FN", "CLR_FP", "IDSW")
        ]
        for name in ("IDF1", "IDP", "IDR"):
            assert ours[name] == pytest.approx(identity[name], abs=1e-9), name
        seen.append(ours["HOTA"])
    assert len(seen) > 900
    assert np.ptp(seen) > 0.5

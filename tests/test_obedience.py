from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sample_conditions import conditions
from tiny_weights import write_tiny_weights
from training_clips import write_clip, write_clips

from conditioning import NAMES
from drivesim.cli import main
from drivesim.errors import UserError
from drivesim.evaluation.hearing import Asked, hear, partners, windows, with_other
from drivesim.evaluation.obedience import fill_card, is_filled, unseen_clips
from drivesim.evaluation.seeing import Pictures, day_night_accuracy, judges, span
from drivesim.metrics.obedience import (
    Gain,
    Span,
    balanced_accuracy,
    best_threshold,
    line_contrast,
    relative_gain,
    status,
)
from drivesim.parts import load_weights
from drivesim.perception import Detections
from drivesim.rollout import obeyed
from drivesim.rollout.stages import Sampling, Stages
from drivesim.training.data import TrainingData
from scenarios import load
from scenarios.facts import Camera, Crowdedness, FrameFacts, LaneLine, ObjectFacts, RoadFacts

SURE = Gain(0.1, (0.05, 0.2), clips=4, samples=8)


# --- The rule


@pytest.mark.parametrize(
    ("gain", "span", "word"),
    [
        (None, Span(0, 1, 1), "not learned"),
        (Gain(0.1, None, 1, 8), Span(0, 1, 1), "not learned"),
        (Gain(0.1, (-0.01, 0.2), 4, 8), Span(0, 1, 1), "not learned"),
        (Gain(0.0015, (0.001, 0.002), 4, 8), Span(0, 1, 1), "not learned"),
        (SURE, None, "weak"),
        (SURE, Span(0.2, 0.6, 1.0), "weak"),
        (SURE, Span(0.50, 0.54, 0.54), "weak"),  # the judge hardly tells the truth from the floor
        (SURE, Span(0.2, 0.74, 1.0), "obeyed"),
    ],
)
def test_status_needs_to_be_heard_and_then_to_be_seen(gain, span, word):
    assert status(gain, span) == word


def test_gain_is_the_share_by_which_the_loss_rises():
    told, changed = np.array([1.0, 1.0, 2.0]), np.array([1.1, 1.1, 2.6])
    gain = relative_gain(told, changed, np.array([0, 0, 1]), seed=0)
    assert gain.value == pytest.approx(0.8 / 4)
    assert gain.interval == pytest.approx((0.1, 0.3))  # clip 0 drawn twice: 0.2 / 2; clip 1 twice: 0.6 / 2
    assert (gain.clips, gain.samples) == (2, 3)


def test_gain_on_one_clip_has_no_interval_and_without_samples_is_none():
    one = np.ones(2)
    assert relative_gain(one, 2 * one, np.zeros(2), seed=0).interval is None
    assert relative_gain(one[:0], one[:0], one[:0], seed=0) is None


def test_threshold_is_fitted_and_accuracy_counts_both_kinds_alike():
    threshold = best_threshold([10, 20, 80, 90], [False, False, True, True])
    assert threshold == 50
    assert balanced_accuracy([60, 20, 80, 90, 70], [False, False, True, True, True], threshold) == 0.75
    assert best_threshold([1, 2], [True, True]) is None


# --- Judges


def road_frame(shift: float = 0.0, *, paint: int = 220) -> tuple[np.ndarray, FrameFacts]:
    """A grey picture with one bright line straight ahead of the camera, painted ``shift`` px beside where it is."""
    camera = Camera().resized(256, 128)
    line = LaneLine("solid", "white", ((0.0, 0.0), (60.0, 0.0)))
    frame = np.full((128, 256, 3), 90, np.uint8)
    frame[64:, 127 + int(shift) : 129 + int(shift)] = paint
    return frame, FrameFacts(0, 0.0, daylight=1.0, camera=camera, road=RoadFacts((line,), ()))


def test_line_is_steep_where_it_is_painted_and_flat_where_it_is_not():
    on, beside = line_contrast(*road_frame())
    assert on > 20
    assert beside == 0
    on, beside = line_contrast(*road_frame(shift=8))
    assert on == 0
    assert beside > 10  # one of the two sides


def test_line_behind_a_car_is_not_looked_at():
    frame, facts = road_frame()
    car = ObjectFacts(1, "car", (100.0, 60.0, 150.0, 128.0))
    hidden = FrameFacts(0, 0.0, camera=facts.camera, road=facts.road, objects=(car,))
    assert line_contrast(frame, hidden) is None
    assert line_contrast(frame, FrameFacts(0, 0.0)) is None


class SeesBright:
    """Finds one car: the box of all pixels above 200."""

    name, fingerprint = "sees bright", "0" * 64

    def __call__(self, frames):
        found = []
        for frame in frames:
            rows, columns = np.nonzero(frame.min(-1) > 200)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else [0, 0, 1, 1]
            found.append(Detections([box], [0.9], ["car"]))
        return found


def pictures(made_like: list[int]) -> Pictures:
    """Four frames, two by night and two by day, each with a car of its own; frame k is made like ``made_like[k]``."""
    facts, truth = [], []
    for k, daylight in enumerate((0.0, 0.1, 0.9, 1.0)):
        box = (10.0 + 60 * k, 30.0, 50.0 + 60 * k, 60.0)
        frame = np.full((64, 128, 3), int(20 + 100 * daylight), np.uint8)
        frame[15:30, 5 + 30 * k : 25 + 30 * k] = 255
        truth.append(frame)
        camera = Camera().resized(256, 128)
        facts.append(FrameFacts(k, 0.0, daylight=daylight, camera=camera, objects=(ObjectFacts(1, "car", box),)))
    return Pictures(facts, truth, [truth[k] for k in made_like], [truth[k] for k in (3, 2, 1, 0)])


def test_perfect_pictures_stand_at_the_ceiling_and_others_at_the_floor():
    good, bad = pictures([0, 1, 2, 3]), pictures([3, 2, 1, 0])
    for name in ("daylight", "boxes"):
        judge = judges(SeesBright())[name]
        assert span(judge, good).place == 1.0
        assert span(judge, bad).place == 0.0
    assert span(judges(SeesBright())["boxes"], good) == Span(0.0, 1.0, 1.0)
    assert span(judges(None)["daylight"], good) == Span(-1.0, 1.0, 1.0)
    assert (day_night_accuracy(good), day_night_accuracy(bad)) == (1.0, 0.0)


def test_crowdedness_is_judged_by_how_many_vehicles_are_found():
    class CountsStripes:
        name, fingerprint = "counts stripes", "0" * 64

        def __call__(self, frames):
            counts = [int((frame[0, 1:, 0].astype(int) - frame[0, :-1, 0] > 200).sum()) for frame in frames]
            return [Detections([[0, 0, 9, 9]] * n, [0.9] * n, ["car"] * n) for n in counts]

    def stripes(n):
        frame = np.zeros((8, 64, 3), np.uint8)
        frame[:, 4 : 4 + 8 * n : 8] = 255
        return frame

    facts = [FrameFacts(n, 0.0, camera=Camera(64, 8), crowdedness=Crowdedness(n, 0)) for n in range(4)]
    truth = [stripes(n) for n in range(4)]
    judge = judges(CountsStripes())["crowdedness"]
    assert judge(truth, Pictures(facts, truth, truth, truth)) == 1.0
    assert judge(truth[::-1], Pictures(facts, truth, truth, truth)) == -1.0
    assert judge([truth[2]] * 4, Pictures(facts, truth, truth, truth)) is None  # as many everywhere


def test_judge_that_knows_no_road_or_detector_says_nothing():
    assert span(judges(None)["road"], pictures([0, 1, 2, 3])) is None
    assert set(judges(None)) == {"daylight", "road"}


# --- Hearing


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    slow = [write_clip(folder / f"slow_{k}", number=k, frames=29) for k in range(2)]
    return [*slow, write_clip(folder / "fast", number=2, frames=8, fps=30.0)]


@pytest.fixture
def weights(tmp_path):
    return write_tiny_weights(tmp_path / "weights")


def stages_of(folder):
    torch.set_num_threads(1)
    return Stages(load_weights(folder), sampling=Sampling(), seed=0, device=torch.device("cpu"))


def test_windows_are_of_the_asked_rate_and_partners_of_other_clips(clips, weights):
    stages = stages_of(weights)
    rows = windows(clips, stages, frames=8, rate=1.875, per_clip=4)
    assert [row.clip for row in rows] == [0, 1]  # 29 frames hold one such window, the fast clip none
    assert [facts.index for facts in rows[0].facts] == list(range(0, 29, 4))
    assert rows[0].told.signals["interval"][0, 0].item() == 1.0
    singles = windows(clips, stages, frames=1, rate=None, per_clip=2)
    assert [(row.clip, row.facts[0].index) for row in singles] == [(0, 7), (0, 21), (1, 7), (1, 21), (2, 2), (2, 6)]
    assert all(singles[a].clip != singles[b].clip for a, b in enumerate(partners(singles, seed=0)))
    with pytest.raises(ValueError, match="1 clip"):
        partners(rows[:1], seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_swap_takes_one_condition_and_nothing_else(name):
    told, other = conditions(1, 1, (4, 8), seed=0), conditions(1, 1, (4, 8), seed=1).without(name)
    known = with_other(told, conditions(1, 1, (4, 8), seed=1), name)
    assert torch.equal(with_other(told, other, name).signal_stack(), told.without(name).signal_stack())
    for kept in set(NAMES) - {name}:
        group = "maps" if kept in told.maps else "signals"
        assert torch.equal(getattr(known, group)[kept], getattr(told, group)[kept])
    assert torch.equal(known.tokens, told.tokens) == (name != "boxes")


def test_network_that_is_deaf_to_signals_gains_nothing_by_them(clips, weights):
    stages = stages_of(weights)
    with torch.no_grad():
        for name, parameter in stages.weights.unet.conditions.named_parameters():
            if name.startswith("signals"):
                parameter.zero_()
    heard = hear(clips, stages, per_clip=2, seed=0)
    assert list(heard) == list(NAMES)
    assert heard["daylight"].swapped.samples > 0
    assert heard["daylight"].swapped.value == 0.0
    assert heard["boxes"].swapped.value != 0.0
    assert heard["interval"].swapped.samples > 0  # 7.5 against 30 frames/s
    assert heard["weather"].swapped is None  # it is clear in all clips
    assert heard["weather"].unknown.samples == 6


def test_network_that_listens_gains_by_what_it_hears(clips, weights, monkeypatch):
    def loss(self, x, level, noise, told):  # twice as high where the daylight is not known
        return 2.0 - told.known["daylight"].float().mean(1)

    monkeypatch.setattr(Asked, "_loss", loss)
    heard = hear(clips, stages_of(weights), per_clip=2, seed=0)
    assert heard["daylight"].unknown.value == 1.0
    assert heard["road"].unknown.value == 0.0


# --- The card


def test_card_is_filled_with_what_a_rollout_reads_and_the_rest_stays(clips, weights):
    before = json.loads((weights / "card.json").read_text())
    assert not is_filled(weights)
    steps: list[tuple[int, int]] = []
    returned = fill_card(weights, clips, detector=SeesBright(), frames=1, progress=lambda *done: steps.append(done))
    total = len(NAMES) + len(clips)  # every condition is heard, and a frame of every clip is looked at
    assert steps == sorted(set(steps))
    assert steps[-1] == (total, total)
    card = json.loads((weights / "card.json").read_text())
    assert card == json.loads(json.dumps(returned))
    assert is_filled(weights)
    assert {name: card[name] for name in set(before) - {"conditions"}} == {
        name: before[name] for name in set(before) - {"conditions"}
    }
    assert set(card["conditions"]) == set(NAMES)
    assert set(card["conditions"]["boxes"]["evidence"]["seen"]) == {"floor", "found", "ceiling", "place"}
    assert card["conditions"]["weather"] == {
        "status": "not learned",
        "evidence": {
            "heard": "nothing to compare",
            "unknown": card["conditions"]["weather"]["evidence"]["unknown"],
            "seen": "not judged",
        },
    }
    assert card["conditions"]["weather"]["evidence"]["unknown"]["windows"] == 3
    assert card["obedience"]["detector"]["sha256"] == "0" * 64
    assert card["obedience"]["frames"] == 3
    rows = obeyed(load("day_to_night"), card)
    assert {row.field for row in rows} >= {"camera", "road", "environment.daylight"}
    assert all(str(row) for row in rows)
    assert fill_card(weights, clips, detector=SeesBright(), frames=1) == returned


def test_one_clip_is_too_few(clips, weights):
    with pytest.raises(UserError, match="found 1 unseen"):
        fill_card(weights, clips[:1])


def test_unseen_clips_are_those_that_training_held_out(tmp_path):
    folder = write_clips(tmp_path / "clips", 5, frames=2, height=64)
    data = TrainingData([str(folder)], str(tmp_path / "cache"), size=(32, 64), map_size=(8, 16), held_out_share=0.4)
    data.prepare_caches(None)
    card = {
        "data": {"fingerprint": data.fingerprint},
        "parts": {"unet.image": {"config": {"data": {"held_out_share": 0.4}}}},
    }
    expected = [clip.clip.name for clip in data.held_out_clips]
    assert [clip.name for clip in unseen_clips([folder], card)] == expected
    assert len(expected) == 2
    assert len(unseen_clips([folder], {"data": {"fingerprint": "other"}})) == 5


def test_command_measures_finished_weights_again(clips, weights, capsys):
    run = weights.parent
    card = json.loads((weights / "card.json").read_text())
    card["data"]["fingerprint"] = "other"
    (weights / "card.json").write_text(json.dumps(card))
    assert main(["train", "card", "--data", str(clips[0].path.parent), "--out", str(run), "--device", "cpu"]) == 0
    assert capsys.readouterr().out.split() == [str(weights)]
    assert is_filled(weights)
    assert main(["train", "card", "--out", str(run), "--budget", "5m"]) == 2
    assert "nothing is trained" in capsys.readouterr().err

"""The acceptance lines of the video model: what passes a bar, on figures written by hand."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture
def video(checkout, monkeypatch):
    monkeypatch.syspath_prepend(str(checkout / "tools" / "acceptance"))
    return importlib.import_module("video")


def cell(value: float | None, count: int = 9) -> dict:
    return {
        "value": value, "interval": None, "median": value, "median_interval": None, "clips": 2, "frames": 9,
        "count": count,
    }  # fmt: skip


def row(rollout: float | None, **others: float) -> dict:
    shares = {name: {"value": None, "interval": None} for name in ("share", "times_floor", "median_share")}
    arms = {"rollout": rollout, "town": 1.0, **others}
    return {"arms": {name: cell(value) for name, value in arms.items()}, **shares}


def run(video, monkeypatch, tmp_path, bar, measured) -> dict:
    monkeypatch.setattr(video, "evaluated", lambda protocol: {"measures": {bar.measure: measured}})
    return bar.line().run(tmp_path)


@pytest.mark.parametrize(
    ("bounds", "measured", "passed"),
    [
        ({"least": 0.6, "of": "town"}, row(0.48, town=0.8), True),
        ({"least": 0.6, "of": "town"}, row(0.47, town=0.8), False),
        ({"least": 3.0, "of": "other"}, row(0.31, other=0.1), True),
        ({"least": 3.0, "of": "other"}, row(0.2, other=0.1), False),
        ({"least": 3.0, "of": "other"}, row(0.2, other=0.0), True),
        ({"least": 3.0, "of": "other"}, row(0.0, other=0.0), False),  # three times nothing is nothing
        ({"most": 2.0, "of": "town", "median": True}, row(19.0, town=10.0), True),
        ({"most": 2.0, "of": "town", "median": True}, row(21.0, town=10.0), False),
        ({"most": 0.2, "median": True}, row(None), False),  # half of the pairs show no motion
        ({"least": 0.5, "arm": "no boxes"}, row(0.9, **{"no boxes": 0.4}), False),
    ],
)
def test_a_bar_is_met_or_missed(video, monkeypatch, tmp_path, bounds, measured, passed):
    told = run(video, monkeypatch, tmp_path, video.Bar("cats", "cats seen", **bounds), measured)
    assert told["passed"] is passed
    assert (told["figure"]["clips"], told["figure"]["frames"], told["figure"]["bar"]) == (2, 9, told["bound"])


def test_what_drives_say_nothing_of_is_neither_met_nor_missed(video, monkeypatch, tmp_path):
    bar = video.Bar("cats", "cats seen", least=0.5)
    assert run(video, monkeypatch, tmp_path, bar, {"arms": {"rollout": cell(None, count=0)}})["passed"] is None
    monkeypatch.setattr(video, "evaluated", lambda protocol: {"measures": {}})
    assert bar.line().run(tmp_path)["figure"] == "not measured: no judge for cats seen"


def test_every_bar_asks_for_a_measure_that_there_is(video):
    from drivesim.evaluation.generator import ARMS, PROTOCOLS, _taken

    for bar in video.BARS:
        protocol = PROTOCOLS[bar.protocol]
        assert bar.measure in _taken(protocol, ("reference", "yolox_nano"))
        assert {bar.arm, bar.of or "town"} <= set(protocol.arms) <= set(ARMS)


def window(value: float | None) -> dict:
    return {"value": value, "interval": None}


def drifting(**scores: tuple[tuple[float | None, ...], tuple[float | None, ...]]) -> dict:
    from drivesim.evaluation.drift import drift

    rollout, town = ({name: [window(v) for v in pair[k]] for name, pair in scores.items()} for k in (0, 1))
    anew = {name: [window(0.5) for _ in pair] for name, pair in scores.items()}
    smooth = {"sharpness": {"rollout": {"clips": 3, "frames": 60}}}
    return {"drift": {"rollout": rollout, "town": town, "drift": drift(rollout, town, anew)}, "smoothness": smooth}


def test_the_last_window_must_hold_and_meet_the_bars(video, monkeypatch, tmp_path):
    steady = {"sharpness": ((8.0, 9.0), (10.0, 10.0)), "flicker": ((1.2, 1.4), (1.0, 1.0))}
    for extra, held, meets in (
        ({}, True, True),
        ({"speed": ((1.0, 0.6), (1.0, 1.0))}, False, False),
        ({"speed": ((0.7, 0.65), (1.0, 1.0))}, True, False),  # it keeps what was too little at first
        ({"weather": ((0.9, None), (1.0, 1.0))}, True, True),  # not told
    ):
        found = drifting(**steady, **extra)
        monkeypatch.setattr(video, "evaluated", lambda protocol, found=found: found)
        assert video.held(tmp_path, verdict="held").passed is held
        assert video.last_window(tmp_path).passed is meets
    figure = video.held(tmp_path, verdict="held").figure
    assert (figure["not told"], figure["clips"]) == (["weather"], 3)


@pytest.mark.parametrize(("last", "passed"), [(0.5, True), (0.39, False)])  # begun anew it is 0.5
def test_a_long_rollout_must_be_as_good_as_one_begun_anew(video, monkeypatch, tmp_path, last, passed):
    found = drifting(sharpness=((1.0, last), (1.0, 1.0)))
    monkeypatch.setattr(video, "evaluated", lambda protocol: found)
    assert video.held(tmp_path, verdict="held_of_anew").passed is passed
    assert video.held(tmp_path, verdict="held").passed is False  # the first window is far better than both


def test_temporal_layers_must_beat_their_image_only_arm_twice(video, monkeypatch, tmp_path):
    def both(rollout: float, image: float) -> dict:
        row = {"value": 0.0, "interval": None, "clips": 2, "frames": 8}
        return {"rollout": row | {"value": rollout}, "image decoder": row | {"value": image}}

    for flicker, kernel, passed in (((1, 2), (3, 4), True), ((2, 1), (3, 4), False), ((1, 2), (4, 3), False)):
        windows = {"frechet": both(1, 1), "kernel": both(*kernel)}
        found = {"smoothness": {"flicker": both(*flicker)}, "distances": {"windows": windows}}
        monkeypatch.setattr(video, "evaluated", lambda protocol, found=found: found)
        assert video.layers(tmp_path, arm="image decoder").passed is passed


def test_weights_drives_and_folder_come_from_the_environment(video, monkeypatch, tmp_path):
    monkeypatch.setenv("DRIVESIM_ACCEPTANCE_WEIGHTS", "some/folder")
    monkeypatch.setenv("DRIVESIM_ACCEPTANCE_DRIVES", "2")
    monkeypatch.setenv("DRIVESIM_ACCEPTANCE_OUT", str(tmp_path))
    asked = []
    monkeypatch.setattr(video, "drivesim", lambda *words: asked.extend(map(str, words)))
    monkeypatch.setattr(video, "read_json", lambda path: {"read": str(path)})
    monkeypatch.setattr(video, "kept", lambda: tmp_path / "weights")
    assert video.evaluated.__wrapped__("smoothness") == {"read": str(tmp_path / "weights/smoothness-2/metrics.json")}
    assert asked[:4] == ["evaluate", "smoothness", "--weights", "some/folder"]
    assert [word for word in asked if "@" in word] == ["amber_dilemma@7001", "animal_crossing@7002"]

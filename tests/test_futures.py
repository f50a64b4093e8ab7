"""Futures: clips of one scenario that share the first frame and nothing else of their noise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from drivesim import cli
from drivesim.errors import UserError
from drivesim.parts import load_weights
from drivesim.rollout import futures, rollout
from drivesim.rollout.stages import Stages
from scenarios import compile, loads
from scenarios.randomness import key
from tests.tiny_weights import STREET, write_tiny_weights

FPS = 1.875  # 7 frames: a step of 6 and one of 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def weights(folder):
    return load_weights(folder)


@pytest.fixture(scope="module")
def timeline():
    return compile(loads(STREET), fps=FPS)


@pytest.fixture(scope="module")
def made(weights, timeline, tmp_path_factory):
    """Three futures, and what was told of their progress."""
    told = []
    out = tmp_path_factory.mktemp("out") / "three"
    clips = futures(timeline, out, samples=3, weights=weights, progress=lambda *row: told.append(row))
    return clips, told


@pytest.fixture
def firsts(monkeypatch):
    """The first frames (1 c h w) that the image network makes."""
    found = []

    def first(self, conditions, original=Stages.first):
        found.append(original(self, conditions))
        return found[-1]

    monkeypatch.setattr(Stages, "first", first)
    return found


def mark(clip):
    """clip.json, which has the sums of all other files."""
    return (clip.path / "clip.json").read_bytes()


def test_later_frames_differ_and_each_clip_names_its_seed(made, timeline):
    (one, two, three), _ = made
    assert [clip.path.name for clip in (one, two, three)] == ["01", "02", "03"]
    assert one.facts == two.facts == three.facts
    pictures = [clip.read([len(timeline) - 1]).astype(int) for clip in (one, two, three)]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pictures[a] - pictures[b]).mean() > 1.0
    assert one.provenance["seed"] == timeline.seed
    assert two.provenance["seed"] == key(timeline.seed, "future", 2)
    assert three.provenance["future"] == {"number": 3, "of_seed": timeline.seed}


def test_all_futures_start_from_one_frame(weights, timeline, tmp_path, firsts):
    futures(timeline, tmp_path / "a", samples=2, weights=weights)
    rollout(timeline, tmp_path / "b", weights=weights, seed=timeline.seed + 1)
    one, two, other = firsts
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_no_future_depends_on_how_many_there_are(made, weights, timeline, tmp_path):
    (one, two, _), _ = made
    again = futures(timeline, tmp_path / "two", samples=2, weights=weights)
    assert [mark(clip) for clip in again] == [mark(one), mark(two)]
    assert mark(rollout(timeline, tmp_path / "alone", weights=weights)) == mark(one)


def test_progress_is_that_of_all(made, timeline):
    _, told = made
    done = [row[0] for row in told]
    assert done == sorted(done)
    assert {row[1] for row in told} == {3 * len(timeline)}
    assert done[-1] == 3 * len(timeline)


def test_a_stopped_run_goes_on_in_the_future_where_it_was(made, weights, timeline, tmp_path):
    expected, _ = made

    def stop(done, total):
        if done > len(timeline) + 6:  # in the second chunk of the second future
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        futures(timeline, tmp_path / "cut", samples=3, weights=weights, progress=stop)
    assert [path.name for path in (tmp_path / "cut").iterdir() if not path.name.startswith(".")] == ["01"]
    before = (tmp_path / "cut" / "01" / "run.json").read_bytes()
    clips = futures(timeline, tmp_path / "cut", samples=3, weights=weights)
    assert [mark(clip) for clip in clips] == [mark(clip) for clip in expected]
    assert (clips[0].path / "run.json").read_bytes() == before
    assert b'"frames_from_earlier_run": 6' in (clips[1].path / "run.json").read_bytes()
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["01", "02", "03"]


def test_a_first_frame_that_is_given_is_the_one_of_all(weights, timeline, tmp_path, firsts):
    file = tmp_path / "photo.png"
    cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8))
    one, two = futures(timeline, tmp_path / "a", samples=2, weights=weights, first_frame=file)
    assert not firsts
    assert one.provenance["first_frame"] == two.provenance["first_frame"] is not None
    assert mark(one) != mark(two)
    assert not np.array_equal(one.read([5]), two.read([5]))


def test_a_number_or_a_place_that_will_not_do_is_one_clear_error(made, weights, timeline, tmp_path):
    (one, *_), _ = made
    with pytest.raises(UserError, match="asked for 0 futures, expected 1 or more"):
        futures(timeline, tmp_path / "a", samples=0, weights=weights)
    with pytest.raises(UserError, match="a clip is there, expected a new folder, or one of futures"):
        futures(timeline, one.path, samples=2, weights=weights)
    with pytest.raises(UserError, match="another provenance"):
        futures(timeline, one.path.parent, samples=2, weights=weights, seed=timeline.seed + 1)
    assert not list(tmp_path.iterdir())


def test_the_command_makes_one_clip_or_a_folder_of_them(folder, tmp_path, capsys):
    file = tmp_path / "street.yaml"
    file.write_text(STREET.replace("4.0", "0.6"))
    words = ["rollout", str(file), "--weights", str(folder), "--fps", "1.875"]
    assert cli.main([*words, "--out", str(tmp_path / "one"), "--samples", "1"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'one'}\n"
    assert cli.main([*words, "--out", str(tmp_path / "two"), "--samples", "2"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'two' / '01'}\n{tmp_path / 'two' / '02'}\n"
    assert (tmp_path / "one/clip.json").read_bytes() == (tmp_path / "two/01/clip.json").read_bytes()
    for bad in ("0", "-1", "many"):
        with pytest.raises(SystemExit) as stop:
            cli.main([*words, "--out", str(tmp_path / "bad"), "--samples", bad])
        assert stop.value.code == 2
        assert f"'{bad}' is not a whole number from 1" in capsys.readouterr().err

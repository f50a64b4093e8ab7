"""Futures: clips of one scenario that share the first frame and nothing else of their noise."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from drivesim import cli
from drivesim.errors import UserError
from drivesim.parts import load_weights
from drivesim.rollout import Sampling, futures
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
    """Three futures, what was told of their progress, and the first frames (1 c h w) that the image network made."""
    told, firsts = [], []

    def first(self, conditions, original=Stages.first):
        firsts.append(original(self, conditions))
        return firsts[-1]

    out = tmp_path_factory.mktemp("out") / "three"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stages, "first", first)
        clips = futures(timeline, out, samples=3, weights=weights, progress=lambda *row: told.append(row))
    return clips, told, firsts


def mark(clip):
    """clip.json, which has the sums of all other files."""
    return (clip.path / "clip.json").read_bytes()


def test_all_start_from_one_frame_and_go_their_own_ways(made, timeline):
    clips, _, firsts = made
    assert len(firsts) == 3
    assert torch.equal(firsts[0], firsts[1])
    assert torch.equal(firsts[0], firsts[2])
    pictures = [clip.read([len(timeline) - 1]).astype(int) for clip in clips]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pictures[a] - pictures[b]).mean() > 1.0


def test_each_clip_names_its_number_and_its_seed(made, timeline):
    (one, two, three), *_ = made
    assert [clip.path.name for clip in (one, two, three)] == ["01", "02", "03"]
    assert list(one.facts) == list(two.facts) == list(three.facts)
    assert one.provenance["seed"] == timeline.seed
    assert "future" not in one.provenance
    assert two.provenance["seed"] == key(timeline.seed, "future", 2)
    assert three.provenance["future"] == {"number": 3, "of_seed": timeline.seed}


def test_noise_of_frame_0_alone_is_of_the_first_seed(weights):
    place = torch.device("cpu")
    shared = Stages(weights, sampling=Sampling(), seed=2, first_seed=1, device=place)
    one, two = (Stages(weights, sampling=Sampling(), seed=seed, device=place) for seed in (1, 2))
    noise = shared._noise("large", [0, 1], (4,))
    assert torch.equal(noise[0], one._noise("large", [0], (4,))[0])
    assert torch.equal(noise[1], two._noise("large", [1], (4,))[0])
    assert not torch.equal(noise[1], one._noise("large", [1], (4,))[0])


def test_progress_is_that_of_all(made, timeline):
    _, told, _ = made
    done = [row[0] for row in told]
    assert done == sorted(done)
    assert {row[1] for row in told} == {3 * len(timeline)}
    assert done[-1] == 3 * len(timeline)


def test_a_stopped_run_goes_on_where_it_was_and_no_future_depends_on_how_many_there_are(
    made, weights, timeline, tmp_path
):
    (one, two, _), *_ = made
    out = tmp_path / "cut"
    shutil.copytree(one.path, out / "01")  # finished by an earlier run

    def stop(done, total):
        if done > len(timeline) + 6:  # in the second chunk of the second future
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        futures(timeline, out, samples=2, weights=weights, progress=stop)
    assert [path.name for path in out.iterdir() if not path.name.startswith(".")] == ["01"]
    clips = futures(timeline, out, samples=2, weights=weights)
    assert [mark(clip) for clip in clips] == [mark(one), mark(two)]
    assert (clips[0].path / "run.json").read_bytes() == (one.path / "run.json").read_bytes()
    assert json.loads((clips[1].path / "run.json").read_text())["frames_from_earlier_run"] == 6
    assert sorted(path.name for path in out.iterdir()) == ["01", "02"]


def test_a_first_frame_that_is_given_is_the_one_of_all(weights, tmp_path, monkeypatch):
    file = tmp_path / "photo.png"
    cv2.imwrite(str(file), np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8))
    monkeypatch.delattr(Stages, "first")  # nothing is to be made in its place
    short = compile(loads(STREET.replace("4.0", "1.2")), fps=FPS)
    one, two = futures(short, tmp_path / "a", samples=2, weights=weights, first_frame=file)
    assert one.provenance["first_frame"] == two.provenance["first_frame"] is not None
    assert not np.array_equal(one.read([1]), two.read([1]))


def test_a_number_or_a_place_that_will_not_do_is_one_clear_error(made, weights, timeline, tmp_path):
    (one, *_), *_ = made
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

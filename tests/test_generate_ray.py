"""The engine on Ray, on a cluster of two worker processes on this machine: the bytes of one process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drivesim.errors import UserError
from drivesim.generate import engines, generate, run, suite_of
from tests.plain_clips import SUITE, DyingMaker, PlainMaker
from tests.test_generate_run import content

SIX = suite_of({**SUITE, "clips": [{"sample": 6, "seed": 3}]})


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray", reason="Ray is not installed here: pip install 'drivesim[ray]'")
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


def made(out: Path, monkeypatch, maker, **options) -> Path:
    monkeypatch.setattr(run, "Maker", maker)
    assert generate(SIX, out, **{"workers": 2, **options}).failures == {}
    return out


def test_two_workers_one_of_which_is_killed_give_the_bytes_of_one_process(cluster, tmp_path, monkeypatch):
    whole = made(tmp_path / "whole", monkeypatch, PlainMaker, engine="inline", workers=1)
    killed = made(tmp_path / "killed", monkeypatch, DyingMaker, engine="ray")
    assert (tmp_path / "died").exists()
    assert content(killed) == content(whole)


def test_a_clip_that_loses_every_worker_fails_and_the_others_are_made(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "Maker", DyingMaker)
    result = generate(SIX, tmp_path / "data", engine="ray", workers=2, weights="always")
    assert list(result.failures.values()) == ["the 3 workers that made it were lost"]
    assert len(result.dataset.rows) == 5


def test_workers_are_replaced_after_some_clips(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "CLIPS_OF_A_WORKER", 2)
    made(tmp_path / "data", monkeypatch, PlainMaker, engine="ray", workers=1)


def test_without_ray_the_engine_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"needs Ray, expected it installed: pip install 'drivesim\[ray\]'"):
        generate(SIX, tmp_path / "data", engine="ray")

"""The engine on Ray, on a cluster of two worker processes on this machine: the bytes of one process."""

from __future__ import annotations

import socket
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from drivesim.errors import UserError
from drivesim.generate import engines, generate, on_ray, run, suite_of
from drivesim.generate.jobs import jobs
from tests.plain_clips import SUITE, DyingMaker, FailingMaker, HoldingMaker, PlainMaker
from tests.test_generate_run import content

SIX = suite_of({**SUITE, "clips": [{"sample": 6, "seed": 3}]})


@pytest.fixture(scope="module")
def cluster():
    import ray  # takes seconds, and a test below has to do without it

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        on_ray._start(ray, 2)
    yield ray
    ray.shutdown()


def made(out: Path, monkeypatch, maker, **options) -> Path:
    monkeypatch.setattr(run, "Maker", maker)
    assert generate(SIX, out, **{"workers": 2, **options}).failures == {}
    return out


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_address_at_which_no_cluster_listens_is_told_at_once(form, monkeypatch):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, but nobody listens
        address = form.format(nobody.getsockname()[1])
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(UserError, match=f"RAY_ADDRESS is '{address}': .*refused.*expected that of a running"):
            on_ray._start(None, 2)


def test_two_workers_one_of_which_is_killed_give_the_bytes_of_one_process(cluster, tmp_path, monkeypatch):
    whole = made(tmp_path / "whole", monkeypatch, PlainMaker, engine="inline", workers=1)
    killed = made(tmp_path / "killed", monkeypatch, DyingMaker, engine="ray")
    assert (tmp_path / "died").exists()
    assert content(killed) == content(whole)


def test_a_clip_that_loses_every_worker_fails_and_the_others_are_made(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "Maker", DyingMaker)
    monkeypatch.setattr(on_ray, "TRIES", 2)
    result = generate(SIX, tmp_path / "data", engine="ray", workers=2, weights="always")
    assert list(result.failures.values()) == ["the 2 workers that made it were lost"]
    assert len(result.dataset.rows) == 5


def test_a_clip_that_cannot_be_made_is_told_and_made_by_the_next_run(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "Maker", FailingMaker)
    (tmp_path / "broken").touch()
    result = generate(SIX, tmp_path / "data", engine="ray", workers=2)
    told = {name.split("-")[1]: reason for name, reason in result.failures.items()}
    assert sorted(told) == ["00000", "00002", "00004"]
    assert all(reason.endswith("the drive ends in a wall") for reason in told.values())
    (tmp_path / "broken").unlink()
    assert len(generate(SIX, tmp_path / "data", engine="inline", workers=1).dataset.rows) == 6


def test_a_worker_reads_the_weights_once_for_its_clips_and_is_replaced_after_some(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "CLIPS_OF_A_WORKER", 4)
    made(tmp_path / "data", monkeypatch, HoldingMaker, engine="ray", workers=1)
    held = Counter((tmp_path / "held").read_text().splitlines())
    assert sorted(held.values()) == [2, 4]  # clips of a process
    assert {line.split()[1] for line in held} == {"1"}


def test_workers_wait_for_who_takes_the_clips_and_end_with_the_run(cluster, tmp_path):
    outcomes = engines.find("ray")(jobs(SIX), PlainMaker(tmp_path), 2)
    next(outcomes)
    time.sleep(1)  # in which six such clips are made
    begun = len(list((tmp_path / "clips").iterdir()))
    outcomes.close()
    assert 1 <= begun <= 3
    assert begun == len(list((tmp_path / "clips").iterdir()))


def test_a_folder_that_the_workers_cannot_open_ends_the_run(cluster, tmp_path):
    with pytest.raises(UserError, match=r"a worker cannot begin: FileNotFoundError.*nowhere"):
        list(engines.find("ray")(jobs(SIX), PlainMaker(tmp_path / "nowhere"), 1))


@pytest.mark.parametrize(("device", "told"), [("cuda", "the cluster has no GPU"), ("cuda:1", "expected cuda")])
def test_a_gpu_that_is_not_there_ends_the_run(cluster, tmp_path, device, told):
    with pytest.raises(UserError, match=told):
        list(engines.find("ray")(jobs(SIX), PlainMaker(tmp_path, device=device), 1))


def test_without_ray_the_engine_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"needs Ray, expected it installed: pip install 'drivesim\[ray\]'"):
        generate(SIX, tmp_path / "data", engine="ray")

"""A rollout that is killed and started again gives the bytes of one that never was, and repeats no finished chunk."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tiny_weights import write_tiny_weights

STREET = """
schema: drivesim.scenario/1
name: street
clock: {duration: 14.0}
actors:
  - {id: lead, class: car, initial: {lane: 0, ahead: 15.0}}
"""
RATE = 7.5  # 105 frames: chunks of 24, 24, 24, 24 and 9
RUN = "import sys; from drivesim.rollout import rollout; rollout(*sys.argv[1:3], weights=sys.argv[3], fps=7.5)"


def start(folder: Path, out: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", RUN, folder / "street.yaml", folder / out, folder / "weights"])


def wait_for(path: Path, running: subprocess.Popen) -> None:
    while not path.exists():
        assert running.poll() is None, f"the rollout ended before {path.name} was there"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    write_tiny_weights(folder / "weights")
    (folder / "street.yaml").write_text(STREET)
    assert start(folder, "whole").wait() == 0
    return folder


def test_killed_twice_and_started_again_gives_the_bytes_of_an_uninterrupted_run(folder):
    chunks = folder / ".cut.partial"
    luck = random.Random(0)
    for chunk in (0, 1):  # killed a moment after a chunk is whole: in the middle of the next
        running = start(folder, "cut")
        wait_for(chunks / f"{chunk:05d}.json", running)
        time.sleep(luck.uniform(0.0, 0.3))
        running.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        assert not (folder / "cut").exists()
    assert start(folder, "cut").wait() == 0
    assert (folder / "cut" / "clip.json").read_bytes() == (folder / "whole" / "clip.json").read_bytes()
    assert json.loads((folder / "cut" / "run.json").read_text())["frames_from_earlier_run"] >= 48
    assert sorted(path.name for path in folder.iterdir()) == ["cut", "street.yaml", "weights", "whole"]

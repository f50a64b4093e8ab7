import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from drivesim import cli
from drivesim.errors import UserError
from drivesim.parts import load_weights
from drivesim.rollout.watch import STAGES, watched, working
from drivesim.speed import Stopwatch, measure_speed, table
from tests.tiny_weights import STREET, write_tiny_weights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speed")
    (folder / "street.yaml").write_text(STREET)
    write_tiny_weights(folder / "weights")
    return folder


@pytest.fixture(scope="module")
def found(folder):
    return measure_speed(folder / "street.yaml", weights=load_weights(folder / "weights"), fps=7.5, frames=12)


def test_a_stopwatch_hears_the_stages_of_its_block_and_no_others():
    @working("decode")
    def decode():
        time.sleep(0.02)

    watch = Stopwatch(CPU)
    decode()
    with watched(watch):
        decode()
        with working("write"):
            pass
    decode()
    assert watch.calls == dict.fromkeys(STAGES, 0) | {"decode": 1, "write": 1}
    assert watch.seconds["decode"] >= 0.02


def test_operations_are_those_counted_by_hand():
    watch = Stopwatch(CPU, counting=True)
    with torch.inference_mode(), watch("keys"):
        torch.nn.Conv2d(3, 5, 3, padding=1)(torch.ones(2, 3, 8, 8))
        torch.ones(4, 6) @ torch.ones(6, 7)
    assert watch.operations["keys"] == 2 * (2 * 5 * 8 * 8 * 3 * 9) + 2 * (4 * 6 * 7)


def test_operations_are_counted_by_thread():
    with ThreadPoolExecutor(2) as pool:

        def work(times: int) -> int:
            watch = Stopwatch(CPU, counting=True)
            with torch.inference_mode(), watch("keys"):
                for _ in range(times):
                    torch.nn.functional.scaled_dot_product_attention(*torch.ones(3, 1, 2, 5, 4))
                    time.sleep(0.01)
            return watch.operations["keys"]

        assert list(pool.map(work, (2, 3))) == [2 * 800, 3 * 800]  # two products of 2 x 5 x 5 x 4, each twice


def test_every_stage_works_some_at_the_same_time(found):
    assert list(found["stages"]) == list(STAGES)
    assert all(found["stages"][name]["calls"] > 0 for name in STAGES)
    assert max(row["milliseconds"] for row in found["stages"].values()) < found["milliseconds"]
    assert found["real_time"] == pytest.approx(1000 / 7.5 / found["milliseconds"])
    networks = ("first", "keys", "between", "decode", "enlarge")
    assert all(0 < found["stages"][name]["share"] for name in networks)
    assert not any("gigaoperations" in found["stages"][name] for name in ("overlay", "write"))


def test_twice_the_steps_are_twice_the_operations_of_what_is_denoised(folder, found):
    more = measure_speed(folder / "street.yaml", weights=folder / "weights", fps=7.5, frames=12, steps=4)["stages"]
    once = found["stages"]
    assert more["keys"]["gigaoperations"] == pytest.approx(2 * once["keys"]["gigaoperations"])
    assert more["between"]["gigaoperations"] == pytest.approx(4 * once["between"]["gigaoperations"])
    assert more["decode"]["gigaoperations"] == once["decode"]["gigaoperations"]
    assert more["enlarge"]["gigaoperations"] == once["enlarge"]["gigaoperations"]


def test_the_command_prints_a_line_for_each_stage_and_writes_the_figures(folder, capsys):
    words = ["--weights", folder / "weights", "--fps", 7.5, "--frames", 4, "--json", folder / "out" / "speed.json"]
    assert cli.main(["speed", str(folder / "street.yaml"), *map(str, words)]) == 0
    written = json.loads((folder / "out" / "speed.json").read_text())
    printed = capsys.readouterr().out
    assert table(written) == printed.rstrip("\n")
    assert [line.split()[0] for line in printed.splitlines()[1:-3]] == list(STAGES)
    assert (written["frames"], written["fps"], written["weights"]) == (
        4,
        7.5,
        load_weights(folder / "weights").fingerprints,
    )


def test_more_frames_than_the_scenario_has_are_refused(folder, capsys):
    with pytest.raises(UserError, match=r"asked for 31 frames, expected 1 to 30: street has no more at 7\.5/s"):
        measure_speed(folder / "street.yaml", weights=folder / "weights", fps=7.5, frames=31)
    assert (
        cli.main(["speed", str(folder / "street.yaml"), "--weights", str(folder / "weights"), "--frames", "500"]) == 2
    )
    assert "expected 1 to 120" in capsys.readouterr().err

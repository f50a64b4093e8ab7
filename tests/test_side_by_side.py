"""Our networks beside those of diffusers: what is compared, not how fast it is here."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from drivesim import cli
from drivesim.errors import UserError
from drivesim.rollout.stages import works_in_bf16
from drivesim.side_by_side import WORK, side_by_side, table


@pytest.fixture(scope="module")
def found():
    return side_by_side(device="cpu", turns=1)


def test_pairs_of_equal_work_multiply_and_add_equally_often(found):
    assert set(found["pairs"]) == {*WORK, "denoiser of nano"}
    for name in WORK:
        work = found["pairs"][name]["gigaoperations"]
        assert found["pairs"][name]["equal"]
        assert work["theirs"] == pytest.approx(work["ours"], rel=0.1)
    assert not found["pairs"]["denoiser of nano"]["equal"]


def test_both_run_in_fp32_and_where_the_processor_has_it_in_bf16(found):
    more = works_in_bf16(torch.device("cpu"))
    for row in found["pairs"].values():
        assert list(row["milliseconds"]["ours"]) == ["fp32"] + ["bf16"] * more
        assert len(row["milliseconds"]["theirs"]) == 2 + 2 * more  # each in two layouts
        assert row["times_default"] > 0
        ours, theirs = row["milliseconds"]["ours"], row["milliseconds"]["theirs"]
        assert ours[row["ours"]] == min(ours.values())
        assert theirs[row["best"]] == min(theirs.values())
        assert row["times_best"] == pytest.approx(theirs[row["best"]] / ours[row["ours"]])  # of one turn


def test_calls_per_frame_are_those_of_the_plan(found):
    """96 frames of a step: 8 keys by 8 guided steps; 6 and 24 windows of 5 frames by 4 steps without guidance."""
    frame, row = found["per_frame"], found["pairs"]["denoiser of nano"]
    assert frame["calls"] == pytest.approx((8 * 8 * 2 + (6 + 24) * 5 * 4) / 96)
    assert (frame["their_calls"], frame["their_default_calls"]) == (16, 100)
    assert frame["times_best"] == pytest.approx(row["times_best"] * 16 / frame["calls"])
    assert frame["times_best_at_its_steps"] == pytest.approx(row["times_best"] * 100 / frame["calls"])


def test_the_table_has_a_line_for_each_pair(found):
    lines = table(found).splitlines()
    assert [line.split("  ")[0] for line in lines[2:6]] == list(found["pairs"])
    assert "not equal work" in lines[5]
    json.dumps(found)


def test_without_diffusers_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UserError, match=r"diffusers does not import .*pip install 'drivesim\[compare\]'"):
        side_by_side()


def test_options_of_a_rollout_are_refused_beside_it(capsys):
    assert cli.main(["speed", "cut_in", "--against", "diffusers", "--fps", "7.5"]) == 2
    assert "expected no fps, scenario" in capsys.readouterr().err

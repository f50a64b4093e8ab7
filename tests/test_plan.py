from __future__ import annotations

import pytest

from drivesim.errors import UserError
from drivesim.training.plan import FEWEST_BATCHES, Plan, StagePlan, batches_within, parse_budget

STAGE = StagePlan(
    batches=80, batch_size=4, data="abc", budget_minutes=1.0, seconds_per_batch=0.5, preparation_seconds=20.0
)


def open_plan(folder, **changes) -> Plan:
    return Plan(folder / "plan.json", **{"preset": "tiny", "seed": 0, **changes})


def test_settled_plan_is_read_back_by_a_resumed_run(tmp_path):
    open_plan(tmp_path).settle("ae.image", STAGE)
    assert open_plan(tmp_path).stage("ae.image") == STAGE
    assert open_plan(tmp_path).stage("unet.image") is None


def test_settled_plan_is_never_changed(tmp_path):
    plan = open_plan(tmp_path)
    plan.settle("ae.image", STAGE)
    with pytest.raises(ValueError, match="settled already"):
        plan.settle("ae.image", STAGE)


def test_plan_file_says_how_many_samples(tmp_path):
    plan = open_plan(tmp_path)
    plan.settle("ae.image", STAGE)
    assert plan.content["stages"]["ae.image"]["samples"] == 320


@pytest.mark.parametrize("change", [{"preset": "nano"}, {"seed": 1}])
def test_run_of_another_preset_or_seed_is_refused(tmp_path, change):
    open_plan(tmp_path).settle("ae.image", STAGE)
    with pytest.raises(UserError, match=r"expected .* or a new --out"):
        open_plan(tmp_path, **change)


def test_finished_stage_is_remembered_with_its_fingerprint(tmp_path):
    open_plan(tmp_path).finish("ae.image", "f00d")
    assert open_plan(tmp_path).finished("ae.image") == "f00d"
    assert open_plan(tmp_path).finished("unet.image") is None


def test_preparation_is_taken_from_the_budget():
    # 2 minutes less 30 s are 90 s, at 0.3 s a batch
    assert batches_within(2.0, seconds_per_batch=0.3, preparation_seconds=30.0) == 300


def test_a_budget_used_up_still_trains_a_little():
    assert batches_within(0.1, seconds_per_batch=1.0, preparation_seconds=60.0) == FEWEST_BATCHES


@pytest.mark.parametrize("text", ["90", "m", "-5m", "0m", "5 minutes", "1e3s"])
def test_budget_that_is_no_time_is_refused(text):
    with pytest.raises(UserError, match="expected a positive number"):
        parse_budget(text)

"""Fewer steps by those of a teacher: the rule in figures, the stage, and the command that gives a set to roll out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from sample_conditions import conditions
from training_clips import write_clips

from drivesim.cli import main
from drivesim.diffusion import Schedule, ddim, levels
from drivesim.diffusion.distillation import spread_steps, straightened, walk
from drivesim.errors import UserError
from drivesim.parts import load_part, load_weights
from drivesim.rollout import Sampling
from drivesim.training import train_stage
from drivesim.training.distilling import Distillation, DistillationStage
from tests.tiny_weights import write_tiny_weights

SCHEDULE = Schedule()


def best(x, u):
    """The best denoiser where ``x_0 ~ N(0, 1/4)``."""
    a, s = (share.view(-1, *[1] * (x.ndim - 1)) for share in SCHEDULE.alpha_sigma(u))
    return a / 4 / (a**2 / 4 + s**2) * x


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    return write_tiny_weights(tmp_path_factory.mktemp("teacher"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"), 3, frames=33)


def test_walk_is_ddim_where_all_samples_stand_at_one_level():
    x = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    u, to = torch.full((3,), 1.0), torch.zeros(3)
    torch.testing.assert_close(walk(best, x, u, to, steps=8, schedule=SCHEDULE), ddim(best, x, levels(8, SCHEDULE)))


def test_one_step_of_ddim_by_the_straightened_sample_leads_where_the_teacher_leads():
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    u, to = torch.tensor([1.0, 0.75, 0.5, 0.25]), torch.tensor([0.75, 0.5, 0.25, 0.0])
    end = walk(best, x, u, to, steps=4, schedule=SCHEDULE)
    clean, noise = straightened(x, u, end, to, SCHEDULE)
    led = walk(lambda x, u: clean, x, u, to, steps=1, schedule=SCHEDULE)
    torch.testing.assert_close(led, end)
    a, s = (share[:, None] for share in SCHEDULE.alpha_sigma(u))
    torch.testing.assert_close(a * clean + s * noise, x)
    assert (clean - best(x, u)).abs().max() > 0.01  # it is not what the teacher says before it walks


def test_of_a_single_step_the_straightened_sample_is_what_the_teacher_says():
    x, u, to = torch.ones(2, 1), torch.tensor([1.0, 0.5]), torch.tensor([0.5, 0.0])
    end = walk(best, x, u, to, steps=1, schedule=SCHEDULE)
    torch.testing.assert_close(straightened(x, u, end, to, SCHEDULE)[0], best(x, u))


def test_samples_stand_evenly_on_the_steps():
    generator = torch.Generator().manual_seed(0)
    drawn = [spread_steps(6, 4, generator) for _ in range(200)]
    for u, to in drawn:
        torch.testing.assert_close(u - to, torch.full((6,), 0.25))
        assert {round(4 * level) for level in u.tolist()} == {1, 2, 3, 4}
    every = torch.cat([u for u, _ in drawn])
    assert [(every == k / 4).float().mean().item() for k in (1, 2, 3, 4)] == pytest.approx([0.25] * 4, abs=0.03)


def test_teacher_is_guided_and_stays_as_it_is(teacher):
    made = []
    for guidance in ({}, {"all": 3.0}):
        stage = DistillationStage(
            "unet.temporal_interp", "tiny", str(teacher), context="interpolate",
            teacher=str(teacher), steps=1, teacher_steps=2, guidance=guidance,
        )  # fmt: skip
        x = torch.randn(1, 5, 8, 8, 16, generator=torch.Generator().manual_seed(1))
        told = conditions(1, 5, (16, 32))
        inputs = stage.problem({"latents": x}, torch.Generator().manual_seed(7), clean=True)[1]
        made.append(stage._taught(x, torch.ones(1), torch.zeros(1), told, inputs))
        trained = {id(parameter) for group in stage.groups() for parameter in group["params"]}
        assert trained == {id(parameter) for parameter in stage.trained.parameters()}
        assert not any(parameter.requires_grad for parameter in stage.teacher.parameters())
    assert (made[0] - made[1]).abs().max() > 1e-3


def test_command_makes_a_whole_set_whose_card_asks_for_fewer_steps(clips, teacher, tmp_path):
    out = tmp_path / "out"
    words = ["train", "distill", "unet.temporal_key", "--preset", "tiny", "--data", str(clips), "--out", str(out)]
    words += ["--init-from", str(teacher), "--steps", "1", "--budget", "0.05m", "--device", "cpu"]
    assert main(words) == 0
    weights = load_weights(out / "weights")
    sampling = Sampling.of(weights.card["sampling"])
    assert (sampling.key_steps, sampling.guidance_of("key")) == (1, {})
    assert sampling.guidance_of("first") == {"all": 2.0}
    row = weights.card["parts"]["unet.temporal_key"]
    told = {name: row["config"]["model"][name] for name in ("steps", "teacher_steps", "guidance")}
    assert told == {"steps": 1, "teacher_steps": 2, "guidance": {"all": 2.0}}
    assert row["init_from"] == load_part(teacher, "unet.temporal_key").fingerprint != row["fingerprint"]
    assert str(tmp_path) not in json.dumps(row)
    for name in ("unet.image", "unet.temporal_interp", "up.temporal"):
        assert load_part(out / "weights", name).fingerprint == load_part(teacher, name).fingerprint


def test_teacher_must_be_named(clips, tmp_path):
    asked = Distillation(steps=1, teacher_steps=2, guidance={})
    with pytest.raises(UserError, match="expected a temporal part and init_from"):
        train_stage("unet.temporal_key", "tiny", [clips], tmp_path / "out", distillation=asked)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["distill", "unet.temporal_key", "--steps", "4"], "expected a part's name, --init-from and --steps"),
        (["distill", "unet.image", "--init-from", "nano", "--steps", "4"], "expected unet.temporal_key or unet"),
        (
            ["distill", "unet.temporal_key", "--init-from", "nano", "--steps", "4", "--teacher-steps", "6"],
            "6 steps for 4",
        ),
        (["unet.temporal_key", "--steps", "4"], "--steps and --teacher-steps of distill"),
    ],
)
def test_wrong_request_is_one_line(words, says, clips, tmp_path, capsys):
    code = main(["train", *words, "--data", str(clips), "--out", str(tmp_path / "out")])
    told = capsys.readouterr().err
    assert code == 2
    assert says in told
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()

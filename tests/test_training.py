from __future__ import annotations

import csv
import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from sample_conditions import conditions
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_clips import write_clips

from conditioning import Context
from drivesim import lock
from drivesim.errors import UserError
from drivesim.parts import PARTS, load_part, save_part
from drivesim.training import train_stage
from drivesim.training.adversary import Adversary
from drivesim.training.losses import SCARCE
from drivesim.training.post_hoc import reaverage
from drivesim.training.stages import AutoencoderStage, DiffusionStage
from drivesim.training.upsampling import UpsamplerStage
from drivesim.weight_files import part_file


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"), 3, frames=33)


@pytest.fixture(scope="module")
def trained(clips, tmp_path_factory) -> Path:
    """A run with an autoencoder and an image U-Net."""
    out = tmp_path_factory.mktemp("run") / "out"
    for stage in ("ae.image", "unet.image"):
        train_stage(stage, "tiny", [clips], out, budget_minutes=0.03, device="cpu")
    return out


def copy_with_plan(run: Path, out: Path, stage: str, *, batches: int) -> Path:
    """A copy of a run in which a stage is planned but not begun."""
    shutil.copytree(run, out)
    shutil.rmtree(out / "stages" / stage, ignore_errors=True)
    plan = json.loads((out / "plan.json").read_text())
    batch_size = {"ae.image": 4, "unet.temporal_key": 2, "ae.temporal": 1}[stage]
    plan["stages"][stage] = {**plan["stages"]["ae.image"], "batches": batches, "batch_size": batch_size}
    plan["finished"].pop(stage, None)
    (out / "plan.json").write_text(json.dumps(plan))
    return out


def killed_at_a_resume_point(last: Path, luck: random.Random, *arguments, **keywords) -> None:
    """Train in a child process, and SIGKILL it a moment after it wrote a resume point."""
    before = last.stat().st_mtime_ns if last.exists() else 0
    child = multiprocessing.get_context("fork").Process(target=train_stage, args=arguments, kwargs=keywords)
    child.start()
    while child.is_alive() and (not last.exists() or last.stat().st_mtime_ns == before):
        time.sleep(0.01)
    time.sleep(luck.uniform(0.0, 0.2))
    assert child.is_alive(), "the training ended before it could be killed"
    os.kill(child.pid, signal.SIGKILL)
    child.join()


@pytest.mark.parametrize(
    ("stage", "settings"), [("ae.image", []), ("ae.image", ["--data.stream=true"]), ("unet.temporal_key", [])]
)
def test_killed_training_ends_with_the_curve_and_the_weights_of_an_uninterrupted_one(
    clips, trained, tmp_path, stage, settings
):
    runs = {name: copy_with_plan(trained, tmp_path / name, stage, batches=40) for name in ("killed", "whole")}
    same = {"device": "cpu", "save_every": 0.1, "overrides": settings}
    luck = random.Random(0)
    for _ in range(2):
        last = runs["killed"] / "stages" / stage / "last.ckpt"
        killed_at_a_resume_point(last, luck, stage, "tiny", [clips], runs["killed"], **same)
    for run in runs.values():
        train_stage(stage, "tiny", [clips], run, **same)
    curves = [(run / "stages" / stage / "loss.csv").read_bytes() for run in runs.values()]
    assert len(curves[0].splitlines()) == 1 + 40
    assert curves[0] == curves[1]
    parts = [part_file(run / "weights", stage).read_bytes() for run in runs.values()]
    assert parts[0] == parts[1]
    snapshots = [
        {file.name: file.read_bytes() for file in (run / "stages" / stage / "averages").iterdir()}
        for run in runs.values()
    ]
    assert len(snapshots[0]) == 2 * 8  # two widths
    assert snapshots[0] == snapshots[1]


def test_card_says_which_width_was_chosen_and_by_which_losses(clips, trained, tmp_path):
    run = copy_with_plan(trained, tmp_path / "run", "ae.image", batches=40)  # fewer would not tell the narrowest width
    train_stage("ae.image", "tiny", [clips], run, device="cpu")
    row = json.loads((run / "weights" / "card.json").read_text())["parts"]["ae.image"]
    losses = row["average"]["losses"]
    assert set(losses) == {"0.03", "0.05", "0.1", "0.15"}
    assert losses[str(row["average"]["width"])] == min(losses.values())
    assert row["measured"]["loss"] == pytest.approx(min(losses.values()), abs=1e-4)


def test_part_is_written_again_with_another_average(trained, tmp_path):
    file = reaverage(trained, "unet.image", width=0.15, into=tmp_path)
    again, chosen = (load_part(folder, "unet.image") for folder in (tmp_path, trained / "weights"))
    assert file == part_file(tmp_path, "unet.image")
    assert (again.config, again.parents, again.inputs) == (chosen.config, chosen.parents, chosen.inputs)
    one, other = again.network.head.weight, chosen.network.head.weight
    assert 0 < (one - other).abs().max() < 0.5 * other.abs().max()


@pytest.mark.parametrize(
    ("stage", "width", "message"),
    [
        ("unet.image", 0.01, "expected at most 10%"),
        ("unet.image", 0.5, "width is 0.5"),
        ("detector", 0.1, "stage is 'detector'"),
        ("ae.temporal", 0.1, "is missing"),
    ],
)
def test_average_that_there_is_not_is_told(trained, tmp_path, stage, width, message):
    with pytest.raises(UserError, match=message):
        reaverage(trained, stage, width=width, into=tmp_path)
    with pytest.raises(UserError, match="expected another folder"):
        reaverage(trained, "unet.image", width=width, into=trained / "weights")


def test_decoder_alone_is_trained_on_and_the_unet_stays_its_child(clips, trained, tmp_path):
    stage, out = "ae.image", tmp_path / "run"
    keep = ["--model.decoder_only=true"]
    with pytest.raises(UserError, match="keep weights that it does not train, expected --init-from"):
        train_stage(stage, "tiny", [clips], out, budget_minutes=0.03, device="cpu", overrides=keep)
    train_stage(
        stage, "tiny", [clips], out, budget_minutes=0.03, device="cpu", overrides=keep, init_from=trained / "weights"
    )
    old, new = (load_part(folder / "weights", stage) for folder in (trained, out))
    same = {
        name: torch.equal(a, b)
        for (name, a), b in zip(old.network.state_dict().items(), new.network.state_dict().values(), strict=True)
    }
    assert {name.split(".")[0] for name, equal in same.items() if equal} >= {"encoder", "latent_shift", "latent_scale"}
    assert all(equal for name, equal in same.items() if not name.startswith("decoder."))
    assert not same["decoder.head.weight"]
    load_part(trained / "weights", "unet.image", parent=new)


def test_start_from_a_part_of_another_shape_names_tensor_and_shapes(clips, trained, tmp_path):
    part = load_part(trained / "weights", "ae.image")
    config = part.config.from_dict(part.config.to_dict() | {"widths": [16, 32, 32]})
    save_part(tmp_path, "ae.image", PARTS["ae.image"].build(config), config, {})
    run = copy_with_plan(trained, tmp_path / "run", "ae.image", batches=4)
    with pytest.raises(UserError, match=r"ae\.image\.safetensors: \S+ is \[32.*\], expected \[64.*\]"):
        train_stage("ae.image", "tiny", [clips], run, device="cpu", init_from=tmp_path)


def test_parents_that_a_run_lacks_are_taken_from_what_it_goes_on_from(clips, trained, tmp_path):
    with pytest.raises(
        UserError, match=r"unet.image stands on ae.image, which \S+ does not hold: train ae.image first"
    ):
        train_stage("unet.image", "tiny", [clips], tmp_path / "none", budget_minutes=0.01, device="cpu")
    before = trained / "weights"
    train_stage("unet.image", "tiny", [clips], tmp_path / "run", budget_minutes=0.01, device="cpu", init_from=before)
    after = tmp_path / "run" / "weights"
    assert part_file(after, "ae.image").read_bytes() == part_file(before, "ae.image").read_bytes()
    cards = [json.loads((folder / "card.json").read_text())["parts"] for folder in (before, after)]
    assert cards[0]["ae.image"] == cards[1]["ae.image"]
    assert cards[1]["unet.image"]["init_from"] == cards[0]["unet.image"]["fingerprint"]
    part_file(after, "unet.image").unlink()  # only its parent is left
    train_stage("unet.image", "tiny", [clips], tmp_path / "anew", budget_minutes=0.01, device="cpu", init_from=after)
    anew = json.loads((tmp_path / "anew" / "weights" / "card.json").read_text())["parts"]
    assert (anew["ae.image"], anew["unet.image"]["init_from"]) == (cards[0]["ae.image"], None)


def test_frozen_parents_do_not_move(clips, trained, tmp_path):
    run = copy_with_plan(trained, tmp_path / "run", "unet.temporal_key", batches=4)
    before = part_file(run / "weights", "unet.image").read_bytes()
    train_stage("unet.temporal_key", "tiny", [clips], run, device="cpu")
    assert part_file(run / "weights", "unet.image").read_bytes() == before
    temporal = load_part(run / "weights", "unet.temporal_key")
    assert temporal.parents == {"unet.image": load_part(run / "weights", "unet.image").fingerprint}
    last = [block.conv.conv1.weight for block in temporal.network.blocks.values()]
    assert all(weight.abs().max() > 0 for weight in last), "zero at the start, so the training moved them"


def test_error_in_a_box_counts_more_and_that_of_a_given_frame_nothing(trained):
    stage = DiffusionStage("unet.temporal_key", "tiny", str(trained / "weights"), context="predict", foreground=3.0)
    told, x = conditions(1, 3, (16, 32)), torch.zeros(1, 3, 8, 8, 16)
    told.maps["boxes"].zero_()
    told.maps["boxes"][:, 1, 0, 4:6, 8:9] = 1.0  # half of the latent's cell (2, 4) is a vehicle in frame 1
    told.maps["boxes"][:, 2, 1, 8:12, 12:16] = 1.0  # 2 x 2 cells are a person in frame 2
    told.maps["boxes"][:, :, 4] = 1.0  # an outline is no kind of road user
    told.known["boxes"].fill_(True)
    weight = stage.weight(told, x, {"context": Context.predict(x, 1).stack()})
    expected = torch.ones(1, 3, 1, 8, 16)
    expected[:, 0] = 0.0
    expected[:, 1, 0, 2, 4] += 3.0 * 0.5 / (0.5 / 384 + SCARCE) / 4  # of 3 frames of 128 cells, one of four kinds
    expected[:, 2, 0, 4:6, 6:8] += 3.0 / (4.0 / 384 + SCARCE) / 4
    assert torch.allclose(weight, expected)
    told.known["boxes"].fill_(False)
    assert torch.equal(stage.weight(told, x, {}), torch.ones(1, 3, 1, 8, 16))


def test_context_of_training_is_drawn_as_it_always_was_unless_asked_otherwise(trained):
    stage = DiffusionStage("unet.temporal_key", "tiny", str(trained / "weights"), context="predict")
    x = torch.randn(6, 5, 8, 8, 16, generator=torch.Generator().manual_seed(1))
    found = stage.problem({"latents": x}, torch.Generator().manual_seed(7))[1]["context"]
    generator = torch.Generator().manual_seed(7)
    counts = (torch.rand(6, generator=generator) * 3).long()
    luck = torch.rand(2, 6, generator=generator)
    share = (0.3 * luck[0] * (luck[1] < 0.5))[:, None, None, None, None]
    signal = (1.0 - share**2).sqrt()
    given = (torch.arange(5) < counts[:, None]).float()[:, :, None, None, None]
    seen = (signal * x + share * torch.randn(x.shape, generator=generator)) * given
    assert torch.equal(found, torch.cat([seen, (given * signal).expand(6, 5, 1, 8, 16)], dim=2))
    assert 0 < (share > 0).sum() < 6


def test_number_and_noise_of_context_frames_are_settings(trained):
    settings = {"context": "predict", "context_frames": 3, "context_noise": 0.8, "context_noise_share": 0.25}
    stage = DiffusionStage("unet.temporal_key", "tiny", str(trained / "weights"), **settings)
    assert stage.plan() == {"context": 3}
    inputs = stage.problem({"latents": torch.zeros(2000, 5, 1, 1, 1)}, torch.Generator().manual_seed(0))[1]
    mask = inputs["context"][:, :, -1, 0, 0]
    assert [(mask > 0).sum(1).eq(k).float().mean().item() for k in range(4)] == pytest.approx([0.25] * 4, abs=0.03)
    told = mask[mask[:, 0] > 0, 0]
    assert (told < 1).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert 0.6 < told.min() < 0.65  # sqrt(1 - 0.8^2) at the largest level


def test_input_of_the_upsampler_is_blurred_where_asked_for_and_never_where_it_samples(trained):
    stage = UpsamplerStage("up.image", "tiny", str(trained / "weights"), low_noise=0.0, blur=1.0)
    random = torch.Generator().manual_seed(0)
    batch = {"truth": torch.zeros(2, 1, 3, 64, 128), "low": torch.rand(2, 1, 3, 16, 32, generator=random)}
    low = stage.problem(batch, random)[1]["low"]
    assert all(a.std() < b.std() for a, b in zip(low, batch["low"], strict=True))
    assert torch.equal(stage.problem(batch, random, clean=True)[1]["low"], batch["low"])


def test_event_file_holds_loss_curves_and_sample_images(clips, trained):
    events = EventAccumulator(str(trained / "stages" / "ae.image" / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert len(events.Scalars("ae.image/loss")) >= 1
    image = events.Images("ae.image/reconstruction")[-1]
    assert (image.height, image.width) == (2 * 64, 4 * 128)  # truth above reconstruction, four frames side by side


@pytest.mark.parametrize("stage", ["ae.image", "ae.temporal"])
def test_discriminator_is_trained_beside_the_decoder_and_not_saved_with_it(clips, trained, tmp_path, stage):
    run = copy_with_plan(trained, tmp_path / "run", stage, batches=6)
    settings = ["--model.adversarial=0.1", "--model.adversarial_from=0.5"]
    train_stage(stage, "tiny", [clips], run, device="cpu", overrides=settings)
    rows = list(csv.DictReader((run / "stages" / stage / "loss.csv").open()))
    critic = [float(row["critic"]) for row in rows]
    assert critic[:3] == [0.0, 0.0, 0.0]
    assert critic[3] == pytest.approx(1.0, abs=0.1)  # hinge of logits near 0
    names = load_part(run / "weights", stage).network.state_dict()
    assert not any("critic" in name for name in names)


@pytest.mark.parametrize("windows", [False, True])
def test_discriminator_learns_to_tell_bright_from_dark(windows):
    torch.manual_seed(0)
    adversary = Adversary(windows=windows)
    optimizer = torch.optim.AdamW(adversary.parameters(), 1e-3, (0.5, 0.9))
    bright, dark = torch.full((1, 2, 3, 32, 32), 0.5), torch.full((1, 2, 3, 32, 32), -0.5)
    for _ in range(40):
        critic = adversary.losses(dark, bright)["critic"]
        optimizer.zero_grad()
        critic.backward()
        optimizer.step()
    assert critic < 0.5  # 1 is knowing nothing


def test_optimiser_of_a_stage_holds_its_discriminator():
    stage = AutoencoderStage("ae.image", preset="tiny", weights="", adversarial=0.1)  # it has no parents to read
    held = {id(parameter) for group in stage.groups() for parameter in group["params"]}
    assert held == {id(parameter) for parameter in (*stage.trained.parameters(), *stage.adversary.parameters())}


@pytest.mark.parametrize("judgement", ["fooling", "matching"])
@pytest.mark.parametrize("windows", [False, True])
def test_judgement_moves_the_decoder_and_not_its_judge(windows, judgement):
    torch.manual_seed(0)
    adversary = Adversary(windows=windows)
    picture = torch.rand(1, 2, 3, 32, 32, requires_grad=True)
    losses = adversary.losses(picture, torch.rand(1, 2, 3, 32, 32))
    losses[judgement].backward()
    assert picture.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in adversary.parameters())
    picture.grad = None
    losses["critic"].backward()
    assert picture.grad is None
    assert all(parameter.grad is not None for parameter in adversary.parameters())


def test_init_from_goes_on_from_saved_weights(clips, trained, tmp_path):
    run = tmp_path / "run"
    train_stage("ae.image", "tiny", [clips], run, device="cpu", budget_minutes=0.01, init_from=trained / "weights")
    rows = [(r / "stages" / "ae.image" / "loss.csv").read_text().splitlines() for r in (run, trained)]
    first = [float(lines[1].split(",")[1]) for lines in rows]
    assert first[0] < first[1]
    card = json.loads((run / "weights" / "card.json").read_text())
    assert card["parts"]["ae.image"]["init_from"] == load_part(trained / "weights", "ae.image").fingerprint


@pytest.mark.parametrize(
    ("stage", "setting", "message"),
    [
        ("ae.image", "--data.batchsize=4", "batchsize"),
        ("ae.image", "--model.rate=fast", "rate"),
        ("unet.text", "", "expected all or one of"),
        ("up.temporal", "", "train up.image first"),
        ("up.image", "--model.context=predict", "context is 'predict', expected none"),
        ("unet.temporal_key", "--model.context_frames=0", "context_frames is 0 .* expected 1 or more"),
        ("unet.temporal_key", "--model.context_frames=8", "context_frames is 8 of windows of 8 frames, expected less"),
        ("unet.temporal_interp", "--model.context_frames=1", "only prediction has another number"),
        ("unet.temporal_key", "--model.context_noise=1.5", "context_noise is 1.5, expected 0 to 1"),
        ("unet.temporal_key", "--model.context_noise_share=-1", "context_noise_share is -1.0, expected 0 to 1"),
        ("ae.image", "--model.foreground=1", r"foreground weighs errors inside boxes, expected data\.boxes=true"),
        ("unet.temporal_key", "--data.boxes=true", "boxes is set, expected it for frames"),
        ("up.image", "--model.blur=-1", "blur is -1, expected 0 or more pixels"),
        ("up.image", "--model={loss: diffusion, perceptual: 0.3}", "expected 0 with 'diffusion'"),
    ],
)
def test_bad_request_is_one_clear_line(clips, trained, tmp_path, stage, setting, message):
    out = copy_with_plan(trained, tmp_path / "run", "ae.image", batches=4) if stage == "ae.image" else trained
    settings = [setting] if setting else []
    with pytest.raises(UserError, match=message) as error:
        train_stage(stage, "tiny", [clips], out, device="cpu", budget_minutes=0.01, overrides=settings)
    assert "\n" not in str(error.value)


def test_only_one_run_at_a_time_trains_in_a_folder(clips, trained, tmp_path, monkeypatch):
    out = shutil.copytree(trained, tmp_path / "run")
    monkeypatch.setattr(lock, "PATIENCE", 0.0)
    with lock.Lock(out), pytest.raises(UserError, match="another run writes there"):
        train_stage("unet.temporal_key", "tiny", [clips], out, budget_minutes=0.03, device="cpu")
    assert not (out / "stages" / "unet.temporal_key").exists()


def test_clips_added_in_the_middle_of_a_stage_are_refused(clips, trained, tmp_path):
    run = copy_with_plan(trained, tmp_path / "run", "ae.image", batches=4)
    more = write_clips(tmp_path / "more", 2, frames=6)
    with pytest.raises(UserError, match="begun on other clips"):
        train_stage("ae.image", "tiny", [clips, more], run, device="cpu")

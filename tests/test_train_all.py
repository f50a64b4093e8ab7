from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_clips import write_clips

from drivesim.errors import UserError
from drivesim.parts import PARTS, load_weights
from drivesim.training import STAGES, train_all
from drivesim.training.run import Run
from drivesim.weight_files import part_file

BUDGET_MINUTES = 0.12


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"), 4, frames=32)


@pytest.fixture(scope="module")
def trained(clips, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    train_all("tiny", [clips], out, budget_minutes=BUDGET_MINUTES, device="cpu")
    return out


def test_train_all_leaves_weights_that_load(trained):
    weights = load_weights(trained / "weights")
    assert set(weights.fingerprints) == set(PARTS)
    assert not weights.transfers
    moved = [p for p in weights.key.temporal.parameters() if p.abs().max() > 0]
    assert moved


def test_finished_stages_are_not_repeated(trained, clips):
    before = {name: part_file(trained / "weights", name).stat().st_mtime_ns for name in STAGES}
    train_all("tiny", [clips], trained, budget_minutes=BUDGET_MINUTES, device="cpu")
    assert {name: part_file(trained / "weights", name).stat().st_mtime_ns for name in STAGES} == before


def test_all_stages_go_on_from_a_folder_of_parts(trained, clips, tmp_path):
    # A run whose last stage is still to do: as it was, but for the last stage.
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    shutil.rmtree(run / "stages" / STAGES[-1])
    plan = json.loads((run / "plan.json").read_text())
    del plan["stages"][STAGES[-1]], plan["finished"][STAGES[-1]]
    (run / "plan.json").write_text(json.dumps(plan))
    train_all("tiny", [clips], run, budget_minutes=0.02, device="cpu", init_from=trained / "weights")
    card = json.loads((run / "weights" / "card.json").read_text())
    assert card["parts"][STAGES[-1]]["init_from"] == load_weights(trained / "weights").fingerprints[STAGES[-1]]
    assert card["parts"][STAGES[0]]["init_from"] is None


def test_a_folder_to_go_on_from_that_is_not_there_is_named(clips, tmp_path):
    with pytest.raises(UserError, match=r"weights '\S+elsewhere' are neither a folder nor shipped"):
        train_all("tiny", [clips], tmp_path / "run", device="cpu", init_from=tmp_path / "elsewhere")


def test_card_says_what_the_weights_were_trained_on(trained):
    card = json.loads((trained / "weights" / "card.json").read_text())
    assert card["trained_range"]["daylight"] == [0.0, 1.0]
    assert card["trained_range"]["weather"] == ["clear"]
    assert card["trained_range"]["focal_length"] == pytest.approx([780 / 1024] * 2)
    assert card["trained_range"]["fps"] == [7.5, 7.5]
    assert set(card["parts"]) == set(STAGES)
    assert card["data"]["clips"] == 4
    assert card["plan"] == {"context": 2}
    assert all(row == {"status": "not learned", "evidence": "not measured"} for row in card["conditions"].values())
    assert card["parts"]["ae.image"]["measured"]["psnr"] > 5.0


def test_plan_turns_the_budget_into_samples(trained):
    plan = json.loads((trained / "plan.json").read_text())
    for stage in STAGES:
        row = plan["stages"][stage]
        rows = (trained / "stages" / stage / "loss.csv").read_text().splitlines()
        assert len(rows) == row["batches"] + 1
        assert row["samples"] == row["batches"] * row["batch_size"]


def test_event_files_hold_curves_images_and_a_video(trained):
    def events_of(stage: str) -> EventAccumulator:
        events = EventAccumulator(str(trained / "stages" / stage / "tensorboard"), size_guidance={"images": 0})
        events.Reload()
        return events

    key = events_of("unet.temporal_key")
    assert len(key.Scalars("unet.temporal_key/loss")) >= 1
    video = Image.open(io.BytesIO(key.Images("unet.temporal_key/sample")[-1].encoded_image_string))
    assert (video.format, video.n_frames, video.size) == ("GIF", 8, (4 * 128, 2 * 64))
    picture = Image.open(io.BytesIO(events_of("up.image").Images("up.image/sample")[-1].encoded_image_string))
    assert (picture.format, picture.size) == ("PNG", (4 * 128, 3 * 128))  # truth, enlarged, sampled


def test_upsampler_trained_on_pictures_is_sampled_in_one_step(trained, clips, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    plan = json.loads((run / "plan.json").read_text())
    del plan["finished"]["up.image"], plan["finished"]["up.temporal"]
    plan["stages"]["up.image"]["batches"] = 8
    (run / "plan.json").write_text(json.dumps(plan))
    shutil.rmtree(run / "stages" / "up.image")
    settings = ["--model={loss: picture, perceptual: 0.1, adversarial: 0.02, matching: 0.2, adversarial_from: 0.5}"]
    again = Run("tiny", [clips], run, seed=0, device="cpu", save_every=60.0)
    again.shares["sampling"] = {"key_steps": 6, "enlarge_steps": 3}  # what a preset may say, where a stage says nothing
    again.train("up.image", budget_minutes=1.0, overrides=settings)
    card = json.loads((run / "weights" / "card.json").read_text())
    assert card["sampling"] == {"key_steps": 6, "enlarge_steps": 1}
    assert {"psnr_1", "psnr_bilinear"} <= set(card["parts"]["up.image"]["measured"])
    rows = list(csv.DictReader((run / "stages" / "up.image" / "loss.csv").open()))
    for name in ("critic", "matching"):
        assert [float(row[name]) > 0 for row in rows] == [False] * 4 + [True] * 4
    assert all(float(row["perceptual"]) > 0 for row in rows)
    assert "sampling" not in json.loads((trained / "weights" / "card.json").read_text())


def test_latents_of_the_finished_autoencoder_have_about_unit_deviation(trained):
    latents = np.concatenate([np.load(path) for path in (trained / "cache").rglob("latents.npy")]).astype(np.float32)
    assert 0.5 < latents.std() < 2.0

"""The time of training steps: operations counted by hand, waits of a slow loader, a line of the log."""

from __future__ import annotations

import logging
import time

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from training_clips import write_clips

from drivesim import cli
from drivesim.training import train_stage
from drivesim.training.profiling import Profile

WAIT = 0.05


class Slow(Dataset):
    """Samples (6,) that take their time."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(WAIT / 4)
        return torch.ones(6)


class Product(L.LightningModule):
    """One product of a batch of 4."""

    part = "product"

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(6, 7, bias=False)

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        return self.layer(batch).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def test_operations_of_a_step_and_waits_for_batches(caplog):
    """Forward a product of 4 x 6 and 6 x 7, backward one for the weights: nothing asks for the batch's gradient."""
    profile = Profile()
    with pytest.raises(ValueError, match="0 steps were made"):
        profile.found()
    trainer = L.Trainer(
        max_epochs=1, accelerator="cpu", callbacks=[profile], logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    with caplog.at_level(logging.INFO):
        trainer.fit(Product(), DataLoader(Slow(), batch_size=4))
    found = profile.found()
    assert found["gigaoperations"] * 1e9 == pytest.approx(2 * (2 * 4 * 6 * 7))
    assert len(profile.steps) == 4  # of 6, without the two that warm up
    assert found["wait"] >= WAIT
    assert 0 < found["share"] < 0.01
    assert "product: a step takes" in caplog.text


def test_a_stage_tells_its_share_of_the_ceiling_if_asked(tmp_path, caplog):
    clips = write_clips(tmp_path / "clips", 3, frames=9)
    with caplog.at_level(logging.INFO):
        train_stage("ae.image", "tiny", [clips], tmp_path / "run", budget_minutes=0.02, device="cpu", profile=True)
    (line,) = (record.message for record in caplog.records if "of the ceiling" in record.message)
    assert line.startswith("ae.image: a step takes ")


@pytest.mark.parametrize("words", [["all"], ["card"], ["ema", "unet.image", "--width", "0.1", "--into", "x"]])
def test_where_no_single_stage_is_trained_it_is_refused(words, tmp_path, capsys):
    assert cli.main(["train", *words, "--profile", "--preset", "tiny", "--out", str(tmp_path)]) == 2
    assert "expected" in capsys.readouterr().err

"""A stage, its data and its trainer, made by LightningCLI from ``configs/<preset>/<stage>.yaml`` and overrides."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightning as L
from jsonargparse import ArgumentError
from lightning.pytorch.cli import LightningCLI

from drivesim.errors import UserError
from drivesim.presets import configs_folder
from drivesim.training.codec import fast_layout, has_bf16
from drivesim.training.data import TrainingData
from drivesim.training.detector import DetectorStage
from drivesim.training.detector_data import DetectorData
from drivesim.training.distilling import DistillationStage
from drivesim.training.stages import AutoencoderStage, DiffusionStage, Stage
from drivesim.training.upsampling import UpsamplerStage


@dataclass(frozen=True)
class Built:
    """What LightningCLI made. ``config``: the resolved settings as YAML."""

    stage: Stage
    data: TrainingData
    trainer: Any  # an L.Trainer; its type does not tell of its callbacks
    config: str


def build(
    part: str,
    preset: str,
    *,
    given: Mapping[str, Any],
    device: str,
    overrides: Sequence[str] = (),
    distilled: bool = False,
) -> Built:
    """Build a stage. The later wins: defaults, the preset's file, ``overrides`` (as on a command line), ``given``.

    Raises `UserError` for a setting that does not exist or does not fit.

    Args:
        part: name of the stage.
        preset: name of the preset.
        given: settings of this run by dotted name, like ``{"data.seed": 0}``.
        device: of Lightning's accelerators.
        overrides: like ``["--data.batch_size=4"]``.
        distilled: whether a teacher's many steps become few.
    """
    arguments = ["--config", str(configs_folder() / preset / f"{part}.yaml"), *overrides]
    arguments += [
        f"--{name}={json.dumps(value) if not isinstance(value, str) else value}" for name, value in given.items()
    ]
    quieten_lightning()
    try:
        cli = LightningCLI(
            *((DistillationStage, TrainingData) if distilled else classes_of(part)),
            save_config_callback=None,
            seed_everything_default=0,
            trainer_defaults=trainer_defaults(device),
            parser_kwargs={"exit_on_error": False},
            args=arguments,
            run=False,
            auto_configure_optimizers=False,
        )
    except ArgumentError as error:
        raise UserError(f"training settings of {part}: {' '.join(str(error).split())}") from error
    _check_fit(cli.model, cli.datamodule)
    fast_layout(cli.model)
    return Built(cli.model, cli.datamodule, cli.trainer, cli.parser.dump(cli.config))


def _check_fit(stage: Stage, data: L.LightningDataModule) -> None:
    """Of the frames of a window at least one must be left to predict; errors inside boxes need boxes."""
    if isinstance(stage, AutoencoderStage) and stage.picture_loss.foreground and not getattr(data, "boxes", False):
        raise UserError("foreground weighs errors inside boxes, expected data.boxes=true")
    given = stage.plan().get("context", 0)
    if isinstance(data, TrainingData) and given >= data.frames:
        raise UserError(f"context_frames is {given} of windows of {data.frames} frames, expected less")


def classes_of(part: str) -> tuple[type[Stage], type[L.LightningDataModule]]:
    """The stage and the data that train a part, or the detector."""
    if part == "detector":
        return DetectorStage, DetectorData
    stages = {"ae": AutoencoderStage, "unet": DiffusionStage, "up": UpsamplerStage}
    return stages[part.split(".")[0]], TrainingData


def trainer_defaults(device: str) -> dict[str, Any]:
    """Lightning's settings where ours differ: our callbacks save and show, steps end the run, no validation loop."""
    return {
        "accelerator": device,
        "devices": 1,
        "precision": "bf16-mixed" if has_bf16(device) else "32-true",
        "logger": False,
        "log_every_n_steps": 5,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        "enable_progress_bar": sys.stderr.isatty(),
    }


def quieten_lightning() -> None:
    """Leave out of the log what Lightning says at every start and nobody can act on; its warnings and errors stay."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        "LightningCLI's args parameter is intended",
        r"`isinstance\(treespec, LeafSpec\)` is deprecated",
        r"Found \d+ module\(s\) in eval mode",
    ):
        warnings.filterwarnings("ignore", message)

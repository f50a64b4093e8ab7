"""``drivesim train``: every stage in order, or one; fewer steps for a finished one; or what it obeys, once more."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from drivesim.commands.common import command, progress_bar, seed
from drivesim.errors import UserError

logger = logging.getLogger(__name__)

CARD = "card"
EMA = "ema"
DISTILL = "distill"


def add(groups: Any) -> None:
    """Declare the command."""
    train = command(
        groups,
        "train",
        run_train,
        about="train all parts in order, or one of them; the same command again goes on where it was",
        example="drivesim train all --preset nano --budget 90m --out out/nano",
    )
    train.add_argument(
        "stage",
        metavar="all|STAGE|distill|card|ema",
        help="all; a part's name (ae.image, unet.image, ...) or detector; "
        "distill: teach PART (unet.temporal_key or unet.temporal_interp) to take fewer steps, without guidance, as in "
        "drivesim train distill unet.temporal_key --init-from nano --steps 4 --out out/fast; "
        "card: measure again which conditions OUT/weights obey, as all does at its end, and write it into their card; "
        "ema: write PART of a finished run with its weights averaged over another width, as in "
        "drivesim train ema unet.image --out out/nano --width 0.15 --into out/wide",
    )
    train.add_argument("part", nargs="?", metavar="PART", help="distill, ema: which part")
    train.add_argument("--preset", default="nano", help="tiny, nano or base (default: nano)")
    train.add_argument(
        "--data",
        nargs="+",
        metavar="DIR",
        help="folders of clips, or of shards of clips (default: town clips, made in OUT/data)",
    )
    train.add_argument("--out", required=True, metavar="OUT", help="the run's folder; the parts come to OUT/weights")
    train.add_argument("--budget", metavar="TIME", help="time to train, such as 90m (default: the preset's)")
    train.add_argument(
        "--init-from",
        metavar="nano|DIR",
        help="go on from shipped weights or a folder of saved parts; those that a stage stands on and OUT lacks are"
        " taken from there, too; a stage whose own part it has not begins anew",
    )
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one stage: such as data.batch_size=4, or data.stream=true, which decodes frames while training goes on",
    )
    train.add_argument(
        "--detector",
        metavar="D",
        help="all, card: who looks for the boxes, as in drivesim benchmark (default: the run's own)",
    )
    train.add_argument("--steps", type=int, metavar="N", help="distill: steps of the student")
    train.add_argument(
        "--teacher-steps",
        type=int,
        metavar="N",
        help="distill: steps of the teacher, the part in --init-from (default: twice --steps)",
    )
    train.add_argument(
        "--width", type=float, metavar="W", help="ema: of the window, its standard deviation as a share of the run"
    )
    train.add_argument("--into", metavar="DIR", help="ema: the part comes to DIR/PART.safetensors")
    train.add_argument(
        "--profile",
        action="store_true",
        help="one stage: log how long steps take, and how far that is from what the machine can do",
    )
    train.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the run (default: 0)")
    train.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, ... (default: auto)")


def run_train(arguments: argparse.Namespace) -> int:
    """Train and print where the weights are."""
    if arguments.stage == EMA:
        return _average_again(arguments)
    if any(value is not None for value in (arguments.width, arguments.into)):
        raise UserError(f"train {arguments.stage}: --width and --into are of {EMA}")
    if arguments.stage == DISTILL:
        return _distill(arguments)
    if any(value is not None for value in (arguments.part, arguments.steps, arguments.teacher_steps)):
        raise UserError(
            f"train {arguments.stage}: PART is of {DISTILL} and {EMA}, --steps and --teacher-steps of {DISTILL}"
        )
    if arguments.stage == CARD:
        return _fill_card(arguments)
    if arguments.stage == "all" and (arguments.set or arguments.profile):
        raise UserError("train all: --set and --profile are of one stage, expected a stage's name")
    from drivesim.presets import load_preset
    from drivesim.training import STAGES, train_all, train_stage
    from drivesim.training.plan import parse_budget
    from drivesim.training.run import DETECTOR

    load_preset(arguments.preset)  # wrong names are told before any clip is made
    if arguments.stage not in ("all", *STAGES, DETECTOR):
        raise UserError(
            f"stage is {arguments.stage!r}, expected all, {CARD}, {EMA} or one of {', '.join((*STAGES, DETECTOR))}"
        )
    if arguments.detector and arguments.stage != "all":
        raise UserError(f"train {arguments.stage}: --detector is of all and {CARD}")
    budget = None if arguments.budget is None else parse_budget(arguments.budget)
    same: dict[str, Any] = {
        "preset": arguments.preset,
        "data": arguments.data or [_town_clips(arguments)],
        "out": arguments.out,
        "budget_minutes": budget,
        "seed": arguments.seed,
        "device": arguments.device,
    }
    if arguments.stage == "all":
        weights = train_all(**same, init_from=arguments.init_from)
        _measure(arguments, weights, same["data"], again=False)
        print(weights)
    else:
        overrides = [f"--{setting}" for setting in arguments.set]
        print(
            train_stage(
                arguments.stage, **same, init_from=arguments.init_from, overrides=overrides, profile=arguments.profile
            )
        )
    return 0


def _distill(arguments: argparse.Namespace) -> int:
    """Teach a part to take fewer steps; OUT/weights becomes a whole set, the rest of it from where the part is from."""
    if None in (arguments.part, arguments.steps, arguments.init_from):
        raise UserError(f"train {DISTILL}: expected a part's name, --init-from and --steps")
    if arguments.detector:
        raise UserError(f"train {DISTILL}: --detector is of all and {CARD}")
    from drivesim.presets import load_preset
    from drivesim.rollout import Sampling
    from drivesim.training import train_stage
    from drivesim.training.card import begin_with
    from drivesim.training.distilling import PARTS_TAUGHT, Distillation
    from drivesim.training.plan import parse_budget
    from drivesim.weight_files import read_card, weights_folder

    load_preset(arguments.preset)
    if arguments.part not in PARTS_TAUGHT:
        raise UserError(f"train {DISTILL}: the part is {arguments.part!r}, expected {' or '.join(PARTS_TAUGHT)}")
    teacher = weights_folder(arguments.init_from)
    guidance = Sampling.of(read_card(teacher).get("sampling", {})).guidance_of(PARTS_TAUGHT[arguments.part])
    teacher_steps = 2 * arguments.steps if arguments.teacher_steps is None else arguments.teacher_steps
    distillation = Distillation(arguments.steps, teacher_steps, guidance)
    begin_with(Path(arguments.out) / "weights", teacher)
    weights = train_stage(
        arguments.part,
        arguments.preset,
        arguments.data or [_town_clips(arguments)],
        arguments.out,
        budget_minutes=None if arguments.budget is None else parse_budget(arguments.budget),
        seed=arguments.seed,
        device=arguments.device,
        init_from=teacher,
        overrides=[f"--{setting}" for setting in arguments.set],
        distillation=distillation,
        profile=arguments.profile,
    )
    print(weights)
    return 0


def _fill_card(arguments: argparse.Namespace) -> int:
    """Measure finished weights, whatever their card says."""
    if arguments.budget or arguments.init_from or arguments.set or arguments.profile:
        raise UserError(
            f"train {CARD}: nothing is trained, expected none of --budget, --init-from, --set and --profile"
        )
    weights = Path(arguments.out) / "weights"
    _measure(arguments, weights, arguments.data or [Path(arguments.out) / "data"], again=True)
    print(weights)
    return 0


def _average_again(arguments: argparse.Namespace) -> int:
    """Write a part with another average of its weights."""
    if None in (arguments.part, arguments.width, arguments.into):
        raise UserError(f"train {EMA}: expected a part's name, --width and --into")
    if any(
        (arguments.budget, arguments.init_from, arguments.set, arguments.data, arguments.detector, arguments.profile)
    ):
        raise UserError(f"train {EMA}: nothing is trained, expected only --out, --width and --into")
    from drivesim.training.post_hoc import reaverage

    print(reaverage(arguments.out, arguments.part, width=arguments.width, into=arguments.into))
    return 0


def _measure(arguments: argparse.Namespace, weights: Path, data: list[Any], *, again: bool) -> None:
    """Write into the card which conditions the weights obey, on clips that they were not trained on."""
    import torch

    from drivesim.evaluation.obedience import fill_card, is_filled, unseen_clips
    from drivesim.parts import load_weights

    if not again and is_filled(weights):
        return
    clips = unseen_clips(data, load_weights(weights).card)
    if not again and len(clips) < 2:
        logger.warning("conditions are not measured: %d clip is held out from training, expected 2 or more", len(clips))
        return
    device = arguments.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    detector = _detector(arguments.detector, weights)
    with progress_bar("conditions and frames") as progress:
        fill_card(weights, clips, detector=detector, seed=arguments.seed, device=device, progress=progress)


def _detector(asked: str | None, weights: Path) -> Any:
    """The detector that is asked for, else the one that lies beside the weights, else the shipped one, or none."""
    from drivesim.perception.detectors import REFERENCE, load_detector

    own = weights / REFERENCE.name
    if asked is None and not own.is_file() and not REFERENCE.is_file():
        logger.warning("there is no reference detector yet, so nobody looks for the boxes (--detector names one)")
        return None
    return load_detector(asked or (f"onnx:{own}" if own.is_file() else "reference"))


def _town_clips(arguments: argparse.Namespace) -> Path:
    """Make the preset's number of town clips in the run's folder, or find them there."""
    import yaml

    from drivesim.generate import town_dataset
    from drivesim.presets import configs_folder

    plan = yaml.safe_load((configs_folder() / arguments.preset / "plan.yaml").read_text(encoding="utf-8"))
    with progress_bar("town clips") as progress:
        return town_dataset(
            Path(arguments.out) / "data", clips=plan["town_clips"], seed=arguments.seed, progress=progress
        )

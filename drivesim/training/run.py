"""Runs of training: one stage, or all in order, in a folder from which a killed run goes on.

What the folder holds::

    plan.json           how many batches each stage trains, and which stages are finished
    cache/              the clips as memory maps
    stages/STAGE/       config.yaml, loss.csv, last.ckpt, averages/ (snapshots), TensorBoard's event files
    weights/            the finished parts (averaged weights, bfloat16) and card.json: what is shipped
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from drivesim import atomic
from drivesim.errors import UserError
from drivesim.lock import Lock
from drivesim.networks.autoencoder import Autoencoder
from drivesim.parts import PARTS, load_part, parents, save_part
from drivesim.presets import configs_folder, load_preset
from drivesim.training.callbacks import Averaging, LossCurve, ResumePoints, Samples, StepTimer, Throughput
from drivesim.training.card import copy_lines, write_card
from drivesim.training.cli import Built, build
from drivesim.training.data import latent_statistics
from drivesim.training.distilling import Distillation
from drivesim.training.growth import same_but_for_growth, take_over
from drivesim.training.plan import Plan, StagePlan, batches_within
from drivesim.training.post_hoc import AVERAGES, WIDTHS
from drivesim.training.profiling import Profile
from drivesim.training.widths import WidthChoice
from drivesim.weight_files import find_part, part_file, weights_folder
from scenarios.randomness import key

logger = logging.getLogger(__name__)

STAGES = tuple(PARTS)
"""The stages in order; each is named for the part that it trains."""
DETECTOR = "detector"
"""Trained on its own: nothing that generates stands on it."""
WARM_UP_BATCHES = 3
TIMED_BATCHES = 6
MEASURED_BATCHES = 8
SHOWN = 4
TIMES_SHOWN = 10


def train_all(
    preset: str,
    data: Sequence[str | Path],
    out: str | Path,
    *,
    budget_minutes: float | None = None,
    seed: int = 0,
    device: str = "auto",
    save_every: float = 60.0,
    init_from: str | Path | None = None,
) -> Path:
    """Train every stage in order, each on its share of the budget; returns the folder of the finished parts.

    Calling it again on the folder of a killed run goes on there: finished stages are not repeated, the plan is kept,
    and the loss curve is that of an uninterrupted run.

    Args:
        preset: "tiny", "nano" or "base".
        data: folders of clips.
        out: the run's folder.
        budget_minutes: wall-clock time for everything; the preset's own if not given.
        seed: of weights, batches and noise.
        device: of Lightning's accelerators: "auto", "cpu", "cuda", ...
        save_every: seconds between resume points, at most so much is lost to a kill.
        init_from: a folder of finished parts, all of them, or a shipped name, to go on from with fresh optimisers.

    Raises:
        UserError: bad input, or ``out`` holds a run of another preset or seed.

    The example takes a minute, so it is a test instead (tests/test_train_all.py):

    >>> train_all("tiny", ["out/town"], "out/run", budget_minutes=1)  # doctest: +SKIP
    PosixPath('out/run/weights')
    """
    run = Run(preset, data, out, seed=seed, device=device, save_every=save_every)
    for stage in STAGES:
        run.train(stage, budget_minutes=run.share(stage, budget_minutes), init_from=init_from)
    return run.weights


def train_stage(
    stage: str,
    preset: str,
    data: Sequence[str | Path],
    out: str | Path,
    *,
    budget_minutes: float | None = None,
    seed: int = 0,
    device: str = "auto",
    save_every: float = 60.0,
    init_from: str | Path | None = None,
    overrides: Sequence[str] = (),
    distillation: Distillation | None = None,
    profile: bool = False,
) -> Path:
    """Train one stage, as `train_all` does; the whole budget is the stage's.

    Its parents must be in ``out/weights``, or are taken from ``init_from`` as they are.

    Args:
        stage: one of `STAGES`, or "detector".
        preset: see `train_all`, as the rest.
        data: see `train_all`.
        out: see `train_all`.
        budget_minutes: wall-clock time of the stage; its share of the preset's budget if not given.
        seed: see `train_all`.
        device: see `train_all`.
        save_every: see `train_all`.
        init_from: a folder of finished parts, or a shipped name, to go on from, with a fresh optimiser; a part that is
            not in it begins anew.
        overrides: arguments of LightningCLI, such as ``--data.batch_size=4``.
        distillation: teach the part to take fewer steps than it does in ``init_from``, instead of training it on.
        profile: log how long steps take, and how far that is from what the machine can do.
    """
    from drivesim.training.detector_run import DetectorRun  # which is a Run, so it cannot be imported above

    kind = DetectorRun if stage == DETECTOR else Run
    if distillation is not None and (init_from is None or stage == DETECTOR):
        raise UserError(f"{stage} is to be distilled, expected a temporal part and init_from, where its teacher is")
    run = kind(preset, data, out, seed=seed, device=device, save_every=save_every)
    run.distillation, run.profile = distillation, profile
    budget_minutes = run.share(stage, None) if budget_minutes is None else budget_minutes
    run.train(stage, budget_minutes=budget_minutes, init_from=init_from, overrides=overrides)
    return run.weights


class Run:
    """One run folder. ``distillation``: how stages are taught by what they go on from. ``profile``: log steps' time."""

    distillation: Distillation | None = None
    profile = False

    def __init__(
        self, preset: str, data: Sequence[str | Path], out: str | Path, *, seed: int, device: str, save_every: float
    ) -> None:
        """See `train_all`."""
        self.preset, self.seed, self.device, self.save_every = preset, seed, device, save_every
        self.configs = load_preset(preset)
        self.data, self.out = [str(folder) for folder in data], Path(out)
        self.weights = self.out / "weights"
        self.plan = Plan(self.out / "plan.json", preset=preset, seed=seed)
        self.shares = yaml.safe_load((configs_folder() / preset / "plan.yaml").read_text(encoding="utf-8"))

    def share(self, stage: str, budget_minutes: float | None) -> float:
        """A stage's part of the budget, in minutes."""
        _known(stage)
        shares = self.shares["shares"]
        return (budget_minutes or self.shares["budget_minutes"]) * shares[stage] / sum(shares.values())

    def train(
        self, stage: str, *, budget_minutes: float, init_from: str | Path | None = None, overrides: Sequence[str] = ()
    ) -> None:
        """Train a stage to its end, from its last resume point, or not at all if it is finished.

        Raises `UserError` while another run trains in the folder.
        """
        _known(stage)
        self.out.mkdir(parents=True, exist_ok=True)
        other_rank = getattr(rank_zero_only, "rank", 0) != 0  # of several processes, which work for the first
        with nullcontext() if other_rank else Lock(self.out):
            self._train(stage, budget_minutes, init_from, overrides)

    def _train(self, stage: str, budget_minutes: float, init_from: str | Path | None, overrides: Sequence[str]) -> None:
        if self.plan.finished(stage):
            logger.info("%s is finished", stage)
            return
        init_from = None if init_from is None else weights_folder(init_from)
        for parent in reversed(parents(stage)):
            if self.plan.finished(parent) is None:
                self._adopt(parent, stage, init_from)
        started = time.monotonic()
        planned = self.plan.stage(stage) or self._settle(stage, budget_minutes, started, overrides, init_from)
        built = self._build(stage, planned.batches, overrides, init_from)
        if planned.data != built.data.fingerprint:
            raise UserError(f"{self.plan.path}: {stage} was begun on other clips, expected the same or a new --out")
        origin = None if init_from is None else self._start_from(stage, built, init_from)
        choice = self._fit(stage, built)
        measured, average = self._choose(stage, built, choice)
        self._save(stage, built, planned, measured, average, origin)

    def _adopt(self, part: str, stage: str, init_from: str | Path | None) -> None:
        """Take a finished part that ``stage`` stands on as it is, from the parts that the stage goes on from."""
        if init_from is None:
            missing = f"{stage} stands on {part}, which {self.out} does not hold"
            raise UserError(f"{missing}: train {part} first, or go on from parts that have it (--init-from)")
        above = PARTS[part].parent
        found = load_part(init_from, part, parent=load_part(self.weights, above) if above else None)
        atomic.write_bytes(part_file(self.weights, part), find_part(init_from, part).read_bytes())
        copy_lines(self.weights, Path(init_from), part)
        self.plan.finish(part, found.fingerprint)
        logger.info("%s: taken from %s as it is, %s", part, init_from, found.fingerprint[:12])

    def _start_from(self, stage: str, built: Built, init_from: str | Path) -> str | None:
        """Take over a finished part's weights, which may know fewer conditions; its fingerprint, None: it is begun."""
        if parents(stage) and not built.stage.only_goes_on and not find_part(init_from, stage).is_file():
            logger.info("%s: begins anew, on parts of %s, which has no %s", stage, init_from, stage)
            return None
        part = load_part(init_from, stage)
        source = str(find_part(init_from, stage))
        take_over(built.stage.trained, part.network.state_dict(), part.inputs, source=source)
        if not same_but_for_growth(part.config, self.configs[stage]):
            raise UserError(f"{init_from}: {stage} has another config than the preset {self.preset}, expected the same")
        return part.fingerprint

    def _build(self, stage: str, batches: int, overrides: Sequence[str], init_from: str | Path | None) -> Built:
        """The stage with everything its batches are drawn from, and weights that depend on the seed alone.

        Raises `UserError` if there is no ``init_from`` for a stage that only goes on.
        """
        unet: Any = self.configs["unet.image"]
        autoencoder: Any = self.configs["ae.image"]
        working = [side // unet.patch * unet.conditions.map_factor for side in unet.size]
        given: dict[str, Any] = {
            "seed_everything": key(self.seed, f"{stage}/weights") % 2**32,
            "model.part": stage,
            "model.preset": self.preset,
            "model.weights": str(self.weights),
            "model.batches": batches,
            "model.seed": self.seed,
            "data.folders": self.data,
            "data.cache": str(self.out / "cache"),
            "data.size": autoencoder.size,
            "data.map_size": working,
            "data.seed": self.seed,
            "data.purpose": stage,
            "trainer.max_steps": batches,
        }
        if self.distillation is not None:
            given |= {"model.teacher": str(init_from), **self.distillation.settings()}
        built = build(
            stage, self.preset, given=given, device=self.device, overrides=overrides,
            distilled=self.distillation is not None,
        )  # fmt: skip
        if built.stage.only_goes_on and init_from is None:
            raise UserError(f"{stage} is to keep weights that it does not train, expected --init-from to have them")
        built.stage.to(built.trainer.strategy.root_device)
        built.data.prepare_caches(built.stage.codec)
        return built

    def _settle(
        self, stage: str, budget_minutes: float, started: float, overrides: Sequence[str], init_from: str | Path | None
    ) -> StagePlan:
        """Time the step on weights that are then thrown away, and write the stage's plan."""
        built = self._build(stage, WARM_UP_BATCHES + TIMED_BATCHES, overrides, init_from)
        timer = StepTimer(warm_up=WARM_UP_BATCHES)
        built.trainer.callbacks.append(timer)
        built.trainer.fit(built.stage, built.data)
        each, spent = timer.seconds_per_batch, time.monotonic() - started
        batches = batches_within(budget_minutes, seconds_per_batch=each, preparation_seconds=spent)
        planned = StagePlan(
            batches, built.data.batch_size, built.data.fingerprint,
            round(budget_minutes, 3), round(each, 4), round(spent, 1),
        )  # fmt: skip
        logger.info("%s: %d batches of %d at %.3f s", stage, batches, built.data.batch_size, each)
        return self.plan.settle(stage, planned)

    def _fit(self, stage: str, built: Built) -> WidthChoice:
        """Train from the last resume point, or from the start; the averaged weights, which are to choose from."""
        folder = self.out / "stages" / stage
        atomic.write_text(folder / "config.yaml", built.config)
        last = folder / "last.ckpt"
        averaging, curve = Averaging(WIDTHS), LossCurve(folder / "loss.csv")
        choice = WidthChoice(averaging, folder / AVERAGES)
        shown = built.data.held_out_batch(0, SHOWN)
        built.trainer.callbacks += [
            averaging,
            choice,
            curve,
            Samples(
                averaging, lambda: built.stage.show(move_data_to_device(shown, built.stage.device)), times=TIMES_SHOWN
            ),
            Throughput(built.data.batch_size),
            ResumePoints(last, curve, seconds=self.save_every),
            *([Profile()] if self.profile else []),
        ]
        built.trainer.logger = TensorBoardLogger(folder, name="tensorboard", version="")
        built.trainer.fit(built.stage, built.data, ckpt_path=last if last.exists() else None)
        return choice

    def _choose(self, stage: str, built: Built, choice: WidthChoice) -> tuple[dict[str, float], dict[str, Any]]:
        """Measure the averages on clips that the part has not seen, and keep the best; see `WidthChoice.choose`."""
        device, size = built.trainer.strategy.root_device, built.data.batch_size
        built.stage.to(device).eval()
        held_out = [
            move_data_to_device(built.data.held_out_batch(1 + n, size), device) for n in range(MEASURED_BATCHES)
        ]
        measured, average = choice.choose(built.stage, held_out)
        logger.info(
            "%s: on held-out clips %s", stage, ", ".join(f"{name} {value:.4f}" for name, value in measured.items())
        )
        return measured, average

    def _save(
        self,
        stage: str,
        built: Built,
        planned: StagePlan,
        measured: Mapping[str, float],
        average: Mapping[str, Any],
        origin: str | None,
    ) -> None:
        """Write the part and its lines of the card."""
        device = built.trainer.strategy.root_device
        if isinstance(built.stage.trained, Autoencoder) and not built.stage.only_goes_on:
            seen = [move_data_to_device(built.data.batch(n), device) for n in range(MEASURED_BATCHES)]
            built.stage.trained.fit_latents(*latent_statistics(built.stage.trained, seen))
        parent = PARTS[stage].parent
        standing_on = {parent: load_part(self.weights, parent).mark_for(stage)} if parent else {}
        mark = save_part(
            self.weights, stage, built.stage.trained, self.configs[stage], standing_on, dtype=torch.bfloat16
        )
        write_card(
            self.weights,
            stage,
            fingerprint=mark,
            preset=self.preset,
            seed=self.seed,
            planned=planned,
            config=yaml.safe_load(built.config),
            measured=measured,
            average=average,
            preset_sampling=self.shares.get("sampling", {}),
            sampling=built.stage.sampling(),
            plan=built.stage.plan(),
            clips=built.data.clips,
            init_from=origin,
        )
        self.plan.finish(stage, mark)


def _known(stage: str) -> None:
    if stage not in (*STAGES, DETECTOR):
        raise UserError(f"stage is {stage!r}, expected all or one of {', '.join((*STAGES, DETECTOR))}")

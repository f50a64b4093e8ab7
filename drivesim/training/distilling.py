"""The stage that teaches temporal layers to take fewer steps, and no guidance, by those that take more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from conditioning import Conditions
from drivesim.diffusion.denoiser import Predict
from drivesim.diffusion.distillation import spread_steps, straightened, walk
from drivesim.errors import UserError
from drivesim.networks.guided import guided
from drivesim.networks.video import VideoNet
from drivesim.training.codec import frozen_part
from drivesim.training.data import Batch
from drivesim.training.stages import DiffusionStage

PARTS_TAUGHT = {"unet.temporal_key": "key", "unet.temporal_interp": "between"}
"""What is asked at every frame of a rollout -> the beginning of its settings in a card's ``sampling``."""


@dataclass(frozen=True)
class Distillation:
    """How a part is taught. ``steps``: of the student. ``teacher_steps`` and ``guidance``: of the teacher.

    ``teacher_steps`` is a multiple of ``steps``; ``guidance`` is by set of conditions, as in a card's ``sampling``.
    Raises `UserError` for steps that do not fit.
    """

    steps: int
    teacher_steps: int
    guidance: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.steps < 1 or self.teacher_steps % self.steps or self.teacher_steps <= self.steps:
            raise UserError(
                f"the teacher takes {self.teacher_steps} steps for {self.steps}, expected twice as many, or thrice, ..."
            )

    def settings(self) -> dict[str, Any]:
        """For `DistillationStage`, by dotted name."""
        return {f"model.{name}": value for name, value in asdict(self).items()}


class DistillationStage(DiffusionStage):
    """One step of the student is to lead where several guided steps of its teacher lead.

    The student begins as its teacher. The image network stays as it is, as in the other trainings of these parts.
    """

    def __init__(
        self,
        part: str,
        preset: str,
        weights: str,
        *,
        teacher: str,
        steps: int,
        teacher_steps: int,
        guidance: Mapping[str, float],
        **settings: Any,
    ) -> None:
        """Build the student on its parents, and its teacher.

        Args:
            part: one of `PARTS_TAUGHT`.
            preset: whose network.
            weights: folder of the finished parts.
            teacher: folder of the parts that the student goes on from.
            steps: of the student, from noise to a sample.
            teacher_steps: of the teacher, a multiple of ``steps``.
            guidance: of the teacher, by set of conditions, as in a card's ``sampling``.
            **settings: of `DiffusionStage` and `Stage`.
        """
        super().__init__(part, preset, weights, **settings)
        if part not in PARTS_TAUGHT:
            raise UserError(f"{part} cannot be distilled, expected {' or '.join(PARTS_TAUGHT)}")
        self.distillation = Distillation(steps, teacher_steps, guidance)
        known: Any = frozen_part(teacher, part)
        self.teacher = VideoNet(self.image, known)

    def sampling(self) -> dict[str, Any]:
        """Fewer steps, those that were trained, without guidance."""
        name = PARTS_TAUGHT[self.part]
        return {f"{name}_steps": self.distillation.steps, f"{name}_guidance": {}, "sampler": "ddim", "eta": 0.0}

    def compute(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """The squared error of the prediction against what makes one step of the teacher's many."""
        x, inputs = self.problem(batch, generator)
        conditions = batch["conditions"].drop(self.drop, generator, everything=self.drop_all)
        u, to = (level.to(x) for level in spread_steps(len(x), self.distillation.steps, generator))
        noise = torch.randn(x.shape, generator=generator).to(x)
        x_u = self.denoiser.noised(x, u, noise)
        clean, noise = straightened(x_u, u, self._taught(x_u, u, to, conditions, inputs), to, self.denoiser.schedule)
        weight = self.weight(batch["conditions"], x, inputs)
        each = self.denoiser.loss(
            lambda x_u, u: self.predict(x_u, u, conditions, inputs), clean, u, noise, weight=weight
        )
        return {"loss": each.mean()}

    @torch.no_grad()
    def _taught(self, x_u: Tensor, u: Tensor, to: Tensor, conditions: Conditions, inputs: dict[str, Tensor]) -> Tensor:
        """Where the teacher leads ``x_u`` (b t c h w) from levels ``u`` to ``to``."""

        def ask(told: Conditions) -> Predict:
            return lambda x, u: self.teacher(x, u, told, **inputs)

        predict = guided(ask, conditions, self.distillation.guidance)
        return walk(
            lambda x, u: self.denoiser.denoise(predict, x, u),
            x_u, u, to, steps=self.distillation.teacher_steps // self.distillation.steps,
            schedule=self.denoiser.schedule,
        )  # fmt: skip

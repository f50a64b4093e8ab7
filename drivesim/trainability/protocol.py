"""The rules of trainability: the sets of clips, the arms that are trained on them, one training for all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from drivesim.errors import UserError
from drivesim.evaluation import Protocol
from drivesim.evaluation.protocol import rules_hash
from drivesim.networks.detector import DetectorConfig

Progress = Callable[[int, int], object]
ONCE, TWICE = 1, 2


class Arm(NamedTuple):
    """What a detector is trained on. ``real``, ``synthetic``: how often each clip of R and of S is in it."""

    real: int
    synthetic: int
    about: str


ARMS = {
    "R": Arm(ONCE, 0, "the real clips"),
    "R+R'": Arm(TWICE, 0, "the real clips twice: as many clips as R+S, nothing new, other draws"),
    "S": Arm(0, ONCE, "the rollouts"),
    "R+S": Arm(ONCE, ONCE, "the real clips and the rollouts, in equal shares"),
}
"""All arms take the same number of steps. Then R+R' differs from R in which frame each step draws, and in nothing
else: its distance from R is what chance alone does, which any gain of R+S has to beat."""
DIFFERENCES = (("R+S", "R"), ("R+S", "R+R'"), ("S", "R"), ("R+R'", "R"))
KINDS = ("vehicle", "person")
COUNTS_FROM = ("R", "vehicle")  # the arm and the kind whose AP50 decides whether a run counts


def small_network() -> DetectorConfig:
    """A detector that is trained in minutes, since twelve are: on pictures of the size of the generator's own."""
    return DetectorConfig(size=(128, 256), widths=(16, 24, 48, 64, 96), blocks=(1, 2, 2, 1), head=32)


@dataclass(frozen=True)
class TrainabilityProtocol:
    """The rules. Two results compare only if their protocols are equal.

    ``clips``: of R, and as many of S. ``test``: clips that are never trained on. ``frames``: of a clip, at ``fps``
    frames/s; six are what one window of the model's key frames gives. ``scenarios``: seed of the sampled scenarios;
    those of R come first, then those of the test. ``size``: (height, width) of the town's renders, px.
    ``real``: sha256 over the clips of a real side that was given; None: the town is the real side.
    ``network``, ``steps``, ``batch``, ``rate`` (of learning), ``zoom``: of every training (see
    `drivesim.training.detector`). ``seeds``: of the trainings of each arm.
    ``detection``: how boxes are judged, and the bootstrap. ``least``: AP50 of vehicles that R must reach for a run to
    count: a detector that has learned nothing from real pictures cannot tell what others are worth.

    >>> TrainabilityProtocol().sha256() == TrainabilityProtocol(steps=1).sha256()
    False
    """

    name: str = "drivesim.trainability/1"
    clips: int = 60
    test: int = 40
    frames: int = 6
    fps: float = 1.875
    scenarios: int = 7500
    size: tuple[int, int] = (512, 1024)
    real: str | None = None
    network: DetectorConfig = field(default_factory=small_network)
    steps: int = 700
    batch: int = 16
    rate: float = 2e-3
    zoom: float = 1.3
    seeds: tuple[int, ...] = (0, 1, 2)
    detection: Protocol = field(default_factory=lambda: Protocol(every=1))
    least: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what makes no protocol."""
        for name, least in (("clips", 2), ("test", 2), ("frames", 1), ("steps", 1), ("batch", 1)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}, expected {least} or more")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise UserError(f"seeds are {self.seeds}, expected one or more, each once")

    def to_dict(self) -> dict[str, Any]:
        """All rules, and what the arms are, ready for JSON."""
        return {**dataclasses.asdict(self), "arms": {name: arm._asdict() for name, arm in ARMS.items()}}

    def sha256(self) -> str:
        """The hash of the rules' canonical JSON."""
        return rules_hash(self.to_dict())

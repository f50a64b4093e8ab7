"""`Session.step` turns conditions into pictures; a rollout is a loop over it.

What a session must remember between two steps is a few latents (`State`), so it can stop and go on anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from conditioning import Conditions, encode
from drivesim import atomic
from drivesim.parts import Weights
from drivesim.rollout.pictures import Picture
from drivesim.rollout.plan import Plan
from drivesim.rollout.reprojection import TELLING, share_for, steadied
from drivesim.rollout.stages import Sampling, Stages
from drivesim.rollout.watch import working
from scenarios.facts import FrameFacts


@dataclass(frozen=True, eq=False)
class State:
    """Where a session stands. ``frame``: number of the next frame to be made.

    ``keys`` (k c h w): latents of the key frames from there on that are made already. ``before`` (m c h w):
    latents of the last frames before it, which the decoder's next window reads.
    """

    frame: int
    keys: Tensor
    before: Tensor

    def save(self, path: Path, picture: Tensor) -> None:
        """Write the state and the session's ``picture`` of the frame before it as one safetensors file, atomically."""
        tensors = {"keys": self.keys.contiguous(), "before": self.before.contiguous(), "picture": picture.contiguous()}
        atomic.write_bytes(path, safetensors.torch.save(tensors, {"frame": str(self.frame)}))

    @classmethod
    def load(cls, path: Path) -> tuple[State, Tensor]:
        """The inverse of `save`: the state, and the picture."""
        with safetensors.safe_open(path, "pt") as file:
            keys, before, picture = (file.get_tensor(name) for name in ("keys", "before", "picture"))
            return cls(int(file.metadata()["frame"]), keys, before), picture


@dataclass(frozen=True, eq=False)
class Window:
    """Latents (t c h w) that are decoded together; ``shown``: which of their pictures are of use.

    ``state``: the session's after the step, with its last window.
    """

    latents: Tensor
    shown: slice
    state: State | None = None


class Session:
    """A drive through the networks of ``weights``.

    ``seed``: of all noise. ``plan``: rates and windows. ``sampling``: steps and guidance. ``picture``: a first
    frame of the networks' size, instead of one made by the image network. ``withheld``: conditions, of
    `conditioning.NAMES`, that the networks are not told. ``first_seed``: of the noise of frame 0 alone, so that
    sessions of several seeds start from one frame; None: ``seed``. ``image_only``: of `stages.IMAGE_ONLY`, what works
    without temporal layers.

    One step, by hand::

        session = Session(load_weights("nano"), seed=1, plan=Plan(7.5), sampling=Sampling())
        start = session.state.frame
        facts = [timeline[start + k] for k in range(session.plan.horizon)]
        pictures = session.steady(session.step(session.told(facts)), facts[: session.plan.step], None)
    """

    def __init__(
        self,
        weights: Weights,
        *,
        seed: int,
        plan: Plan,
        sampling: Sampling,
        device: torch.device | str = "cpu",
        picture: Picture | None = None,
        withheld: Sequence[str] = (),
        first_seed: int | None = None,
        image_only: Sequence[str] = (),
    ) -> None:
        """Bring the weights to ``device``; nothing is made yet."""
        self.plan, self.withheld = plan, withheld
        self.stages = Stages(
            weights, sampling=sampling, seed=seed, device=torch.device(device), first_seed=first_seed,
            image_only=image_only,
        )  # fmt: skip
        nothing = torch.zeros(0, *self.stages.latent_shape)
        keys = nothing if picture is None else self.stages.encode(picture.colour)
        self.state = State(0, keys, nothing)
        self.picture = torch.zeros(0, 3, *self.stages.low_size)
        """The last picture (n 3 H W) that `steady` gave; none at the start."""
        told = not set(withheld) & set(TELLING)  # what networks are not told must not show by another way
        self.share = share_for(sampling.memory, 1 / plan.fps) if told else 0.0
        self.large_size = self.stages.large_size
        self.origin = origin_of(weights.card)

    @working("conditions")
    def told(self, facts: Sequence[FrameFacts], *, large: bool = False) -> Conditions:
        """The conditions of frames for `step`, or ``large`` ones for `enlarge`."""
        size = self.stages.low_size if large else self.stages.map_size
        conditions = encode(facts, interval=1 / self.plan.fps, origin=self.origin, size=size)
        return conditions.without(*self.withheld)

    def step(self, conditions: Conditions, frames: int | None = None) -> Tensor:
        """The next pictures (t 3 H W) in [-1, 1]: ``plan.step``, or only the first ``frames``, which ends the clip.

        ``conditions`` (b = 1, from `told`): of ``plan.horizon`` frames, the first of them the next to be shown.
        Raises ``ValueError`` for conditions of another number of frames, and after the end.
        """
        return torch.cat([self.decode(window) for window in self.windows(conditions, frames)])

    def windows(self, conditions: Conditions, frames: int | None = None) -> Iterator[Window]:
        """The latents of the pictures of `step`, a few at a time, each as soon as they are made.

        The session's `state` is that after the step once the last of them is given.
        """
        plan, state = self.plan, self.state
        frames = plan.step if frames is None else frames
        if (conditions.b, conditions.t) != (1, plan.horizon):
            raise ValueError(f"conditions are of {conditions.b} x {conditions.t} frames, expected 1 x {plan.horizon}")
        if not 0 < frames <= plan.step or state.frame % plan.step:
            raise ValueError(f"asked for {frames} frames at {state.frame}, expected up to {plan.step} in whole steps")
        filled = plan.filled(frames)
        latents = self._keys(conditions) | {k - len(state.before): z for k, z in enumerate(state.before)}
        between = self._between(latents, conditions, filled)
        for read, shown in plan.windows(filled, first=-len(state.before)):
            while not latents.keys() >= set(read):
                latents |= next(between)
            window = torch.stack([latents[k] for k in read])
            of_use = slice(shown.start - read.start, min(shown.stop, frames) - read.start)
            if shown.stop >= frames:
                break
            yield Window(window, of_use)
        for rest in between:
            latents |= rest
        before = [latents[k] for k in range(filled - plan.margin, filled)]
        left = [latents[k] for k in plan.keys if k >= plan.step]
        self.state = State(state.frame + frames, torch.stack(left), _stack(before, like=left[0]))
        yield Window(window, of_use, self.state)

    def decode(self, window: Window) -> Tensor:
        """The pictures (t 3 H W) in [-1, 1] of a window that are of use."""
        return self.stages.decode(window.latents)[window.shown]

    @working("steady")
    def steady(self, pictures: Tensor, facts: Sequence[FrameFacts], before: FrameFacts | None) -> Tensor:
        """Pictures (t 3 H W) that `step` gave, whose surfaces keep their look, as ``sampling.memory`` says.

        ``facts``: of those frames. ``before``: of the frame before the first, if there is one.
        """
        if not self.share:
            return pictures
        last = (self.picture[0], before) if before is not None and len(self.picture) else None
        steady = torch.stack(list(steadied(pictures, facts, share=self.share, last=last)))
        self.picture = steady[-1:].clone()
        return steady

    def enlarge(self, low: Tensor, conditions: Conditions, first: int) -> Tensor:
        """Large pictures (t 4H 4W 3, uint8 RGB) of pictures ``low`` (t 3 H W) that `step` gave.

        ``conditions`` (b = 1, from `told` with ``large``): of those frames. ``first``: the number of the first
        of them.
        """
        return self.stages.enlarge(low, conditions, range(first, first + len(low)))

    def _keys(self, conditions: Conditions) -> dict[int, Tensor]:
        """The latents of the step's key frames, by frame."""
        keys = list(self.plan.keys)
        given = self.state.keys
        if not len(given):
            given = self.stages.first(conditions.frames(0))
        told = conditions.frames(keys).at_interval(1 / self.plan.key_fps)
        made = self.stages.keys(given, told, [self.state.frame + k for k in keys])
        return dict(zip(keys, made, strict=True))

    def _between(self, latents: dict[int, Tensor], conditions: Conditions, frames: int) -> Iterator[dict[int, Tensor]]:
        """Rate by rate, frames between those in ``latents``, up to ``frames``; who asks adds them to ``latents``."""
        for rate in self.plan.rates:
            gaps = self.plan.gaps(rate, frames)
            for batch in (gaps[a : a + self.plan.together] for a in range(0, len(gaps), self.plan.together)):
                ends = torch.stack([torch.stack([latents[gap[0]], latents[gap[-1]]]) for gap in batch])
                told = Conditions.stack([conditions.frames(list(gap)) for gap in batch]).at_interval(1 / rate)
                made = self.stages.between(ends, told, [[self.state.frame + k for k in gap] for gap in batch])
                yield {k: z for gap, row in zip(batch, made, strict=True) for k, z in zip(gap[1:-1], row, strict=True)}


def origin_of(card: Mapping[str, Any]) -> str:
    """The origin that a rollout asks for, of those the weights were trained on: the town, if it is one of them."""
    origins = card["data"]["origins"]
    return "town" if "town" in origins else origins[0]


def _stack(latents: list[Tensor], like: Tensor) -> Tensor:
    """Latents (t c h w) of a list that may be empty; ``like``: one latent."""
    return torch.stack(latents) if latents else like.new_zeros(0, *like.shape)

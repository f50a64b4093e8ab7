"""What the networks hear: their denoising loss on unseen clips, told the truth, or nothing, or another clip's truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from conditioning import NAMES, Conditions, Context, encode
from conditioning.conditions import MAPS
from drivesim.clips import Clip
from drivesim.datasets.training_reader import stride_for
from drivesim.metrics.obedience import Gain, relative_gain
from drivesim.rollout.stages import Stages
from drivesim.rollout.stream import plan_for
from scenarios.facts import FrameFacts
from scenarios.randomness import generator, key

LEVELS = (0.4, 0.7, 1.0)  # of noise: at low ones a network sees the picture and need not be told
AT_ONCE = 8  # windows per call
HEARD_BY = {"ego": "key", "interval": "interp", "texture": "upsampler"}
"""What shows in motion only, and what is in large pictures only; all else is heard by the image network."""


@dataclass(frozen=True, eq=False)
class Window:
    """Frames of one clip. ``clip``: its number. ``pictures``: uint8 (t h w 3). ``facts``: t. ``told``: b = 1."""

    clip: int
    pictures: np.ndarray
    facts: tuple[FrameFacts, ...]
    told: Conditions


@dataclass(frozen=True)
class Heard:
    """The gains of telling a condition: against another clip's, and against leaving it unknown.

    None where the windows do not differ in it, or do not know it.
    """

    swapped: Gain | None
    unknown: Gain | None


def windows(clips: Sequence[Clip], stages: Stages, *, frames: int, rate: float | None, per_clip: int) -> list[Window]:
    """Evenly spread windows of every clip that allows them, of the networks' size.

    ``frames``: per window. ``rate``: of its frames, frames/s; None: the clip's own. ``per_clip``: windows of a clip.
    """
    found = []
    for number, clip in enumerate(clips):
        stride = 1 if rate is None else stride_for(clip.fps, rate)
        room = 0 if stride is None else len(clip) - (frames - 1) * stride
        if stride is None or room < 1:
            continue
        for start in sorted({room * (2 * k + 1) // (2 * per_clip) for k in range(per_clip)}):
            indices = range(start, start + (frames - 1) * stride + 1, stride)
            facts = tuple(clip.facts[k] for k in indices)
            told = encode(
                facts, interval=stride / clip.fps, origin=clip.origin, size=stages.map_size,
                image_size=(clip.height, clip.width),
            )  # fmt: skip
            found.append(Window(number, clip.read(indices, size=stages.low_size), facts, told))
    return found


def partners(rows: Sequence[Window], *, seed: int) -> list[int]:
    """For each window the number of one of another clip. Raises ``ValueError`` if there is one clip only."""
    if len({row.clip for row in rows}) < 2:
        raise ValueError("found windows of 1 clip, expected 2 or more clips")
    return [
        generator(seed, "obedience/partner", number).choice([k for k in range(len(rows)) if rows[k].clip != row.clip])
        for number, row in enumerate(rows)
    ]


def hear(
    clips: Sequence[Clip],
    stages: Stages,
    *,
    per_clip: int,
    seed: int,
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Heard]:
    """How each condition of `NAMES` is heard by the network that `HEARD_BY` names, the image network otherwise.

    That is asked about single frames, the key network about windows of key frames of which the first is given, the
    interpolation network about windows at the clips' own rates of which both ends are given. The upsampler
    is not asked. ``progress``: called with (conditions done, conditions in all).
    """
    plan = plan_for(stages.weights, 30.0)
    shapes: dict[str, tuple[int, float | None]] = {
        "image": (1, None), "key": (plan.window, plan.key_fps), "interp": (plan.rung + 1, None),
    }  # fmt: skip
    found: dict[str, Heard] = {}
    for network, (frames, rate) in shapes.items():
        names = [name for name in NAMES if HEARD_BY.get(name, "image") == network]
        rows = windows(clips, stages, frames=frames, rate=rate, per_clip=per_clip)
        if len({row.clip for row in rows}) < 2:
            found |= dict.fromkeys(names, Heard(None, None))
            continue
        asked = Asked(stages, network, rows, seed=seed)
        others = [rows[k].told for k in partners(rows, seed=seed)]
        for name in names:
            swapped = [with_other(row.told, other, name) for row, other in zip(rows, others, strict=True)]
            found[name] = Heard(asked.gain(swapped), asked.gain([row.told.without(name) for row in rows]))
            if progress is not None:
                progress(len(found), len(NAMES))
    return {name: found.get(name, Heard(None, None)) for name in NAMES}


def with_other(told: Conditions, other: Conditions, name: str) -> Conditions:
    """``told`` with one condition taken from ``other``."""
    known = {**told.known, name: other.known[name]}
    if name not in MAPS:
        return replace(told, known=known, signals={**told.signals, name: other.signals[name]})
    made = replace(told, known=known, maps={**told.maps, name: other.maps[name]})
    return replace(made, tokens=other.tokens, token_mask=other.token_mask) if name == "boxes" else made


class Asked:
    """Windows put to one network, "image", "key" or "interp": always at the same levels and with the same noise."""

    def __init__(self, stages: Stages, network: str, rows: Sequence[Window], *, seed: int) -> None:
        """Encode the windows, and note the losses of the network that is told the truth."""
        self.stages, self.network, self.rows, self.seed = stages, network, rows, seed
        self.latents = [torch.cat([stages.encode(_colour(frame)) for frame in row.pictures]) for row in rows]
        self.told = self.losses([row.told for row in rows], range(len(rows)))

    def gain(self, changed: Sequence[Conditions]) -> Gain | None:
        """The gain of the truth against ``changed`` conditions of all windows, over those where these differ."""
        differ = [k for k, row in enumerate(self.rows) if _differ(row.told, changed[k])]
        clips = np.array([self.rows[k].clip for k in differ])
        return relative_gain(self.told[differ], self.losses(changed, differ), clips, seed=self.seed)

    @torch.inference_mode()
    def losses(self, conditions: Sequence[Conditions], which: Sequence[int]) -> np.ndarray:
        """The mean loss (n,) over `LEVELS` of n windows; frames that are given do not count."""
        device, losses = self.stages.device, [np.zeros(0)]
        for some in (which[a : a + AT_ONCE] for a in range(0, len(which), AT_ONCE)):
            x = torch.stack([self.latents[k] for k in some]).to(device)
            told = Conditions.stack([conditions[k] for k in some]).to(device)
            noises = [torch.stack([self._noise(level, k) for k in some]).to(device) for level in LEVELS]
            each = [self._loss(x, level, noise, told) for level, noise in zip(LEVELS, noises, strict=True)]
            losses.append(torch.stack(each).mean(0).cpu().numpy())
        return np.concatenate(losses)

    def _loss(self, x: Tensor, level: float, noise: Tensor, told: Conditions) -> Tensor:
        weights, denoiser = self.stages.weights, self.stages.denoiser
        u = x.new_full((len(x),), level)
        if self.network == "image":
            return denoiser.loss(lambda x_u, u: weights.unet(x_u, u, told), x[:, 0], u, noise[:, 0])
        network = weights.key if self.network == "key" else weights.interp
        context = Context.predict(x, 1) if self.network == "key" else Context.interpolate(x)

        def predict(x_u: Tensor, u: Tensor) -> Tensor:
            return network(x_u, u, told, context=context.stack())

        return denoiser.loss(predict, x, u, noise, weight=1.0 - context.mask)

    def _noise(self, level: float, number: int) -> Tensor:
        source = torch.Generator().manual_seed(key(self.seed, f"obedience/{self.network}/{level}", number))
        return torch.randn(self.latents[number].shape, generator=source)


def _differ(told: Conditions, changed: Conditions) -> bool:
    """Whether a network could tell two conditions apart."""
    pairs = [(told.map_stack(), changed.map_stack()), (told.signal_stack(), changed.signal_stack())]
    pairs += zip(told.token_stack(), changed.token_stack(), strict=True)
    return not all(torch.equal(a, b) for a, b in pairs)


def _colour(frame: np.ndarray) -> Tensor:
    """A frame (uint8 h w 3) as (3 h w) in [-1, 1]."""
    return torch.from_numpy(frame).permute(2, 0, 1).float() / 127.5 - 1.0

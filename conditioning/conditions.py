"""Conditions: the one tensor object that networks receive. Every condition may be unknown, per sample and frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from conditioning.layout import BOX_CHANNELS, MAX_TOKENS, ROAD_CHANNELS, TOKEN_DIM
from conditioning.signals import SIGNALS, interval_signal
from conditioning.surroundings import GROUND_CHANNELS, SCENERY_CHANNELS
from conditioning.texture import TEXTURE_CHANNELS

MAPS = {
    "boxes": len(BOX_CHANNELS),
    "road": len(ROAD_CHANNELS),
    "scenery": len(SCENERY_CHANNELS),
    "ground": len(GROUND_CHANNELS),
    "texture": len(TEXTURE_CHANNELS),
}
MAP_GROUPS = (("boxes", "road"), ("scenery",), ("ground",), ("texture",))
"""Maps in the order in which they came to be: a network of fewer conditions reads the first of them."""
NAMES = ("boxes", "road", *SIGNALS, "scenery", "ground", "texture")  # what came later stands behind, here too
MAP_CHANNELS = sum(MAPS.values()) + len(MAPS)  # the channels of each, and one plane each that says "known"
SIGNAL_DIM = sum(SIGNALS.values()) + len(NAMES)  # the numbers of each, and one flag per condition, maps included

STEPS = 127  # compact storage of [-1, 1] in int8; 0 stays exactly 0


@dataclass(frozen=True, eq=False, slots=True)
class Conditions:
    """What the networks are told about ``b`` clips of ``t`` frames.

    ``maps``: "boxes" (b t 13 h w), "road" (b t 5 h w), "scenery" (b t 6 h w), "ground" (b t 4 h w) and "texture"
    (b t 3 h w), in [-1, 1]; channels: `layout.BOX_CHANNELS`, `layout.ROAD_CHANNELS`, `surroundings.SCENERY_CHANNELS`
    and `GROUND_CHANNELS`, `texture.TEXTURE_CHANNELS`.
    ``tokens``: boxes as (b t n TOKEN_DIM), parts as in `layout.TOKEN_PARTS`; ``token_mask``: bool (b t n).
    ``signals``: for each name of `signals.SIGNALS` (b t k), see `signals.signals`.
    ``known``: for each of `NAMES` bool (b t); "boxes" covers box maps and tokens.

    Networks read `map_stack`, `signal_stack` and `token_stack`, which zero what is unknown.
    """

    maps: Mapping[str, Tensor]
    tokens: Tensor
    token_mask: Tensor
    signals: Mapping[str, Tensor]
    known: Mapping[str, Tensor]

    @property
    def b(self) -> int:
        """The number of clips."""
        return self.tokens.shape[0]

    @property
    def t(self) -> int:
        """The number of frames."""
        return self.tokens.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the maps in cells."""
        h, w = self.maps["boxes"].shape[-2:]
        return h, w

    # --- What networks read

    def map_stack(self) -> Tensor:
        """All maps (b t MAP_CHANNELS h w), zeroed where unknown.

        Group by group of `MAP_GROUPS`: the maps, then a plane for each that is 1 where it is known.
        """
        h, w = self.size
        known = {name: self.known[name][:, :, None, None, None].to(self.tokens.dtype) for name in MAPS}
        parts = []
        for group in MAP_GROUPS:
            parts += [self.maps[name] * known[name] for name in group]
            parts += [known[name].expand(-1, -1, 1, h, w) for name in group]
        return torch.cat(parts, dim=2)

    def signal_stack(self) -> Tensor:
        """All signals (b t SIGNAL_DIM): unknown ones zeroed, then one known-flag per name of `NAMES`."""
        flags = torch.stack([self.known[name] for name in NAMES], dim=-1).to(self.tokens.dtype)
        values = [self.signals[name] * self.known[name][..., None].to(self.tokens.dtype) for name in SIGNALS]
        return torch.cat([*values, flags], dim=-1)

    def token_stack(self) -> tuple[Tensor, Tensor]:
        """Box tokens (b t n TOKEN_DIM), zero where there is no known box, and their bool mask (b t n)."""
        mask = self.token_mask & self.known["boxes"][..., None]
        return self.tokens * mask[..., None].to(self.tokens.dtype), mask

    # --- Unknown on purpose

    def drop(
        self, probability: float | Mapping[str, float], generator: torch.Generator, *, everything: float = 0.0
    ) -> Conditions:
        """The same with each condition of each clip made unknown at random, over all its frames.

        Args:
            probability: one for all conditions, or one per name (names left out are kept).
            generator: on the CPU.
            everything: probability that a clip loses all at once, as in `without_all`: independent draws hardly ever
                give that case, and classifier-free guidance needs it.
        """
        rates = probability if isinstance(probability, Mapping) else dict.fromkeys(NAMES, probability)
        _check_names(rates)
        stays = torch.rand(self.b, generator=generator) >= everything
        known = {}
        for name in NAMES:  # one draw per name, whatever the rates are: a rate changes no other condition's luck
            keep = torch.rand(self.b, generator=generator) >= rates.get(name, 0.0)
            keep &= stays if name != "interval" else True
            known[name] = self.known[name] & keep[:, None].to(self.known[name].device)
        return replace(self, known=known)

    def without(self, *names: str) -> Conditions:
        """The same with the named conditions unknown everywhere (the other branch of classifier-free guidance)."""
        _check_names(names)
        unknown = {name: torch.zeros_like(self.known[name]) for name in names}
        return replace(self, known={**self.known, **unknown})

    def without_all(self) -> Conditions:
        """The same with all unknown but the interval, which says how the frames are used, not what they show."""
        return self.without(*(name for name in NAMES if name != "interval"))

    def at_interval(self, seconds: float | Sequence[float]) -> Conditions:
        """The same frames used at another interval: one for all clips or one per clip, in seconds."""
        each = [seconds] * self.b if isinstance(seconds, (int, float)) else list(seconds)
        if len(each) != self.b:
            raise ValueError(f"got {len(each)} intervals, expected 1 or one per clip ({self.b})")
        old = self.signals["interval"]
        values = torch.tensor([interval_signal(value) for value in each], dtype=old.dtype, device=old.device)
        known = torch.ones_like(self.known["interval"])
        signals = {**self.signals, "interval": values[:, None, None].expand(-1, self.t, 1)}
        return replace(self, signals=signals, known={**self.known, "interval": known})

    # --- Selecting, joining, moving

    def frames(self, which: int | slice | Sequence[int]) -> Conditions:
        """The conditions of some frames; an int gives t = 1."""
        index = [which] if isinstance(which, int) else which if isinstance(which, slice) else list(which)
        return self._map(lambda tensor: tensor[:, index])

    def flat(self) -> Conditions:
        """Every frame as a clip of its own: (b t) folded to b, t = 1."""
        return self._map(lambda tensor: rearrange(tensor, "b t ... -> (b t) 1 ..."))

    @staticmethod
    def stack(items: Iterable[Conditions]) -> Conditions:
        """Clips of equal length and size in one batch."""
        return _join(list(items), dim=0)

    @staticmethod
    def cat(items: Iterable[Conditions]) -> Conditions:
        """One batch of longer clips, joined along the frames."""
        return _join(list(items), dim=1)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Conditions:
        """The same on another device; ``dtype`` is that of the values (masks and flags stay bool)."""
        return self._map(lambda x: x.to(device) if x.dtype == torch.bool else x.to(device, dtype or x.dtype))

    # --- Compact storage

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for caches, leading dims b t: maps int8 (127 is 1), tokens float16, signals float32, flags bool."""
        maps = {name: (self.maps[name] * STEPS).round().to(torch.int8).numpy() for name in MAPS}
        return {
            **maps,
            "tokens": self.tokens.to(torch.float16).numpy(),
            "token_mask": self.token_mask.numpy(),
            "signals": torch.cat([self.signals[name] for name in SIGNALS], dim=-1).float().numpy(),
            "known": torch.stack([self.known[name] for name in NAMES], dim=-1).numpy(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Conditions:
        """The inverse of `to_arrays`, to half a step of the storage; arrays of several windows may be stacked first."""
        signals = torch.from_numpy(np.array(arrays["signals"]))
        known = torch.from_numpy(np.array(arrays["known"]))
        ends = list(accumulate(SIGNALS.values()))
        spans = zip(SIGNALS, [0, *ends], ends, strict=False)
        return cls(
            maps={name: torch.from_numpy(np.array(arrays[name])).float().div_(STEPS) for name in MAPS},
            tokens=torch.from_numpy(np.array(arrays["tokens"])).float(),
            token_mask=torch.from_numpy(np.array(arrays["token_mask"])),
            signals={name: signals[..., start:end] for name, start, end in spans},
            known={name: known[..., index] for index, name in enumerate(NAMES)},
        )

    def validate(self) -> Conditions:
        """Itself, checked. Raises ``ValueError`` on a wrong shape, a value not finite or a map outside [-1, 1]."""
        bt = (self.b, self.t)
        h, w = self.size
        for name, channels in MAPS.items():
            _check(name, self.maps.get(name), (*bt, channels, h, w))
        for name, length in SIGNALS.items():
            _check(name, self.signals.get(name), (*bt, length))
        for name in NAMES:
            _check(f"known[{name!r}]", self.known.get(name), bt, torch.bool)
        _check("tokens", self.tokens, (*bt, MAX_TOKENS, TOKEN_DIM))
        _check("token_mask", self.token_mask, (*bt, MAX_TOKENS), torch.bool)
        for name in MAPS:
            if self.maps[name].abs().max() > 1.0 + 1e-3:
                raise ValueError(f"map {name!r} reaches {float(self.maps[name].abs().max())}, expected [-1, 1]")
        return self

    def _map(self, change: Callable[[Tensor], Tensor]) -> Conditions:
        return Conditions(
            {name: change(x) for name, x in self.maps.items()},
            change(self.tokens),
            change(self.token_mask),
            {name: change(x) for name, x in self.signals.items()},
            {name: change(x) for name, x in self.known.items()},
        )


def _join(items: list[Conditions], dim: int) -> Conditions:
    if not items:
        raise ValueError("got no conditions, expected at least one")

    def join(group: str) -> dict[str, Tensor]:
        return {
            name: torch.cat([getattr(item, group)[name] for item in items], dim) for name in getattr(items[0], group)
        }

    tokens = torch.cat([item.tokens for item in items], dim)
    mask = torch.cat([item.token_mask for item in items], dim)
    return Conditions(join("maps"), tokens, mask, join("signals"), join("known"))


def _check_names(names: Iterable[str]) -> None:
    wrong = sorted(set(names) - set(NAMES))
    if wrong:
        raise ValueError(f"got conditions {wrong}, expected names of {NAMES}")


def _check(name: str, tensor: Tensor | None, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> None:
    found = None if tensor is None else tuple(tensor.shape)
    if tensor is None or found != shape:
        raise ValueError(f"{name} has shape {found}, expected {shape}")
    if dtype is not None and tensor.dtype != dtype:
        raise ValueError(f"{name} is {tensor.dtype}, expected {dtype}")
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{name} holds a value that is not finite")

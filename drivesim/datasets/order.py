"""The order of endless reading: sample i depends on (seed, purpose, i) alone, and neighbours lie near each other.

Training is to see clips in random order, yet a random frame of a random clip costs the decoding of up to a second of
video that nobody uses. So a source is read in **visits**: each takes several windows of a clip that is decoded once. An
epoch visits every clip once, shard after shard in random order, the clips of a shard in random order. The windows of
a **pool** of neighbouring visits are shuffled. What a shuffle buffer does with the past, this does by arithmetic, so
that going on at sample i needs no record of the samples before.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

from scenarios.randomness import generator

BLOCK = 1000
"""So many samples hold every source exactly by its weight, in random order."""


def quotas(weights: Sequence[float]) -> tuple[int, ...]:
    """How many of `BLOCK` samples come from each source: by largest remainder, and at least one.

    Raises ``ValueError`` if a weight is not above zero, or too small for a sample.

    >>> quotas([3, 1]), quotas([1, 1, 1]), quotas([0.5])
    ((750, 250), (334, 333, 333), (1000,))
    """
    total = sum(weights)
    if not all(0 < weight < float("inf") for weight in weights) or not total:
        raise ValueError(f"weights are {list(weights)}, expected numbers above zero")
    exact = [BLOCK * weight / total for weight in weights]
    whole = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda k: (whole[k] - exact[k], k))
    for k in by_remainder[: BLOCK - sum(whole)]:
        whole[k] += 1
    if not all(whole):
        raise ValueError(f"weights are {list(weights)}, expected none below 1/{BLOCK} of their sum")
    return tuple(whole)


@lru_cache(maxsize=8)
def _shuffled(rows: tuple[int, ...], seed: int, purpose: str, index: int) -> list[int]:
    shuffled = list(rows)
    generator(seed, purpose, index).shuffle(shuffled)
    return shuffled


class Mix:
    """Which source gives sample i, and its which: exactly by weight in every `BLOCK` samples."""

    def __init__(self, weights: Sequence[float], *, seed: int, purpose: str) -> None:
        """``weights``: of the sources."""
        self.quotas, self._seed, self._purpose = quotas(weights), seed, f"{purpose}/mix"
        self._block = tuple(itertools.chain(*([k] * count for k, count in enumerate(self.quotas))))

    def source(self, index: int) -> tuple[int, int]:
        """(source, how many of its samples came before)."""
        block, slot = divmod(index, BLOCK)
        word = _shuffled(self._block, self._seed, self._purpose, block)
        source = word[slot]
        return source, block * self.quotas[source] + word[:slot].count(source)


class Order:
    """In which order a source's clips are visited, and which window of which visit its sample number n is."""

    def __init__(self, groups: Sequence[int], *, windows: int, pool: int, seed: int, purpose: str) -> None:
        """``groups``: how many clips each shard holds. ``windows``: per visit. ``pool``: visits shuffled together."""
        self.windows, self.pool = windows, pool
        ends = list(itertools.accumulate(groups))
        self._clips = [tuple(range(end - count, end)) for end, count in zip(ends, groups, strict=True)]
        self._count, self._seed, self._purpose = ends[-1], seed, purpose
        self._epoch: tuple[int, list[int]] = (-1, [])

    def place(self, number: int) -> tuple[int, int]:
        """(visit, window of the visit) of the source's sample ``number``."""
        size = self.pool * self.windows
        pool, slot = divmod(number, size)
        place = _shuffled(tuple(range(size)), self._seed, f"{self._purpose}/pool", pool)[slot]
        return pool * self.pool + place // self.windows, place % self.windows

    def clip(self, visit: int) -> int:
        """The number of the clip that is visited; every epoch of as many visits as there are clips has each once."""
        epoch, turn = divmod(visit, self._count)
        known, order = self._epoch  # at once: another thread may ask for another epoch
        if epoch != known:
            random = generator(self._seed, f"{self._purpose}/epoch", epoch)
            groups = [list(group) for group in self._clips]
            random.shuffle(groups)
            for group in groups:
                random.shuffle(group)
            order = list(itertools.chain(*groups))
            self._epoch = (epoch, order)
        return order[turn]

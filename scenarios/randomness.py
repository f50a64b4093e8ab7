"""Randomness keyed by (seed, purpose, index): the same key gives the same numbers, whatever was drawn before."""

from __future__ import annotations

import hashlib
import random


def key(seed: int, purpose: str, index: int = 0) -> int:
    """A 63-bit number for (seed, purpose, index), fit to seed any generator.

    >>> key(7, "traffic", 0) == key(7, "traffic", 0) != key(7, "traffic", 1)
    True
    """
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str, index: int = 0) -> random.Random:
    """A random generator of its own for (seed, purpose, index)."""
    return random.Random(key(seed, purpose, index))


def van_der_corput(index: int, base: int) -> float:
    """The digits of ``index`` in a ``base`` mirrored at the point, in [0, 1); prime bases give Halton's points.

    >>> [van_der_corput(index, 2) for index in range(4)]
    [0.0, 0.5, 0.25, 0.75]
    """
    value, scale = 0.0, 1.0
    while index:
        index, digit = divmod(index, base)
        scale /= base
        value += digit * scale
    return value

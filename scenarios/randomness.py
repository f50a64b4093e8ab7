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

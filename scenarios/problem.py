"""What is wrong at some place of a scenario, and hints at what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from scenarios.when import Path


class Problem(NamedTuple):
    """``path``: keys and indices to the place. ``message``: found and expected. ``severity``: error or warning."""

    path: Path
    message: str
    severity: str = "error"


def near_miss(word: str, known: Iterable[str]) -> str:
    """A hint at the one of ``known`` that ``word`` may stand for, or nothing.

    >>> near_miss("durration", ["duration", "name"])
    " (did you mean 'duration'?)"
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near and near[0] != word else ""


def one_of(word: str, known: Iterable[str]) -> str:
    """``one of a, b, c``, with a hint at the one that ``word`` may stand for."""
    names = sorted(known)
    return f"one of {', '.join(names)}{near_miss(word, names)}"

"""How a batch of points covers its sweep: hits per bin of every key, and per pair of bins of every two keys.

A value that is listed (range, values, choice) has a bin of its own; so has a whole number where there are few. Other
numbers, and lists of more than 10 of them, fall into 5 bins of equal width between the bounds of their distribution;
where it has none, between the least and the greatest number found.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Any

from scenarios.distributions import Sweep
from scenarios.variations import Point, Variations

BINS = 5
MOST_OWN_BINS = 10  # numbers; texts always have bins of their own
_KEYS, _PAIRS, _BINS_TOLD, _CELLS_TOLD = 12, 20, 10, 3  # what a table shows at most
_WIDTH = 24  # characters of a name or bin in a table


@dataclass(frozen=True, slots=True)
class KeyCoverage:
    """The points per bin of one key. ``bins``: what each is called, in order. ``hits``: points in each."""

    name: str
    bins: tuple[str, ...]
    hits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PairCoverage:
    """The points per cell of two keys.

    ``empty``: the cells without a point, as (bin of the first, bin of the second). ``hits[i][j]``: the points in bin
    i of the first and bin j of the second.
    """

    names: tuple[str, str]
    empty: tuple[tuple[str, str], ...]
    hits: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The coverage of ``points`` points; `dataclasses.asdict` of it can be written as JSON.

    ``keys``: in the order of the sweep. ``pairs``: those with the most empty cells first.
    """

    points: int
    keys: tuple[KeyCoverage, ...]
    pairs: tuple[PairCoverage, ...]


def coverage(points: Iterable[Point], variations: Variations) -> Coverage:
    """How ``points`` cover the sweep ``variations`` that they are from: all of them, a shard, or those that were run.

    Cells that ``require`` rules out count as empty like any other. Raises ``ValueError`` where there is no point.

    >>> from scenarios.variations import points
    >>> over = {"lanes": {"values": [1, 2]}, "light": {"values": ["day", "night"]}}
    >>> sweep = Variations.model_validate({"over": over})
    >>> seen = coverage(list(points(sweep, {}))[:3], sweep)
    >>> seen.keys[1], seen.pairs[0].empty
    (KeyCoverage(name='light', bins=('day', 'night'), hits=(2, 1)), (('2', 'night'),))
    """
    rows = [point.values for point in points]
    if not rows:
        raise ValueError("found no points, expected at least one")
    bins: dict[str, tuple[str, ...]] = {}
    places: dict[str, list[int]] = {}
    for name, sweep in variations.over.items():
        values = [row[name] for row in rows]
        bins[name], place = _bins(sweep, values)
        places[name] = [place(value) for value in values]
    pairs = [_pair(names, bins, places) for names in combinations(bins, 2)]
    return Coverage(
        points=len(rows),
        keys=tuple(KeyCoverage(name, bins[name], _hits(places[name], len(bins[name]))) for name in bins),
        pairs=tuple(sorted(pairs, key=lambda pair: -len(pair.empty))),
    )


def table(seen: Coverage) -> str:
    """``seen`` for a terminal, in at most 40 lines: a line per key, then a line per pair with its empty cells."""
    keys = [
        (_short(key.name), f"{sum(map(bool, key.hits))} of {len(key.bins)}", _told(_bin_hits(key), _BINS_TOLD))
        for key in seen.keys[:_KEYS]
    ]
    lines = [f"{seen.points} points", "", *_columns([("key", "bins hit", "points per bin"), *keys])]
    if len(seen.keys) > _KEYS:
        lines.append(f"... and {len(seen.keys) - _KEYS} more keys")
    if seen.pairs:
        pairs = [_pair_row(pair) for pair in seen.pairs[:_PAIRS]]
        lines += ["", *_columns([("pair", "cells hit", "empty cells"), *pairs])]
    if len(seen.pairs) > _PAIRS:
        rest = seen.pairs[_PAIRS:]
        lines.append(f"... and {len(rest)} more pairs with {sum(len(pair.empty) for pair in rest)} empty cells")
    return "\n".join(lines)


# --- counting ---


def _bins(sweep: Sweep, values: list[Any]) -> tuple[tuple[str, ...], Callable[[Any], int]]:
    """What the bins of a key are called, and the function from a value to the number of its bin."""
    listed = sweep.distribution.listed
    own: list[Any] = list(listed or ())
    numbers = own or values
    if not own and all(isinstance(value, int) for value in values) and max(values) - min(values) < MOST_OWN_BINS:
        own = list(range(min(values), max(values) + 1))
    if own and (len(own) <= MOST_OWN_BINS or not all(_is_number(value) for value in own)):
        labels = tuple(dict.fromkeys(_label(value) for value in own))
        return labels, lambda value: labels.index(_label(value))
    low, high = sweep.distribution.bounds
    low, high = min(numbers) if low is None else low, max(numbers) if high is None else high
    if low == high:
        return (_label(low),), lambda value: 0
    width = (high - low) / BINS
    decimals = max(0, 1 - math.floor(math.log10(width)))  # two digits of the width
    edges = [f"{round(low + i * width, decimals):.12g}" for i in range(BINS + 1)]
    names = tuple(f"{before}..{after}" for before, after in pairwise(edges))
    return names, lambda value: min(BINS - 1, int((value - low) / width))


def _pair(names: tuple[str, str], bins: dict[str, tuple[str, ...]], places: dict[str, list[int]]) -> PairCoverage:
    first, second = names
    cells = Counter(zip(places[first], places[second], strict=True))
    hits = tuple(tuple(cells[i, j] for j in range(len(bins[second]))) for i in range(len(bins[first])))
    empty = tuple(
        (one, other)
        for (i, one), (j, other) in product(enumerate(bins[first]), enumerate(bins[second]))
        if not cells[i, j]
    )
    return PairCoverage(names, empty, hits)


def _hits(places: list[int], count: int) -> tuple[int, ...]:
    found = Counter(places)
    return tuple(found[i] for i in range(count))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _label(value: Any) -> str:
    """As in the file: true, not True; numbers with six digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


# --- printing ---


def _bin_hits(key: KeyCoverage) -> list[str]:
    return [f"{_short(label)}: {hits}" for label, hits in zip(key.bins, key.hits, strict=True)]


def _pair_row(pair: PairCoverage) -> tuple[str, str, str]:
    cells = sum(map(len, pair.hits))
    empty = [f"{_short(one)} & {_short(other)}" for one, other in pair.empty]
    name = " x ".join(map(_short, pair.names))
    return name, f"{cells - len(empty)} of {cells}", _told(empty, _CELLS_TOLD) or "none"


def _told(parts: list[str], most: int) -> str:
    more = [f"and {len(parts) - most} more"] if len(parts) > most else []
    return ", ".join([*parts[:most], *more])


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else "..." + text[3 - _WIDTH :]


def _columns(rows: list[tuple[str, str, str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return [f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows]

"""Sweeps: one scenario file, many points. A point gives every swept key a value.

``mode`` says how the points arise. ``grid``: all combinations, in the order of the keys, the last key fastest.
``zip``: the first values of all keys, then the second ones, and so on. ``random``: ``runs`` independent draws.
``halton``: ``runs`` points of a shifted Halton sequence, which cover the ranges more evenly than chance does.

A point is kept only if every expression of ``require`` is true for it. Points are numbered from 0 in the order in
which they are kept. Point k depends on the seed and k alone, not on ``runs``: 100 runs begin with the same 64 points
as 64 runs. In ``random``, moreover, another key, or a requirement that a point meets, leaves its values as they were.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, StrictInt, StrictStr, model_validator

from scenarios.distributions import Sweep
from scenarios.expressions import ExpressionError, evaluate, names_in
from scenarios.quantities import Strict, quantity
from scenarios.randomness import key, van_der_corput

MAX_POINTS = 100_000
TRIES_PER_RUN = 1000
_AHEAD = 10  # runs: so much more luck than its share a long sweep may need before it is given up
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)  # further ones give points on a few lines only


def _expression(text: str) -> str:
    try:
        names_in(text)
    except ExpressionError as error:
        raise ValueError(f"expected {error.expected}, not {error.found}") from None
    return text


SweptKey = Annotated[StrictStr, Field(pattern=r"^[a-z0-9_]{1,64}(\.[a-z0-9_]{1,64}){0,15}$")]
Requirement = Annotated[StrictStr, AfterValidator(_expression)]


class Point(NamedTuple):
    """``k``: its number, from 0. ``values``: one per swept key, in the order of the keys."""

    k: int
    values: dict[str, Any]


class Variations(Strict):
    """The sweep of a scenario: which values vary, and how they are combined into points.

    ``grid`` and ``zip`` list values, so they take range, values and choice without weights, and no ``runs``;
    ``zip`` wants as many values of each key. ``random`` and ``halton`` draw ``runs`` points from any distribution;
    ``halton`` takes at most 12 keys.
    """

    mode: Literal["grid", "zip", "random", "halton"] = Field(
        "grid", description="grid: all combinations. zip: value by value. random, halton: draw `runs` points."
    )
    runs: Annotated[StrictInt, Field(ge=1, le=MAX_POINTS)] | None = Field(
        None, description="How many points to draw; for random and halton only."
    )
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = Field(
        0, description="Another seed draws other points; grid and zip draw none."
    )
    over: dict[SweptKey, Sweep] = Field(
        min_length=1, description="By name of a parameter or dotted path of a field: the values it takes."
    )
    require: tuple[Requirement, ...] = Field(
        (), description="Expressions over parameters and keys without a dot; points where one is false are left out."
    )

    @model_validator(mode="after")
    def _mode_has_what_it_needs(self) -> Variations:
        if self.mode in ("grid", "zip"):
            self._check_lists()
        elif self.runs is None:
            raise ValueError(f"expected runs, the number of points, for mode {self.mode}")
        elif self.mode == "halton" and len(self.over) > len(_PRIMES):
            raise ValueError(f"expected at most {len(_PRIMES)} keys for mode halton, not {len(self.over)}; use random")
        return self

    def _check_lists(self) -> None:
        if self.runs is not None:
            raise ValueError(f"expected no runs for mode {self.mode}, whose values say how many points there are")
        for name, sweep in self.over.items():
            if sweep.distribution.listed is None:
                raise ValueError(
                    f"expected range, values or choice for {name} in mode {self.mode}, not {sweep.kind};"
                    " random and halton draw from it"
                )
            if sweep.choice is not None and sweep.choice.weights is not None:
                raise ValueError(f"expected no weights for {name}, which mode {self.mode} would ignore")
        lengths = {name: len(values) for name, values in _lists(self).items()}
        if self.mode == "zip" and len(set(lengths.values())) > 1:
            told = ", ".join(f"{length} of {name}" for name, length in lengths.items())
            raise ValueError(f"expected as many values of each key for mode zip, not {told}")
        if self.mode == "grid" and math.prod(lengths.values()) > MAX_POINTS:
            raise ValueError(f"expected at most {MAX_POINTS} points, not {math.prod(lengths.values())}")


def count(variations: Variations, given: Mapping[str, Any]) -> int:
    """The number of `points`. For random and halton nothing is drawn. Raises like `points`."""
    _check_names(variations, given)
    return variations.runs or sum(1 for _ in points(variations, given))


def points(variations: Variations, given: Mapping[str, Any]) -> Iterator[Point]:
    """The points, in order. ``given``: other values that ``require`` may use, the parameters' defaults (SI).

    In ``require``, a text with a unit stands for its number in SI.

    Raises:
        ExpressionError: a requirement uses an unknown name or is not true or false.
        ValueError: ``require`` leaves nothing of a grid or zip, or too little of the draws: less than ``runs`` in
            1000 tries per run. Where the first points cannot be had, a long sweep gives up earlier.

    >>> over = {"speed": {"range": {"from": 10, "to": 20, "step": 5}}, "light": {"values": ["day", "night"]}}
    >>> sweep = Variations.model_validate({"over": over, "require": ["speed > limit"]})
    >>> [tuple(point.values.values()) for point in points(sweep, {"limit": 10})]
    [(15, 'day'), (15, 'night'), (20, 'day'), (20, 'night')]
    """
    _check_names(variations, given)
    gate = _Gate(variations.require, given)
    return _drawn(variations, variations.runs, gate) if variations.runs else _combined(variations, gate)


def shard(points: Iterable[Point], index: int, of: int) -> Iterator[Point]:
    """Part ``index`` (from 1) ``of`` so many: the points with k = index - 1, index - 1 + of, and so on.

    All parts together are all points, each with the k it has in the whole. Raises ``ValueError`` unless
    1 <= index <= of.

    >>> [point.k for point in shard([Point(k, {}) for k in range(10)], 2, 4)]
    [1, 5, 9]
    """
    if not 1 <= index <= of:
        raise ValueError(f"found shard {index}/{of}, expected 1/N to N/N with N of at least 1")
    return (point for point in points if point.k % of == index - 1)


class _Gate:
    """Tells whether ``require`` holds, and counts what it refuses."""

    def __init__(self, require: tuple[str, ...], given: Mapping[str, Any]) -> None:
        self.require, self.given = require, _si(given)
        self.refused: Counter[str] = Counter()

    def lets(self, values: dict[str, Any]) -> bool:
        names = {**self.given, **_si(values)}
        for text in self.require:
            result = evaluate(text, names)
            if not isinstance(result, bool):
                raise ExpressionError(f"{result!r} from {text!r}", "True or False, as a comparison gives")
            if not result:
                self.refused[text] += 1
                return False
        return True

    def worst(self) -> str:
        text, times = self.refused.most_common(1)[0]
        return f"{text!r} refused most, {times}"


def _combined(variations: Variations, gate: _Gate) -> Iterator[Point]:
    lists = _lists(variations).values()
    rows = itertools.product(*lists) if variations.mode == "grid" else zip(*lists, strict=True)
    k = 0
    for row in rows:
        values = dict(zip(variations.over, row, strict=True))
        if gate.lets(values):
            yield Point(k, values)
            k += 1
    if k == 0:
        raise ValueError(f"found no point that meets require, expected at least one; {gate.worst()}")


def _drawn(variations: Variations, runs: int, gate: _Gate) -> Iterator[Point]:
    tries = 0
    for k in range(runs):
        for attempt in itertools.count():
            if tries >= TRIES_PER_RUN * min(runs, k + _AHEAD):
                message = f"found {k} points that meet require in {tries} tries, expected {runs}; {gate.worst()}"
                raise ValueError(message)
            shares = _shares(variations, k, attempt, tries)
            values = {name: sweep.distribution.quantile(next(shares)) for name, sweep in variations.over.items()}
            tries += 1
            if gate.lets(values):
                yield Point(k, values)
                break


def _shares(variations: Variations, k: int, attempt: int, tries: int) -> Iterator[float]:
    """A number in (0, 1) for each key, in order."""
    for i, name in enumerate(variations.over):
        if variations.mode == "halton":
            yield _halton_share(variations.seed, name, tries, _PRIMES[i])
        else:
            yield _random_share(variations.seed, f"{name}/{attempt}", k)


def _random_share(seed: int, purpose: str, index: int = 0) -> float:
    """A random number in (0, 1), neither 0 nor 1, from 52 bits."""
    return ((key(seed, f"variations/{purpose}", index) >> 11) + 0.5) / 2.0**52


def _halton_share(seed: int, name: str, index: int, base: int) -> float:
    """A point of a shifted Halton sequence, in (0, 1)."""
    return (_random_share(seed, name) + van_der_corput(index, base)) % 1.0 or 2.0**-53


def _lists(variations: Variations) -> dict[str, tuple[Any, ...]]:
    return {name: sweep.distribution.listed or () for name, sweep in variations.over.items()}


def _check_names(variations: Variations, given: Mapping[str, Any]) -> None:
    """Let a misspelt name fail before the first point, also where ``and`` or ``or`` would skip it."""
    known = dict.fromkeys([name for name in (*given, *variations.over) if "." not in name], 0)
    for text in variations.require:
        for name in sorted(names_in(text) - set(known)):
            evaluate(name, known)


def _si(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with numbers for texts with a unit."""
    result = dict(values)
    for name, value in values.items():
        if isinstance(value, str):
            with contextlib.suppress(ValueError):  # any other text stays what it is
                result[name] = quantity(value)
    return result

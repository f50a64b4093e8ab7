"""What a swept value may be: lists and distributions, each a function from (0, 1) to its values.

Every distribution has one method, ``quantile(u)``, the inverse of its cumulative distribution function. Random and
low-discrepancy numbers therefore go through the same code, and a greater ``u`` never gives a smaller number.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise
from statistics import NormalDist
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from scenarios.quantities import Quantity, Strict, Weight, quantity

MAX_VALUES = 100_000
_STANDARD = NormalDist()
_LARGEST_SHARE = 1.0 - 2.0**-53  # the largest float below 1


def _scalar(value: Any) -> Any:
    if isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError("expected a number, text, true or false")


Scalar = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
Values = Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=MAX_VALUES)]
Weights = Annotated[tuple[Weight, ...], Field(min_length=1)]
Positive = Annotated[float, Field(gt=0), BeforeValidator(quantity)]


class Distribution(Strict):
    """What all distributions have in common."""

    @property
    def listed(self) -> tuple[Any, ...] | None:
        """All values in their order, where they can be listed."""
        return None

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The least and the greatest value; None where there is none."""
        return None, None

    def quantile(self, u: float) -> Any:
        """The value below which a share ``u`` of all draws lies, 0 < u < 1."""
        raise NotImplementedError


class Range(Distribution):
    """``from``, ``from`` + ``step``, ... up to and including ``to``. Whole numbers where from and step are whole."""

    first: Quantity = Field(alias="from")
    to: Quantity
    step: Positive

    @model_validator(mode="after")
    def _goes_up(self) -> Range:
        if self.to < self.first:
            raise ValueError(f"expected to at or above from, not {self.to:g} below {self.first:g}")
        if (self.to - self.first) / self.step >= MAX_VALUES:
            raise ValueError(f"expected at most {MAX_VALUES} steps")
        return self

    @cached_property
    def listed(self) -> tuple[float, ...]:
        """All values in their order."""
        count = int((self.to - self.first) / self.step + 1e-6) + 1  # 0.3 / 0.1 is a little less than 3
        values = [_tidy(self.first + i * self.step) for i in range(count)]
        whole = self.first.is_integer() and self.step.is_integer()
        return tuple(int(value) if whole else value for value in values)

    def quantile(self, u: float) -> float:
        """All values equally often."""
        return self.listed[int(u * len(self.listed))]


class Choice(Distribution):
    """One of ``values``; ``weights``: how often each is drawn compared with the others, by default equally often."""

    values: Values
    weights: Weights | None = None

    @model_validator(mode="after")
    def _one_weight_each(self) -> Choice:
        if self.weights is not None and len(self.weights) != len(self.values):
            raise ValueError(f"expected {len(self.values)} weights, one per value, not {len(self.weights)}")
        _check_weights(self.weights)
        return self

    @property
    def listed(self) -> tuple[Any, ...]:
        """All values in their order."""
        return self.values

    def quantile(self, u: float) -> Any:
        """The values in their order, each for its share."""
        return self.values[_pick(self.weights, u)[0] if self.weights else int(u * len(self.values))]


class Uniform(Distribution):
    """All numbers between ``low`` and ``high`` equally often."""

    low: Quantity
    high: Quantity

    @model_validator(mode="after")
    def _low_below_high(self) -> Uniform:
        _check_order(self.low, self.high)
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """``low`` and ``high``."""
        return self.low, self.high

    def quantile(self, u: float) -> float:
        """Linear from ``low`` to ``high``."""
        return _within((1.0 - u) * self.low + u * self.high, self.low, self.high)


class LogUniform(Uniform):
    """The logarithm is uniform: from 1 to 10 as often as from 10 to 100. ``low`` > 0."""

    low: Positive

    def quantile(self, u: float) -> float:
        """Geometric from ``low`` to ``high``."""
        return _within(math.exp((1.0 - u) * math.log(self.low) + u * math.log(self.high)), self.low, self.high)


class Normal(Distribution):
    """Normal with ``mean`` and standard deviation ``std`` (OpenSCENARIO has its square, the variance).

    Numbers below ``low`` and above ``high`` are never drawn; the rest keeps its shape. ``mean`` and ``std`` are those
    before that cut.
    """

    mean: Quantity
    std: Positive
    low: Quantity | None = None
    high: Quantity | None = None

    @model_validator(mode="after")
    def _keeps_something(self) -> Normal:
        if self.low is not None and self.high is not None:
            _check_order(self.low, self.high)
        below, above = self._shares
        if above - below < 1e-9:
            raise ValueError("expected low and high around a part of the normal that holds at least a billionth of it")
        return self

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """``low`` and ``high``."""
        return self.low, self.high

    @property
    def _shares(self) -> tuple[float, float]:
        """The shares of the uncut normal below ``low`` and below ``high``."""
        below = 0.0 if self.low is None else _normal_share((self.low - self.mean) / self.std)
        return below, 1.0 if self.high is None else _normal_share((self.high - self.mean) / self.std)

    def quantile(self, u: float) -> float:
        """That of the normal, with u between the shares at ``low`` and ``high``."""
        below, above = self._shares
        share = min((1.0 - u) * below + u * above, _LARGEST_SHARE)
        return _within(self.mean + self.std * _STANDARD.inv_cdf(share), self.low, self.high)


class LogNormal(Distribution):
    """The natural logarithm of the number (in SI) is normal with ``mean`` and standard deviation ``std``."""

    mean: Annotated[float, Field(strict=True, ge=-100, le=100)]
    std: Annotated[float, Field(strict=True, gt=0, le=50)]

    @property
    def bounds(self) -> tuple[float, None]:
        """Above 0."""
        return 0.0, None

    def quantile(self, u: float) -> float:
        """``exp`` of the normal's."""
        return _tidy(math.exp(self.mean + self.std * _STANDARD.inv_cdf(u)))


class Poisson(Distribution):
    """Whole numbers: how many of many rare things happen where ``mean`` do on average."""

    mean: Annotated[float, Field(strict=True, gt=0, le=500)]

    @property
    def bounds(self) -> tuple[float, None]:
        """From 0."""
        return 0.0, None

    def quantile(self, u: float) -> int:
        """The least n such that at most n things happen with probability u."""
        n, share = 0, math.exp(-self.mean)
        total = share
        while total < u and (n < self.mean or share > 1e-18):  # rounding may keep the total just below u
            n += 1
            share *= self.mean / n
            total += share
        return n


class Histogram(Distribution):
    """Bins between increasing ``edges``, drawn by ``weights`` (one fewer than edges); even within a bin."""

    edges: Annotated[tuple[Quantity, ...], Field(min_length=2)]
    weights: Weights

    @model_validator(mode="after")
    def _one_weight_per_bin(self) -> Histogram:
        if any(after <= before for before, after in pairwise(self.edges)):
            raise ValueError("expected strictly increasing edges")
        if len(self.weights) != len(self.edges) - 1:
            raise ValueError(f"expected {len(self.edges) - 1} weights, one per bin, not {len(self.weights)}")
        _check_weights(self.weights)
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The first and the last edge."""
        return self.edges[0], self.edges[-1]

    def quantile(self, u: float) -> float:
        """Linear within the bin that ``u`` falls into."""
        i, share = _pick(self.weights, u)
        low, high = self.edges[i], self.edges[i + 1]
        return _within((1.0 - share) * low + share * high, low, high)


class Sweep(Strict):
    """How one value varies: exactly one of these. ``values`` is short for ``choice`` without weights."""

    range: Range | None = None
    values: Values | None = None
    choice: Choice | None = None
    uniform: Uniform | None = None
    log_uniform: LogUniform | None = None
    normal: Normal | None = None
    log_normal: LogNormal | None = None
    poisson: Poisson | None = None
    histogram: Histogram | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Sweep:
        self._exactly_one(*type(self).model_fields)
        return self

    @property
    def kind(self) -> str:
        """The key that is given."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @cached_property
    def distribution(self) -> Distribution:
        """What is given under that key."""
        return Choice(values=self.values) if self.values is not None else getattr(self, self.kind)


def _check_order(low: float, high: float) -> None:
    if low >= high:
        raise ValueError(f"expected low below high, not {low:g} and {high:g}")


def _check_weights(weights: tuple[float, ...] | None) -> None:
    if weights is not None and not 0 < sum(weights) < math.inf:
        raise ValueError("expected a weight above 0")


def _pick(weights: tuple[float, ...], u: float) -> tuple[int, float]:
    """The index whose share ``u`` falls into, and how far into it, from 0 to 1."""
    rest = u * sum(weights)
    for i, weight in enumerate(weights):
        if rest < weight:
            return i, rest / weight
        rest -= weight
    return max(i for i, weight in enumerate(weights) if weight > 0), 1.0  # u near 1, after rounding


def _normal_share(z: float) -> float:
    """The share of the standard normal below ``z``; by erfc, which keeps its digits far below 0."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _within(value: float, low: float | None, high: float | None) -> float:
    """``value``, rounded, but never out of the bounds by that."""
    value = _tidy(value)
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)


def _tidy(value: float) -> float:
    """Six decimals, or six digits of a number below 1, so that files stay readable.

    >>> _tidy(22.22222222), _tidy(0.000123456789)
    (22.222222, 0.000123457)
    """
    return round(value, 6) if abs(value) >= 1 else float(f"{value:.6g}")

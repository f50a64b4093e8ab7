import math

import pytest
from pydantic import ValidationError

from scenarios.distributions import Sweep
from scenarios.variations import Variations, points

LOWEST, HIGHEST = 2.0**-53, 1.0 - 2.0**-53  # the range of the shares that are drawn

# What is drawn, and its mean and variance by theory.
MOMENTS = [
    ({"range": {"from": 10, "to": 30, "step": 5}}, 20.0, 50.0),
    ({"values": [1, 2, 6]}, 3.0, 14 / 3),
    ({"choice": {"values": [1, 2, 4], "weights": [1, 2, 1]}}, 2.25, 1.1875),
    ({"uniform": {"low": 0.4, "high": 1.5}}, 0.95, 1.1**2 / 12),
    (
        {"log_uniform": {"low": 1, "high": 100}},
        99 / math.log(100),
        9999 / (2 * math.log(100)) - (99 / math.log(100)) ** 2,
    ),
    ({"normal": {"mean": 15, "std": 3}}, 15.0, 9.0),
    ({"normal": {"mean": 0, "std": 1, "low": 0}}, math.sqrt(2 / math.pi), 1 - 2 / math.pi),
    ({"normal": {"mean": 0, "std": 1, "high": 0}}, -math.sqrt(2 / math.pi), 1 - 2 / math.pi),
    ({"normal": {"mean": 0, "std": 1, "low": -1, "high": 1}}, 0.0, 0.2911251),  # 1 - 2 phi(1) / (2 Phi(1) - 1)
    ({"log_normal": {"mean": 0, "std": 0.5}}, math.exp(0.125), (math.exp(0.25) - 1) * math.exp(0.25)),
    ({"poisson": {"mean": 3}}, 3.0, 3.0),
    ({"poisson": {"mean": 500}}, 500.0, 500.0),
    ({"histogram": {"edges": [0, 1, 3], "weights": [1, 3]}}, 1.625, 10 / 3 - 1.625**2),
]
SWEEPS = [sweep for sweep, _, _ in MOMENTS]


def quantile(sweep, u):
    return Sweep.model_validate(sweep).distribution.quantile(u)


def drawn(sweep, mode, runs):
    over = {"x": sweep}
    return [point.values["x"] for point in points(Variations.model_validate(dict(mode=mode, runs=runs, over=over)), {})]


@pytest.mark.parametrize(("sweep", "mean", "variance"), MOMENTS)
@pytest.mark.parametrize(("mode", "tolerance"), [("halton", 0.004), ("random", 0.1)])
def test_mean_and_variance_agree_with_theory(sweep, mean, variance, mode, tolerance):
    values = drawn(sweep, mode, 4096)
    found = sum(values) / len(values)
    assert found == pytest.approx(mean, abs=tolerance * math.sqrt(variance))
    assert sum((value - found) ** 2 for value in values) / len(values) == pytest.approx(variance, rel=2 * tolerance)


@pytest.mark.parametrize("sweep", SWEEPS)
def test_greater_share_gives_no_smaller_number_and_bounds_hold(sweep):
    shares = [LOWEST, *(i / 500 for i in range(1, 500)), HIGHEST]
    values = [quantile(sweep, u) for u in shares]
    assert values == sorted(values)
    low, high = Sweep.model_validate(sweep).distribution.bounds
    assert (-math.inf if low is None else low) <= values[0]
    assert values[-1] <= (math.inf if high is None else high)


def test_quantiles_worked_out_by_hand():
    assert [quantile({"values": ["a", "b", "c"]}, u) for u in (LOWEST, 0.34, HIGHEST)] == ["a", "b", "c"]
    choice = {"choice": {"values": ["a", "b", "c"], "weights": [1, 0, 3]}}
    assert [quantile(choice, u) for u in (0.24, 0.25, 0.26, HIGHEST)] == ["a", "c", "c", "c"]
    assert quantile({"log_uniform": {"low": 1, "high": 100}}, 0.5) == 10.0
    assert quantile({"normal": {"mean": 10, "std": 2}}, 0.9772498680518208) == 14.0
    assert quantile({"normal": {"mean": 10, "std": 2, "low": 10}}, 0.5) == pytest.approx(10 + 2 * 0.6744898, abs=1e-6)
    assert quantile({"log_normal": {"mean": 2, "std": 1}}, 0.5) == pytest.approx(math.exp(2), abs=1e-6)
    # P(n = 0) = exp(-1) = 0.3679, P(n <= 1) = 0.7358
    assert [quantile({"poisson": {"mean": 1}}, u) for u in (0.36, 0.37, 0.73, 0.74)] == [0, 1, 1, 2]
    histogram = {"histogram": {"edges": [0, 10, 20, 40], "weights": [1, 0, 1]}}
    assert [quantile(histogram, u) for u in (0.25, 0.75)] == [5.0, 30.0]


def test_range_includes_its_end_within_rounding():
    def listed(first, to, step):
        return Sweep.model_validate({"range": {"from": first, "to": to, "step": step}}).distribution.listed

    assert listed(0, 0.3, 0.1) == (0.0, 0.1, 0.2, 0.3)
    assert listed(0, 0.29, 0.1) == (0.0, 0.1, 0.2)
    assert listed("10 km/h", "30 km/h", "10 km/h") == (2.777778, 5.555556, 8.333333)
    assert listed(5, 5, 1) == (5,)
    assert [type(value) for value in listed(1, 2, 1)] == [int, int]  # a number of lanes must be whole
    assert [type(value) for value in listed(1, 2, 0.5)] == [float] * 3


def test_drawn_numbers_are_short_and_rounding_keeps_the_bounds():
    assert quantile({"uniform": {"low": 0, "high": 30}}, 1 / 7) == 4.285714
    assert quantile({"uniform": {"low": 0, "high": 0.001}}, 1 / 7) == 0.000142857
    assert quantile({"uniform": {"low": 0, "high": 1.00000049}}, HIGHEST) == 1.0
    assert quantile({"uniform": {"low": 0, "high": 1.00000051}}, HIGHEST) == 1.00000051


def test_numbers_may_have_units_and_values_stay_as_they_are():
    assert quantile({"uniform": {"low": "36 km/h", "high": "72 km/h"}}, 0.5) == 15.0
    assert quantile({"histogram": {"edges": ["0 s", "500 ms"], "weights": [1]}}, 0.5) == 0.25
    values = Sweep.model_validate({"values": [1, 1.0, True, "1", "36 km/h"]}).values
    assert [(type(value), value) for value in values] == [
        (int, 1),
        (float, 1.0),
        (bool, True),
        (str, "1"),
        (str, "36 km/h"),
    ]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({}, "expected exactly one of range, values, .*, not none"),
        ({"values": [1], "poisson": {"mean": 1}}, "not values, poisson"),
        ({"values": []}, "at least 1 item"),
        ({"values": [None]}, "expected a number, text, true or false"),
        ({"values": [math.inf]}, "expected a number, text, true or false"),
        ({"range": {"from": 3, "to": 2, "step": 1}}, "expected to at or above from, not 2 below 3"),
        ({"range": {"from": 0, "to": 2, "step": 0}}, "greater than 0"),
        ({"range": {"from": 0, "to": 1, "step": 1e-9}}, "expected at most 100000 steps"),
        ({"range": {"from": 0, "to": 1, "step": "1 parsec"}}, "text with a unit"),
        ({"choice": {"values": [1, 2], "weights": [1]}}, "expected 2 weights, one per value, not 1"),
        ({"choice": {"values": [1, 2], "weights": [0, 0]}}, "expected a weight above 0"),
        ({"choice": {"values": [1, 2], "weights": [1, -1]}}, "greater than or equal to 0"),
        ({"uniform": {"low": 2, "high": 2}}, "expected low below high, not 2 and 2"),
        ({"uniform": {"low": 1, "high": math.inf}}, "finite"),
        ({"log_uniform": {"low": 0, "high": 2}}, "greater than 0"),
        ({"log_uniform": {"low": 3, "high": 2}}, "expected low below high"),
        ({"normal": {"mean": 0, "std": 0}}, "greater than 0"),
        ({"normal": {"mean": 0, "variance": 1}}, "variance"),
        ({"normal": {"mean": 0, "std": 1, "low": 2, "high": 1}}, "expected low below high"),
        ({"normal": {"mean": 0, "std": 1, "low": 7}}, "at least a billionth"),
        ({"log_normal": {"mean": "2 km", "std": 1}}, "valid number"),
        ({"log_normal": {"mean": 1000, "std": 1}}, "less than or equal to 100"),
        ({"poisson": {"mean": 0}}, "greater than 0"),
        ({"histogram": {"edges": [0, 1, 1], "weights": [1, 1]}}, "expected strictly increasing edges"),
        ({"histogram": {"edges": [0, 1], "weights": [1, 1]}}, "expected 1 weights, one per bin, not 2"),
        ({"histogram": {"edges": [0, 1], "weights": [0]}}, "expected a weight above 0"),
    ],
)
def test_mistake_is_told(sweep, message):
    with pytest.raises(ValidationError, match=message):
        Sweep.model_validate(sweep)

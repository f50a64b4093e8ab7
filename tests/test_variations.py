import pytest
from pydantic import ValidationError

from scenarios import variations
from scenarios.expressions import ExpressionError
from scenarios.variations import Variations, count, points, shard

UNIFORM = {"uniform": {"low": 0, "high": 1}}
SPEEDS = {"range": {"from": 10, "to": 20, "step": 5}}
LIGHT = {"values": ["day", "night"]}


def sweep(over, **keys):
    return Variations.model_validate({"over": over, **keys})


def values(variations, given=None):
    return [tuple(point.values.values()) for point in points(variations, given or {})]


# --- grid and zip ---


def test_grid_takes_the_keys_in_order_and_the_last_fastest():
    grid = sweep({"ego_speed": SPEEDS, "environment.initial.light": LIGHT})
    assert values(grid) == [(10, "day"), (10, "night"), (15, "day"), (15, "night"), (20, "day"), (20, "night")]
    assert [point.k for point in points(grid, {})] == [0, 1, 2, 3, 4, 5]
    assert list(next(points(grid, {})).values) == ["ego_speed", "environment.initial.light"]
    assert count(grid, {}) == 6


def test_zip_takes_value_by_value():
    zipped = sweep({"speed": SPEEDS, "name": {"choice": {"values": ["a", "b", "c"]}}}, mode="zip")
    assert values(zipped) == [(10, "a"), (15, "b"), (20, "c")]
    assert count(zipped, {}) == 3


def test_grid_leaves_out_what_require_refuses_and_counts_on():
    grid = sweep({"speed": SPEEDS, "light": LIGHT}, require=["speed < limit or light == 'day'", "speed > 10"])
    assert values(grid, {"limit": 20}) == [(15, "day"), (15, "night"), (20, "day")]
    assert [point.k for point in points(grid, {"limit": 20})] == [0, 1, 2]
    assert count(grid, {"limit": 20}) == 3


# --- random and halton ---


@pytest.mark.parametrize("mode", ["random", "halton"])
@pytest.mark.parametrize("require", [[], ["x + y > 1.2"]])
def test_point_depends_on_seed_and_number_alone(mode, require):
    over = {"x": UNIFORM, "y": UNIFORM}
    few, many = (sweep(over, mode=mode, runs=runs, seed=7, require=require) for runs in (64, 100))
    assert list(points(many, {}))[:64] == list(points(few, {}))
    assert [point.k for point in points(many, {})] == list(range(100))
    assert count(many, {}) == 100
    other = sweep(over, mode=mode, runs=64, seed=8, require=require)
    assert not set(values(few)) & set(values(other))
    assert len(set(values(few))) == 64
    assert all(x + y > 1.2 for x, y in values(many)) == bool(require)


@pytest.mark.parametrize("mode", ["random", "halton"])
def test_another_key_does_not_reshuffle_the_others(mode):
    alone = values(sweep({"x": UNIFORM}, mode=mode, runs=50))
    both = values(sweep({"x": UNIFORM, "y": UNIFORM}, mode=mode, runs=50))
    assert [(x,) for x, _ in both] == alone
    assert [y for _, y in both] != [x for x, _ in both]


def test_in_random_the_order_of_the_keys_is_of_no_matter():
    ab = points(sweep({"a": UNIFORM, "b": UNIFORM}, mode="random", runs=20), {})
    ba = points(sweep({"b": UNIFORM, "a": UNIFORM}, mode="random", runs=20), {})
    assert [point.values for point in ab] == [point.values for point in ba]


def test_in_random_require_changes_only_the_points_it_refuses():
    free = values(sweep({"x": UNIFORM}, mode="random", runs=50))
    bound = values(sweep({"x": UNIFORM}, mode="random", runs=50, require=["x > 0.5"]))
    assert [new for old, new in zip(free, bound, strict=True) if old[0] > 0.5] == [old for old in free if old[0] > 0.5]
    assert min(bound) > (0.5,)


def test_random_keys_are_independent():
    both = values(sweep({"x": UNIFORM, "y": UNIFORM}, mode="random", runs=4000))
    # The correlation of 4000 independent pairs has a standard deviation of 1 / sqrt(4000) = 0.016.
    assert sum((x - 0.5) * (y - 0.5) for x, y in both) / len(both) * 12 == pytest.approx(0, abs=0.05)


def test_halton_is_the_mirrored_count_in_base_two_and_three_with_a_shift():
    rows = values(sweep({"x": UNIFORM, "y": UNIFORM}, mode="halton", runs=9))
    shift_x, shift_y = rows[0]
    ninths = [0, 3, 6, 1, 4, 7, 2, 5, 8]
    eighths = [0, 4, 2, 6, 1, 5, 3, 7, 0.5]
    assert [x for x, _ in rows] == pytest.approx([(shift_x + part / 8) % 1 for part in eighths], abs=2e-6)
    assert [y for _, y in rows] == pytest.approx([(shift_y + part / 9) % 1 for part in ninths], abs=2e-6)
    assert shift_x != shift_y


def test_halton_with_require_is_its_sequence_without_what_is_refused():
    over = {"x": UNIFORM, "y": UNIFORM}
    kept = [row for row in values(sweep(over, mode="halton", runs=400)) if sum(row) > 1]
    bound = values(sweep(over, mode="halton", runs=100, require=["x + y > 1"]))
    assert bound == kept[:100]


def test_points_stay_the_same_from_release_to_release():
    over = {"x": UNIFORM, "speed": {"normal": {"mean": 15, "std": 3}}, "light": LIGHT}
    random = [(0.621206, 14.863669, "night"), (0.773637, 17.139439, "night"), (0.37161, 15.335533, "day")]
    halton = [(0.918479, 12.028912, "night"), (0.418479, 14.957374, "night"), (0.168479, 17.834936, "day")]
    assert values(sweep(over, mode="random", runs=3, seed=7)) == random
    assert values(sweep(over, mode="halton", runs=3, seed=7)) == halton


# --- require ---


def test_require_knows_the_given_values_and_the_swept_ones_before_them():
    grid = sweep({"speed": SPEEDS}, require=["speed * headway > 10"])
    assert values(grid, {"headway": 0.8, "speed": 0}) == [(15,), (20,)]


def test_require_reads_text_with_a_unit_in_si():
    grid = sweep({"speed": {"values": ["36 km/h", "72 km/h"]}}, require=["speed > limit"])
    assert values(grid, {"limit": "54 km/h"}) == [("72 km/h",)]


def test_draws_end_when_too_few_are_accepted():
    drawn = sweep({"x": UNIFORM}, mode="random", runs=3, require=["x > 0.1", "x > 2"])
    message = "found 0 points that meet require in 3000 tries, expected 3; 'x > 2' refused most, 2[67]"
    with pytest.raises(ValueError, match=message):
        list(points(drawn, {}))


def test_long_hopeless_sweep_ends_early(monkeypatch):
    monkeypatch.setattr(variations, "TRIES_PER_RUN", 2)
    drawn = sweep({"x": UNIFORM}, mode="halton", runs=100_000, require=["x > 2"])
    with pytest.raises(ValueError, match="found 0 points that meet require in 20 tries, expected 100000"):
        list(points(drawn, {}))


def test_grid_without_a_point_is_refused():
    with pytest.raises(ValueError, match=r"found no point that meets require, .* 'speed > 99' refused most, 3"):
        count(sweep({"speed": SPEEDS}, require=["speed > 99"]), {})


@pytest.mark.parametrize("ask", [count, points])
def test_unknown_name_in_require_is_told_before_anything_is_drawn(ask):
    drawn = sweep({"speed": UNIFORM, "a.b": UNIFORM}, mode="random", runs=3, require=["True or sped > headway"])
    message = r"found name 'sped', expected one of headway, speed, True, False \(did you mean 'speed'\?\)"
    with pytest.raises(ExpressionError, match=message):
        ask(drawn, {"headway": 1.0})


def test_require_must_be_a_condition():
    with pytest.raises(ExpressionError, match=r"found 20 from 'speed \* 2', expected True or False"):
        list(points(sweep({"speed": SPEEDS}, require=["speed * 2"]), {}))


# --- shards ---


@pytest.mark.parametrize(
    "keys", [{"mode": "random", "runs": 30, "require": ["x > 0.3"]}, {"mode": "halton", "runs": 7}]
)
def test_shards_together_are_the_whole(keys):
    whole = list(points(sweep({"x": UNIFORM}, **keys), {}))
    parts = [list(shard(points(sweep({"x": UNIFORM}, **keys), {}), index, 4)) for index in (1, 2, 3, 4)]
    assert sorted(point for part in parts for point in part) == whole
    assert {len(part) for part in parts} <= {len(whole) // 4, len(whole) // 4 + 1}
    assert list(shard(whole, 1, 1)) == whole


@pytest.mark.parametrize(("index", "of"), [(0, 4), (5, 4), (1, 0), (-1, -1)])
def test_shard_that_does_not_exist_is_refused(index, of):
    with pytest.raises(ValueError, match=f"found shard {index}/{of}, expected 1/N to N/N"):
        shard([], index, of)


# --- the file ---


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"over": {}}, "at least 1 item"),
        ({"over": {"x": UNIFORM}}, "expected range, values or choice for x in mode grid, not uniform"),
        ({"over": {"x": UNIFORM}, "mode": "zip"}, "expected range, values or choice for x in mode zip, not uniform"),
        ({"over": {"x": LIGHT}, "runs": 4}, "expected no runs for mode grid"),
        ({"over": {"x": LIGHT}, "mode": "zip", "runs": 2}, "expected no runs for mode zip"),
        ({"over": {"x": LIGHT}, "mode": "random"}, "expected runs, the number of points, for mode random"),
        ({"over": {"x": LIGHT}, "mode": "halton"}, "expected runs, the number of points, for mode halton"),
        ({"over": {"x": LIGHT}, "mode": "random", "runs": 0}, "greater than or equal to 1"),
        ({"over": {"x": LIGHT}, "mode": "random", "runs": 100_001}, "less than or equal to 100000"),
        ({"over": {"x": LIGHT}, "mode": "random", "runs": 3, "seed": -1}, "greater than or equal to 0"),
        (
            {"over": {"x": {"choice": {"values": [1], "weights": [1]}}}},
            "expected no weights for x, .* grid would ignore",
        ),
        ({"over": {"x": LIGHT, "y": SPEEDS}, "mode": "zip"}, "expected as many values .*, not 2 of x, 3 of y"),
        ({"over": {name: SPEEDS for name in "abcdefghijk"}}, "expected at most 100000 points, not 177147"),
        ({"over": {f"x{i}": UNIFORM for i in range(13)}, "mode": "halton", "runs": 1}, "at most 12 keys .*, not 13"),
        ({"over": {"X y": LIGHT}}, "String should match pattern"),
        ({"over": {"a..b": LIGHT}}, "String should match pattern"),
        ({"over": {"x": LIGHT}, "mode": "sobol"}, "'grid', 'zip', 'random' or 'halton'"),
        ({"over": {"x": LIGHT}, "require": ["x.y > 1"]}, r"expected numbers, text, .*, not 'x\.y'"),
        ({"over": {"x": LIGHT}, "require": ["x >"]}, "expected an expression such as .*, not 'x >' "),
    ],
)
def test_mistake_is_told(keys, message):
    with pytest.raises(ValidationError, match=message):
        Variations.model_validate(keys)


def test_editor_schema_knows_keys_and_kinds():
    schema = Variations.model_json_schema()
    assert schema["required"] == ["over"]
    assert schema["properties"]["mode"]["enum"] == ["grid", "zip", "random", "halton"]
    assert all(part.get("description") for part in schema["properties"].values())
    assert all(part["description"] for part in schema["$defs"].values())
    assert set(schema["$defs"]["Range"]["properties"]) == {"from", "to", "step"}
    assert list(schema["properties"]["over"]["patternProperties"].values()) == [{"$ref": "#/$defs/Sweep"}]

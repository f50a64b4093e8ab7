import json
from dataclasses import asdict

import pytest

from scenarios.coverage import coverage, table
from scenarios.variations import Point, Variations, points


def sweep(over):
    return Variations.model_validate({"mode": "random", "runs": 1, "over": over})


def seen(over, rows):
    return coverage([Point(k, dict(zip(over, row, strict=True))) for k, row in enumerate(rows)], sweep(over))


def bins(distribution, values):
    key = seen({"x": distribution}, [(value,) for value in values]).keys[0]
    return dict(zip(key.bins, key.hits, strict=True))


def test_listed_values_have_a_bin_each_in_their_order():
    assert bins({"values": ["rain", "fog", True, 2.5]}, ["fog", True, "fog"]) == {
        "rain": 0,
        "fog": 2,
        "true": 1,
        "2.5": 0,
    }
    assert bins({"range": {"from": 10, "to": 30, "step": 10}}, [30, 10, 30]) == {"10": 1, "20": 0, "30": 2}
    assert bins({"choice": {"values": [3, 1], "weights": [1, 2]}}, [1]) == {"3": 0, "1": 1}


def test_many_listed_numbers_share_five_bins_but_texts_never_do():
    steps = {"range": {"from": 0, "to": 20, "step": 1}}  # bins of 4
    assert bins(steps, range(21)) == {"0..4": 4, "4..8": 4, "8..12": 4, "12..16": 4, "16..20": 5}
    names = [f"n{i}" for i in range(12)]
    assert bins({"values": names}, names) == dict.fromkeys(names, 1)


def test_numbers_fall_into_five_bins_between_the_bounds():
    uniform = {"uniform": {"low": 0.4, "high": 1.4}}
    expected = {"0.4..0.6": 1, "0.6..0.8": 0, "0.8..1": 2, "1..1.2": 0, "1.2..1.4": 1}
    assert bins(uniform, [0.4, 0.85, 0.9, 1.4]) == expected


def test_missing_bound_is_the_least_or_greatest_number_found():
    normal = {"mean": 0, "std": 1}
    assert bins({"normal": normal}, [-5.0, 0.0, 5.0]) == {"-5..-3": 1, "-3..-1": 0, "-1..1": 1, "1..3": 0, "3..5": 1}
    assert list(bins({"normal": {**normal, "low": 0}}, [1.0, 10.0])) == ["0..2", "2..4", "4..6", "6..8", "8..10"]
    assert bins({"normal": normal}, [2.5, 2.5]) == {"2.5": 2}


def test_few_whole_numbers_have_a_bin_each():
    assert bins({"poisson": {"mean": 2}}, [1, 4, 1]) == {"1": 2, "2": 0, "3": 0, "4": 1}
    assert list(bins({"poisson": {"mean": 20}}, [5, 40])) == ["0..8", "8..16", "16..24", "24..32", "32..40"]


def test_every_pair_of_keys_has_a_table_and_its_empty_cells():
    over = {"light": {"values": ["day", "night"]}, "lanes": {"values": [1, 2, 3]}, "rain": {"values": [False, True]}}
    rows = [("day", 1, True), ("day", 1, False), ("day", 2, True), ("night", 3, True), ("night", 3, False)]
    pairs = {pair.names: pair for pair in seen(over, rows).pairs}
    assert list(pairs) == [("light", "lanes"), ("lanes", "rain"), ("light", "rain")]  # most empty cells first
    assert pairs["light", "lanes"].hits == ((2, 1, 0), (0, 0, 2))
    assert pairs["light", "lanes"].empty == (("day", "3"), ("night", "1"), ("night", "2"))
    assert pairs["lanes", "rain"].empty == (("2", "false"),)
    assert pairs["light", "rain"].hits == ((1, 2), (1, 1))
    assert pairs["light", "rain"].empty == ()


def test_full_grid_has_no_empty_cell_and_a_part_of_it_has():
    grid = Variations.model_validate({"over": {"a": {"values": [1, 2, 3]}, "b": {"values": ["x", "y"]}}})
    assert coverage(points(grid, {}), grid).pairs[0].empty == ()
    assert coverage(list(points(grid, {}))[:4], grid).pairs[0].empty == (("3", "x"), ("3", "y"))


def test_coverage_can_be_written_as_json():
    written = json.loads(json.dumps(asdict(seen({"a": {"values": [1, 2]}, "b": {"values": ["x"]}}, [(1, "x")]))))
    assert written == {
        "points": 1,
        "keys": [{"name": "a", "bins": ["1", "2"], "hits": [1, 0]}, {"name": "b", "bins": ["x"], "hits": [1]}],
        "pairs": [{"names": ["a", "b"], "empty": [["2", "x"]], "hits": [[1], [0]]}],
    }


def test_no_points_are_refused():
    with pytest.raises(ValueError, match="found no points, expected at least one"):
        seen({"a": {"values": [1]}}, [])


def test_table_is_read_at_a_glance():
    over = {"light": {"values": ["day", "night"]}, "lanes": {"values": [1, 2]}}
    assert table(seen(over, [("day", 1), ("day", 2), ("night", 1)])).splitlines() == [
        "3 points",
        "",
        "key    bins hit  points per bin",
        "light  2 of 2    day: 2, night: 1",
        "lanes  2 of 2    1: 2, 2: 1",
        "",
        "pair           cells hit  empty cells",
        "light x lanes  3 of 4     night & 2",
    ]
    assert table(seen({"light": over["light"]}, [("day",)])).splitlines()[-1] == "light  1 of 2    day: 1, night: 0"


def test_table_of_many_keys_stays_short_and_tells_what_it_leaves_out():
    over = {f"a_rather_long_name_of_a_key.{i}": {"values": list(range(10))} for i in range(15)}
    lines = table(seen(over, [(1,) * 15])).splitlines()
    assert len(lines) <= 40
    assert lines[3].startswith("..._long_name_of_a_key.0  1 of 10")
    assert lines[15] == "... and 3 more keys"
    assert lines[-1] == f"... and 85 more pairs with {85 * 99} empty cells"  # of 105 pairs 20 are told
    assert lines[18].endswith("1 of 100   0 & 0, 0 & 1, 0 & 2, and 96 more")

"""Parameters, what ``$`` stands for, sweeps over them, and the plan of a sweep."""

import json

import jsonschema
import pytest

from drivesim.planning import plan
from scenarios import ScenarioError, Template, shipped, validate
from scenarios.json_schema import FILE, json_schema, text
from scenarios.parameters import Parameter, SubstitutionError, substituted
from scenarios.yaml12 import parse

FILE_TEXT = """\
schema: drivesim.scenario/1
name: probe
description: costs $5
parameters:
  speed: {default: 36 km/h, min: 5, max: 20, unit: m/s}
  lanes: {type: int, default: 2}
  light: {type: str, default: day, values: [day, night]}
clock: {duration: 10}
road: {lanes: $lanes}
environment: {initial: {daylight: $light}}
ego: {initial: {speed: $speed}, cruise: $(speed + 2)}
actors:
  - {id: van, class: van, initial: {ahead: $(2 * speed)}}
variations:
  over:
    speed: {values: [5, 36 km/h, 15]}
    light: {values: [day, night]}
    actors.van.initial.ahead: {values: [30, 40]}
"""


def made(text: str = FILE_TEXT) -> Template:
    return Template(text, "probe.yaml", None)


def refused(text: str, values=None) -> str:
    with pytest.raises(ScenarioError) as caught:
        made(text).scenario(values)
    return str(caught.value)


def test_defaults_take_the_place_of_names_and_arithmetic():
    scenario = made().scenario()
    assert scenario.ego.initial.speed == 10.0
    assert scenario.ego.cruise == 12.0
    assert scenario.road.lanes == 2
    assert scenario.environment.initial.daylight == 1.0
    assert scenario.actors[0].initial.ahead == 20.0
    assert scenario.description == "costs $5"


def test_values_go_to_parameters_by_name_and_to_other_places_by_path():
    scenario = made().scenario({"speed": "54 km/h", "clock.duration": "1 min", "actors.van.colour": [1, 2, 3]})
    assert scenario.ego.cruise == 17.0
    assert scenario.clock.duration == 60.0
    assert scenario.actors[0].colour == (1, 2, 3)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("$lanes", "$lans", "9:15: found name 'lans', expected one of speed, lanes"),
        ("$(speed + 2)", "$(speed +)", "11:41: found 'speed"),
        ("$(speed + 2)", "$speed + 2", "found '$speed + 2', expected $name or $(arithmetic)"),
        ("$(speed + 2)", "$(speed.real)", "11:41: found 'speed"),
        ("default: 36 km/h", "default: 3 m/s", "5:10: found keys default, min, max, unit, expected at least 5"),
        ("default: 2}", "default: 2.5}", "6:10: found keys type, default, expected a value of the type int, not 2.5"),
        ("unit: m/s}", "unit: m}", "expected a number in SI or text with a unit of m, km, cm"),
        ("type: str", "type: text", "7:17: found 'text', expected"),
        ("values: [day, night]}\nclock", "values: [dusk]}\nclock", "expected one of dusk, not 'day'"),
        ("speed: {default", "spede: {default", "11:24: found name 'speed', expected one of spede"),
        ("speed: {values: [5, 36", "sped: {values: [5, 36", "'sped', expected a parameter or the place of a value"),
    ],
)
def test_mistake_about_a_parameter_is_told_with_its_place(old, new, told, tmp_path):
    assert old in FILE_TEXT
    path = tmp_path / "probe.yaml"
    path.write_text(FILE_TEXT.replace(old, new))
    messages = [str(finding) for finding in validate(path)]
    assert any(told in message for message in messages), messages
    assert all("\n" not in message for message in messages)


def test_parameter_out_of_bounds_is_refused():
    assert "found 'speed': expected at most 20, not '90 km/h'" in refused(FILE_TEXT, {"speed": "90 km/h"})
    assert "did you mean 'speed'?" in refused(FILE_TEXT, {"sped": 3})
    assert "found 'car' in 'actors.car.colour', expected one of van" in refused(FILE_TEXT, {"actors.car.colour": 1})


def test_bool_parameter_is_no_number():
    assert Parameter(type="bool", default=True).read(False) is False
    with pytest.raises(ValueError, match="expected a value of the type int, not True"):
        Parameter(type="int", default=1).read(True)
    with pytest.raises(SubstitutionError):
        substituted({"a": "$on + 1"}, {"on": True})


def test_sweep_is_the_grid_in_the_order_of_the_file():
    variants = list(made().variants())
    assert len(made()) == len(variants) == 12
    assert [v.values for v in variants[:3]] == [
        {"speed": 5, "light": "day", "actors.van.initial.ahead": 30},
        {"speed": 5, "light": "day", "actors.van.initial.ahead": 40},
        {"speed": 5, "light": "night", "actors.van.initial.ahead": 30},
    ]
    assert [v.scenario.ego.cruise for v in variants[::4]] == [7.0, 12.0, 17.0]
    assert len({v.id for v in variants}) == 12
    assert variants[3].id.startswith("probe-00003-")


def test_what_a_point_is_decides_its_fingerprint_and_seed_and_nothing_else_does():
    plain = {v.scenario.fingerprint: v.seed() for v in made().variants()}
    fewer = made(FILE_TEXT.replace("light: {values: [day, night]}", "light: {values: [night]}"))
    described = made(FILE_TEXT.replace("values: [day, night]}\nclock", "values: [day, night, dusk]}\nclock"))
    for variant in (*fewer.variants(), *described.variants()):
        assert plain[variant.scenario.fingerprint] == variant.seed()
    assert variant.seed() != variant.seed(1)


def test_impossible_sweep_is_a_finding(tmp_path):
    path = tmp_path / "probe.yaml"
    path.write_text(FILE_TEXT + '  require: ["speed > 99"]\n')
    assert "14:1: found no point" in str(validate(path)[0]) or "require" in str(validate(path)[0])
    path.write_text(FILE_TEXT.replace("[5, 36 km/h, 15]", "[5, 99]"))
    (finding,) = validate(path)
    assert "found 'speed': expected at most 20, not 99" in finding.message


def test_shards_together_are_the_whole():
    whole = [variant.id for variant in made().variants()]
    parts = [[variant.id for variant in made().variants((i, 4))] for i in (1, 2, 3, 4)]
    assert sorted(id_ for part in parts for id_ in part) == sorted(whole)
    assert len(parts[0]) == 3


def test_plan_adds_up():
    made_plan = plan(made(), fps=7.5, pace=0.5)
    assert made_plan.summary() == {
        "scenario": "probe",
        "points": 12,
        "fps": 7.5,
        "frames": 900,
        "video_minutes": 2.0,
        "estimated_gigabytes": 0.027,
        "estimated_hours": 0.12,
    }
    assert [row["k"] for row in made_plan.rows()] == list(range(12))
    assert made_plan.covered.keys[0].name == "speed"


def test_scenario_without_variations_is_one_point():
    plain = made(FILE_TEXT.split("variations:")[0])
    assert len(plain) == 1
    (variant,) = plain.variants()
    assert variant.scenario == plain.scenario()
    assert plan(plain, fps=1.0).covered is None


def test_committed_schema_is_that_of_the_models():
    assert FILE.read_text(encoding="utf-8") == text(), "run: drivesim schema > scenarios/data/scenario.schema.json"


def test_schema_knows_names_units_and_dollars():
    schema = json_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(schema["required"]) == {"schema", "name", "clock"}
    weather = schema["$defs"]["Surroundings"]["properties"]["weather"]
    assert "rainy" in json.dumps(weather)
    assert {"$ref": "#/$defs/WithUnit"} in schema["$defs"]["Uniform"]["properties"]["low"]["anyOf"]
    assert "Substituted" not in json.dumps(schema["$defs"]["Uniform"])
    rate = schema["$defs"]["SetSpeed"]["properties"]["rate"]["anyOf"][0]["anyOf"][0]
    assert rate == {"exclusiveMinimum": 0, "maximum": 10, "type": "number"}
    assert "Substituted" in json.dumps(schema["$defs"]["SetSpeed"]["properties"]["to"])


def test_shipped_scenarios_obey_the_schema():
    check = jsonschema.Draft202012Validator(json_schema())
    for path in shipped().values():
        assert list(check.iter_errors(parse(path.read_text()).value)) == []
    assert list(check.iter_errors(parse(FILE_TEXT).value)) == []
    assert list(check.iter_errors(parse(FILE_TEXT.replace("duration", "durration")).value)) != []


def test_broken_road_is_a_finding_also_where_somebody_stands_on_it(tmp_path):
    path = tmp_path / "probe.yaml"
    path.write_text(FILE_TEXT.replace("road: {lanes: $lanes}", "road: {curvature: [[10, 0], [5, 0]]}"))
    (finding,) = validate(path)
    assert "found s = 5 after 10, expected strictly increasing s" in finding.message

import random

import pytest

from scenarios import ScenarioError, load, loads, shipped, validate
from scenarios.schema import Scenario
from scenarios.yaml12 import parse

GOOD = """\
schema: drivesim.scenario/1
name: probe
clock: {duration: 10 s}
ego:
  initial: {speed: 36 km/h}
actors:
  - id: van
    class: van
    initial: {lane: +1, ahead: 20, speed: {relative_to: ego, delta: 2.0}}
events:
  - id: cut_in
    actor: van
    when: {headway: {to: ego, above: 1.5}}
    do: {change_lane: {to_lane_of: ego, over: 3 s}}
"""
TRACK = "    track: {file: %s}\n"


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


BOMB = "a: &a [0,0,0,0,0,0,0,0,0,0]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
MALFORMED = {
    "unknown key": (changed("duration", "durration"), "3:9: found unknown key 'durration'", "did you mean 'duration'?"),
    "wrong unit": (changed("36 km/h", "36 kmh"), "5:20: found '36 kmh'", "did you mean 'km/h'?"),
    "bad yaml": (
        changed("{duration: 10 s}", "{duration: 10 s"),
        "4:4: found bad YAML",
        "flow mapping that begins in line 3",
    ),
    "duplicate key": (GOOD + "name: again\n", "15:1: found key 'name' twice", "first in line 2"),
    "alias bomb": (BOMB, "1:", "aliases expanded, expected fewer"),
    "path outside the folder": (
        changed("    initial: {lane: +1, ahead: 20, speed: {relative_to: ego, delta: 2.0}}\n", TRACK % "../secret.csv"),
        "9:19: found path '../secret.csv' outside the scenario's folder",
        "expected one inside it",
    ),
    "python tag": (changed("name: probe", "name: !!python/name:os.system x"), "2:7: found tag", "core schema"),
    "endless nesting": ("[" * 5000, "1:65: found nesting deeper than 64", "expected less"),
    "wrong word": (changed("class: van", "class: vann"), "8:12: found 'vann'", "did you mean 'van'?"),
    "unknown reference": (changed("actor: van", "actor: vam"), "12:12: found 'vam'", "did you mean 'van'?"),
    "missing key": (changed("clock: {duration: 10 s}\n", ""), "1:1: found no key 'clock'", "expected one"),
    "not a mapping": ("- 1\n- 2\n", "1:1: found a list", "expected a mapping"),
    "empty": ("# nothing\n", "1:1: found an empty file", "expected a scenario"),
    "yaml 1.1 boolean": (GOOD + "seed: no\n", "15:7: found 'no'", "expected a valid integer"),
    "yaml 1.1 sexagesimal": (changed("10 s", "12:30"), "3:19: found '12:30'", "expected a duration"),
    "out of range": (changed("over: 3 s", "over: 0.1 s"), "14:47: found '0.1 s'", "greater than or equal to 0.5"),
    "two triggers": (changed("above: 1.5}", "above: 1.5}, time: 3"), "13:11: found keys", "exactly one of"),
    "lane that is not there": (changed("lane: +1", "lane: +4"), "9:21: found lane +4", "expected +0 .. +2"),
    "born inside the ego": (
        changed("lane: +1, ahead: 20", "ahead: 2"),
        "9:14: found 'van' inside the ego",
        "free space",
    ),
    "two documents": (GOOD + "---\na: 1\n", "15:1: found bad YAML", "single document"),
    "recursive alias": ("a: &a [*a]\n", "1:", "alias inside its own anchor"),
    "infinite number": (changed("delta: 2.0", "delta: .inf"), "9:69: found inf", "expected a finite number"),
    "cutting in from the oncoming lane": (
        changed("lane: +1", "lane: +2"),
        "14:9: found 'van' and 'ego' of opposite directions",
        "expected the same",
    ),
    "second id": (
        GOOD + "  - {id: cut_in, actor: ego, when: {time: 1}, do: {brake: {}}}\n",
        "15:10: found id 'cut_in' twice",
        "expected one of its own",
    ),
    "waiting in a circle": (
        changed("when: {headway: {to: ego, above: 1.5}}", "when: {after: cut_in}"),
        "13:19: found 'cut_in' waiting for itself",
        "expected an event before it",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_scenario_gives_one_line_with_place_and_hint(case, tmp_path):
    text, found, hint = MALFORMED[case]
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{found}"), message
    assert hint in message
    assert "\n" not in message
    assert str(validate(path)[0]) == message


def test_good_text_loads_in_si_units():
    scenario = loads(GOOD)
    assert scenario.clock.duration == 10.0
    assert scenario.ego.initial.speed == pytest.approx(10.0)
    assert scenario.ego.cruise_speed == pytest.approx(10.0)
    assert scenario.camera_facts().width == 1024


def test_all_findings_are_told_in_the_order_of_the_file(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(changed("duration", "durration").replace("36 km/h", "36 kg").replace("delta", "delt"))
    findings = validate(path)
    assert [(finding.line, finding.severity) for finding in findings] == [(3, "error"), (5, "error"), (9, "error")]
    assert "found unknown key 'delt'" in findings[2].message


def test_event_after_the_end_is_a_warning_and_loads(tmp_path):
    path = tmp_path / "late.yaml"
    path.write_text(changed("{headway: {to: ego, above: 1.5}}", "{time: 11 s}"))
    (finding,) = validate(path)
    assert (finding.severity, finding.line, finding.column) == ("warning", 13, 18)
    assert load(path).name == "probe"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("12:30", "12:30"),
        ("2001-12-14", "2001-12-14"),
        ("~", None),
        ("True", True),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("!!float 5", 5.0),
        ("+7", 7),
        ("-.inf", float("-inf")),
    ],
)
def test_scalars_are_read_by_the_core_schema_of_yaml_1_2(text, value):
    read = parse(f"key: {text}").value["key"]
    assert read == value
    assert type(read) is type(value)


def test_merge_keys_are_no_special_keys():
    assert parse("a: {<<: {b: 1}}").value == {"a": {"<<": {"b": 1}}}


def test_columns_count_characters_not_bytes():
    assert parse("{'ééé': 1, b: 2}").keys[("b",)] == (1, 12)


def test_track_file_becomes_points(tmp_path):
    (tmp_path / "tracks").mkdir()
    (tmp_path / "tracks" / "van.csv").write_text("time,s,d\n0,20,-1.75\n5,60,-1.75\n")
    text = changed(
        "    initial: {lane: +1, ahead: 20, speed: {relative_to: ego, delta: 2.0}}\n", TRACK % "tracks/van.csv"
    )
    path = tmp_path / "track.yaml"
    path.write_text(text[: text.index("events:")])
    track = load(path).actors[0].track
    assert track.points == ((0.0, 20.0, -1.75), (5.0, 60.0, -1.75))
    (tmp_path / "tracks" / "van.csv").write_text("time,s,d\n0,20,oops\n")
    with pytest.raises(ScenarioError, match=r"9:19: found could not convert .* in 'tracks/van.csv'"):
        load(path)


def test_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "van.csv").write_text("time,s,d\n0,20,0\n5,60,0\n")
    (inner / "van.csv").symlink_to(tmp_path / "van.csv")
    text = changed("    initial: {lane: +1, ahead: 20, speed: {relative_to: ego, delta: 2.0}}\n", TRACK % "van.csv")
    (inner / "track.yaml").write_text(text[: text.index("events:")])
    with pytest.raises(ScenarioError, match="outside the scenario's folder"):
        load(inner / "track.yaml")


def test_large_or_undecodable_file_is_a_finding(tmp_path):
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * (2**20 + 1))
    assert "found more than 1048576 bytes" in str(validate(path)[0])
    path.write_bytes(b"name: a\nb: \xff\n")
    assert str(validate(path)[0]).endswith("big.yaml:2:4: found byte 0xff, expected text in UTF-8")


def test_unknown_name_lists_the_shipped_ones_and_hints():
    with pytest.raises(ScenarioError, match=r"^cutin:1:1: found no such file.*did you mean 'cut_in'"):
        load("cutin")
    with pytest.raises(OSError, match="nowhere"):
        validate("nowhere.yaml")


def test_fingerprint_is_of_the_resolved_scenario():
    spelt_out = changed("10 s", "10.0").replace("36 km/h", "10 m/s") + "seed: 0\n"
    assert loads(GOOD).fingerprint == loads(spelt_out).fingerprint
    assert loads(GOOD).fingerprint != loads(GOOD + "seed: 1\n").fingerprint
    assert len(loads(GOOD).fingerprint) == 64


def test_canonical_json_reads_back_as_the_same_scenario():
    scenario = loads(GOOD)
    assert Scenario.model_validate_json(scenario.canonical_json()) == scenario


def test_explicit_camera_replaces_the_preset():
    camera = (
        "camera: {width: 640, height: 320, intrinsics: {fx: 500, fy: 500, cx: 320, cy: 160}, mount: {pitch: 2 deg}}\n"
    )
    facts = loads(GOOD + camera).camera_facts()
    assert (facts.width, facts.fx, facts.z) == (640, 500.0, 1.5)
    assert facts.pitch == pytest.approx(0.0349, abs=1e-4)
    with pytest.raises(ScenarioError, match="expected either preset or all of"):
        loads(GOOD + "camera: {width: 640}\n")


def test_mutated_files_load_or_give_our_error_and_nothing_else():
    dice = random.Random(1)
    texts = [path.read_text() for path in shipped().values()]
    for _ in range(400):
        text = list(dice.choice(texts))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(text))
            text[at : at + dice.randint(0, 4)] = dice.choice(
                [*"{}[]:,&*!|>-#'\"%@\\\t\n 019.~", "\x00", "é", "- ", ": ", "1e999"]
            )
        assert " expected " in outcome("".join(text))


def outcome(text: str) -> str:
    """What `loads` says about ``text``; any other error than ours gets through."""
    try:
        loads(text)
    except ScenarioError as error:
        return str(error)
    return "as expected "

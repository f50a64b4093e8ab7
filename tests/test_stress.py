"""The stress protocol: its points, its scores by hand, a whole run of random weights, its page."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from drivesim.cli import main
from drivesim.commands.evaluate import sweep as sweep_of
from drivesim.errors import UserError
from drivesim.evaluation.looks import Measure
from drivesim.evaluation.stress import DRIVES, StressProtocol, Sweep, points, stress
from drivesim.evaluation.sweeps import Scores
from drivesim.perception import load_detector
from drivesim.report.plots import points as plotted
from scenarios import compile
from scenarios.suite import Drive, evaluation_names, evaluation_suite
from tests.browser import PROGRAM, Browser
from tests.tiny_weights import STREET, write_tiny_weights

DAYLIGHT, WEATHER = "environment.initial.daylight", "environment.initial.weather"
LEVEL, SPEED = "environment.initial.traffic_level", "ego.initial.speed"


def test_every_field_of_a_protocol_is_in_its_hash() -> None:
    protocol = StressProtocol()
    changes = {
        "name": "x", "drives": protocol.drives[:2], "ground": protocol.ground[:2], "sweeps": protocol.sweeps[:1],
        "fps": 7.5, "draws": 10, "seed": 1,
    }  # fmt: skip
    assert set(changes) == {field.name for field in dataclasses.fields(StressProtocol)}
    marks = {dataclasses.replace(protocol, **{name: value}).sha256() for name, value in changes.items()}
    assert len(marks | {protocol.sha256()}) == len(changes) + 1
    other = dataclasses.replace(protocol, sweeps=(Sweep(DAYLIGHT, (0.0, 0.3)),))
    assert other.sha256() != dataclasses.replace(protocol, sweeps=(Sweep(DAYLIGHT, (0.0, 0.4)),)).sha256()


def test_the_drives_are_evaluation_drives_and_the_ground_is_a_point_of_every_sweep() -> None:
    protocol = StressProtocol()
    assert {drive.scenario for drive in protocol.drives} == set(DRIVES)
    assert set(protocol.drives) <= set(evaluation_suite())
    swept = points(dataclasses.replace(protocol, drives=protocol.drives[:2]))
    assert tuple(swept) == (DAYLIGHT, WEATHER, LEVEL, SPEED)
    values = sum(len(rows) for rows in swept.values())
    assert all(len(row) == 2 for rows in swept.values() for row in rows)
    everyone = [point for rows in swept.values() for row in rows for point in row]
    distinct = {point.name for point in everyone}
    assert len(distinct) == 2 * (values - 3)  # four sweeps share the ground
    assert {point.scenario.name for point in everyone} <= evaluation_names()  # so training refuses their clips
    assert len(compile(swept[DAYLIGHT][0][0].scenario, fps=protocol.fps)) == 6


def test_a_sweep_changes_its_field_and_nothing_else() -> None:
    protocol = dataclasses.replace(StressProtocol(), drives=StressProtocol().drives[:1])
    swept = points(protocol)

    def facts(field, number):
        point = swept[field][number][0]
        return list(compile(point.scenario, fps=protocol.fps, seed=point.drive.seed))

    def without(frame, *names):
        objects = tuple(dataclasses.replace(thing, lights=None) for thing in frame.objects)  # they burn in the dark
        return dataclasses.replace(frame, objects=objects, **dict.fromkeys(names))

    night, day, rain = facts(DAYLIGHT, 0), facts(DAYLIGHT, 4), facts(WEATHER, 2)
    assert {frame.daylight for frame in night} == {0.0}
    assert {frame.daylight for frame in day} == {1.0}
    assert [without(frame, "daylight") for frame in night] == [without(frame, "daylight") for frame in day]
    assert {frame.weather for frame in rain} == {"rainy"}
    assert [without(frame, "weather") for frame in rain] == [without(frame, "weather") for frame in day]
    assert facts(WEATHER, 0) == facts(LEVEL, 2) == facts(SPEED, 1) == day  # the ground
    empty, full = facts(LEVEL, 0), facts(LEVEL, 3)
    assert sum(len(frame.objects) for frame in empty) < sum(len(frame.objects) for frame in full)
    assert {(frame.daylight, frame.weather) for frame in (*empty, *full)} == {(1.0, "clear")}
    assert [frame.ego.speed for frame in (facts(SPEED, 0)[0], facts(SPEED, 3)[0])] == [5.0, 20.0]


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("environment.initial.colour", (1, 2), "day_free_ride at 1: found unknown key 'colour'"),
        (WEATHER, ("clear", "hail"), "day_free_ride at 'hail': found 'hail', expected 'clear'"),
        (DAYLIGHT, (1, "day"), "1 and 'day' make the same scenario of day_free_ride"),
        ("weather", ("clear", "rainy"), "make the same scenario of day_free_ride, where clock.duration, environ"),
        (DAYLIGHT, (1,), "found 1 values, expected two or more"),
    ],
)
def test_a_sweep_that_cannot_be_is_told_in_one_line(field, values, message) -> None:
    first = StressProtocol().drives[:1]
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        points(dataclasses.replace(StressProtocol(), drives=first, sweeps=(Sweep(field, values),)))
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"sweep of {field}: ")


def test_no_sweep_no_drive_and_a_field_twice_are_refused() -> None:
    protocol = StressProtocol()
    with pytest.raises(UserError, match="found 0 sweeps of 5 drives"):
        points(dataclasses.replace(protocol, sweeps=()))
    with pytest.raises(UserError, match="found 4 sweeps of 0 drives"):
        points(dataclasses.replace(protocol, drives=()))
    with pytest.raises(UserError, match=f"two sweeps of {WEATHER}"):
        points(dataclasses.replace(protocol, sweeps=(protocol.sweeps[1],) * 2))
    with pytest.raises(UserError, match="0 judges"):
        stress("nano", "nowhere", protocol, {})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["layout", "--sweep", f"{WEATHER}=clear,foggy"], "unrecognized arguments: --sweep"),
        (["stress", "--sweep", f"{WEATHER}=clear,hail"], "found 'hail', expected 'clear', 'overcast', 'rainy'"),
        (["stress", "--drives", "6"], "--drives 6: the protocol has 5"),
        (["stress", "--sweep", "daylight"], "'daylight' is not FIELD=V1,V2,..."),
        (["stress", "--sweep", "a=1,[2]"], "found [2], expected numbers, words, true or false"),
        (["stress", "--sweep", "a=1,~"], "found None, expected numbers, words, true or false"),
        (["stress", "--sweep", "a=1],[2"], "expected valid YAML 1.2"),
    ],
)
def test_the_command_refuses_in_one_line_what_it_cannot_sweep(words, message, tmp_path, capsys) -> None:
    try:
        code = main(["evaluate", *words, "--out", str(tmp_path / "out")])
    except SystemExit as stop:
        code = stop.code
    told = capsys.readouterr().err
    assert code == 2
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_values_of_a_sweep_are_strict_yaml() -> None:
    assert sweep_of("a.b = 0, 1.5, no, 36 km/h, true") == ("a.b", (0, 1.5, "no", "36 km/h", True))


# --- scores by hand: a frame says the number that it is


def mean(values) -> float | None:
    return sum(values) / len(values) if values else None


def scores(town, rollout) -> Scores:
    """Scores of clips of one frame, by value and drive; None: it says nothing."""
    frames = {
        arm: [[[(number, None)] for number in row] for row in rows]
        for arm, rows in (("town", town), ("rollout", rollout))
    }
    return Scores(Measure(lambda look, facts: look, mean), frames, draws=200, seed=0)


def test_scores_along_a_sweep_by_hand() -> None:
    found = scores([[0.8, 0.6], [0.4, 0.2], [None, None]], [[0.4, 0.3], [0.3, None], [0.1, 0.1]])
    first = found.over([0])
    assert first["town"]["value"] == pytest.approx(0.7)
    assert first["town"]["interval"] == pytest.approx((0.6, 0.8))
    assert first["share"] == {"value": pytest.approx(0.5), "interval": pytest.approx((0.5, 0.5))}
    second = found.over([1])
    assert (second["rollout"]["clips"], second["rollout"]["frames"], second["boxes"]) == (1, 1, None)
    assert second["rollout"]["interval"] == pytest.approx((0.3, 0.3))  # draws without the clip that tells are left out
    third = found.over([2])
    assert third["town"] == {"value": None, "interval": None, "clips": 0, "frames": 0}
    assert third["share"] == {"value": None, "interval": None}
    assert found.over([0, 1, 2])["town"]["value"] == pytest.approx(0.5)
    assert found.order() == {"value": 1.0, "interval": pytest.approx((1.0, 1.0)), "known": 2}
    assert found.corruption(0)["town"]["mPC"]["value"] is None  # one value's score is not known


def test_corruption_is_the_mean_of_the_others_and_its_share_of_the_clean() -> None:
    found = scores([[0.8, 0.8], [0.4, 0.4], [0.2, 0.2]], [[0.4, 0.2], [0.1, 0.1], [0.2, 0.2]])
    told = found.corruption(0)
    assert told["town"]["mPC"]["value"] == pytest.approx(0.3)
    assert told["town"]["rPC"]["value"] == pytest.approx(0.375)
    assert told["rollout"]["rPC"] == {"value": pytest.approx(0.5), "interval": pytest.approx((0.375, 0.75))}
    assert found.order()["value"] == 0.5  # ranks 3 2 1 of the town, 3 1 2 of the rollout


def test_points_stand_where_their_values_are() -> None:
    drawn = plotted(
        [("rollout", [0.0, None], [(0.0, 0.5), None]), ("town", [1.0, 1.0], [None, None])],
        [("a < b", 3), ("c", 4)], x_label="x", y_label="y",
    )  # fmt: skip
    assert "a &lt; b" in drawn
    assert drawn.count("<circle") == 3
    assert 'cy="14.0"' in drawn  # 1: the top
    assert 'cy="176.0"' in drawn  # 0: the bottom
    assert "176.0V95.0" in drawn  # its whisker, to the middle
    below = plotted([("rollout", [-1.0], [None])], [("a", 1)], x_label="x", y_label="y")
    assert 'cy="176.0"' in below


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A whole run of random weights: two short drives by night and by day."""
    folder = tmp_path_factory.mktemp("stress")
    drives = []
    for name in ("first", "second"):
        (folder / f"{name}.yaml").write_text(STREET.replace("name: street", f"name: {name}"))
        drives.append(Drive(str(folder / f"{name}.yaml"), 5))
    protocol = StressProtocol(
        drives=tuple(drives),
        ground=(("clock.duration", 1.1), (DAYLIGHT, 1), (WEATHER, "clear")),
        sweeps=(Sweep(DAYLIGHT, (0, "day")),),
        draws=50,
    )
    weights = write_tiny_weights(folder / "weights")
    steps = []
    judges = {"reference": load_detector("reference")}
    metrics = stress(weights, folder / "out", protocol, judges, progress=lambda *step: steps.append(step))
    return folder, protocol, weights, metrics, steps


def test_a_run_scores_both_arms_at_every_value(run) -> None:
    folder, protocol, _, metrics, steps = run
    assert steps == [(k, 8) for k in range(1, 9)]  # two arms, two drives, two values
    assert {len(list((folder / "out" / "clips" / arm).iterdir())) for arm in ("town", "rollout")} == {4}
    assert metrics["protocol_sha256"] == protocol.sha256()
    (row,) = metrics["sweeps"]
    assert row["clean"] == "day"  # the ground says 1
    for name, measure in row["measures"].items():
        for cell in (*measure["values"], measure["all"]):
            assert cell["town"]["clips"] == cell["rollout"]["clips"] <= 4
            assert (cell["boxes"] is None) == (not name.startswith(("AP50", "recall")))
    vehicles = row["measures"]["AP50 of vehicles by reference"]
    assert [cell["boxes"] for cell in vehicles["values"]] == [vehicles["all"]["boxes"] // 2] * 2
    assert vehicles["values"][0]["boxes"] >= 4  # the lead, in two frames of two drives
    assert vehicles["values"][1]["town"]["value"] > 0.5
    assert vehicles["values"][1]["rollout"]["value"] < 0.5  # noise
    main = {name for name, measure in row["measures"].items() if measure["main"]}
    assert {"time of day", "brightness by daylight"} < main
    assert "weather" not in main


def test_the_same_run_twice_is_the_same_and_takes_the_clips_that_are_there(run) -> None:
    folder, protocol, weights, _, _ = run
    made = sorted((folder / "out" / "clips").rglob("*"))
    before = [(path, path.stat().st_mtime_ns) for path in made]
    text = (folder / "out" / "metrics.json").read_text()
    assert "NaN" not in text
    stress(weights, folder / "out", protocol, {"reference": load_detector("reference")})
    assert (folder / "out" / "metrics.json").read_text() == text
    assert [(path, path.stat().st_mtime_ns) for path in made] == before
    assert sorted((folder / "out" / "clips").rglob("*")) == made


def test_the_page_needs_nothing_from_outside_and_shows_every_value(run) -> None:
    folder, _, _, metrics, _ = run
    page = (folder / "out" / "report.html").read_text()
    assert "http" not in page
    assert all(address.startswith("data:") for address in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert page.count("<img") == 4  # two values, two arms
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    cell = metrics["sweeps"][0]["measures"]["recall of vehicles by reference"]["values"][1]
    low, high = cell["town"]["interval"]
    assert f"day {cell['boxes']} {cell['rollout']['value']:.2f}" in text
    assert f"{cell['town']['value']:.2f} {low:.2f} to {high:.2f} {cell['share']['value']:.2f}" in text
    assert json.loads((folder / "out" / "metrics.json").read_text())["protocol_sha256"][:12] in text


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_fits_a_phone_and_a_desk(run, width, tmp_path) -> None:
    browser = Browser(tmp_path, width=width, height=900)
    try:
        browser.open((run[0] / "out" / "report.html").as_uri())
        assert browser.errors == []
        assert browser.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out sideways
        assert browser.evaluate("[...document.images].every((image) => image.naturalWidth === 512)")
        assert browser.evaluate("document.querySelectorAll('.plots svg').length") >= 4
    finally:
        browser.close()

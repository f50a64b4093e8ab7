"""The evaluation of a generator: its arms, its measures, floor and ceiling, its page."""

from __future__ import annotations

import base64
import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from drivesim.cli import main
from drivesim.clips import read_clip
from drivesim.errors import UserError
from drivesim.evaluation.generator import PROTOCOLS, GeneratorProtocol, evaluate, others
from drivesim.evaluation.looks import Look, measures, who_judges
from drivesim.evaluation.rows import row
from drivesim.evaluation.scene_requests import is_curved
from drivesim.perception import Detections
from drivesim.perception.scene import Scene
from drivesim.town import render
from scenarios import compile, load, shipped
from scenarios.facts import WEATHERS, Crowdedness, FrameFacts, LaneLine, ObjectFacts, RoadFacts
from scenarios.suite import FIVE_MINUTES, LONG_DRIVE, Drive, evaluation_names, evaluation_suite
from tests.browser import assert_opens
from tests.tiny_weights import STREET, write_tiny_weights

CARS = [ObjectFacts(k, "car", (40.0 * k, 20, 40.0 * k + 30, 50), occlusion=0.0, truncation=0.0) for k in range(3)]


def told(count: int, *, daylight: float = 1.0, weather: str = "clear") -> FrameFacts:
    things = tuple(CARS[:count])
    return FrameFacts(0, 0.0, daylight=daylight, weather=weather, crowdedness=Crowdedness(count, 0), objects=things)


def look(count: int, *, time: str = "day", weather: str = "clear", score: float = 0.9) -> Look:
    """What a judge sees that finds the first ``count`` cars."""
    found = Detections([thing.box for thing in CARS[:count]], [score] * count, ["car"] * count)
    scene = Scene(
        {"night": 0.0, "dawn_dusk": 0.5, "day": 1.0}[time],
        {name: float(name == weather) for name in WEATHERS},
        np.zeros((0, 3)),
        np.arange(4.0),
    )
    return Look({"judge": found}, scene, 200.0 if time == "day" else 20.0, (100, 200))


def scored(name: str, pairs: list[tuple[Look, FrameFacts]]) -> float | None:
    measure = measures(["judge"])[name]
    looks, facts = zip(*pairs, strict=True)
    return measure.score(measure.gather(measure.said(dict(enumerate(looks)), facts)))


def test_recall_counts_the_boxes_found_with_enough_belief() -> None:
    assert scored("recall of vehicles by judge", [(look(1), told(3)), (look(2), told(2))]) == pytest.approx(3 / 5)
    assert scored("recall of vehicles by judge", [(look(2, score=0.2), told(2))]) == 0
    assert scored("AP50 of vehicles by judge", [(look(2, score=0.2), told(2))]) == 1
    assert scored("recall of persons by judge", [(look(2), told(2))]) is None  # there are none


def test_low_boxes_and_low_false_detections_do_not_count_among_the_large_by_hand() -> None:
    high, low = (ObjectFacts(k, "car", (10 + 90 * k, 20, 80 + 90 * k, y), occlusion=0.0) for k, y in ((0, 50), (1, 29)))
    facts = FrameFacts(0, 0.0, objects=(high, low))  # 30 and 9 of 100 px
    boxes = [high.box, low.box, (150, 80, 190, 88), (150, 60, 190, 99)]  # the last two are of nothing
    found = Detections(boxes, [0.5, 0.9, 0.8, 0.7], ["car"] * 4)
    seen = dataclasses.replace(look(0), found={"judge": found})
    # Of all: hit, false, false, hit by score: precision 1 up to recall 1/2, then 2/4. Of the large: false, hit.
    assert scored("AP50 of vehicles by judge", [(seen, facts)]) == pytest.approx((51 + 50 * 0.5) / 101)
    assert scored("AP50 of large vehicles by judge", [(seen, facts)]) == pytest.approx(0.5)


def test_times_of_day_clear_of_borders_and_after_a_change_by_hand() -> None:
    pairs = [
        (look(0, time="night"), told(0, daylight=0.9)),
        (look(0, time="dawn_dusk"), told(0, daylight=0.7)),  # wrong, and 0.03 from the border at 2/3
        (look(0, time="dawn_dusk"), told(0, daylight=0.6)),  # changed, and too near
        (look(0, time="dawn_dusk"), told(0, daylight=0.5)),
        (look(0, time="day"), told(0, daylight=0.1)),
    ]
    assert scored("time of day", pairs) == 2 / 5
    assert scored("time of day, clear of borders", pairs) == pytest.approx(1 / 3)
    assert scored("time of day, after a change", pairs) == 1 / 2
    assert scored("time of day, after a change", pairs[:2]) is None


def bend(radius: float) -> RoadFacts:
    """Three lines of a road that turns left, beside a kerb that goes round a corner."""
    x = np.arange(0.0, 40.0, 4.0)
    lines = [LaneLine("solid", "white", tuple((a, a * a / 2 / radius + side) for a in x)) for side in (-3.0, 0.0, 3.0)]
    corner = LaneLine("edge", "white", ((0.0, -5.0), (5.0, -5.0), (6.0, -6.0), (6.0, -20.0)))
    return RoadFacts((*lines, corner), ())


def test_a_road_is_curved_where_its_painted_lines_turn() -> None:
    assert [is_curved(FrameFacts(0, 0.0, road=bend(radius))) for radius in (300.0, 1500.0)] == [True, False]
    assert not is_curved(FrameFacts(0, 0.0))


def test_time_weather_brightness_and_crowd_by_hand() -> None:
    pairs = [
        (look(1, time="night"), told(1, daylight=0.0)),
        (look(2, weather="foggy"), told(2, weather="foggy")),
        (look(3, time="dawn_dusk"), told(3)),
        (look(0), told(0)),
    ]
    assert scored("time of day", pairs) == 0.75
    assert scored("weather", pairs) == 1
    assert scored("crowdedness by judge", pairs) == 1
    assert scored("brightness by daylight", [pairs[0], pairs[3]]) == 1


def test_what_facts_do_not_know_is_not_judged() -> None:
    for name in measures(["judge"]):
        assert scored(name, [(look(1), FrameFacts(0, 0.0))]) is None


def test_the_place_of_a_rollout_lies_between_the_floor_and_the_ceiling() -> None:
    measure, sampling = measures(["judge"])["recall of vehicles by judge"], {"seed": 0, "draws": 50}
    facts = [[told(2)], [told(2)]]
    arms = {"town": 2, "rollout": 1, "other": 0}
    found = row(measure, {arm: ([{0: look(n)}, {0: look(n)}], facts) for arm, n in arms.items()}, **sampling)
    assert {arm: cell["value"] for arm, cell in found["arms"].items()} == {"town": 1.0, "rollout": 0.5, "other": 0.0}
    assert found["place"] == 0.5
    assert found["share"] == {"value": 0.5, "interval": (0.5, 0.5)}
    assert found["times_floor"] == {"value": None, "interval": None}  # over nothing
    assert {key: found["arms"]["rollout"][key] for key in ("clips", "frames", "count")} == dict.fromkeys(
        ("clips", "frames", "count"), 2
    )
    assert found["arms"]["rollout"]["interval"] == (0.5, 0.5)
    blind = row(measure, {arm: ([{0: look(0)}, {0: look(0)}], facts) for arm in arms}, **sampling)
    assert blind["place"] is None


def test_every_field_of_a_protocol_is_in_its_hash() -> None:
    protocol = PROTOCOLS["layout"]
    changes = {
        "name": "x", "arms": ("town",), "about": (), "drives": protocol.drives[:2], "fps": 7.5, "every": 2,
        "film": 8, "window": 5.0, "block": 1.0, "draws": 10, "seed": 1,
    }  # fmt: skip
    assert set(changes) == {field.name for field in dataclasses.fields(GeneratorProtocol)}
    marks = {dataclasses.replace(protocol, **{name: value}).sha256() for name, value in changes.items()}
    assert len(marks | {protocol.sha256()}) == len(changes) + 1


def test_who_judges_is_told_and_that_nobody_does_is_an_error() -> None:
    judge, scenes = (SimpleNamespace(name=name, fingerprint=mark) for name, mark in (("a", "1"), ("b", "2")))
    assert who_judges({"first": judge}, scenes) == {
        "judges": {"first": {"name": "a", "sha256": "1"}}, "scene_judge": {"name": "b", "sha256": "2"},
    }  # fmt: skip
    with pytest.raises(UserError, match="found 0 judges"):
        who_judges({}, scenes)


def test_nobody_is_their_own_floor() -> None:
    for count in (2, 3, 24):
        assert sorted(others(count)) == list(range(count))
        assert all(other != k for k, other in enumerate(others(count)))


def test_the_suite_names_24_shipped_scenarios_with_seeds_of_their_own() -> None:
    suite = evaluation_suite()
    assert len(suite) == len({drive.scenario for drive in suite}) == len({drive.seed for drive in suite}) == 24
    assert {drive.scenario for drive in suite} <= set(shipped())
    everyone = (*suite, LONG_DRIVE, *FIVE_MINUTES)
    assert {drive.load().name for drive in everyone} == evaluation_names()  # by which training refuses them


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A whole evaluation of random weights on two short drives."""
    folder = tmp_path_factory.mktemp("evaluation")
    drives = []
    for name, daylight in (("by_day", "day"), ("by_night", "night")):
        text = STREET.replace("name: street", f"name: {name}").replace("daylight: day", f"daylight: {daylight}")
        (folder / f"{name}.yaml").write_text(text.replace("4.0", "1.2"))
        drives.append(Drive(str(folder / f"{name}.yaml"), 5))
    learned = folder / "learned.yaml"
    learned.write_text(STREET.replace("name: street", "name: learned").replace("4.0", "1.2"))
    render(compile(load(str(learned)), fps=1.875), folder / "training" / "learned")
    return folder, drives, write_tiny_weights(folder / "weights")


def test_an_evaluation_from_weights_to_a_page_twice_the_same(evaluated) -> None:
    folder, drives, weights = evaluated
    from drivesim.perception import load_detector

    arms = ("town", "rollout", "untold", "other")
    protocol = dataclasses.replace(PROTOCOLS["obedience"], arms=arms, drives=tuple(drives), film=2, draws=50)
    judges = {"reference": load_detector("reference")}
    steps = []
    metrics = evaluate(
        weights,
        folder / "a",
        protocol,
        judges,
        training=[folder / "training"],
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps[0] == (0, 24)  # three arms of two drives of two frames each, to be made and to be judged
    assert steps[-1] == (24, 24)
    assert steps == sorted(steps)
    assert tuple(metrics["arms"]) == arms
    assert metrics["measures"]["time of day"]["arms"]["town"]["frames"] == 4
    assert all(set(row["arms"]) == set(arms) for row in metrics["measures"].values())
    assert "ego speed" not in metrics["measures"]  # the frames are too far apart
    assert metrics["measures"]["colour of road users"]["unit"] == "CIEDE2000"
    assert metrics["distances"]["frames"]["kernel"]["rollout"]["samples"] == 4
    assert metrics["copies"]["training"]["clips"] == 1
    assert metrics["copies"]["nearest"][0]["training"] == "learned"
    assert metrics["copies"]["held_out"]["threshold"] is None  # two drives are too few
    text = (folder / "a" / "metrics.json").read_text()
    assert json.loads(text)["protocol_sha256"] == protocol.sha256()
    page = (folder / "a" / "report.html").read_text()
    assert "by_night" in page
    assert "No window can be called a copy" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert_opens(folder / "a" / "report.html", folder / "browser")
    before = (folder / "a" / "clips" / "rollout" / "by_day" / "run.json").read_bytes()
    evaluate(
        weights, folder / "a", protocol, judges, training=[folder / "training"]
    )  # the clips that are there are taken
    assert (folder / "a" / "metrics.json").read_text() == text
    assert (folder / "a" / "clips" / "rollout" / "by_day" / "run.json").read_bytes() == before


def test_drift_is_told_by_windows_of_a_single_drive(evaluated) -> None:
    folder, drives, weights = evaluated
    from drivesim.perception import load_detector

    arms = ("town", "rollout", "image decoder")
    protocol = dataclasses.replace(
        PROTOCOLS["drift"], arms=arms, drives=tuple(drives[:1]), window=0.5, block=0.25, draws=50
    )
    metrics = evaluate(weights, folder / "drift", protocol, {"reference": load_detector("reference")})
    course = metrics["drift"]
    assert course["drawn"] == "blocks"
    assert len(course["town"]["speed"]) == len(course["rollout"]["speed"]) == 2  # 9 frames at 7.5 a second, by 4
    assert course["drift"]["speed"]["kept"][0] == 1
    assert len(course["anew"]["speed"]) == 1  # of the last window alone
    assert course["drift"]["sharpness"]["of_anew"] == pytest.approx(
        course["rollout"]["sharpness"][-1]["value"] / course["anew"]["sharpness"][0]["value"]
    )
    anew = read_clip(folder / "drift" / "clips" / "anew" / "by_day")
    assert (len(anew), anew.provenance["begins"]) == (5, pytest.approx(4 / 7.5, abs=0.01))
    assert "anew" not in metrics["smoothness"]["flicker"]
    first = course["town"]["speed"][0]
    assert first["value"] > 0.01  # it drives
    assert first["interval"][0] <= first["value"] <= first["interval"][1]
    page = (folder / "drift" / "report.html").read_text()
    assert "How it drifts" in page
    words = ["weights", "card", str(weights), "--evaluation", str(folder / "drift"), "--out", str(folder / "card.md")]
    assert main(words) == 0
    card = (folder / "card.md").read_text()
    assert f"## {protocol.name} ({protocol.sha256()[:12]})" in card
    assert "\n| metric | 0 s |" in card
    assert tuple(metrics["smoothness"]["flicker"]) == arms
    assert [metrics["clips"][arm][0].get("image_only") for arm in arms] == [None, None, ["decoder"]]
    smooth = metrics["smoothness"]["flicker"]["rollout"]
    assert (smooth["clips"], smooth["frames"]) == (1, 8)
    assert "How smooth it is" in page
    film = base64.b64encode((folder / "drift" / "triptych.mp4").read_bytes()).decode()
    assert f'src="data:video/mp4;base64,{film}"' in page
    assert "blocks of 0.25 s" in page
    assert metrics["copies"] is None
    assert "It was not looked for" in page
    assert_opens(folder / "drift" / "report.html", folder / "browser")


def test_what_cannot_be_evaluated_is_one_clear_error(evaluated, tmp_path) -> None:
    _, drives, weights = evaluated
    protocol = dataclasses.replace(PROTOCOLS["layout"], drives=tuple(drives))
    with pytest.raises(UserError, match="0 judges"):
        evaluate(weights, tmp_path / "a", protocol, {})
    with pytest.raises(UserError, match="1 drives"):
        evaluate(weights, tmp_path / "a", dataclasses.replace(protocol, drives=tuple(drives[:1])), {"a": None})
    with pytest.raises(UserError, match="the arm 'dream'"):
        evaluate(weights, tmp_path / "a", dataclasses.replace(protocol, arms=("dream",)), {"a": None})
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["layout", "--drives", "25"], "--drives 25: the protocol has 24"),
        (["layout", "--judge", "reference", "--judge", "reference"], "expected judges of different names"),
        (["layout", "--drive", "cut_in@1"], "found 1 drives, expected 2 or more"),
        (["layout", "--drives", "1"], "found 1 drives, expected 2 or more"),
    ],
)
def test_the_command_refuses_in_one_line_what_it_cannot_do(words, message, tmp_path, capsys) -> None:
    assert main(["evaluate", *words, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()

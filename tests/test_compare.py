"""Comparing benchmark runs: differences and intervals by hand, what is refused, the page and the command."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

from drivesim import cli
from drivesim.errors import UserError
from drivesim.evaluation import benchmark, compare
from drivesim.metrics.detection import bootstrap_difference
from drivesim.perception import Detections
from scenarios.facts import FrameFacts, ObjectFacts
from tests.test_benchmark import Constant, Oracle, make_clip


class Half(Oracle):
    """Finds every car of even frames only."""

    def __call__(self, frames):
        return [found if frame[0, 0, 0] % 2 == 0 else Detections([], [], []) for frame, found in
                zip(frames, super().__call__(frames), strict=True)]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs on the same clips, by a detector that finds all, one that finds every other frame's, one blind."""
    folder = tmp_path_factory.mktemp("runs")
    clips = [make_clip("a", daylight=1.0), make_clip("b", daylight=0.0), make_clip("c", daylight=0.0)]
    for name, detector in (("all", Oracle(clips[0])), ("half", Half(clips[0])), ("none", Constant())):
        benchmark(clips, dataclasses.replace(detector, name=name), folder / name, every=1)
    benchmark(clips[:2], Oracle(clips[0]), folder / "fewer", every=1)
    benchmark(clips, Oracle(clips[0]), folder / "sparse", every=2)
    return folder


def rows_of(result, kind="vehicle"):
    return {(row["slice"], row["value"]): row for row in result["rows"][kind]}


def test_differences_are_against_the_first_run_by_slice(runs, tmp_path) -> None:
    result = compare([runs / "all", runs / "half", runs / "none"], tmp_path / "out")
    assert [run["name"] for run in result["runs"]] == ["all", "half", "none"]
    assert result["same_clips"]
    night = rows_of(result)["time_of_day", "night"]
    assert [row["recall"] for row in night["runs"]] == [1.0, 0.5, 0.0]
    assert [row["boxes"] for row in night["runs"]] == [24, 24, 24]
    half, none = night["differences"]
    assert (half["recall"]["value"], none["recall"]["value"]) == (-0.5, -1.0)
    assert half["recall"]["interval"] == pytest.approx((-0.5, -0.5))  # the clips are alike: nothing to vary
    assert half["AP50"]["value"] == pytest.approx(51 / 101 - 1)
    assert half["AP50"]["interval"] == pytest.approx((51 / 101 - 1, 51 / 101 - 1))
    assert rows_of(result)["time_of_day", "day"]["differences"][0]["recall"]["interval"] is None  # one clip
    near = rows_of(result)["distance", "10 to 20"]["differences"][0]
    assert (near["AP50"], near["recall"]["value"]) == (None, -0.5)
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == json.loads(json.dumps(result))
    order = list(dict.fromkeys(row["slice"] for row in result["rows"]["vehicle"]))
    assert order == ["total", "time_of_day", "weather", "crowdedness", "scenario", "size", "distance", "occlusion"]
    assert list(result["rows"]) == ["vehicle", "person"]


def test_a_run_against_itself_differs_nowhere_and_gives_the_same_bytes(runs, tmp_path) -> None:
    for name in ("one", "two"):
        result = compare([runs / "half", runs / "half"], tmp_path / name)
    for row in result["rows"]["vehicle"]:
        for difference in row["differences"][0].values():
            assert difference is None or (difference["value"], difference["interval"]) in ((0, None), (0, (0, 0)))
    assert [run["name"] for run in result["runs"]] == ["half", "half-2"]
    for file in ("compare.json", "compare.html"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_runs_of_other_clips_compare_and_say_so(runs, tmp_path) -> None:
    result = compare([runs / "all", runs / "fewer"], tmp_path / "out")
    assert not result["same_clips"]
    gone = rows_of(result)["scenario", "c"]
    assert (gone["runs"][1], gone["differences"]) == (None, [{"AP50": None, "recall": None}])
    assert "The runs are of different clips" in (tmp_path / "out" / "compare.html").read_text()


def test_a_paired_interval_takes_the_clips_out_and_an_unpaired_one_does_not() -> None:
    hard = np.array([0.2, 0.5, 0.8, 0.9])  # by clip; the second is better by a tenth on each
    first, second = (lambda drawn: float(hard[drawn].mean())), (lambda drawn: float(hard[drawn].mean() + 0.1))
    paired = bootstrap_difference(first, second, (4, 4), paired=True, seed=0)
    apart = bootstrap_difference(first, second, (4, 4), paired=False, seed=0)
    assert paired == pytest.approx((0.1, 0.1))
    assert apart[0] < -0.1 < 0.3 < apart[1]
    assert bootstrap_difference(first, second, (4, 1), paired=False, seed=0) is None
    assert bootstrap_difference(first, lambda drawn: None, (4, 4), paired=True, seed=0) is None


def broken(runs, folder, file, change):
    """A copy of the run "half" of which one file is changed."""
    shutil.copytree(runs / "half", folder)
    text = (folder / file).read_text()
    assert change(text) != text
    (folder / file).write_text(change(text))
    return folder


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ("sparse", "of different protocols, expected one: every is 1 and 2"),
        ("nowhere", "nowhere/metrics.json: No such file or directory, expected the folder of a benchmark"),
    ],
)
def test_runs_that_do_not_fit_are_refused_in_one_line(runs, tmp_path, second, says) -> None:
    with pytest.raises(UserError, match=re.escape(says)) as error:
        compare([runs / "half", runs / second], tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("metrics.json", lambda text: text[:-9], "not the JSON of a benchmark"),
        ("metrics.json", lambda text: text.replace("0.3", "NaN", 1), "NaN found, expected a finite number"),
        ("metrics.json", lambda text: text.replace("benchmark/2", "benchmark/1"), "expected 'drivesim.benchmark/2'"),
        ("metrics.json", lambda text: text.replace('"iou": 0.5', '"iou": 0.6'), "iou is 0.5 and 0.6"),
        ("frames.jsonl", lambda text: text[: text.rindex('{"clip"')], "its sha256 differs"),
        ("frames.jsonl", lambda text: text[:-5], "frames.jsonl:36: no row of a scored frame"),
    ],
)
def test_a_damaged_run_is_told_in_one_line(runs, tmp_path, file, change, says) -> None:
    with pytest.raises(UserError, match=re.escape(says)) as error:
        compare([runs / "half", broken(runs, tmp_path / "bad", file, change)], tmp_path / "out")
    assert "\n" not in str(error.value)


def test_rules_that_were_edited_in_every_run_are_noticed(runs, tmp_path) -> None:
    change = lambda text: text.replace('"iou": 0.5', '"iou": 0.6')  # noqa: E731
    folders = [broken(runs, tmp_path / name, "metrics.json", change) for name in ("one", "two")]
    with pytest.raises(UserError, match="protocol_sha256 is not that of its protocol"):
        compare(folders, tmp_path / "out")


def test_frames_that_are_missing_and_a_single_run_are_refused(runs, tmp_path) -> None:
    shutil.copytree(runs / "half", tmp_path / "bare")
    (tmp_path / "bare" / "frames.jsonl").unlink()
    with pytest.raises(UserError, match=r"frames\.jsonl: No such file or directory"):
        compare([runs / "half", tmp_path / "bare"], tmp_path / "out")
    with pytest.raises(UserError, match="1 run to compare, expected two or more"):
        compare([runs / "half"], tmp_path / "out")


def test_the_page_shows_both_scores_and_escapes_names(runs, tmp_path) -> None:
    evil = tmp_path / "<b>half"
    shutil.copytree(runs / "half", evil)
    compare([runs / "all", evil], tmp_path / "out")
    page = (tmp_path / "out" / "compare.html").read_text()
    assert "&lt;b&gt;half" in page
    assert "<b>half" not in page
    assert "<script" not in page
    part = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("vehicle: recall")[1].split("person: AP50")[0]))
    assert "night 24 1.00 0.50 -0.50 -0.50 to -0.50" in part
    assert "10 to 20 m 36 1.00 0.50" in part


def test_the_command_compares_and_writes_tensorboard(runs, tmp_path, capsys, monkeypatch) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from drivesim.clips import ClipWriter

    with ClipWriter(tmp_path / "clip", fps=10, width=128, height=64, provenance={"origin": "town"}) as writer:
        for k in range(3):
            writer.write(np.zeros((64, 128, 3), np.uint8), FrameFacts(k, k / 10, 1.0, "clear",
                         objects=(ObjectFacts(1, "car", (0, 0, 20, 20)),)))  # fmt: skip
        writer.finish()
    monkeypatch.setattr("drivesim.perception.load_detector", lambda source: Constant(source))
    for name in ("one", "two"):
        words = [
            "--detector",
            name,
            "--every",
            "1",
            "--tensorboard",
            tmp_path / "board" / name,
            "--out",
            tmp_path / name,
        ]
        assert cli.main(["benchmark", str(tmp_path / "clip"), *map(str, words)]) == 0
    capsys.readouterr()
    assert cli.main(["compare", *(str(tmp_path / name) for name in ("one", "two")), "--out", str(tmp_path / "c")]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "vehicle AP50: one 1.000, two 1.000",
        *(str(tmp_path / "c" / f"compare.{e}") for e in ("json", "html")),
    ]
    events = EventAccumulator(str(tmp_path / "board" / "one"))
    events.Reload()
    (recall,) = events.Scalars("vehicle/time_of_day/day/recall")
    (boxes,) = events.Scalars("vehicle/size/0.2_to_0.4/boxes")
    assert (recall.step, recall.value, boxes.value) == (0, 1.0, 3.0)
    assert "vehicle/distance/unknown/AP50" not in events.Tags()["scalars"]
    assert cli.main(["compare", str(tmp_path / "one"), "--out", str(tmp_path / "d")]) == 2
    assert capsys.readouterr().err == "drivesim: 1 run to compare, expected two or more\n"

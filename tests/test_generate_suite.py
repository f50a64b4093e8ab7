"""The suite file: a line per mistake that says where it is; jobs with stable names; splits that do not leak."""

from __future__ import annotations

import json

import pytest

from drivesim.cli import main
from drivesim.errors import UserError
from drivesim.generate import read_suite, suite_of
from drivesim.generate.jobs import jobs, part, rate_of
from drivesim.generate.planning import coverage_lines, plan, told
from drivesim.generate.suite import suites
from scenarios.suite import evaluation_suite

HEAD = "schema: drivesim.suite/1\nname: mine\n"
STREET = "schema: drivesim.scenario/1\nname: street\nclock: {duration: 2.0}\n"
SWEEP = STREET + "variations: {over: {environment.initial.daylight: {values: [day, night]}}}\n"
CAMERAS = {
    "wide": {"width": 64, "height": 32, "intrinsics": {"fx": 30, "fy": 30, "cx": 32, "cy": 16}},
    "front": {"preset": "front_1024x512"},
}


def mine(*clips: dict, **more) -> list:
    return jobs(suite_of({"name": "mine", "clips": list(clips), **more}))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("clips: [{sample: 0}]", "3:18", "found 0, expected greater than or equal to 1"),
        ("clips: []", "3:8", "expected at least one item"),
        ("clips: [{}]", "3:9", "expected exactly one of scenario, sample, not none"),
        ("clips: [{sample: 1, count: 2}]", "3:9", "expected none of set, variations and count beside sample"),
        ("clips: [{scenario: dawn, seed: 2}]", "3:9", "expected no seed beside scenario"),
        ("clips: [{sampel: 1}]", "3:10", "found unknown key 'sampel', expected one of .*did you mean 'sample'"),
        ("clips: [{sample: 1, frames: 2, duration: 1 s}]", "3:9", "at most one of frames, duration"),
        ("clips: [{sample: 1}]\nfps: []", "4:6", "expected at least one item"),
        ("clips: [{sample: 1}]\nsize: [33, 64]", "4:8", "multiple of 2"),
        ("clips: [{sample: 1}]\nsplits: {train: 0.9}", "4:9", "expected shares with a sum of 1, not 1.1"),
        ("clips: [{sample: 1}]\nlabels: {policy: burn}", "4:18", "'keep', 'flag' or 'drop'"),
        ("clips: [{sample: 1}]\ncameras: {front: {width: 64}}", "4:18", "either preset or all of width"),
        ("clips:\n- {scenario: dwan}", "4:14", "did you mean 'dawn'"),
        ("clips:\n- {scenario: ../other.yaml}", "4:14", "outside the suite's folder"),
        ("clips:\n- {scenario: dawn, set: {nonsense: 1}}", "4:3", "found 'dawn' that is none: .*nonsense"),
        ("clips:\n- {scenario: street.yaml, variations: true}", "4:39", "found no variations in 'street.yaml'"),
        (
            "clips:\n- {scenario: sweep.yaml, variations: true, set: {environment.initial.daylight: day}}", "4:49",
            "found 'environment.initial.daylight', which the file's variations vary",
        ),
        ("clips:\n- {scenario: dawn}\n- {scenario: dawn}", "5:3", "found a clip that entry 1 makes, too"),
        (
            "clips:\n- {scenario: dawn, split: val}\n- {scenario: dawn, count: 2, split: test}", "5:3",
            "found 'dawn' in the split test, expected val as in entry 1",
        ),
        ("clips:\n- {scenario: cut_in, split: train}", "4:3", "found the evaluation scenario 'cut_in' in the split"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(tmp_path, capsys, text, place, words):
    (tmp_path / "other.yaml").write_text(STREET)
    folder = tmp_path / "suites"
    folder.mkdir()
    (folder / "street.yaml").write_text(STREET)
    (folder / "sweep.yaml").write_text(SWEEP)
    file = folder / "mine.yaml"
    file.write_text(HEAD + text + "\n")
    with pytest.raises(UserError, match=words) as error:
        jobs(read_suite(file))
    assert str(error.value).startswith(f"{file}:{place}: ")
    assert main(["generate", str(file), "--plan"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("change", [{"cameras": CAMERAS}, {"set": {"environment.initial.daylight": "night"}}])
def test_an_evaluation_scenario_is_none_to_train_on_however_it_is_changed(change):
    entry = {"scenario": "cut_in", "set": change.get("set", {})}
    cameras = change.get("cameras", {})
    with pytest.raises(UserError, match="evaluation scenario 'cut_in' in the split train, expected split: val or test"):
        mine({**entry, "split": "train"}, cameras=cameras)
    assert {job.split for job in mine({**entry, "split": "test"}, cameras=cameras)} == {"test"}


def test_a_copy_of_an_evaluation_scenario_under_another_file_name_is_known(tmp_path):
    from scenarios import shipped

    (tmp_path / "copy.yaml").write_bytes(shipped()["cut_in"].read_bytes())
    (tmp_path / "s.yaml").write_text(HEAD + "clips: [{scenario: copy.yaml, split: train}]\n")
    with pytest.raises(UserError, match="evaluation scenario 'cut_in'"):
        jobs(read_suite(tmp_path / "s.yaml"))


def test_all_of_a_scenario_is_in_one_split(tmp_path):
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    clips = "clips:\n- {scenario: sweep.yaml, variations: true, count: 3}\n- {sample: 40}\n"
    shares = "splits: {train: 0.5, val: 0.25, test: 0.25}\n"
    (tmp_path / "s.yaml").write_text(HEAD + shares + f"cameras: {json.dumps(CAMERAS)}\n" + clips)
    made = jobs(read_suite(tmp_path / "s.yaml"))
    assert len(made) == 2 * (2 * 3 + 40)
    splits = {group: {job.split for job in made if job.group == group} for group in {job.group for job in made}}
    assert all(len(found) == 1 for found in splits.values())
    counts = [sum(found == {name} for found in splits.values()) for name in ("train", "val", "test")]
    assert sum(counts) == 41
    assert 10 <= counts[0] <= 30
    assert min(counts) >= 3


def test_cameras_see_the_same_drive():
    wide, front = sorted(mine({"scenario": "dawn", "frames": 2}, cameras=CAMERAS), key=lambda job: -len(job.scenario))
    assert {wide.camera, front.camera} == {"wide", "front"}
    assert (wide.seed, wide.fps) == (front.seed, front.fps)
    one, other = wide.timeline()[1], front.timeline()[1]
    assert one.ego == other.ego
    assert one.camera != other.camera


def test_ids_stay_when_an_entry_grows_or_another_is_added():
    few = {job.id for job in mine({"scenario": "dawn", "count": 2}, {"sample": 3})}
    many = [job.id for job in mine({"scenario": "empty_road"}, {"scenario": "dawn", "count": 4}, {"sample": 9})]
    assert few < set(many)
    assert many == sorted(many)
    assert len(set(many)) == len(many) == 14


def test_shards_are_parts_that_stay_when_a_suite_grows():
    few, many = mine({"sample": 7}), mine({"sample": 12})
    shards = [{job.id for job in part(many, (i, 3))} for i in (1, 2, 3)]
    assert set.union(*shards) == {job.id for job in many}
    assert [len(shard) for shard in shards] == [4, 4, 4]
    assert {job.id for job in part(few, (2, 3))} <= shards[1]
    with pytest.raises(UserError, match="found shard 4/3"):
        part(few, (4, 3))


def test_rates_are_spread_evenly_over_any_run_of_drives():
    rates = [rate_of((30.0, 7.5, 7.5), number) for number in range(300)]
    assert rates.count(30.0) == pytest.approx(100, abs=2)
    for residue in range(3):  # in no step with the sampler's sequence in base 3
        assert rates[residue::3].count(30.0) == pytest.approx(33, abs=3)


def test_an_entry_goes_before_the_suite_and_the_suite_before_the_scenario():
    own, suite, entry = (
        mine({"scenario": "dawn"})[0],
        mine({"scenario": "dawn"}, fps=7.5, duration="2 s", source="rollout")[0],
        mine({"scenario": "dawn", "fps": 4, "frames": 3, "source": "town"}, fps=7.5, duration=2, source="rollout")[0],
    )
    assert (own.fps, own.frames, own.source) == (30.0, None, "town")
    assert (suite.fps, suite.frames, suite.source) == (7.5, 15, "rollout")
    assert (entry.fps, entry.frames, entry.source) == (4.0, 3, "town")


def test_the_plan_counts_frames_and_conditions_empty_cells_first():
    clear = {"scenario": "empty_road", "frames": 30, "fps": 7.5, "count": 2}
    made = plan(mine(clear), (32, 64))
    row = made.summary(2)
    assert (row["clips"], row["frames"], row["video_minutes"]) == (2, 60, round(8 / 60, 2))
    assert row["estimated_hours"] <= plan(mine(clear)).summary(1)["estimated_hours"]
    assert made.bytes < plan(mine(clear)).bytes
    lines = coverage_lines(made, "town")
    assert lines[0] == "town: 59 of 60 conditions have no clip"
    assert lines[1].split() == ["traffic", "level", "none", "low", "medium", "high"]
    assert [line.split().count("-") for line in lines[2:]] == [4] * 14 + [3]
    assert "2 clips, 60 frames" in told(made, 2)


def test_a_plan_makes_nothing(tmp_path, capsys):
    assert main(["generate", "streets", "--plan", "--json", "--out", str(tmp_path / "data")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["clips"] >= 12
    assert found["coverage"][0]["clips"] == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", suites())
def test_a_shipped_suite_trains_on_no_evaluation_scenario_and_covers_day_dusk_and_night(name):
    made = jobs(read_suite(name))
    assert {job.group for job in made if job.split == "train"}.isdisjoint(row.scenario for row in evaluation_suite())
    conditions = plan(made).conditions
    assert {cell[1] for cell in conditions} == {"night", "dawn_dusk", "day"}
    assert {cell[2] for cell in conditions} == {"clear", "overcast", "rainy", "foggy", "snowy"}
    assert {cell[3] for cell in conditions} == {"none", "low", "medium", "high"}
    assert {job.split for job in made} == ({"train"} if name == "training" else {"train", "val", "test"})

"""Trainability: what the arms hold, means and differences by hand, a whole tiny run, killed and resumed."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from drivesim.cli import main
from drivesim.clips import ClipWriter, read_clip
from drivesim.clips.video import SegmentWriter
from drivesim.errors import UserError
from drivesim.evaluation import Protocol
from drivesim.evaluation.scoring import Evidence
from drivesim.networks.detector import DetectorConfig
from drivesim.report import render_trainability
from drivesim.trainability import ARMS, TrainabilityProtocol, trainability
from drivesim.trainability import run as running
from drivesim.trainability.clips import given_clips, jobs, mark_of
from drivesim.trainability.run import check_apart, trained_on
from drivesim.trainability.scores import Result, tables
from scenarios.facts import FrameFacts
from tests.tiny_weights import write_tiny_weights

TINY = TrainabilityProtocol(
    clips=2,
    test=2,
    frames=2,
    size=(64, 128),
    network=DetectorConfig(size=(64, 128), widths=(8, 8, 16, 16, 16), blocks=(1, 1, 1, 1), head=16),
    steps=3,
    batch=2,
    seeds=(0,),
    detection=Protocol(every=1, draws=20),
)


def evidence(*hits: bool) -> Evidence:
    """A clip with a detection for each of ``hits``, and as many true boxes."""
    return Evidence(np.linspace(0.9, 0.5, len(hits)), np.array(hits, bool), len(hits))


def found(*clips: Evidence) -> dict[str, Result]:
    row = dict.fromkeys(("AP50", "AP50_interval", "recall", "false_per_frame", "boxes", "frames", "clips"), 0)
    return {
        "vehicle": Result(row, list(clips)),
        "person": Result(row, [Evidence(np.zeros(0), np.zeros(0, bool), 0)] * 2),
    }


def scored(least: float = 0.3) -> dict:
    """Two trainings per arm, on two test clips: R finds the first clip's boxes or nothing; R+S all, always."""
    good, bad = evidence(True, True), evidence(False, False)
    results = {
        "R": [found(good, bad), found(bad, bad)],
        "R+R'": [found(bad, bad)] * 2,
        "S": [found(good, good), found(bad, bad)],
        "R+S": [found(good, good)] * 2,
    }
    return tables(results, dataclasses.replace(TINY, seeds=(0, 1), least=least))


def test_means_and_paired_differences_by_hand() -> None:
    made = scored()
    # R's first training finds two of four boxes with the best scores, or with equal ones those that do not hit: the
    # stable order puts the first clip's 0.9 before the second's, so precision is 1, 1/2, 2/3, 1/2 down the list.
    first = np.mean([1.0 if level <= 0.25 else 2 / 3 if level <= 0.5 else 0.0 for level in np.linspace(0, 1, 101)])
    assert made["arms"]["R"]["vehicle"]["value"] == pytest.approx(first / 2)
    assert made["arms"]["R+S"]["vehicle"]["value"] == 1
    assert made["arms"]["R+S"]["vehicle"]["interval"] == (1, 1)
    assert made["differences"]["R+S - R"]["vehicle"]["value"] == pytest.approx(1 - first / 2)
    assert made["differences"]["R+S - R+R'"]["vehicle"] == {"value": 1, "interval": (1, 1)}
    assert made["differences"]["S - R"]["vehicle"]["value"] == pytest.approx(0.5 - first / 2)
    low, high = made["differences"]["S - R"]["vehicle"]["interval"]
    assert low <= 0 < high  # by training: nothing, or what the second clip's boxes are worth


def test_a_kind_that_is_not_there_has_no_score() -> None:
    assert scored()["arms"]["R"]["person"]["value"] is None
    assert scored()["differences"]["R+S - R"]["person"] == {"value": None, "interval": None}


def test_a_run_whose_real_arm_is_weak_does_not_count() -> None:
    assert scored(least=0.2)["counts"]["counts"] is True
    weak = scored(least=0.3)["counts"]
    assert (weak["counts"], weak["arm"], weak["least"]) == (False, "R", 0.3)


def test_every_field_of_the_protocol_is_in_its_hash() -> None:
    changes = {
        "name": "x", "clips": 3, "test": 3, "frames": 3, "fps": 7.5, "scenarios": 1, "size": (32, 64), "real": "0",
        "network": DetectorConfig(), "steps": 4, "batch": 3, "rate": 1e-3, "zoom": 1.0, "seeds": (5,),
        "detection": Protocol(every=2), "least": 0.5,
    }  # fmt: skip
    assert set(changes) == {field.name for field in dataclasses.fields(TrainabilityProtocol)}
    marks = {dataclasses.replace(TINY, **{name: value}).sha256() for name, value in changes.items()}
    assert len(marks | {TINY.sha256()}) == len(changes) + 1


def test_what_makes_no_protocol_is_refused() -> None:
    with pytest.raises(UserError, match="clips is 1, expected 2 or more"):
        dataclasses.replace(TINY, clips=1)
    with pytest.raises(UserError, match=r"seeds are \(0, 0\)"):
        dataclasses.replace(TINY, seeds=(0, 0))


def test_rollouts_are_of_the_scenarios_of_r_and_the_test_has_others() -> None:
    made = {name: {job.number for job in row} for name, row in jobs(TINY, Path("clips"), count=TINY.clips).items()}
    assert made == {"R": {0, 1}, "S": {0, 1}, "test": {2, 3}}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A whole run with random weights."""
    folder = tmp_path_factory.mktemp("trainability")
    weights = write_tiny_weights(folder / "weights")
    steps: list[tuple[int, int]] = []
    metrics = trainability(
        weights, folder / "a", TINY, device="cpu", workers=1, progress=lambda *step: steps.append(step)
    )
    return folder, weights, metrics, steps


def test_a_run_from_weights_to_a_page(done) -> None:
    folder, _, metrics, steps = done
    assert steps[-1] == (6 + 4, 6 + 4)  # clips, and a training of each arm
    assert json.loads((folder / "a" / "metrics.json").read_text())["protocol_sha256"] == TINY.sha256()
    assert metrics["trained_on"]["R"] == {"clips": 2, "frames": 4}
    assert metrics["trained_on"]["R+R'"] == metrics["trained_on"]["R+S"] == {"clips": 4, "frames": 8}
    assert len({row["sha256"] for rows in metrics["detectors"].values() for row in rows}) == 4
    assert metrics["counts"]["counts"] is False  # three steps teach nothing
    page = (folder / "a" / "report.html").read_text()
    assert "This run does not count" in page
    assert page.count("data:image/jpeg") == 4
    assert "http" not in page.replace("http://www.w3.org", "")


def test_r_and_s_are_of_one_scenario_and_arms_hold_what_they_say(done) -> None:
    folder, _, metrics, _ = done
    sets = {
        name: [read_clip(path) for path in sorted((folder / "a" / "clips" / name).iterdir())] for name in ("R", "S")
    }
    origins = {arm: sorted(clip.origin for clip in trained_on(arm, sets)) for arm in ARMS}
    rendered, rolled = ["town"] * 2, ["rollout"] * 2
    assert origins == {"R": rendered, "R+R'": rendered * 2, "S": rolled, "R+S": rolled + rendered}
    named = {name: [clip["scenario"]["sha256"] for clip in row] for name, row in metrics["clips"].items()}
    assert named["R"] == named["S"]
    assert not set(named["test"]) & set(named["R"])
    for real, rolled_clip in zip(sets["R"], sets["S"], strict=True):
        assert [len(facts.objects) for facts in real.facts] == [len(facts.objects) for facts in rolled_clip.facts]


def test_a_scenario_of_the_test_is_never_trained_on(done) -> None:
    folder, *_ = done
    clip = read_clip(folder / "a" / "clips" / "R" / "000000")
    other = read_clip(folder / "a" / "clips" / "test" / "000002")
    with pytest.raises(UserError, match="sample_7500_0 is in the test and in S, expected to train on others"):
        check_apart({"test": [clip], "R": [other], "S": [clip]})


def test_a_killed_run_goes_on_and_ends_the_same(done, monkeypatch) -> None:
    folder, weights, *_ = done
    before = (folder / "a" / "metrics.json").read_bytes()
    detectors = sorted((folder / "a" / "detectors").iterdir())
    assert len(detectors) == 4
    again = detectors[2].read_bytes()
    detectors[2].unlink()  # as if the run had been killed before this training was done
    (folder / "a" / "metrics.json").unlink()
    trained = []
    kept = running.train
    monkeypatch.setattr(running, "train", lambda *args, **kwargs: (trained.append(args[1]), kept(*args, **kwargs)))
    trainability(weights, folder / "a", TINY, device="cpu", workers=1)
    assert trained == [detectors[2]]
    assert detectors[2].read_bytes() == again  # the same training, the same bytes
    assert (folder / "a" / "metrics.json").read_bytes() == before


def test_the_page_says_that_a_run_counts_only_where_it_does(done) -> None:
    _, _, metrics, _ = done
    counting = {**metrics, "counts": {**metrics["counts"], "counts": True}}
    assert "This run counts" in render_trainability(counting, [])
    assert "does not count" not in render_trainability(counting, [])
    assert "This run counts" not in render_trainability(metrics, [])


def footage(folder: Path, count: int, *, labelled: bool = True) -> Path:
    """Videos of three frames each, with a car that is labelled in the first and the last of them."""
    folder.mkdir()
    for number in range(count):
        writer = SegmentWriter(folder / f"drive{number}.mkv", rate=Fraction(10), width=81, height=40, lossless=True)
        for k in range(3):
            writer.write(np.full((40, 81, 3), 40 * k + number, np.uint8))
        writer.close()
        boxes = [{"box": [0.2, 0.3, 0.5, 0.8], "label": "Car"}]
        frames = [{"frame": k, "boxes": boxes} for k in (0, 2)] if labelled else []
        text = json.dumps({"box_format": "x1,y1,x2,y2 normalised 0..1", "frames": frames})
        (folder / f"drive{number}_boxes.json").write_text(text)
    return folder


def test_given_footage_is_split_by_clip_and_only_labelled_frames_are_taken(tmp_path) -> None:
    sets = given_clips(footage(tmp_path / "real", 7), tmp_path / "out", TINY)
    names = {name: {clip.provenance["source"] for clip in clips} for name, clips in sets.items()}
    assert (len(names["R"]), len(names["test"])) == (2, 2)
    assert not names["R"] & names["test"]
    clip = sets["R"][0]
    number = int(clip.provenance["source"].removeprefix("drive").removesuffix(".mkv"))
    assert clip.read([0, 1])[:, 0, 0, 0].tolist() == [number, 80 + number]
    assert [facts.objects[0].category for facts in clip.facts] == ["car", "car"]
    again = given_clips(tmp_path / "real", tmp_path / "out", TINY)
    assert {name: mark_of(clips) for name, clips in again.items()} == {k: mark_of(clips) for k, clips in sets.items()}


def test_given_clips_of_one_scenario_stay_on_one_side(tmp_path) -> None:
    for number in range(9):
        provenance = {"origin": "town", "seed": number, "scenario": {"name": "x", "sha256": str(number // 3)}}
        with ClipWriter(tmp_path / "in" / str(number), fps=2, width=64, height=32, provenance=provenance) as writer:
            writer.write(np.zeros((32, 64, 3), np.uint8), FrameFacts(0, 0.0, objects=()))
            writer.finish()
    sets = given_clips(tmp_path / "in", tmp_path / "out", dataclasses.replace(TINY, clips=9, test=9))
    scenarios = {name: {clip.provenance["scenario"]["sha256"] for clip in clips} for name, clips in sets.items()}
    assert {name: len(clips) for name, clips in sets.items()} == {"test": 3, "R": 6}
    assert not scenarios["test"] & scenarios["R"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--real", "nowhere"], "nowhere: not a folder"),
        (["--real", "few"], "few: 3 labelled clips of 3 scenarios or drives, expected 2 or more"),
        (["--real", "blank"], "blank: 0 labelled clips"),
        (["--weights", "nowhere"], "nowhere"),
    ],
)
def test_the_command_refuses_in_one_line_what_it_cannot_do(words, message, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if words[1] in ("few", "blank"):
        footage(tmp_path / words[1], 3, labelled=words[1] == "few")
    assert main(["evaluate", "trainability", *words, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_real_clips_are_for_trainability_alone(tmp_path, capsys) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "layout", "--real", "x", "--out", str(tmp_path / "out")])
    assert "unrecognized arguments: --real" in capsys.readouterr().err

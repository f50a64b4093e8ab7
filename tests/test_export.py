import json

import pytest
from PIL import Image

from drivesim.cli import main
from drivesim.clips import read_clip
from drivesim.errors import UserError
from drivesim.exports import FORMATS, export
from drivesim.exports.card import conditions
from drivesim.exports.labels import LabelRule, labels
from scenarios.facts import FrameFacts
from tests.dataset_fixtures import CLIPS, FRAMES, facts_of, write_dataset

PICTURES = ("coco", "yolo", "kitti", "mot")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("native"))


def test_what_is_hidden_or_too_thin_is_not_written(dataset):
    found = labels(facts_of(0), "yolo", None, LabelRule())
    assert [label.thing.track_id for label in found] == [1, 2, 4, 5, 7]


@pytest.mark.parametrize(("policy", "expected"), [("keep", (5, 0)), ("flag", (5, 1)), ("drop", (4, 0))])
def test_policy_decides_on_the_box_that_no_judge_found(dataset, policy, expected):
    agreement = dataset.agreement(dataset.rows[1])
    found = list(labels(facts_of(1), "yolo", agreement, LabelRule(policy)))
    assert (len(found), sum(label.flagged for label in found)) == expected
    assert [label.thing.track_id for label in found if label.flagged] in ([], [2])


@pytest.mark.parametrize("form", PICTURES)
def test_export_says_where_it_comes_from(dataset, form, tmp_path):
    seen = []
    out = export(dataset, form, tmp_path / "out", splits=["train", "val"], progress=lambda *now: seen.append(now))
    card = json.loads((out / "drivesim.json").read_bytes())
    assert (card["schema"], card["format"], card["synthetic"]) == ("drivesim.export/1", form, True)
    assert card["rule"] == {"policy": "flag", "overlap": 0.5, "least": 1.0, "hidden": 0.95}
    assert [(row["clip"], row["source"], row["split"]) for row in card["clips"]] == list(CLIPS[:3])
    assert seen == [(1, 3), (2, 3), (3, 3)]
    pictures = [file for file in out.rglob("*") if file.suffix in (".jpg", ".png")]
    assert len(pictures) == 3 * FRAMES
    for file in pictures:
        with Image.open(file) as picture:
            mark = picture.info.get("comment", picture.info.get("Comment"))
        assert mark in (b"synthetic: drivesim", "synthetic: drivesim"), file


@pytest.mark.parametrize("form", ["yolo", "kitti", "mot"])
def test_sidecar_has_the_conditions_of_every_picture(dataset, form, tmp_path):
    out = export(dataset, form, tmp_path / "out")
    rows = [json.loads(line) for line in (out / "conditions.jsonl").read_text().splitlines()]
    assert len(rows) == len(CLIPS) * FRAMES
    assert all((out / row["file"]).is_file() for row in rows)
    row = rows[FRAMES + 1]
    assert (row["clip"], row["frame"], row["source"], row["synthetic"]) == ("b-rollout", 1, "rollout", True)
    assert (row["weather"], row["time_of_day"], row["ego_speed"]) == ("rainy", "dawn_dusk", 8.5)
    assert row["crowdedness"] == {"vehicles": 2, "people": 1}


def test_unknown_conditions_stay_unknown(dataset):
    told = conditions(FrameFacts(0, 0.0), dataset.rows[0])
    assert {told[key] for key in ("daylight", "time_of_day", "weather", "crowdedness", "ego_speed")} == {None}


@pytest.mark.parametrize("form", PICTURES)
def test_same_dataset_gives_the_same_bytes(dataset, form, tmp_path):
    first, second = (export(dataset, form, tmp_path / name, splits=["val"]) for name in ("first", "second"))
    files = sorted(file.relative_to(first) for file in first.rglob("*") if file.is_file())
    assert files == sorted(file.relative_to(second) for file in second.rglob("*") if file.is_file())
    assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)


def test_export_that_fails_leaves_nothing(dataset, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(dataset, "yolo", tmp_path / "out", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_told(dataset, tmp_path):
    with pytest.raises(UserError, match="format is 'vhs', expected one of coco"):
        export(dataset, "vhs", tmp_path / "out")
    with pytest.raises(UserError, match="split is 'dev', expected one of train, val, test"):
        export(dataset, "coco", tmp_path / "out", splits=["dev"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("here")
    with pytest.raises(UserError, match="already there"):
        export(dataset, "coco", tmp_path / "out")
    assert set(PICTURES) <= set(FORMATS)


@pytest.mark.parametrize("form", ["coco", "kitti"])
def test_commands_export_and_import(dataset, form, tmp_path, capsys):
    there, back = str(tmp_path / "there"), str(tmp_path / "back")
    assert main(["dataset", "export", str(dataset.path), "--format", form, "--out", there, "--split", "train"]) == 0
    assert main(["dataset", "import", there, "--format", form, "--out", back]) == 0
    assert capsys.readouterr().out.split() == [there, back]
    clips = {file.name: read_clip(file) for file in (tmp_path / "back" / "clips").iterdir()}
    assert {name: (clip.origin, len(clip), clip.fps) for name, clip in clips.items()} == {
        "a-town": ("town", FRAMES, 7.5), "b-rollout": ("rollout", FRAMES, 7.5)
    }  # fmt: skip
    assert [len(facts.objects) for facts in clips["a-town"].facts] == [5 if form == "coco" else 4] * FRAMES


def test_commands_tell_mistakes_in_one_line(dataset, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out")]
    for argv, message in (
        (["export", str(dataset.path), "--format", "coco", "--policy", "guess", *out], "policy is 'guess'"),
        (["export", str(dataset.path), "--format", "coco", "--overlap", "2", *out], "overlap is 2.0"),
        (["import", str(tmp_path), "--format", "mot", *out], "format is 'mot', expected one of coco, kitti"),
        (["import", str(tmp_path), "--format", "kitti", *out], "no image_02/<sequence> found"),
    ):
        assert main(["dataset", *argv]) != 0
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()

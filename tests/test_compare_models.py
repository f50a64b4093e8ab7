"""Evaluations of models side by side: values as they were, one protocol, the same judges."""

from __future__ import annotations

import json

import pytest

from drivesim.cli import main
from drivesim.evaluation import compare
from tests.browser import assert_opens

JUDGE = {"name": "reference", "sha256": "a" * 64}


def evaluation(folder, value: float, *, protocol: str = "b" * 64, judge=JUDGE):
    folder.mkdir()
    arms = {"town": {"value": 0.9}, "rollout": {"value": value, "interval": [value - 0.1, value + 0.1], "frames": 20}}
    arms["other"] = {"value": 0.1}
    metrics = {
        "schema": "drivesim.generator/2",
        "protocol": {"name": "drivesim.layout/2", "drives": [{"scenario": "cut_in", "seed": 1}] * 2},
        "protocol_sha256": protocol,
        "weights": {"unet.image": f"{value}" * 16},
        "judges": {"reference": judge},
        "scene_judge": JUDGE,
        "measures": {
            "recall": {"arms": arms, "place": round((value - 0.1) / 0.8, 4)},
            "crowd": {"arms": {**arms, "rollout": {"value": None, "interval": None, "frames": 0}}, "place": None},
        },
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def test_models_stand_side_by_side(tmp_path, capsys) -> None:
    one, two = evaluation(tmp_path / "one", 0.5), evaluation(tmp_path / "two", 0.7)
    assert main(["compare", str(one), str(two), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "recall: one 0.500, two 0.700"
    result = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert [run["name"] for run in result["runs"]] == ["one", "two"]
    row = result["measures"]["recall"]
    assert row["ceiling"] == 0.9
    assert [(run["value"], run["floor"], run["place"]) for run in row["runs"]] == [(0.5, 0.1, 0.5), (0.7, 0.1, 0.75)]
    assert (tmp_path / "out" / "compare.html").read_text().count('class="dot"') == 2
    assert_opens(tmp_path / "out" / "compare.html", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"protocol": "c" * 64}, "are of different protocols"), ({"judge": {**JUDGE, "sha256": "d" * 64}}, "judges")],
)
def test_what_does_not_compare_is_refused(tmp_path, capsys, change, message) -> None:
    one, two = evaluation(tmp_path / "one", 0.5), evaluation(tmp_path / "two", 0.7, **change)
    assert main(["compare", str(one), str(two), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_model_and_a_detector_do_not_compare(tmp_path) -> None:
    one, two = evaluation(tmp_path / "one", 0.5), tmp_path / "two"
    two.mkdir()
    (two / "metrics.json").write_text('{"schema": "drivesim.benchmark/2"}')
    with pytest.raises(Exception, match=r"one is of a model, not all others are"):
        compare([one, two], tmp_path / "out")

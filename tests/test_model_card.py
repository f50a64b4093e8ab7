"""The model card in Markdown: what it says of a set, of its evaluations by hand, and what it refuses."""

from __future__ import annotations

import json

import pytest

from drivesim import cli
from drivesim.errors import UserError
from drivesim.evaluation.comparing_models import SCHEMA
from drivesim.model_card import model_card, read_evaluation
from drivesim.weight_sets import describe_weights


@pytest.fixture(scope="module")
def nano():
    return describe_weights("nano")


def evaluation(weights, **more):
    """Two arms of one measure, by hand."""
    cells = {"rollout": {"value": 0.5, "interval": [0.4, 0.6]}, "town": {"value": 1.0, "interval": None}}
    return {
        "schema": SCHEMA,
        "protocol": {"name": "drivesim.drift/4", "fps": 7.5, "drives": [{}, {}], "window": 10.0},
        "protocol_sha256": "ab" * 32,
        "weights": {name: row["fingerprint"] for name, row in weights.parts.items()},
        "arms": {"town": "the ceiling", "rollout": "the model"},
        "measures": {"recall": {"arms": cells}},
        **more,
    }


def table(text, head):
    """The rows, as lists of cells, of the table whose first cell is ``head``."""
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:]]
    return rows[: next(k for k, row in enumerate(rows) if row == [""])]


def test_card_tells_parts_data_licence_and_what_is_obeyed(nano):
    text = model_card(nano)
    assert "**Not evidence of vehicle safety.** Licence: Apache-2.0." in text
    assert [row[0] for row in table(text, "part")[2:]] == list(nano.parts)
    assert {row[0]: row[1] for row in table(text, "condition")[2:]} == {
        name: row["status"] for name, row in nano.card["conditions"].items()
    }
    assert "That is not to say there are none" in text
    assert "Cars melt." in model_card(nano, failures="Cars melt.\n")


def test_scores_stand_with_their_intervals_and_drift_by_window(nano):
    course = {"share": [0.8, None, 0.4], "kept": [1.0, None, 0.5], "held": False, "better": "more"}
    course |= {"of_anew": 0.9, "held_of_anew": True}
    text = model_card(nano, [evaluation(nano, drift={"drawn": "drives", "drift": {"recall": course}})])
    assert table(text, "measure")[2:] == [["recall", "0.5 (0.4 to 0.6)", "1"]]
    assert table(text, "metric") == [
        ["metric", "0 s", "10 s", "20 s", "kept", "held", "of begun anew", "held", "better"],
        ["---"] * 9,
        ["recall", "0.8", "", "0.4", "0.5", "no", "0.9", "yes", "more"],
    ]


def test_of_many_windows_ten_are_shown_the_first_and_the_last_among_them(nano):
    course = {"share": [1.0] * 30, "kept": [1.0] * 30, "held": True, "better": "more"}
    course |= {"of_anew": None, "held_of_anew": None}
    text = model_card(nano, [evaluation(nano, drift={"drawn": "drives", "drift": {"recall": course}})])
    head = table(text, "metric")[0]
    assert (len(head), head[1], head[10]) == (16, "0 s", "290 s")


def test_scores_of_other_weights_are_refused(nano):
    found = evaluation(nano)
    found["weights"]["up.image"] = "0" * 64
    with pytest.raises(UserError, match=r"drivesim\.drift/4 was measured with another up\.image"):
        model_card(nano, [found])


def test_command_writes_the_card_and_names_what_it_cannot_read(nano, tmp_path, capsys):
    (tmp_path / "metrics.json").write_text(json.dumps(evaluation(nano)))
    words = ["weights", "card", "--out", str(tmp_path / "card.md"), "--evaluation"]
    assert cli.main([*words, str(tmp_path)]) == 0
    assert "0.5 (0.4 to 0.6)" in (tmp_path / "card.md").read_text()
    (tmp_path / "metrics.json").write_text("[]")
    assert cli.main([*words, str(tmp_path)]) == 2
    assert f"schema is None, expected '{SCHEMA}'" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"metrics\.json"):
        read_evaluation(tmp_path / "nowhere")

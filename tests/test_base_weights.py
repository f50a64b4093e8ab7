"""Sets that hold only what differs from a shipped one: the rest is found there, and a base that is none is named."""

from __future__ import annotations

import json

import pytest
import torch

from drivesim import cli
from drivesim.errors import UserError
from drivesim.parts import PARTS, load_part, load_weights, save_part
from drivesim.training.card import begin_with
from drivesim.weight_files import find_part, part_file, read_card, weights_folder
from drivesim.weight_sets import check_weights, describe_weights

PART = "unet.temporal_interp"


@pytest.fixture
def folder(tmp_path):
    """A set on nano with another network for the frames between."""
    made = tmp_path / "set"
    made.mkdir()
    part = load_part(weights_folder("nano"), PART)
    with torch.no_grad():
        next(part.network.parameters()).mul_(0.5)
    mark = save_part(made, PART, part.network, part.config, part.parents, dtype=torch.bfloat16, inputs=part.inputs)
    card = read_card(weights_folder("nano")) | {"base": "nano"}
    card["parts"][PART]["fingerprint"] = mark
    card["obedience"]["weights"][PART] = mark
    (made / "card.json").write_text(json.dumps(card))
    return made


def test_what_a_set_lacks_is_its_bases(folder):
    nano, found = load_weights("nano"), load_weights(folder)
    assert [name for name in PARTS if found.fingerprints[name] != nano.fingerprints[name]] == [PART]
    assert find_part(folder, PART) == part_file(folder, PART)
    assert find_part(folder, "ae.image") == part_file(weights_folder("nano"), "ae.image")
    assert check_weights(folder) == []


def test_a_set_is_told_with_its_base(folder, capsys):
    told = describe_weights(folder)
    assert told.card["base"] == "nano"
    assert len(told.parts) == len(PARTS)
    assert cli.main(["weights", "info", str(folder)]) == 0
    assert "on nano, of which it takes ae.image, unet.image, unet.temporal_key" in capsys.readouterr().out


def test_a_copy_is_whole(folder, tmp_path):
    begin_with(tmp_path / "copy", folder)
    assert "base" not in read_card(tmp_path / "copy")
    assert load_weights(tmp_path / "copy").fingerprints == load_weights(folder).fingerprints


@pytest.mark.parametrize("base", ["../nano", "micro", 3, {}])
def test_a_base_that_is_not_shipped_is_named(folder, base):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"base": base}))
    with pytest.raises(UserError, match=r"card\.json: base is .*expected one of \['nano'"):
        load_weights(folder)
    assert any("base is" in line for line in check_weights(folder))


def test_a_base_that_changed_is_noticed(folder):
    card = json.loads((folder / "card.json").read_text())
    card["parts"]["up.image"]["fingerprint"] = "0" * 64
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match=r"up\.image.*expected 000000000000 by card\.json"):
        load_weights(folder)

"""Sets of weights: what is told of one, and that whatever is broken in one is named in a line and never rolled out."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil

import onnx
import pytest
import safetensors.torch
import torch
from onnx import numpy_helper

from drivesim import cli
from drivesim.errors import UserError
from drivesim.parts import PARTS, fingerprint, load_weights, save_part
from drivesim.presets import load_preset
from drivesim.weight_files import part_file, weights_folder
from drivesim.weight_sets import check_weights, describe_weights
from tests.tiny_weights import CARD, STREET, write_tiny_weights


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A set whose card states the fingerprints of its parts."""
    folder = write_tiny_weights(tmp_path_factory.mktemp("whole"))
    marks = {name: {"fingerprint": fingerprint(part_file(folder, name))} for name in PARTS}
    (folder / "card.json").write_text(json.dumps(CARD | {"parts": marks}))
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy of it to break; a file is written anew, or else is that of the original."""
    made = tmp_path / "set"
    shutil.copytree(whole, made, copy_function=os.link)
    return made


@pytest.fixture
def street(tmp_path):
    file = tmp_path / "street.yaml"
    file.write_text(STREET.replace("4.0", "0.6"))
    return file


def replace(file, data):
    """Write a file anew, where a link to the original's may stand."""
    file.unlink()
    file.write_bytes(data)


def rewrite(file, change):
    """Change the tensors and metadata of a part."""
    with safetensors.safe_open(file, "pt") as opened:
        about = json.loads(opened.metadata()["drivesim"])
    tensors = safetensors.torch.load_file(file)
    change(tensors, about)
    replace(file, safetensors.torch.save(tensors, {"drivesim": json.dumps(about)}))


def with_part(name, change):
    return lambda folder: rewrite(part_file(folder, name), change)


def first(tensors):
    return tensors[min(tensors)]


def cut_off(folder):
    file = part_file(folder, "ae.temporal")
    replace(file, file.read_bytes()[:-100])


def change_byte(folder):
    file = part_file(folder, "up.temporal")
    data = bytearray(file.read_bytes())
    data[-2] ^= 1  # of a float32: the value stays finite
    replace(file, bytes(data))


def swap_parent(folder):
    """Another image network of the same shapes, and a card that agrees to it."""
    torch.manual_seed(1)
    config = load_preset("tiny")["unet.image"]
    parents = {"ae.image": fingerprint(part_file(folder, "ae.image"))}
    mark = save_part(folder, "unet.image", PARTS["unet.image"].build(config), config, parents)
    card = json.loads((folder / "card.json").read_text())
    card["parts"]["unet.image"]["fingerprint"] = mark
    replace(folder / "card.json", json.dumps(card).encode())


def lead_out(folder):
    file = part_file(folder, "up.image")
    elsewhere = folder.parent / "elsewhere.safetensors"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


def other_card(folder):
    replace(
        folder / "card.json", json.dumps(CARD | {"obedience": {"weights": dict.fromkeys(PARTS, "0" * 64)}}).encode()
    )


def into(name, data):
    return lambda folder: replace(folder / name, data)


BROKEN = {
    "a file cut off": (cut_off, r"ae\.temporal\.safetensors is damaged"),
    "a file of five bytes": (into("ae.image.safetensors", b"\x01\0\0\0\0"), r"ae\.image\.safetensors begins with"),
    "a changed byte": (change_byte, r"up\.temporal\.safetensors has the fingerprint \w{12}, expected \w{12} by card"),
    "NaN": (
        with_part("unet.image", lambda tensors, _: first(tensors).view(-1)[:1].fill_(torch.nan)),
        r"unet\.image\.safetensors is damaged: \S+ of unet\.image holds a value that is not finite",
    ),
    "a wrong shape": (
        with_part("ae.image", lambda tensors, _: tensors.update(latent_scale=torch.ones(9))),
        r"ae\.image\.safetensors: latent_scale is torch\.float32 \[9\], expected \[8\]",
    ),
    "another parent": (swap_parent, r"unet\.temporal_key\.safetensors was trained on unet\.image \w{12}, found \w{12}"),
    "a missing part": (lambda folder: part_file(folder, "up.temporal").unlink(), r"up\.temporal"),
    "a tensor too many": (
        with_part("up.image", lambda tensors, _: tensors.update(more=torch.zeros(1))),
        r"up\.image\.safetensors and its config disagree about 1 tensors, the first is 'more'",
    ),
    "a pickle": (
        into("unet.image.safetensors", pickle.dumps({"weight": [0.0]})),
        r"unet\.image\.safetensors begins with b'\\x80.*, expected a safetensors file",
    ),
    "a link that leads out": (lead_out, r"up\.image\.safetensors is a link to .*, expected a file in the folder"),
    "a config of no network": (
        with_part("ae.image", lambda _, about: about["config"].update(patch=0)),
        r"ae\.image\.safetensors: its config makes no network",
    ),
    "the card of another set": (
        other_card,
        r"ae\.image\.safetensors has the fingerprint \w{12}, expected 0{12} by card",
    ),
    "a card that is no JSON": (into("card.json", b'{"data": '), r"card\.json is not JSON"),
    "a card too deep": (into("card.json", b"[" * 100_000), r"card\.json is not JSON"),
    "a card of a list": (into("card.json", b"[]"), r"card\.json holds list, expected an object"),
    "a card without conditions": (
        into("card.json", json.dumps({key: CARD[key] for key in ("data", "trained_range")}).encode()),
        r"card\.json: conditions is None, expected an object",
    ),
}


def test_a_whole_set_is_fine(whole, capsys):
    assert cli.main(["weights", "verify", str(whole)]) == 0
    assert capsys.readouterr().out == f"{whole}: fine\n"


@pytest.mark.parametrize(("spoil", "line"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_named_in_a_line_and_not_rolled_out(folder, street, capsys, spoil, line):
    spoil(folder)
    assert cli.main(["weights", "verify", str(folder)]) == 1
    found, err = capsys.readouterr()
    assert err == ""
    assert all(str(folder) in row for row in found.splitlines())
    assert re.search(line, found.splitlines()[0]), found
    out = street.with_name("clip")
    code = cli.main(["rollout", str(street), "--out", str(out), "--fps", "1.875", "--weights", str(folder)])
    err = capsys.readouterr().err
    assert (code, err.count("\n"), out.exists()) == (2, 1, False)
    assert re.search(line, err), err


def test_all_faults_are_told_not_the_first_alone(folder):
    cut_off(folder)
    part_file(folder, "up.temporal").unlink()
    lines = check_weights(folder)
    assert len(lines) == 2
    assert "up.temporal.safetensors is missing" in lines[1]


def test_conditions_measured_before_a_part_was_trained_anew_are_found_but_do_not_hinder(folder):
    card = json.loads((folder / "card.json").read_text())
    measured = {name: row["fingerprint"] for name, row in card["parts"].items()} | {"up.image": "1" * 64}
    replace(folder / "card.json", json.dumps(card | {"obedience": {"weights": measured}}).encode())
    (line,) = check_weights(folder)
    assert re.search(r"conditions were measured with up\.image 1{12}, found \w{12}: .*drivesim train card", line)
    assert set(load_weights(folder).fingerprints) == set(PARTS)


def test_the_detector_and_the_sums_are_checked_too(folder):
    shipped = weights_folder("nano")
    for name in ("detector.onnx", "detector.safetensors"):
        shutil.copy(shipped / name, folder)
    sums = [line for line in (shipped / "SHA256SUMS").read_text().splitlines() if "detector" in line]
    (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    assert check_weights(folder) == []
    model = onnx.load(folder / "detector.onnx")
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    changed = numpy_helper.to_array(weights["network.lateral.0.bias"]).copy()
    changed[0] += 1
    weights["network.lateral.0.bias"].CopyFrom(numpy_helper.from_array(changed, "network.lateral.0.bias"))
    changed[0] = float("nan")
    weights["network.lateral.1.bias"].CopyFrom(numpy_helper.from_array(changed, "network.lateral.1.bias"))
    onnx.save(model, folder / "detector.onnx")
    (folder / "SHA256SUMS").write_text("\n".join([*sums, "x y", f"{'0' * 64}  gone.bin"]))
    other, nan, mark, odd, gone = check_weights(folder)
    assert "network.lateral.0.bias has other values than in detector.safetensors" in other
    assert "network.lateral.1.bias holds a value that is not finite" in nan
    assert re.search(r"detector\.onnx: sha256 is \w{12}, expected \w{12} by SHA256SUMS", mark)
    assert odd.endswith("SHA256SUMS:3: 'x y', expected a sha256, two spaces and a file's name")
    assert "gone.bin is missing" in gone


def test_the_shipped_set_is_whole_and_every_file_of_it_has_its_sum(capsys):
    assert check_weights("nano") == []
    shipped = weights_folder("nano")
    listed = {line.split()[1] for line in (shipped / "SHA256SUMS").read_text().splitlines()}
    assert listed == {file.name for file in shipped.iterdir()} - {"SHA256SUMS"}
    assert cli.main(["weights", "list"]) == 0
    (row,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"nano +7 parts and a detector, [\d,]+ parameters, [\d.]+ MB, trained on town .*", row)


def test_the_card_is_told_as_text_and_as_json(whole, capsys):
    assert cli.main(["weights", "info", str(whole), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    weights = load_weights(whole)
    assert row["parameters"] == sum(
        parameter.numel() for part in ("key", "ae_temporal", "up_temporal") for parameter in
        getattr(weights, part).parameters()
    ) + sum(parameter.numel() for parameter in weights.interp.temporal.parameters())  # fmt: skip
    assert row["parts"]["up.temporal"]["parents"] == {"up.image": weights.fingerprints["up.image"]}
    assert row["conditions"] == CARD["conditions"]
    assert row["detector"] is None
    assert cli.main(["weights", "info", str(whole)]) == 0
    text = capsys.readouterr().out
    assert "not evidence of vehicle safety" in text
    for name, mark in weights.fingerprints.items():
        assert re.search(
            rf"^{re.escape(name)}: [\d,]+ parameters, [\d.]+ MB, fingerprint {mark[:12]}$", text, re.MULTILINE
        )
    assert re.search(r"^  daylight +weak +gain 0\.25$", text, re.MULTILINE)


def test_what_is_no_set_is_one_clear_error(tmp_path):
    for ask in (check_weights, describe_weights):
        with pytest.raises(UserError, match="neither a folder nor shipped, expected a folder or one of"):
            ask(tmp_path / "nowhere")

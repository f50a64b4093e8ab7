"""Sets of weights as a person meets them: which are shipped, what is in one, and whether it is whole.

Loading (`drivesim.parts`) raises at the first thing that is wrong; `check_weights` goes on and tells all of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import onnx
import torch
from onnx import TensorProto, numpy_helper

from drivesim.errors import UserError
from drivesim.parts import (
    PARTS,
    Part,
    assemble,
    check_mark,
    check_parent,
    load_part,
)  # fmt: skip
from drivesim.perception import load_detector
from drivesim.tensor_files import check_place, read_tensors
from drivesim.weight_files import find_part, read_card, weights_folder

NOTICE = "not evidence of vehicle safety"
DETECTOR = "detector"
SUMS = "SHA256SUMS"  # of all files of a shipped set, as the program sha256sum writes it
Asked = ParamSpec("Asked")
Made = TypeVar("Made")


@dataclass(frozen=True)
class WeightSet:
    """A set of weights in words and numbers that go to JSON.

    ``parts``: of each part its fingerprint, parents, parameters, bytes, network (its config) and what the card says of
    its training. ``detector``: sha256 and bytes of its ONNX file, or None. ``card``: the rest of card.json.
    ``borrowed``: the parts that the set does not hold itself, but takes from its ``card["base"]``.
    """

    name: str
    parts: dict[str, dict[str, Any]]
    detector: dict[str, Any] | None
    card: dict[str, Any]
    borrowed: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """Of all generating parts."""
        return sum(row["parameters"] for row in self.parts.values())

    @property
    def bytes(self) -> int:
        """Of the files of all parts and the detector."""
        return sum(row["bytes"] for row in (*self.parts.values(), *([self.detector] if self.detector else [])))

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "name": self.name, "notice": NOTICE, "parameters": self.parameters, "bytes": self.bytes,
            **self.card, "parts": self.parts, "detector": self.detector, "borrowed": self.borrowed,
        }  # fmt: skip


def describe_weights(source: str | Path) -> WeightSet:
    """What is in a folder of weights, or in those shipped under a name.

    Raises `UserError` for a part or a card that is missing or damaged; whether parts fit each other is not asked.

    >>> nano = describe_weights("nano")
    >>> nano.name, len(nano.parts), nano.card["data"]["origins"]
    ('nano', 7, ['town'])
    """
    folder = weights_folder(source)
    card = read_card(folder)
    parts = {}
    for name in PARTS:
        part = load_part(folder, name)
        check_mark(folder, card, part)
        parts[name] = {
            **card.get("parts", {}).get(name, {}),
            "fingerprint": part.fingerprint,
            "parents": part.parents,
            "parameters": sum(parameter.numel() for parameter in part.network.parameters()),
            "bytes": find_part(folder, name).stat().st_size,
            "network": part.config.to_dict(),
        }
    model = folder / f"{DETECTOR}.onnx"
    detector = None
    if model.is_file():
        data = model.read_bytes()
        detector = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    about = {name: value for name, value in card.items() if name != "parts"}
    borrowed = tuple(name for name in PARTS if find_part(folder, name).parent != folder)
    return WeightSet(folder.name, parts, detector, about, borrowed)


def check_weights(source: str | Path) -> list[str]:
    """What is wrong with a set of weights, one line each: where, what was found, what was expected. [] if it is whole.

    Every part is read as a rollout reads it, but none is run. Raises `UserError` if there is no such folder.
    """
    folder = weights_folder(source)
    found: list[str] = []
    for file in sorted(folder.iterdir()):
        _attempt(found, check_place, file)
    parts: dict[str, Part] = {}
    for name, kind in PARTS.items():
        if (part := _attempt(found, load_part, folder, name)) is not None:
            parts[name] = part
            if (parent := parts.get(str(kind.parent))) is not None:
                _attempt(found, check_parent, folder, name, part.parents, parent)
    if (card := _attempt(found, read_card, folder)) is not None:
        for part in parts.values():
            _attempt(found, check_mark, folder, card, part)
        found += _check_measured(folder, card, parts)
        if len(parts) == len(PARTS):
            _attempt(found, assemble, parts, card)
    found += _check_detector(folder)
    found += _check_sums(folder)
    return [" ".join(line.split()) for line in dict.fromkeys(found)]


def _check_measured(folder: Path, card: dict[str, Any], parts: dict[str, Part]) -> list[str]:
    """Parts that were trained anew after the card's conditions were measured (`check_mark` knows their new marks)."""
    measured = card.get("obedience", {}).get("weights", {})
    stated = card.get("parts", {})
    return [
        f"{folder / 'card.json'}: its conditions were measured with {name} {str(measured[name])[:12]}, found"
        f" {part.fingerprint[:12]}: measure them again with `drivesim train card`"
        for name, part in parts.items()
        if name in measured and measured[name] != part.fingerprint and "fingerprint" in stated.get(name, {})
    ]


def _check_detector(folder: Path) -> list[str]:
    """The detector's two files: readable, finite, and of the same numbers where both hold them."""
    found: list[str] = []
    model, file = folder / f"{DETECTOR}.onnx", folder / f"{DETECTOR}.safetensors"
    read = _attempt(found, read_tensors, file) if file.is_file() else None
    tensors = read[0] if read else {}
    if model.is_file() and _attempt(found, load_detector, f"onnx:{model}") is not None:
        for stored in onnx.load_from_string(model.read_bytes()).graph.initializer:
            if stored.data_location == TensorProto.EXTERNAL:
                found.append(f"{model}: {stored.name} lies in another file, expected it in this one")
                continue
            value = torch.from_numpy(numpy_helper.to_array(stored).copy())
            same = tensors.get(stored.name.removeprefix("network."))
            if not torch.isfinite(value).all():
                found.append(f"{model}: {stored.name} holds a value that is not finite")
            elif same is not None and not torch.equal(value, same):
                found.append(f"{model}: {stored.name} has other values than in {file.name}, expected the same")
    return found


def _check_sums(folder: Path) -> list[str]:
    """The files against SHA256SUMS, where there is one."""
    sums = folder / SUMS
    if not sums.is_file():
        return []
    found = []
    for number, line in enumerate(sums.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        row = re.fullmatch(r"([0-9a-f]{64})  ([\w.]+)", line)
        if row is None:
            found.append(f"{sums}:{number}: {line[:80]!r}, expected a sha256, two spaces and a file's name")
        elif not (file := folder / row[2]).is_file():
            found.append(f"{file} is missing, expected it by {SUMS}")
        elif (mark := hashlib.sha256(file.read_bytes()).hexdigest()) != row[1]:
            found.append(f"{file}: sha256 is {mark[:12]}, expected {row[1][:12]} by {SUMS}")
    return found


def _attempt(found: list[str], work: Callable[Asked, Made], /, *args: Asked.args, **named: Asked.kwargs) -> Made | None:
    """The result of ``work``; None if it fails, and then ``found`` has one line more."""
    try:
        return work(*args, **named)
    except UserError as error:
        found.append(str(error))
    except OSError as error:
        found.append(f"{error.filename}: {error.strerror}, expected a readable file")
    return None

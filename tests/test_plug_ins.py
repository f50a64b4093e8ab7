"""Plug-ins: found by their entry points, checked, and named in one line when they fail."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from drivesim import cli
from drivesim.clips import ClipWriter
from drivesim.errors import UserError
from drivesim.perception import load_detector
from scenarios.facts import FrameFacts

FRAMES = [np.zeros((32, 64, 3), np.uint8)] * 2
CODE = """
from drivesim.errors import UserError
from drivesim.perception import Detections

class Mine:
    name, fingerprint = "mine", "1" * 64
    categories = ("car",)
    def __init__(self, answer):
        self.answer = answer
    def __call__(self, frames):
        return self.answer(frames)

def fine(argument):
    found = Detections([[0, 0, float(argument or 8), 8]], [0.5], ["car"])
    return Mine(lambda frames: [found for _ in frames])

def few(argument):
    return Mine(lambda frames: fine("")(frames)[:1])

def lists(argument):
    return Mine(lambda frames: [[0, 0, 8, 8] for _ in frames])

def nothing(argument):
    return Mine(lambda frames: None)

def wrong_box(argument):
    return Mine(lambda frames: [Detections([[0, 0, float("nan"), 8]], [0.5], ["car"])])

def no_memory(argument):
    def run(frames):
        raise RuntimeError("no memory\\nfor this")
    return Mine(run)

def no_file(argument):
    raise FileNotFoundError("weights.bin")

def told(argument):
    raise UserError(f"mine: found {argument}, expected a stride")

def number(argument):
    return 3

class Nameless:
    fingerprint = "1" * 64
    def __call__(self, frames):
        return []

def nameless(argument):
    return Nameless()

"""
NAMES = [line.split("(")[0].removeprefix("def ") for line in CODE.splitlines() if line.startswith("def ")]


def install(folder, package, code, names):
    """Put a module with entry points into a folder, as pip would."""
    (folder / f"{package}.py").write_text(code)
    about = folder / f"{package}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    rows = [f"{name} = {package}:{function}" for name, function in names.items()]
    (about / "entry_points.txt").write_text("\n".join(["[drivesim.detectors]", *rows, "absent = no_such_module:make"]))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    install(tmp_path, "street_eyes", CODE, {name: name for name in NAMES})
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("street_eyes", None)


def test_a_plug_in_is_found_by_its_name_and_given_what_stands_after_it(installed) -> None:
    detector = load_detector("fine")
    assert (detector.name, detector.fingerprint, detector.categories) == ("mine", "1" * 64, {"car"})
    assert [found.boxes.tolist() for found in detector(FRAMES)] == [[[0, 0, 8, 8]]] * 2
    assert load_detector("fine:16.5")(FRAMES)[0].boxes.tolist() == [[0, 0, 16.5, 8]]


def test_an_unknown_name_is_answered_with_the_installed_ones(installed) -> None:
    with pytest.raises(UserError, match=r"detector 'fnie:3', expected .* an installed plug-in \(absent, few, fine, "):
        load_detector("fnie:3")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("no_file", "failed with FileNotFoundError: weights.bin"),
        ("absent", "failed with ModuleNotFoundError: No module named 'no_such_module'"),
        ("fine:wide", "failed with ValueError: could not convert string to float: 'wide'"),
        ("number", "made a int, which cannot be called, with {'name': None, 'fingerprint': None}, expected"),
        ("nameless", "made a Nameless, which can be called, with {'name': None, 'fingerprint': '1"),
    ],
)
def test_a_plug_in_that_makes_no_detector_is_told(installed, source, complaint) -> None:
    with pytest.raises(UserError) as caught:
        load_detector(source)
    name = source.split(":")[0]
    module = "no_such_module:make" if name == "absent" else f"street_eyes:{name}"
    assert str(caught.value).startswith(f"plug-in {name!r} ({module}): {complaint}")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("few", "found 1 answers for 2 frames, expected one Detections for each"),
        ("lists", "found 2 answers for 2 frames, some of them list, expected one Detections for each"),
        ("nothing", "failed with TypeError: 'NoneType' object is not iterable"),
        ("no_memory", "failed with RuntimeError: no memory\nfor this"),
    ],
)
def test_a_plug_in_that_answers_wrongly_is_told(installed, name, complaint) -> None:
    detector = load_detector(name)
    with pytest.raises(UserError) as caught:
        detector(FRAMES)
    assert str(caught.value) == f"plug-in {name!r} (street_eyes:{name}): {complaint}"


def test_a_box_that_is_none_is_told(installed) -> None:
    with pytest.raises(UserError, match="found a box that is not finite, expected four numbers"):
        load_detector("wrong_box")(FRAMES)


def test_what_a_plug_in_says_to_its_user_is_left_as_it_is(installed) -> None:
    with pytest.raises(UserError, match=r"^mine: found 3, expected a stride$"):
        load_detector("told:3")


def test_two_plug_ins_of_one_name_are_refused(installed, tmp_path) -> None:
    install(tmp_path, "other_eyes", CODE, {"fine": "fine"})
    with pytest.raises(
        UserError, match=r"'fine': found (street|other)_eyes:fine and (street|other)_eyes:fine, expected"
    ):
        load_detector("fine")


def test_the_command_line_tells_a_failing_plug_in_in_one_line(installed, tmp_path, capsys) -> None:
    height, width = FRAMES[0].shape[:2]
    with ClipWriter(tmp_path / "street", fps=2, width=width, height=height, provenance={"origin": "town"}) as writer:
        writer.write(FRAMES[0], FrameFacts(0, 0.0, objects=()))
        writer.finish()
    words = ["benchmark", str(tmp_path / "street"), "--detector", "no_memory", "--out", str(tmp_path / "out")]
    assert cli.main(words) == 2
    reason = "plug-in 'no_memory' (street_eyes:no_memory): failed with RuntimeError: no memory for this"
    assert capsys.readouterr().err == f"drivesim: detector 'mine', clip 'street', frame 0: {reason}\n"
    assert not (tmp_path / "out").exists()

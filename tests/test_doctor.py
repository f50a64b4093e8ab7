"""The doctor names what is missing and its remedy, and does not fall over it."""

from __future__ import annotations

import importlib
import importlib.metadata

import pytest

from drivesim import cli, doctor


def finding(name):
    return {check.name: check for check in doctor.examine()}[name]


def test_this_machine_has_all_that_is_needed(capsys):
    assert cli.main(["doctor"]) == 0
    assert "MISSING" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("libGL.so.1: cannot open shared object file: No such file or directory", "apt-get install libgl1"),
        ("libgthread-2.0.so.0: cannot open shared object file: No such file", "apt-get install libglib2.0-0"),
        ("libwonder.so.7: cannot open shared object file: No such file", "the system package that has libwonder.so"),
    ],
)
def test_missing_system_library_is_named_with_its_remedy(message, remedy, monkeypatch, capsys):
    real = importlib.import_module

    def broken(name, *rest):
        if name == "cv2":
            raise ImportError(message)
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", broken)
    assert cli.main(["doctor"]) == 1
    line = next(row for row in capsys.readouterr().out.splitlines() if "opencv-python:" in row)
    assert line.startswith("MISSING")
    assert line.endswith(remedy)


def test_missing_library_is_named(monkeypatch):
    real = importlib.metadata.version

    def without_shapely(name):
        if name == "shapely":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", without_shapely)
    assert str(finding("shapely")) == "MISSING  shapely: not installed -> pip install -r requirements.lock"


def test_version_out_of_range_is_named(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "5.0.0" if name == "opencv-python" else real(name))
    check = finding("opencv-python")
    assert not check.fine
    assert check.detail.startswith("5.0.0, expected opencv-python")


def test_second_opencv_wheel_is_named(monkeypatch):
    class Wheel:
        def __init__(self, name):
            self.metadata = {"Name": name}

    both = [Wheel("opencv-python"), Wheel("opencv-python-headless")]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: both)
    check = finding("one opencv")
    assert not check.fine
    assert check.remedy.startswith("pip uninstall opencv-python opencv-python-headless;")


def test_an_ability_that_raises_is_a_finding_not_a_crash():
    def broken():
        raise ImportError("libX11.so.6: cannot open shared object file: No such file or directory")

    check = doctor._attempt("off-screen", broken)
    assert (check.fine, check.remedy) == (False, "apt-get install libx11-6")

"""The distribution: what a wheel holds, and that ranges, pins and versions agree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest
from packaging.requirements import Requirement

import drivesim

PACKAGES = ("drivesim", "scenarios", "conditioning")


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    """A wheel built from a copy of the checkout (a build writes into its source folder)."""
    source, out = tmp_path_factory.mktemp("source") / "drivesim", tmp_path_factory.mktemp("wheel")
    shutil.copytree(checkout, source, ignore=shutil.ignore_patterns(".*", "build", "out", "*.egg-info", "__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", out, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = out.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def pins(checkout):
    """Distribution -> pinned version."""
    lines = (checkout / "requirements.lock").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "each line of the lock is NAME==VERSION"
    return {canonical(name): version for name, version in pairs}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_wheel_holds_every_file_of_the_packages_and_all_presets(wheel, checkout):
    inside = set(zipfile.ZipFile(wheel).namelist())
    files = [file for name in (*PACKAGES, "configs") for file in (checkout / name).rglob("*") if file.is_file()]
    names = {str(f.relative_to(checkout)) for f in files if "__pycache__" not in f.parts and ".partial" not in f.name}
    wanted = {f"drivesim/{name}" if name.startswith("configs/") else name for name in names}
    assert wanted - inside == set()


def test_wheel_holds_nothing_else(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_installed_wheel_finds_its_presets_and_scenarios(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import drivesim, scenarios\nfrom drivesim.presets import configs_folder, presets\n"
        "print(drivesim.__file__, configs_folder(), presets(), len(scenarios.shipped()), sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": "site"},
        check=True,
    )
    where, folder, presets, count = done.stdout.strip().split("|")
    assert where.startswith(str(tmp_path))
    assert folder == str(tmp_path / "site" / "drivesim" / "configs")
    assert "nano" in presets
    assert int(count) >= 8


def test_lock_names_no_address(checkout):
    assert not re.search(
        r"://|--|@|/", (checkout / "requirements.lock").read_text().replace("&&", "").split("\n", 2)[2]
    )


def test_every_pin_is_in_the_range_of_setup(pins):
    wanted = [Requirement(line) for line in metadata.requires("drivesim")]
    wanted = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": "dev"})]  # Ray is not in the lock
    wrong = [str(r) for r in wanted if not r.specifier.contains(pins.get(canonical(r.name), "0"))]
    assert wrong == []


def test_lock_is_closed_under_dependencies(pins):
    missing = set()
    for name in pins:
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                missing |= {canonical(need.name)} - set(pins)
    assert missing == set()


def test_version_is_the_same_everywhere(checkout):
    assert metadata.version("drivesim") == drivesim.__version__
    assert f"version: {drivesim.__version__}\n" in (checkout / "CITATION.cff").read_text()


@pytest.mark.parametrize("script", [".ci/run", "tools/setup"])
def test_script_is_executable_and_parses(checkout, script):
    assert (checkout / script).stat().st_mode & 0o100
    subprocess.run(["bash", "-n", checkout / script], check=True)


@pytest.mark.parametrize("target", ["demo", "test", "lint", "acceptance"])
def test_make_target_does_its_set_up_first(checkout, target):
    # `make test` runs this very test inside another make, whose settings are none of this one's
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "VENV"))}
    done = subprocess.run(["make", "-n", target], env=alone, cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "tools/setup .venv"
    assert len(done.stdout.splitlines()) > 1

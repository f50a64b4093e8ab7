"""The acceptance runner: what a line reports, and that killing and measuring do what they say."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drivesim import cli

TOOLS = Path(__file__).resolve().parent.parent / "tools" / "acceptance"


def malformed_files():
    spec = importlib.util.spec_from_file_location("malformed", TOOLS / "malformed.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FILES


MALFORMED = malformed_files()


@pytest.fixture
def lines(checkout, monkeypatch):
    monkeypatch.syspath_prepend(str(checkout / "tools" / "acceptance"))
    import lines

    return lines


def test_line_reports_figure_and_bound(lines, tmp_path):
    row = lines.Line("cats", "<= 3", lambda folder: lines.Result(4, passed=False)).run(tmp_path)
    seconds = row.pop("seconds")
    assert row == {"line": "cats", "bound": "<= 3", "figure": 4, "passed": False}
    assert seconds >= 0


def test_line_that_cannot_be_measured_is_neither_passed_nor_failed(lines, tmp_path):
    def measure(folder):
        raise lines.Unavailable("no cats here")

    row = lines.Line("cats", "<= 3", measure).run(tmp_path)
    assert (row["figure"], row["passed"]) == ("not measured: no cats here", None)


def test_failing_command_fails_its_line(lines, tmp_path):
    row = lines.Line("fly", "runs", lambda folder: lines.drivesim("fly")).run(tmp_path)
    assert row["passed"] is False
    assert "invalid choice: 'fly'" in row["figure"]


def test_measured_command_tells_its_output_and_peak_memory(lines):
    done = lines.measured([sys.executable, "-c", "import time; x = b'x' * (200 << 20); print(len(x)); time.sleep(0.5)"])
    assert done.out == f"{200 << 20}\n"
    assert 200 < done.peak < 300


def test_command_is_killed_ten_times_and_then_ends(lines, tmp_path):
    code = "import time; time.sleep(0.5); open('ended', 'a').write('e')"
    started = time.time()
    hits, last = lines.killed_at_random([sys.executable, "-c", code], seconds=1.2, seed=0, cwd=tmp_path)
    assert hits == lines.KILLS == 10
    assert started < last < (tmp_path / "ended").stat().st_mtime
    assert (tmp_path / "ended").read_text() == "e"


def test_hashes_leave_out_times_and_host(lines, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").write_text("")
    (tmp_path / "run.json").write_text("{}")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert lines.hashes(tmp_path) == {"deep/a.txt": empty}


def acceptance(checkout, *words):
    argv = [sys.executable, "tools/acceptance", *words]
    return subprocess.run(argv, cwd=checkout, capture_output=True, text=True, check=False)


def test_chain_has_a_line_for_each_sentence_of_its_acceptance(checkout):
    rows = [json.loads(row) for row in acceptance(checkout, "chain", "--list").stdout.splitlines()]
    assert len(rows) == len({row["line"] for row in rows}) >= 12


def test_speed_has_a_line_for_each_sentence_of_its_acceptance(checkout):
    rows = [json.loads(row) for row in acceptance(checkout, "speed", "--list").stdout.splitlines()]
    assert len(rows) == len({row["line"] for row in rows}) == 11


def test_an_area_that_does_not_exist_is_refused(checkout):
    done = acceptance(checkout, "comfort")
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid choice: 'comfort'" in done.stderr


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_scenario_is_told_in_one_line_with_its_place(name, tmp_path, capsys):
    file = tmp_path / f"{name}.yaml"
    file.write_bytes(MALFORMED[name])
    assert cli.main(["validate", str(file)]) == 1
    out, err = capsys.readouterr()
    assert re.fullmatch(rf"{re.escape(str(file))}:\d+:\d+: [^\n]+\n", out)
    assert err == ""

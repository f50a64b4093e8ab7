"""The command line: names, exit codes, one line per failure."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from drivesim import cli
from drivesim.errors import UserError

COMMANDS = set(
    "list new validate plan schema preview render rollout generate dataset train weights benchmark compare evaluate "
    "doctor speed".split()
)


@pytest.fixture
def starter(tmp_path):
    """A scenario file as `drivesim new` writes it."""
    file = tmp_path / "mine.yaml"
    assert cli.main(["new", str(file)]) == 0
    return file


def run(*argv, capsys):
    """Exit code, stdout and stderr of one command."""
    capsys.readouterr()
    try:
        code = cli.main([str(item) for item in argv])
    except SystemExit as stop:
        code = stop.code or 0
    out, err = capsys.readouterr()
    return code, out, err


def all_parsers():
    """The command line's parsers by the words that reach them."""
    found = {}

    def visit(parser, words):
        subs = [action for action in parser._actions if hasattr(action, "choices") and isinstance(action.choices, dict)]
        if not subs:
            found[" ".join(words)] = parser
        for sub in subs:
            for name, child in sub.choices.items():
                visit(child, [*words, name])

    visit(cli.parser(), [])
    return found


def test_commands_are_those_of_the_contract():
    assert {words.split()[0] for words in all_parsers()} == COMMANDS


@pytest.mark.parametrize("words", all_parsers())
def test_help_of_every_command_has_an_example_that_parses(words, capsys):
    code, out, _ = run(*words.split(), "--help", capsys=capsys)
    assert code == 0
    example = re.search(r"Example: drivesim (.*)", " ".join(out.split()))
    assert example, out
    assert cli.parser().parse_args(example[1].split()).run


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["render", "day"], "required: --out"),
        (["render", "day", "--out", "x", "--fps", "-3"], "'-3' is not above 0"),
        (["render", "day", "--out", "x", "--seed", "1.5"], "'1.5' is not a whole number"),
        (["rollout", "day", "--out", "x", "--steps", "0"], "'0' is not a whole number from 1"),
        (
            ["rollout", "night_city", "--out", "x", "--fps", "1.875", "--sampler", "euler"],
            "sampler is 'euler', expected one of ddim, dpm, heun",
        ),
        (["train", "all", "--data", "d", "--out", "x", "--budget", "90"], "budget is '90'"),
        (["train", "all", "--data", "d", "--out", "x", "--set", "data.batch_size=4"], "expected a stage's name"),
        (["train", "wings", "--data", "d", "--out", "x"], "'wings'"),
        (["train", "ema", "unet.image", "--out", "x"], "expected a part's name, --width and --into"),
        (["train", "ae.image", "--out", "x", "--width", "0.1"], "--width and --into are of ema"),
        (["train", "ema", "unet.image", "--out", "x", "--width", "0.1", "--into", "y"], "is missing"),
        (["dataset", "town", "--out", "x"], "required: --clips"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(argv, says, capsys):
    code, out, err = run(*argv, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


@pytest.mark.parametrize("command", ["validate", "plan", "preview", "render", "rollout"])
def test_a_scenario_that_is_not_there_is_one_line_and_exit_code_2(command, tmp_path, capsys):
    out = [] if command in ("validate", "plan") else ["--out", tmp_path / "out"]
    code, _, err = run(command, "no_such_street", *out, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "no_such_street" in err
    assert list(tmp_path.iterdir()) == []


def test_starter_validates(starter, capsys):
    code, out, err = run("validate", starter, capsys=capsys)
    assert (code, err) == (0, "")
    assert "1 scenario: fine" in out


def test_starter_is_named_after_its_file_and_does_what_its_comments_say(starter):
    from scenarios import compile, load

    scenario = load(starter)
    timeline = compile(scenario, fps=7.5)
    assert scenario.name == "mine"
    assert [event.id for event in timeline.events] == ["cut_in", "slow_down"]
    assert (timeline[0].daylight, timeline[len(timeline) - 1].daylight) == (1.0, 0.0)


def test_new_never_overwrites(starter, capsys):
    before = starter.read_bytes()
    code, _, err = run("new", starter, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert starter.read_bytes() == before


@pytest.mark.parametrize("name", ["Street.yaml", "my street.yaml", "street.txt", "street"])
def test_new_refuses_a_name_that_is_no_scenario_name(name, tmp_path, capsys):
    code, _, err = run("new", tmp_path / name, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert list(tmp_path.iterdir()) == []


def test_validate_prints_each_finding_with_its_place_and_exits_1(starter, capsys):
    starter.write_text(starter.read_text().replace("lanes: 2 ", "lains: 2 ").replace("weather: clear", "weather: hail"))
    code, out, err = run("validate", starter, capsys=capsys)
    lines = out.splitlines()
    assert (code, err, len(lines)) == (1, "", 2)
    assert all(re.match(rf"{re.escape(str(starter))}:\d+:\d+: ", line) for line in lines)
    assert any("lains" in line for line in lines)
    assert any("hail" in line for line in lines)


def test_validate_walks_folders(starter, capsys):
    (starter.parent / "deeper").mkdir()
    (starter.parent / "deeper" / "other.yml").write_text(starter.read_text())
    assert "2 scenarios: fine" in run("validate", starter.parent, capsys=capsys)[1]


def test_validate_of_a_folder_without_scenarios_exits_2(tmp_path, capsys):
    code, _, err = run("validate", tmp_path, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)


def test_list_has_a_line_for_each_shipped_scenario(capsys):
    from scenarios import shipped

    code, out, _ = run("list", capsys=capsys)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == sorted(shipped())


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UserError("x.yaml: found a,\n expected b"), 2, "drivesim: x.yaml: found a, expected b"),
        (FileNotFoundError(2, "No such file or directory", "x.png"), 2, "drivesim: x.png: No such file or directory"),
        (ImportError("libGL.so.1: cannot open shared object file"), 1, "libGL.so.1"),
        (KeyboardInterrupt(), 130, "drivesim: stopped"),
        (RuntimeError("boom"), 1, "drivesim: unexpected RuntimeError: boom; please report it with "),
    ],
    ids=["user", "file", "library", "ctrl-c", "bug"],
)
def test_a_failing_command_says_one_line(error, code, says, monkeypatch, capsys):
    def fail(arguments):
        raise error

    monkeypatch.setattr("drivesim.commands.machine.run_doctor", fail)
    got, out, err = run("doctor", capsys=capsys)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert says in err


def test_a_bug_leaves_its_traceback_in_a_file(monkeypatch, capsys):
    monkeypatch.setattr("drivesim.commands.machine.run_doctor", lambda arguments: int("x"))  # a ValueError, not ours
    _, _, err = run("doctor", capsys=capsys)
    log = err.strip().rpartition("report it with ")[2]
    with open(log, encoding="utf-8") as file:
        assert "Traceback" in file.read()
    os.unlink(log)


def test_sigterm_exits_143_and_leaves_nothing(tmp_path, checkout):
    code = (
        "import time, sys, drivesim.commands.machine as m\nfrom drivesim.atomic import new_folder\n"
        "def slow(arguments):\n    with new_folder('out') as folder:\n"
        "        print('ready', flush=True)\n        time.sleep(60)\n"
        "m.run_doctor = slow\nfrom drivesim.cli import main\nsys.exit(main(['doctor']))"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path, text=True)
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 143
    assert list(tmp_path.iterdir()) == []


def test_render_makes_a_clip_with_its_overlay_and_again_does_nothing(tmp_path, capsys):
    (tmp_path / "street.yaml").write_text("schema: drivesim.scenario/1\nname: street\nclock: {duration: 0.5}\n")
    argv = ["render", tmp_path / "street.yaml", "--out", tmp_path / "clip", "--fps", "4"]
    assert run(*argv, capsys=capsys)[0] == 0
    names = {file.name for file in (tmp_path / "clip").iterdir()}
    assert names == {"video.mp4", "overlay.mp4", "facts.jsonl", "clip.json", "run.json"}
    before = (tmp_path / "clip" / "run.json").read_bytes()
    assert run(*argv, capsys=capsys)[0] == 0
    assert (tmp_path / "clip" / "run.json").read_bytes() == before


def test_render_refuses_a_folder_with_something_else(starter, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    code, _, err = run("render", starter, "--out", tmp_path / "mine", capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_findings_as_json_and_as_annotations(tmp_path, capsys):
    file = tmp_path / "bad.yaml"
    file.write_text("schema: drivesim.scenario/1\nname: bad\nclock: {durration: 3}\n")
    code, out, _ = run("validate", file, "--format", "json", capsys=capsys)
    (finding,) = json.loads(out)
    assert (code, finding["line"], finding["severity"]) == (1, 3, "error")
    code, out, _ = run("validate", file, "--format", "github", capsys=capsys)
    assert out.startswith(f"::error file={file},line=3,col=9::found unknown key 'durration'")


def test_play_tells_unmet_expectations_idle_events_and_unseen_actors(starter, capsys):
    text = starter.read_text().replace("duration: 20.0", "duration: 3.0").replace("ahead: -12.0", "ahead: -60.0")
    safe = "  - {id: no_crash, never: {collision: ego}}\n"
    assert safe in text
    starter.write_text(text.replace(safe, safe + "  - {id: stops, eventually: {standstill: {lasting: 1}}}\n"))
    code, out, _ = run("validate", starter, "--play", capsys=capsys)
    assert code == 1
    assert "'stops' not met: at no time so" in out
    assert "'slow_down' that never happens" in out
    assert "'van' that is never in the picture" in out
    assert run("validate", starter, capsys=capsys)[0] == 1  # the environment's timeline goes beyond the end


def test_setting_reaches_a_parameter_and_a_place(starter, tmp_path, capsys):
    words = ["preview", starter, "--out", tmp_path / "a", "--set", "clock.duration=1", "--set", "road.lanes=1"]
    code, _, err = run(*words, capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "'van' and 'ego' of opposite directions" in err  # the lane at our left is an oncoming one now
    code, _, err = run("preview", starter, "--out", tmp_path / "a", "--set", "colour", capsys=capsys)
    assert "'colour' is not NAME=VALUE" in err
    assert not (tmp_path / "a").exists()


def test_list_draws_the_page_that_it_is_asked_for(tmp_path, capsys, monkeypatch):
    import scenarios

    few = {name: scenarios.shipped()[name] for name in ("cut_in", "empty_road")}
    monkeypatch.setattr(scenarios, "shipped", lambda: few)
    code, out, _ = run("list", "--page", tmp_path / "page", capsys=capsys)
    assert (code, out.strip()) == (0, str(tmp_path / "page" / "index.html"))
    assert {path.stem for path in (tmp_path / "page").glob("*.jpg")} == set(few)

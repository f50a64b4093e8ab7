"""The documents: their commands run, their links lead somewhere, their examples are true."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import drivesim
from drivesim import cli
from drivesim.perception.detectors.layouts import layout_from
from scenarios.yaml12 import parse

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [*sorted(CHECKOUT.glob("*.md")), *sorted((CHECKOUT / "docs").rglob("*.md"))]


def blocks(path, language):
    """The fenced code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tutorial = CHECKOUT / "docs" / "tutorials" / "first_scenario.md"
    for block in blocks(tutorial, "console"):
        words = shlex.split(block.removeprefix("$ "))
        assert words[0] == "drivesim"
        assert cli.main(words[1:]) == 0, block + capsys.readouterr().err
        if words[1] == "new":  # 4 s instead of 20: the same, sooner
            file = tmp_path / words[2]
            text = file.read_text().replace("duration: 20.0", "duration: 4.0")
            file.write_text(text.replace("at: 8.0, daylight: night, over: 8.0", "at: 1.0, daylight: night, over: 2.0"))
    for made in ("preview/storyboard.png", "preview/preview.mp4", "render/video.mp4", "scores/report.html"):
        assert (tmp_path / made).stat().st_size > 0
    (code,) = blocks(tutorial, "python")
    exec(compile(code, "tutorial", "exec"), {})


def test_author_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tutorial = CHECKOUT / "docs" / "tutorials" / "author.md"
    (text,) = blocks(tutorial, "yaml")
    assert len(text.splitlines()) < 30
    (tmp_path / "dusk.yaml").write_text(text)
    for block in blocks(tutorial, "console"):
        for row in block.splitlines():
            words = shlex.split(row.removeprefix("$ "))
            assert words[0] == "drivesim"
            assert cli.main(words[1:]) == 0, row + capsys.readouterr().err
    assert "6 points" in capsys.readouterr().out
    check = jsonschema.Draft202012Validator(json.loads((tmp_path / "drivesim-scenario.schema.json").read_text()))
    assert list(check.iter_errors(parse(text).value)) == []
    for made in ("preview/storyboard.png", "preview_fast/preview.mp4", "rollout/video.mp4", "rollout/overlay.mp4"):
        assert (tmp_path / made).stat().st_size > 0


def test_plug_in_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    tutorial = CHECKOUT / "docs" / "tutorials" / "plug_in_detector.md"
    for text in [*blocks(tutorial, "python"), *blocks(tutorial, "toml")]:
        if named := re.match(r"# (hog_people/\S+)\n", text):
            (tmp_path / named[1]).parent.mkdir(exist_ok=True)
            (tmp_path / named[1]).write_text(text)
    for row in "".join(blocks(tutorial, "console")).splitlines():
        program, *words = shlex.split(row.removeprefix("$ "))
        if program == "pip":  # into a folder of this test, from what is here
            options = ["--target", "site", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
            subprocess.run([sys.executable, "-m", program, *words, *options], check=True)
            importlib.invalidate_caches()
        else:
            assert program == "drivesim"
            assert cli.main(words) == 0, row + capsys.readouterr().err
    scores = json.loads((tmp_path / "scores" / "metrics.json").read_text())
    assert scores["detector"]["name"] == "hog_people"
    assert scores["scores"]["person"]["total"]["AP50"] > 0.05
    other = json.loads((tmp_path / "scores_16" / "metrics.json").read_text())
    assert other["detector"]["sha256"] != scores["detector"]["sha256"]
    for text in blocks(tutorial, "python"):
        if not text.startswith("# hog_people/"):
            exec(compile(text, "tutorial", "exec"), {})
    assert (tmp_path / "scores_untrained" / "report.html").stat().st_size > 0
    (text,) = blocks(tutorial, "yaml")
    assert layout_from(parse(text).value, "model.yaml").output == "rtdetr"


def test_benchmark_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (CHECKOUT / "docs" / "tutorials" / "benchmark.md").read_text(encoding="utf-8")
    names = {}
    for language, block in re.findall(r"^```(console|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if language == "python":
            exec(compile(block, "tutorial", "exec"), names)
            continue
        for row in block.splitlines():
            words = shlex.split(row.removeprefix("$ "))
            assert words[0] == "drivesim"
            assert cli.main(words[1:]) == 0, row + capsys.readouterr().err
    out = capsys.readouterr().out
    assert "0.1 to 0.2 of the image's height:" in out
    assert re.search(r"^vehicle: HOTA 0\.\d+ of \d+ tracks at \[2\.0\] frames/s, \d+ switches$", out, re.MULTILINE)
    assert re.search(r"^vehicle AP50: reference 0\.\d+, grey 0\.\d+$", out, re.MULTILINE)
    written = {file.name for file in (tmp_path / "reference").iterdir()}
    assert written == {"metrics.json", "metrics.csv", "frames.jsonl", "report.html"}
    assert '"id": "night"' in (tmp_path / "reference" / "report.html").read_text()
    assert list((tmp_path / "board" / "reference").glob("events.out.tfevents.*"))
    assert json.loads((tmp_path / "compared" / "compare.json").read_text())["same_clips"]


def test_dataset_tutorial_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (CHECKOUT / "docs" / "tutorials" / "dataset.md").read_text(encoding="utf-8")
    # The same with less: 8 streets instead of 196, of 1 frame, and seconds of training of a tiny network.
    for much, little in (
        ("{sample: 196}", "{sample: 8}"), ("frames: 8\n", "frames: 1\nsize: [64, 128]\n"),
        ("--budget 30m", "--preset tiny --budget 0.02m"), ("--out streets\n", "--out streets --workers 1\n"),
    ):  # fmt: skip
        assert much in text
        text = text.replace(much, little)
    for language, block in re.findall(r"^```(yaml|console|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if language == "yaml":
            (tmp_path / "streets.yaml").write_text(block)
        elif language == "python":
            exec(compile(block, "tutorial", "exec"), {})
        else:
            for row in block.splitlines():
                words = shlex.split(row.removeprefix("$ "))
                assert words[0] == "drivesim"
                assert cli.main(words[1:]) == 0, row + capsys.readouterr().err
    assert re.search(r"^vehicles: AP50 \S+ of \d+ boxes$", capsys.readouterr().out, re.MULTILINE)
    assert (tmp_path / "scores" / "report.html").stat().st_size > 0
    card = json.loads((tmp_path / "scores" / "metrics.json").read_text())
    trained_on = {path.name for path in (tmp_path / "coco_clips" / "clips").iterdir()}
    assert trained_on
    assert not trained_on & {row["id"] for row in card["clips"]}


def test_readme_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(CHECKOUT / "README.md", "python")
    exec(compile(code, "README", "exec"), {})
    assert (tmp_path / "scores" / "report.html").exists()


def test_readme_scenario_validates(tmp_path):
    from scenarios import compile, load, validate

    (text,) = blocks(CHECKOUT / "README.md", "yaml")
    file = tmp_path / "cut_in_at_dusk.yaml"
    file.write_text(text)
    assert len(text.splitlines()) <= 15
    assert validate(file) == []
    assert [event.id for event in compile(load(file), fps=7.5).events] == ["cut_in", "brake"]


def test_readme_lists_every_command():
    listed = set(re.findall(r"^\| `drivesim (\w+)", (CHECKOUT / "README.md").read_text(), re.MULTILINE))
    (commands,) = (action.choices for action in cli.parser()._actions if isinstance(action.choices, dict))
    assert listed == set(commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("name", [name for name in drivesim.__all__ if name != "__version__"])
def test_public_function_has_an_example(name):
    assert ">>>" in (getattr(drivesim, name).__doc__ or ""), f"drivesim.{name} has no example in its docstring"


def test_the_two_meanings_of_time_keep_their_words():
    ours = [
        f for top in ("drivesim", "scenarios", "conditioning", "docs", "configs") for f in (CHECKOUT / top).rglob("*.*")
    ]
    texts = [f for f in ours if f.suffix in (".py", ".md", ".yaml")]
    assert [f.name for f in texts if "time" + "step" in f.read_text(encoding="utf-8").lower()] == []

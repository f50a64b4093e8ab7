"""The page of a library: what it says, that it needs nothing from elsewhere, and that nothing breaks it."""

from __future__ import annotations

import re
from html import unescape
from types import SimpleNamespace

import cv2
import pytest

import drivesim.library_page as page_module
from drivesim.errors import UserError
from drivesim.library_page import library_page
from scenarios import ScenarioError, shipped

TEXT = """schema: drivesim.scenario/1
name: {name}
description: "{description}"
tags: [{tags}]
clock: {{duration: {duration}}}
"""


def write(folder, name, description="A ride.", tags="", duration="2 s"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(TEXT.format(name=name, description=description, tags=tags, duration=duration))
    return path


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    root = tmp_path_factory.mktemp("library")
    scenarios = {
        "plain": write(root, "plain"),
        "crossing": write(root / "city", "crossing", "Ann <b>walks</b> & waits.", "city, night"),
        "long": write(root / "city", "long", duration="65 s"),
    }
    index = library_page(scenarios, root / "out" / "page")
    return SimpleNamespace(root=root, scenarios=scenarios, folder=index.parent, html=index.read_text())


def articles(html):
    return re.findall(r"<article.*?</article>", html, re.DOTALL)


def test_each_scenario_has_its_facts_and_its_command(library):
    plain, crossing, long = articles(library.html)
    assert "Ann <b>" not in crossing
    assert "Ann <b>walks</b> & waits." in unescape(crossing)
    assert re.findall(r"<li>(.*?)</li>", crossing) == ["city", "night"]
    assert "<ul" not in plain
    assert ("2 s" in plain, "1 min 5 s" in long) == (True, True)
    assert f"drivesim preview {library.scenarios['long']} --out out/long" in unescape(long)


def test_scenarios_are_grouped_by_their_folders(library):
    sections = re.findall(r"<section.*?</section>", library.html, re.DOTALL)
    assert [len(articles(section)) for section in sections] == [1, 2]
    assert [re.search(r"<h2.*?>(.*?)</h2>", section)[1] for section in sections] == [library.root.name, "city"]


def test_each_scenario_has_a_small_picture_with_words_for_those_who_do_not_see_it(library):
    tags = re.findall(r"<img .*?>", library.html, re.DOTALL)
    assert len(tags) == 3
    for tag in tags:
        assert re.search(r'alt="Storyboard of \w+: .+"', tag)
        file = library.folder / re.search(r'src="(.*?)"', tag)[1]
        height, width = cv2.imread(str(file)).shape[:2]
        assert f'width="{width}" height="{height}"' in tag
        assert 10_000 < file.stat().st_size < 65_000


def test_the_page_needs_nothing_from_elsewhere_and_no_script(library):
    assert {path.suffix for path in library.folder.iterdir()} == {".html", ".jpg"}
    assert not re.search(r"https?:|<script|@import|url\(", library.html)
    local = re.findall(r'(?:href|src)="(?!#|data:)(.*?)"', library.html)
    assert all((library.folder / name).is_file() for name in local)
    assert "prefers-color-scheme: dark" in library.html


def test_a_shipped_scenario_is_previewed_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "_FRAMES", 3)
    index = library_page({"cut_in": shipped()["cut_in"]}, tmp_path / "page")
    assert "<code>drivesim preview cut_in --out out/cut_in</code>" in index.read_text()


def test_a_sweep_tells_its_size(library, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "_FRAMES", 3)
    swept = write(tmp_path, "swept")
    sweep = "{environment.initial.daylight: {values: [day, night]}, seed: {values: [1, 2, 3]}}"
    swept.write_text(swept.read_text() + f"variations:\n  over: {sweep}\n")
    assert "variations" not in library.html
    assert "a sweep of 6 variations" in library_page({"swept": swept}, tmp_path / "page").read_text()


def test_a_page_is_whole_or_absent(library, tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("schema: drivesim.scenario/1\n")
    with pytest.raises(ScenarioError):
        library_page({"wrong": wrong}, tmp_path / "page")
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"]
    with pytest.raises(UserError, match="already there"):
        library_page(library.scenarios, library.folder)
    with pytest.raises(ValueError, match="no scenarios given"):
        library_page({}, tmp_path / "page")

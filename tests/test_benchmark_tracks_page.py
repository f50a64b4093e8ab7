"""Tracks on the benchmark's page, in a real browser where there is one, and in comparisons."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import pytest

from drivesim.evaluation import benchmark, compare
from tests.browser import PROGRAM, Browser
from tests.test_benchmark import Oracle, make_clip
from tests.test_benchmark_tracks import ASSOCIATION, SWITCH, scripted


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs on the same two clips: one tracker changes its mind in frame 3, one never; one run without, one sparse."""
    folder = tmp_path_factory.mktemp("runs")
    clips = [make_clip("street", frames=4), make_clip("<b>night", frames=4, daylight=0.0)]
    for name, tracker, every in (
        ("switch", SWITCH, 1), ("steady", scripted(9.0), 1), ("none", None, 1),
    ):  # fmt: skip
        benchmark(clips, Oracle(clips[0]), folder / name, every=every, tracker=tracker)
    return folder


def test_the_page_has_a_table_of_tracks(runs) -> None:
    page = (runs / "switch" / "report.html").read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split('id="tracks"')[1].split("What the numbers")[0]))
    assert "scripted followed what was found, at 30 frames/s" in text
    score = f"{ASSOCIATION**0.5:.2f}"
    assert f"all 2 8 8 2 4 {score} {score} to {score} 1.00 {ASSOCIATION:.2f} 0.75 0.75 2" in text
    assert f"&lt;b&gt;night, 30/s 4 4 1 2 {score} - 1.00" in text
    assert "<b>night" not in page


def test_runs_of_two_trackers_compare_and_differ_by_what_they_do(runs, tmp_path) -> None:
    result = compare([runs / "switch", runs / "steady"], tmp_path / "out")
    assert [run["tracker"]["name"] for run in result["runs"]] == ["scripted", "scripted"]
    rows = {row["score"]: row for row in result["tracking"]["vehicle"]}
    assert rows["AssA"]["runs"] == pytest.approx([ASSOCIATION, 1.0])
    (difference,) = rows["MOTA"]["differences"]
    assert difference["value"] == pytest.approx(0.25)
    assert difference["interval"] == pytest.approx((0.25, 0.25))  # the clips are alike: nothing to vary
    assert rows["DetA"]["differences"][0]["value"] == 0
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == json.loads(json.dumps(result))
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (tmp_path / "out" / "compare.html").read_text()))
    assert "MOTA 0.75 1.00 +0.25 +0.25 to +0.25" in page


def test_a_run_without_tracks_compares_boxes_only_and_says_so(runs, tmp_path) -> None:
    result = compare([runs / "switch", runs / "none"], tmp_path / "out")
    assert result["tracking"] is None
    assert "Tracks are not compared: not all runs have them" in (tmp_path / "out" / "compare.html").read_text()
    assert "tracking" not in compare([runs / "none", runs / "none"], tmp_path / "bare")
    assert "Tracks" not in (tmp_path / "bare" / "compare.html").read_text()


@pytest.fixture(scope="module", params=[1440, 390])
def browser(request, tmp_path_factory):
    """A browser as wide as a desk's and one as wide as a phone's."""
    made = Browser(tmp_path_factory.mktemp("b"), width=request.param, height=900, dark=request.param == 390)
    yield made
    made.close()


LABELS = """JSON.stringify([...document.querySelectorAll('#ids .id')].map((label) => {
  const at = label.getBoundingClientRect(), stage = document.getElementById('stage').getBoundingClientRect();
  return [Number(label.textContent), (at.left - stage.left) / stage.width, (at.top - stage.top) / stage.height,
          (at.bottom - stage.top) / stage.height, getComputedStyle(label).backgroundColor];
}))"""


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: the page is not opened in a browser")
def test_the_player_shows_each_track_beside_its_box_in_a_colour_of_its_own(browser, runs) -> None:
    page, colours = (runs / "switch" / "report.html").as_uri(), {}
    rows = [json.loads(line) for line in (runs / "switch" / "frames.jsonl").open()]
    for row in rows[:4]:
        browser.open(f"{page}#{urlencode({'clip': 'street', 'frame': row['frame']})}")
        labels = json.loads(browser.evaluate(LABELS))
        assert [label[0] for label in labels] == [box["track"] for box in row["found"]]
        for (track, left, top, bottom, colour), box in zip(labels, row["found"], strict=True):
            x1, y1, _, y2 = box["box"]
            assert left == pytest.approx(x1 / 128, abs=0.02)
            assert bottom == pytest.approx(y1 / 64, abs=0.02) or top == pytest.approx(y2 / 64, abs=0.02)
            assert colours.setdefault(track, colour) == colour
    assert set(colours) == {1, 2, 7, 8}
    assert len(set(colours.values())) == 4
    strokes = "[...document.querySelectorAll('#boxes rect.hits')].map((rect) => getComputedStyle(rect).stroke)"
    assert set(browser.evaluate(strokes)) == {colours[1], colours[8]}
    browser.evaluate("document.getElementById('tracked').click()")
    assert browser.evaluate("document.querySelectorAll('#ids .id').length") == 0
    assert len(set(browser.evaluate(strokes))) == 1
    assert "tracks=off" in browser.evaluate("location.hash")
    browser.open(f"{page}#{urlencode({'clip': 'street', 'frame': 1, 'tracks': 'off'})}")
    assert not browser.evaluate("document.getElementById('tracked').checked")
    assert browser.evaluate("document.documentElement.scrollWidth") == browser.evaluate("innerWidth")
    assert browser.errors == []

"""The report page: whole in one file, true to metrics and frames, and used in a real browser where there is one."""

from __future__ import annotations

import csv
import io
import json
import re
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest

from drivesim.clips import MAIN, Clip
from drivesim.evaluation import benchmark
from drivesim.perception import Detections
from drivesim.report.page import caveats
from drivesim.report.plots import bars, lines, meter
from drivesim.report.tables import COLUMNS, csv_text
from scenarios.facts import EgoState, FrameFacts, ObjectFacts
from tests.browser import PROGRAM, Browser
from tests.drawn_frames import DrawnFrames

EVIL = "</script><img src=x onerror=alert(1)> & co"
COLOURS = [(20 * k, 255 - 20 * k, 90) for k in range(12)]  # of the frames of a clip


def coloured(index: int) -> np.ndarray:
    frame = np.full((160, 320, 3), COLOURS[index], np.uint8)
    frame[:2, :2] = index
    return frame


def make_clip(name: str, *, daylight: float, scenario: str) -> Clip:
    """A car that drives to the right and grows, a person; in frame 3 objects are unknown."""
    facts = []
    for k in range(len(COLOURS)):
        car = ObjectFacts(1, "car", (10.5 + k, 20, 60 + 4 * k, 40 + 5 * k), depth=40.0 - 3 * k, occlusion=0.0)
        person = ObjectFacts(2, "pedestrian", (200, 20, 220, 70), depth=12.0, occlusion=0.2)
        far = ObjectFacts(3, "car", (150, 80, 156, 85), depth=90.0)
        known = None if k == 3 else (car, person, far)
        ego = EgoState(0, 0, 0, 10.0)
        facts.append(FrameFacts(k, k / 4, daylight=daylight, weather="rainy", objects=known, ego=ego))
    provenance = {"origin": "town", "seed": 7, "scenario": {"name": scenario, "sha256": "0"}}
    return Clip(Path(name), name, Fraction(4), 320, 160, provenance, facts, {MAIN: DrawnFrames(len(COLOURS), coloured)})


class Detector:
    """Finds the car with rising scores, now and then the person, and something that is not there."""

    name, fingerprint = "half-blind", "d" * 64

    def __call__(self, frames):
        found = []
        for frame in frames:
            k = int(frame[0, 0, 0])
            rows = [((12 + k, 20, 60 + 4 * k, 42 + 5 * k), 0.1 + 0.07 * k, "car"), ((250, 60, 290, 100), 0.45, "car")]
            rows += [((201, 22, 221, 70), 0.8, "pedestrian"), ((30, 100, 40, 130), 0.02, "pedestrian")][: 1 + k % 2]
            boxes, scores, names = zip(*rows, strict=True)
            found.append(Detections(boxes, scores, names))
        return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A benchmark's folder: a clip by day, and one by night whose names are an attack."""
    folder = tmp_path_factory.mktemp("run") / "scores"
    clips = [make_clip("street", daylight=1.0, scenario="ride"), make_clip(EVIL, daylight=0.0, scenario=EVIL)]
    benchmark(clips, Detector(), folder, every=1)
    return folder


@pytest.fixture(scope="module")
def metrics(run):
    return json.loads((run / "metrics.json").read_text())


@pytest.fixture(scope="module")
def page(run):
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(run):
    return {(row["clip"], row["frame"]): row for row in map(json.loads, (run / "frames.jsonl").open())}


def test_the_page_needs_nothing_from_outside(page) -> None:
    assert "http:" not in page
    assert "https:" not in page
    assert all(re.match("data:|#", address) for address in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_names_from_files_are_escaped(page) -> None:
    assert EVIL not in page
    assert page.count("</script>") == 2  # the data and the script end, nothing else does
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; &amp; co" in page


def test_the_summary_names_detector_protocol_clips_frames_and_seeds(page, metrics) -> None:
    text = " ".join(re.sub(r"<[^>]+>", " ", page.split("<h2")[0]).split())
    total = metrics["scores"]["vehicle"]["total"]
    low, high = total["AP50_interval"]
    for words in (
        "half-blind", "drivesim.detection/2 " + metrics["protocol_sha256"][:12], "clips 2 (town)",
        "frames 22 scored of 24", "clips 7; intervals 0", f"{total['AP50']:.2f} {low:.2f} to {high:.2f}",
    ):  # fmt: skip
        assert words in text


def test_every_row_of_scores_stands_in_the_page_and_in_the_csv(page, metrics, run) -> None:
    table = list(csv.DictReader(io.StringIO((run / "metrics.csv").read_text())))
    assert tuple(table[0]) == COLUMNS
    flat = {(row["kind"], row["slice"], row["value"]): row for row in table}
    for kind, scores in metrics["scores"].items():
        expected = [("total", {"value": "all", **scores["total"]})]
        expected += [(by, row) for by, rows in scores["slices"].items() for row in rows]
        for by, row in expected:
            found = flat.pop((kind, by, row["value"]))
            for name in ("clips", "frames", "boxes", "AP", "AP50", "AR", "recall", "false_per_frame"):
                assert found[name] == ("" if row[name] is None else str(row[name]))
        part = page.split(f'<section data-kind="{kind}">')[1].split("</section>")[0]
        assert part.count("data-boxes=") == len(expected) - 1
    assert flat == {}
    assert csv_text(metrics).splitlines()[1].startswith("person,total,all,2,22,22,")


def synthetic(**changes):
    clip = {"name": "one", "origin": "town", "scored_frames": 40, "watched_frames": 40}
    total = {"boxes": 120}
    return {
        "detector": {"name": "reference"}, "clips": [clip, {**clip, "name": "two"}],
        "scores": {"vehicle": {"total": total}},
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clips": synthetic()["clips"][:1]}, "One clip"),
        ({}, "trained on renders of the same town"),
        ({"clips": [{**synthetic()["clips"][0], "origin": "rollout"}]}, "the generator's"),
        ({"clips": [{**synthetic()["clips"][0], "scored_frames": 0}]}, "unknown in frames of one"),
    ],
)
def test_caveats_follow_from_the_numbers(changes, words) -> None:
    assert any(words in note for note in caveats(synthetic(**changes)))


def test_a_real_clip_is_not_called_synthetic() -> None:
    real = synthetic(clips=[{**clip, "origin": "real"} for clip in synthetic()["clips"]])
    assert not any("Synthetic" in note or "town" in note for note in caveats(real))


def test_a_plot_breaks_at_unknown_values_and_survives_having_none() -> None:
    plot = str(lines([("a", [0, 1, 2, 3], [1.0, None, 1.0, 1.0])], x_label="s", y_label="level"))
    drawn = re.search(r'<g class="series s0">.*?d="([^"]*)"', plot).group(1)
    assert drawn.count("M") == 2
    assert "nan" not in str(lines([("a", [], [])], x_label="s", y_label="level"))
    assert "<rect" not in str(bars([("small", None, 0, None)], x_label="size", y_label="recall"))
    assert str(bars([("a", 0.5, 9, (0.4, 0.6)), ("b", 0.5, 9, None)], x_label="x", y_label="y")).count("whisker") == 1


def test_a_meter_is_as_long_as_its_value() -> None:
    assert 'width="25.0"' in meter(0.25)
    assert 'class="fill"' not in meter(None)


# ---- in a browser

needs_browser = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: the page is not opened in a browser")


@pytest.fixture(scope="module")
def browsers(tmp_path_factory):
    """A browser as wide as a desk's and one as wide as a phone's, the latter in the dark."""
    sizes = {1440: False, 390: True}
    made = {
        width: Browser(tmp_path_factory.mktemp("b"), width=width, height=900, dark=dark)
        for width, dark in sizes.items()
    }
    yield made
    for browser in made.values():
        browser.close()


def address(run, **asked) -> str:
    return f"{(run / 'report.html').as_uri()}#{urlencode(asked)}"


def expected_boxes(row, score=0.3):
    """What the player must draw of a row of frames.jsonl."""
    drawn = []
    for box in row["truth"] or ():
        hit = box["hit_at"] is not None and box["hit_at"] >= score
        outcome = "ignored" if box["outcome"] == "ignored" else "hit" if hit else "missed"
        drawn.append(["truth", outcome, *box["box"]])
    return drawn + [["found", box["outcome"], *box["box"]] for box in row["found"] if box["score"] >= score]


STAGE = "document.getElementById('stage').dataset"


@needs_browser
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("frame", [0, 3, 8])
@pytest.mark.parametrize("clip", ["street", EVIL])
def test_the_page_opens_at_a_frame_and_draws_the_boxes_of_its_row(browsers, run, rows, width, frame, clip) -> None:
    browser = browsers[width]
    browser.open(address(run, clip=clip, frame=frame))
    assert browser.evaluate(f"{STAGE}.frame") == f"{clip} {frame}"
    expected = expected_boxes(rows[clip, frame])
    assert json.loads(browser.evaluate(f"{STAGE}.boxes")) == expected
    corners = "['x', 'y', 'width', 'height'].map((name) => Number(rect.getAttribute(name)))"
    drawn = browser.evaluate(f"[...document.querySelectorAll('#boxes rect')].map((rect) => {corners})")
    sides = [[x1, y1, x2 - x1, y2 - y1] for _, _, x1, y1, x2, y2 in expected]
    assert sorted(drawn) == pytest.approx(np.array(sorted(sides)))
    pixel = browser.evaluate(
        "(() => { const c = document.createElement('canvas').getContext('2d');"
        "c.drawImage(document.getElementById('picture'), 0, 0); return [...c.getImageData(160, 80, 1, 1).data]; })()"
    )
    assert pixel[:3] == pytest.approx(COLOURS[frame], abs=6)
    assert browser.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out sideways
    area = browser.evaluate("JSON.stringify(document.getElementById('stage').getBoundingClientRect())")
    assert 0 <= json.loads(area)["top"] < 300
    assert browser.errors == []
    assert {asked.split(":")[0] for asked in browser.addresses} <= {"file", "data", "about"}


@needs_browser
def test_conditions_and_counts_of_the_frame_are_told(browsers, run, rows) -> None:
    browser = browsers[1440]
    browser.open(address(run, clip="street", frame=8))
    told = browser.evaluate("document.getElementById('conditions').innerText")
    for word in ("day", "rainy", "low (vehicles 1, people 1)", "36 km/h", "ride"):
        assert word in told
    table = browser.evaluate("document.getElementById('now').innerText").split()
    counts = rows["street", 8]["scores"]
    assert table == [str(word) for kind in counts for word in (kind, *counts[kind].values())]


@needs_browser
def test_threshold_and_layers_change_what_is_drawn(browsers, run, rows) -> None:
    browser = browsers[1440]
    browser.open(address(run, clip="street", frame=1, score=0.15, hide="false,ignored"))
    expected = [box for box in expected_boxes(rows["street", 1], 0.15) if box[1] not in ("false", "ignored")]
    assert ["truth", "hit"] in [box[:2] for box in expected]  # the car is hit at 0.17
    assert json.loads(browser.evaluate(f"{STAGE}.boxes")) == expected
    browser.evaluate("document.querySelector('[data-layer=false]').click()")
    browser.evaluate("(() => { const s = document.getElementById('score'); s.value = 0.3; s.oninput(); })()")
    expected = [box for box in expected_boxes(rows["street", 1]) if box[1] != "ignored"]
    assert ["truth", "missed"] in [box[:2] for box in expected]
    assert json.loads(browser.evaluate(f"{STAGE}.boxes")) == expected
    assert "hide=ignored" in browser.evaluate("location.hash")


@needs_browser
@pytest.mark.parametrize("width", [1440, 390])
def test_arrow_keys_step_and_space_plays(browsers, run, width) -> None:
    browser = browsers[width]
    browser.open(address(run, clip="street", frame=4))
    for key, frame in (("ArrowRight", 5), ("ArrowRight", 6), ("ArrowLeft", 5)):
        browser.press(key)
        assert browser.evaluate(f"{STAGE}.frame") == f"street {frame}"
        assert browser.evaluate("document.getElementById('cursor').getAttribute('x')") == str(frame)
        assert f"frame={frame}&" in browser.evaluate("location.hash + '&'")
    browser.press(" ")
    at_the_end = f"{STAGE}.frame === 'street 11'"
    wait = f"const t = setInterval(() => {at_the_end} && done(clearInterval(t)), 20);"
    browser.evaluate(f"new Promise((done) => {{ {wait} }})")  # six steps of a quarter of a second
    assert browser.evaluate("document.getElementById('play').textContent") == "▶ play"
    browser.press("ArrowRight")
    assert browser.evaluate(f"{STAGE}.frame") == "street 11"
    assert browser.errors == []


@needs_browser
def test_filters_leave_the_rows_that_are_asked_for(browsers, run, metrics) -> None:
    browser = browsers[390]
    seen = "[...document.querySelectorAll('{}')].filter((one) => one.offsetParent).map((one) => one.{})"
    visible, charts = seen.format("tr[data-boxes]", "cells[0].innerText"), seen.format("figure[data-by]", "dataset.by")
    browser.open(address(run, kind="person", by="time_of_day"))
    assert browser.evaluate(visible) == ["night", "day"]
    browser.open(address(run, kind="vehicle", by="distance", min=3))
    rows = metrics["scores"]["vehicle"]["slices"]["distance"]
    assert len(browser.evaluate(visible)) == sum(row["boxes"] >= 3 for row in rows) < len(rows)
    browser.evaluate("document.querySelector('[name=kind][value=all]').click()")
    people = metrics["scores"]["person"]["slices"]["distance"]
    assert len(browser.evaluate(visible)) == sum(row["boxes"] >= 3 for row in (*rows, *people))
    assert browser.evaluate(charts) == ["distance", "distance"]
    browser.open(address(run, kind="horse", by="colour", min="many"))  # nonsense filters nothing
    assert len(browser.evaluate(visible)) == sum(map(len, metrics["scores"]["vehicle"]["slices"].values()))
    assert browser.errors == []


@needs_browser
def test_a_frame_that_is_not_there_is_told(browsers, run) -> None:
    browser = browsers[1440]
    where = "document.getElementById('where').textContent"
    browser.open(address(run, clip="street", frame=99))
    assert browser.evaluate(where) == "that frame is not on this page; the nearest: frame 11, 2.75 s"
    browser.press("ArrowLeft")
    assert browser.evaluate(where) == "frame 10, 2.50 s"
    browser.open(address(run, clip="nowhere", frame=4))
    assert browser.evaluate(where) == "that clip is not on this page; frame 0, 0.00 s"
    assert browser.errors == []


@needs_browser
def test_an_example_opens_in_the_player(browsers, run, rows) -> None:
    browser = browsers[1440]
    browser.open((run / "report.html").as_uri())
    browser.evaluate("document.querySelector('#worst a').click()")
    browser.evaluate("new Promise((done) => setTimeout(done, 100))")
    clip, _, frame = browser.evaluate(f"{STAGE}.frame").rpartition(" ")
    row = rows[clip, int(frame)]
    said = browser.evaluate("document.querySelector('#worst a').innerText")
    counts = [sum(kind[name] for kind in row["scores"].values()) for name in ("hits", "boxes", "false")]
    assert said.startswith("{} of {} found, {} false".format(*counts))
    assert browser.evaluate("document.activeElement.id") == "player"

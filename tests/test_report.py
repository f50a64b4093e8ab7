"""The report page: whole in one file, and opened in a real browser where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from drivesim.report import Still, StillBox, render_benchmark
from drivesim.report.page import caveats
from drivesim.report.plots import bars, lines, meter

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
ORANGE = (250, 120, 10)


def row(**changes):
    base = {
        "clips": 2, "frames": 40, "boxes": 120, "AP": 0.4, "AP50": 0.75, "AP75": 0.3, "AR": 0.5,
        "AP50_interval": [0.7, 0.8], "recall": 0.6, "false_per_frame": 0.25,
    }  # fmt: skip
    return base | changes


def make_metrics(**changes):
    bins = [
        {"low": None, "high": 0.1, "count": 3, "recall": 0.5},
        {"low": 0.1, "high": None, "count": 0, "recall": None},
    ]
    scores = {
        "total": row(), "scenario": {"cut <in>": row()}, "time_of_day": {"dawn_dusk": row(clips=1, AP50_interval=None)},
        "recall_by_height": bins, "recall_by_depth": bins, "precision": [1.0] * 75 + [0.0] * 26,
    }  # fmt: skip
    nobody = {**scores, "total": row(boxes=0, AP=None, AP50=None, recall=None, AP50_interval=None)}
    look = [{"start": 0.0, "end": 2.0, "count": 5, "mean": 88.0}, {"start": 2.0, "end": 4.0, "count": 0, "mean": None}]
    clip = {
        "name": "one", "origin": "town", "width": 1024, "height": 512, "fps": 30.0, "frames": 240, "scored_frames": 40,
        "watched_frames": 40, "provenance": {"origin": "town"},
        "looks": {"brightness": look, "sharpness": look, "flicker": look},
    }  # fmt: skip
    rules = {
        "name": "drivesim.detection/1", "every": 6, "score": 0.3, "iou": 0.5, "draws": 500, "window": 2.0,
        "visible": {"min_height": 0.05, "max_occlusion": 0.5, "max_truncation": 0.6},
    }  # fmt: skip
    return {
        "protocol": rules, "protocol_sha256": "a" * 64, "detector": {"name": "reference", "sha256": "b" * 64},
        "clips": [clip, {**clip, "name": "two"}], "scores": {"vehicle": scores, "person": nobody}, "anchor": None,
        "crowdedness": {n: {"true": 2.0, "seen": 1.5, "error": 0.5} for n in ("vehicles", "people")},
    } | changes  # fmt: skip


def make_still() -> Still:
    boxes = (
        StillBox("truth", (10, 10, 60, 60), "van", "missed", None),
        StillBox("found", (100, 20, 140, 60), "car", "false", 0.71),
    )
    return Still(np.full((128, 256, 3), ORANGE, np.uint8), "one", "cut <in>", 1.5, "night", True, boxes)


def test_the_page_needs_nothing_from_outside_and_runs_no_script() -> None:
    page = render_benchmark(make_metrics(), [make_still()])
    assert "<script" not in page
    assert "http" not in page
    assert all(address.startswith("data:") for address in re.findall(r'(?:src|href)="([^"]*)"', page))
    assert "url(" not in page


def test_names_from_files_are_escaped() -> None:
    page = render_benchmark(make_metrics(), [make_still()])
    assert "cut &lt;in&gt;" in page
    assert "cut <in>" not in page


def test_the_page_shows_scores_slices_and_who_is_absent() -> None:
    page = render_benchmark(make_metrics(), [make_still()])
    assert "0.70 to 0.80" in page
    assert "dawn dusk" in page
    assert "No true box that counts: person." in page
    assert "detected car 0.71: false" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clips": make_metrics()["clips"][:1]}, "One clip"),
        ({}, "trained on renders of the same town"),
        ({"clips": [{**make_metrics()["clips"][0], "origin": "rollout"}]}, "the generator's"),
        ({"clips": [{**make_metrics()["clips"][0], "scored_frames": 0}]}, "unknown in frames of one"),
    ],
)
def test_caveats_follow_from_the_numbers(changes, words) -> None:
    assert any(words in note for note in caveats(make_metrics(**changes)))


def test_a_real_clip_is_not_called_synthetic() -> None:
    real = make_metrics(clips=[{**clip, "origin": "real"} for clip in make_metrics()["clips"]])
    assert not any("Synthetic" in note or "town" in note for note in caveats(real))


def test_a_plot_breaks_at_unknown_values_and_survives_having_none() -> None:
    plot = str(lines([("a", [0, 1, 2, 3], [1.0, None, 1.0, 1.0])], x_label="s", y_label="level"))
    drawn = re.search(r'<g class="series s0">.*?d="([^"]*)"', plot).group(1)
    assert drawn.count("M") == 2
    assert "nan" not in str(lines([("a", [], [])], x_label="s", y_label="level"))
    assert "<rect" not in str(bars([("small", None, 0)], x_label="size", y_label="recall"))


def test_a_meter_is_as_long_as_its_value() -> None:
    assert 'width="25.0"' in meter(0.25)
    assert 'class="fill"' not in meter(None)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here: the page is not opened in a browser")
def test_the_page_opens_in_a_browser_without_errors_and_shows_its_still(tmp_path) -> None:
    (tmp_path / "report.html").write_text(render_benchmark(make_metrics(), [make_still()]), encoding="utf-8")
    shot = tmp_path / "page.png"
    run = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--window-size=1200,1600",
            f"--screenshot={shot}", (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in run.stderr
    picture = cv2.cvtColor(cv2.imread(str(shot)), cv2.COLOR_BGR2RGB).astype(int)
    near_orange = (np.abs(picture - np.array(ORANGE)).max(-1) < 12).sum()
    assert near_orange > 50_000  # the still is about 500 x 250 px on the page

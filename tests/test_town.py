"""The town: exact labels, a picture that follows daylight, the same bytes for the same timeline, flat memory."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from drivesim.clips import verify
from drivesim.town import CLASSES, Town, film, render
from drivesim.town.street import AHEAD, BEHIND
from drivesim.town.stretches import LENGTH
from scenarios import Timeline, compile, load, loads, shipped
from scenarios.facts import FrameFacts
from scenarios.scenery import World

SIZE = (64, 128)


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    return compile(load("cut_in"), fps=1.0)


@pytest.fixture(scope="module")
def town(timeline: Timeline) -> Iterator[Town]:
    with Town(timeline.camera, width=256, height=128) as made:
        yield made


def drawn(town: Town, timeline: Timeline, k: int, **changes: object) -> np.ndarray:
    facts = dataclasses.replace(timeline[k], **changes)
    return town.draw(facts, timeline.track(k), timeline.world, timeline.ego_s(k), ("colour",)).colour


def iou(a: tuple, b: tuple) -> float:
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(wide, 0) * max(tall, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def label_agreement(facts: FrameFacts, instance: np.ndarray) -> dict[str, list[float]]:
    """Per category, how the box of the label pass agrees with the geometric box of what is seen whole."""
    found: dict[str, list[float]] = {}
    for thing in facts.objects:
        rows, columns = np.nonzero(instance == thing.track_id)
        if thing.occlusion or thing.truncation or thing.box[3] - thing.box[1] < 30 or not len(rows):
            continue
        seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        found.setdefault(thing.category, []).append(iou(seen, thing.box))
    return found


def test_boxes_of_the_label_pass_agree_with_the_geometric_boxes() -> None:
    timeline = compile(load("cut_in"), fps=0.5)
    shares: list[float] = []
    with Town(timeline.camera) as town:
        for k in range(len(timeline)):
            passes = town.render(timeline, k, ("instance",))
            for category, values in label_agreement(timeline[k], passes.instance).items():
                shares += values if category in ("car", "van", "truck", "bus") else []
    assert len(shares) >= 5
    assert min(shares) > 0.85


def test_semantic_and_instance_pass_name_the_same_road_users(town: Town, timeline: Timeline) -> None:
    passes = town.render(timeline, 5)
    states = {state.track_id: state.category for state in timeline.track(5)}
    seen = [track for track in np.unique(passes.instance) if track]
    assert seen
    for track in seen:
        classes = np.unique(passes.semantic[passes.instance == track])
        assert [CLASSES[index] for index in classes] == [states[track]]


def test_the_road_lies_below_and_the_sky_above(town: Town, timeline: Timeline) -> None:
    semantic = town.render(timeline, 0, ("semantic",)).semantic
    middle = slice(96, 160)
    assert (semantic[0, middle] == CLASSES.index("sky")).mean() > 0.5
    ground = {CLASSES.index("road"), CLASSES.index("marking")}
    assert np.isin(semantic[-8:, middle], list(ground)).mean() > 0.7


def test_a_label_pass_alone_draws_no_colours(town: Town, timeline: Timeline) -> None:
    passes = town.render(timeline, 0, ("instance",))
    assert passes.colour is None
    assert passes.semantic is None
    with pytest.raises(ValueError, match="depht"):
        town.render(timeline, 0, ("depht",))


def test_the_picture_darkens_steadily_with_daylight(town: Town, timeline: Timeline) -> None:
    means = [drawn(town, timeline, 3, daylight=d).mean() for d in (1.0, 0.75, 0.5, 0.25, 0.0)]
    assert all(after < before for before, after in pairwise(means))
    assert means[0] > 2 * means[-1]
    assert means[-1] > 12  # dark but readable


def test_a_small_change_of_daylight_is_a_small_change_of_the_picture(town: Town, timeline: Timeline) -> None:
    for daylight in (0.05, 0.35, 0.5, 0.9):
        before = drawn(town, timeline, 3, daylight=daylight).astype(int)
        after = drawn(town, timeline, 3, daylight=daylight + 0.004).astype(int)
        assert np.abs(after - before).mean() < 1.5


def test_fog_hides_contrast_far_away(town: Town, timeline: Timeline) -> None:
    far = slice(52, 62), slice(100, 156)
    clear = drawn(town, timeline, 0, weather="clear")[far].std()
    assert drawn(town, timeline, 0, weather="foggy")[far].std() < 0.75 * clear


def test_the_same_frame_has_the_same_bytes_in_a_fresh_town_and_after_other_frames(timeline: Timeline) -> None:
    with Town(timeline.camera, width=128, height=64) as first:
        for k in (0, 4, 9, 10):
            after_others = first.render(timeline, k)
    with Town(timeline.camera, width=128, height=64) as second:
        fresh = second.render(timeline, 10)
    assert np.array_equal(after_others.colour, fresh.colour)
    assert np.array_equal(after_others.instance, fresh.instance)


def test_the_street_never_ends_and_is_dropped_behind(town: Town, timeline: Timeline) -> None:
    road, facts = timeline.world.road, timeline[0]
    world = World(road, 3)
    for s in (0.0, 30.0, 9000.0):
        x, y, heading = road.pose(s, -1.75)
        ego = dataclasses.replace(facts.ego, x=x, y=y, heading=heading)
        semantic = town.draw(dataclasses.replace(facts, ego=ego), (), world, s, ("semantic",)).semantic
        assert np.isin(CLASSES.index("road"), semantic)
        assert (semantic == CLASSES.index("building")).mean() + (semantic == CLASSES.index("vegetation")).mean() > 0.05
        assert len(town._street._stretches) <= (AHEAD + BEHIND) / LENGTH + 2


def test_lane_markings_follow_a_bend() -> None:
    text = load("cut_in")
    bent = compile(loads(_bent()), fps=1.0)
    with Town(bent.camera, width=256, height=128) as town:
        semantic = town.render(bent, 0, ("semantic",)).semantic
    marking = semantic == CLASSES.index("marking")
    near, far = np.nonzero(marking[100:110])[1].mean(), np.nonzero(marking[68:72])[1].mean()
    assert text.road.curvature == ((0.0, 0.0),)
    assert far < near - 10  # a left bend


def _bent() -> str:
    text = shipped()["cut_in"].read_text(encoding="utf-8")
    assert "ego_lane: 0}" in text
    return text.replace("ego_lane: 0}", "ego_lane: 0, curvature: [[0, 0.02]]}")


def test_a_clip_of_the_town_carries_the_facts_of_its_timeline(tmp_path: Path) -> None:
    timeline = compile(load("cut_in"), fps=0.2)
    seen: list[tuple[int, int]] = []
    clip = render(timeline, tmp_path / "clip", size=SIZE, progress=lambda done, total: seen.append((done, total)))
    assert (len(clip), clip.height, clip.width, clip.origin) == (4, *SIZE, "town")
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    facts = clip.facts[2]
    assert facts.camera == timeline.camera.resized(128, 64)
    assert facts.ego == timeline[2].ego
    assert timeline.camera.height == 512  # the caller's timeline is left alone


def test_rendering_again_gives_the_clip_that_is_there(tmp_path: Path) -> None:
    timeline = compile(load("cut_in"), fps=0.1)
    first = render(timeline, tmp_path / "clip", size=SIZE)
    stamp = (tmp_path / "clip" / "video.mp4").stat().st_mtime_ns
    assert render(timeline, tmp_path / "clip", size=SIZE).provenance == first.provenance
    assert (tmp_path / "clip" / "video.mp4").stat().st_mtime_ns == stamp


def test_a_killed_render_goes_on_and_has_the_same_bytes(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import functools, os, signal, sys\n"
        "from drivesim.town import film\n"
        "from scenarios import compile, load\n"
        "film.ClipWriter = functools.partial(film.ClipWriter, chunk_frames=2)\n"
        "kill = lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done == 5 else None\n"
        "film.render(compile(load('cut_in'), fps=0.5), sys.argv[1], size=(32, 64), progress=kill)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "killed")]
    died = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(checkout)}, capture_output=True)
    assert died.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()

    monkeypatch.setattr(film, "ClipWriter", functools.partial(film.ClipWriter, chunk_frames=2))
    timeline = compile(load("cut_in"), fps=0.5)
    drawn_now: list[int] = []
    render(timeline, tmp_path / "killed", size=(32, 64), progress=lambda done, _: drawn_now.append(done))
    render(timeline, tmp_path / "whole", size=(32, 64))
    assert drawn_now == [5, 6, 7, 8, 9, 10]  # frames 0 to 3 were in whole chunks
    sums = [hashlib.sha256((tmp_path / name / "video.mp4").read_bytes()).hexdigest() for name in ("killed", "whole")]
    assert sums[0] == sums[1]
    verify(tmp_path / "killed")

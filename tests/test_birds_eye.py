"""The view from above."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.overlay import birds_eye, labels
from drivesim.overlay.birds_eye import AHEAD, BEHIND
from drivesim.overlay.ground import to_ego
from drivesim.overlay.pen import (
    ACTOR_COLOURS,
    COLOURS,
    EGO_COLOUR,
)
from scenarios import compile, load, loads


@pytest.fixture(scope="module")
def timeline():
    return compile(load("cut_in"), fps=2)


SCALE = 512 / (AHEAD + BEHIND)  # px per m


def test_birds_eye_shows_the_ego_low_in_the_middle_and_actors_in_their_colour(timeline):
    picture = birds_eye(timeline, timeline[8], width=384, height=512)
    assert (picture[round(512 - (BEHIND - 0.5) * SCALE), 192] == EGO_COLOUR).all()
    actor = np.argwhere((picture == labels(timeline.scenario)[1].colour).all(axis=2))
    state = next(state for state in timeline.track(8) if state.track_id == 1)
    ahead = to_ego(timeline.ego(8), np.array([[state.x, state.y]]))[0, 0]
    assert np.abs(actor[:, 0] - (512 - (BEHIND + ahead) * SCALE)).min() < 3
    assert not (picture == COLOURS["car"]).all(axis=2).any()


def test_birds_eye_draws_where_an_actor_came_from():
    timeline = compile(load("cut_in"), fps=4)
    trail = np.array([round(0.6 * channel) for channel in ACTOR_COLOURS[0]])
    seen = [
        np.argwhere(np.abs(birds_eye(timeline, timeline[k], height=512).astype(int) - trail).max(axis=2) < 2)
        for k in (0, 24)
    ]
    assert len(seen[0]) == 0
    assert np.ptp(seen[1][:, 0]) > 100


def test_birds_eye_names_an_actor_off_the_map_at_its_edge():
    timeline = compile(load("two_minutes"), fps=1)
    colour = labels(timeline.scenario)[2].colour  # 700 m ahead at first, behind at the end
    tops = []
    for k in (0, len(timeline) - 1):
        rows = np.argwhere((birds_eye(timeline, timeline[k], height=512) == colour).all(axis=2))[:, 0]
        tops.append((rows.min(), rows.max()))
    assert tops[0][0] == 0
    assert tops[0][1] < 30
    assert tops[1][0] > 480
    assert tops[1][1] == 511


def test_birds_eye_has_a_bar_of_ten_metres(timeline):
    picture = birds_eye(timeline, timeline[0], width=384, height=512)[460:, :150]
    rows = (picture.min(axis=2) > 200).sum(axis=1)
    assert rows.max() == pytest.approx(10 * SCALE + 1, abs=2)


def test_birds_eye_names_each_of_two_actors_off_the_map():
    actors = "".join(
        f"  - {{id: car_{ahead}, class: car, initial: {{lane: 0, ahead: {ahead}}}}}\n" for ahead in (300, 400)
    )
    timeline = compile(
        loads(f"schema: drivesim.scenario/1\nname: two\nclock: {{duration: 1.0}}\nactors:\n{actors}"), fps=1
    )
    picture = birds_eye(timeline, timeline[0], height=512)
    near, far = (np.argwhere((picture == ACTOR_COLOURS[number]).all(axis=2))[:, 0] for number in (0, 1))
    assert near.max() < far.min() < 40

"""Scenery and ground: facts of the still world, and the maps that networks are given of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from conditioning import encode
from conditioning.conditions import MAP_CHANNELS, Conditions
from conditioning.surroundings import GROUND_CHANNELS, SCENERY_CHANNELS, draw_faces, ground_maps, scenery_maps
from drivesim import render
from drivesim.clips.passes import read_pass
from drivesim.town.classes import CLASSES
from scenarios import compile, load
from scenarios.camera import project_points
from scenarios.facts import Camera, FrameFacts, SceneryFacts

CAMERA = Camera()  # 1024 x 512 px, 780 px of focal length, at x = 1.6 m, 1.5 m high
KIND = {name: index for index, name in enumerate(SCENERY_CHANNELS)}


def drawn(scenery, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """The maps of the scenery, from nothing else."""
    return scenery_maps(draw_faces(scenery, camera, size), size)


def house(x: float, y: float, *, kind: str = "building", size: tuple[float, float, float] = (4.0, 4.0, 3.0)):
    return SceneryFacts(kind, (x, y, size[2] / 2), size, 0.0)


def test_a_house_straight_ahead_covers_what_geometry_says():
    maps = drawn([house(13.6, 0.0)], CAMERA, (512, 1024))
    # Its face is 10 m ahead: 4 m wide is 312 px, from 1.5 m below the horizon to 1.5 m above it 117 px each way
    rows, columns = np.nonzero(maps[KIND["building"]])
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == pytest.approx((356, 668, 139, 373), abs=2)
    middle = maps[:, 256, 512]
    assert middle[KIND["facing"]] == pytest.approx(1.0)
    assert middle[KIND["distance"]] == pytest.approx(0.5)
    small = drawn([house(13.6, 0.0)], CAMERA, (32, 64))
    assert small[KIND["building"]].sum() * 16 * 16 == pytest.approx(
        312 * 234, rel=0.05
    )  # a pixel that is touched is filled


def test_near_scenery_covers_far_scenery_whatever_their_order():
    near, far = house(10.0, 0.0, kind="tree", size=(2.0, 2.0, 2.0)), house(40.0, 0.0, size=(10.0, 10.0, 20.0))
    one, other = (drawn(both, CAMERA, (32, 64)) for both in ([near, far], [far, near]))
    assert np.array_equal(one, other)
    assert one[KIND["tree"], 16, 32] == 1.0
    assert one[KIND["building"], 16, 32] == 0.0
    assert one[KIND["building"], 10, 32] == 1.0


def test_scenery_behind_or_none_is_an_empty_map():
    assert not drawn([house(-20.0, 0.0)], CAMERA, (32, 64)).any()
    assert not drawn([], CAMERA, (32, 64)).any()


def test_waves_stay_with_the_ground_while_the_ego_comes_nearer():
    size = (512, 1024)
    places = np.array([[12.0, -2.0, 0.0], [20.0, 3.0, 0.0]])
    for moved in (0.7, 3.0, 5.3):
        before, after = ground_maps(100.0, CAMERA, size), ground_maps(100.0 + moved, CAMERA, size)
        there, _ = project_points(CAMERA, places)
        here, _ = project_points(CAMERA, places - [moved, 0.0, 0.0])
        for (x, y), (x_new, y_new) in zip(there.astype(int), here.astype(int), strict=True):
            assert before[:, y, x] == pytest.approx(after[:, y_new, x_new], abs=0.1)


def test_the_first_wave_has_the_period_of_dashed_lines_and_the_sky_none():
    one, later = ground_maps(0.0, CAMERA, (32, 64)), ground_maps(9.0, CAMERA, (32, 64))
    nine = [k for k, name in enumerate(GROUND_CHANNELS) if name.endswith("_9")]
    rest = [k for k in range(len(GROUND_CHANNELS)) if k not in nine]
    assert np.allclose(one[nine], later[nine], atol=1e-5)
    assert np.abs(one[rest] - later[rest]).max() > 0.5
    assert not one[:, :16].any()
    assert np.abs(one[:, 24:]).max() > 0.9


def test_the_map_agrees_with_the_semantic_pass_of_the_town(tmp_path):
    timeline = compile(load("cut_in"), fps=1.875).first(6)
    clip = render(timeline, tmp_path / "clip", size=(128, 256), passes=("semantic",))
    # The town's houses have roofs and bays, its crowns are round, and the cars before them are in no map
    for name, kinds, recall, precision in (
        ("building", ("building", "wall"), 0.85, 0.8),
        ("vegetation", ("tree",), 0.65, 0.5),
    ):
        counts = np.zeros(3)
        for facts, seen in zip(timeline, read_pass(clip, "semantic", range(len(clip))), strict=True):
            maps = drawn(facts.scenery, facts.camera, (128, 256))
            is_there, is_told = seen == CLASSES.index(name), sum(maps[KIND[kind]] for kind in kinds) > 0.5
            counts += is_there.sum(), is_told.sum(), (is_there & is_told).sum()
        there, told, both = counts
        assert both / there > recall, name
        assert both / told > precision, name


def test_scenery_facts_stand_still_in_the_world():
    timeline = compile(load("curved_road"), fps=7.5)
    seen = []
    for k in (20, 22):
        facts = timeline[k]
        cos, sin = math.cos(facts.ego.heading), math.sin(facts.ego.heading)
        places = {}
        for thing in facts.scenery:
            x, y, _ = thing.center
            spot = facts.ego.x + cos * x - sin * y, facts.ego.y + sin * x + cos * y
            places[thing.kind, thing.size] = spot, (thing.heading + facts.ego.heading) % (2 * math.pi)
        seen.append(places)
    common = seen[0].keys() & seen[1].keys()
    assert len(common) > 10
    for name in common:
        assert seen[0][name][0] == pytest.approx(seen[1][name][0], abs=0.02)
        assert math.cos(seen[0][name][1] - seen[1][name][1]) > 0.9999


def test_a_tunnel_has_walls_around_the_ego_and_a_mouth_to_look_through():
    timeline = compile(load("tunnel_drive"), fps=7.5)
    inside = next(k for k in range(len(timeline)) if timeline.daylight(k) <= 0.21 * timeline.daylight(0))
    maps = drawn(timeline[inside].scenery, timeline.camera, (32, 64))
    assert maps[KIND["wall"], :8].mean() > 0.95  # the roof
    assert maps[KIND["wall"], 28:, 24:40].mean() < 0.05  # the road


def test_facts_go_to_json_and_back():
    facts = compile(load("cut_in"), fps=7.5)[10]
    assert facts.scenery
    assert facts.ego.odometer == compile(load("cut_in"), fps=7.5).ego_s(10)
    assert FrameFacts.from_dict(facts.to_dict()) == facts


def test_bad_scenery_is_refused():
    with pytest.raises(ValueError, match="scenery kind is 'castle', expected one of"):
        SceneryFacts("castle", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.0)
    with pytest.raises(ValueError, match="expected positive"):
        SceneryFacts("tree", (0.0, 0.0, 0.0), (1.0, 0.0, 1.0), 0.0)


def test_conditions_know_scenery_and_ground_or_not():
    frame = compile(load("cut_in"), fps=7.5)[10]
    bare = FrameFacts(0, 0.0, camera=frame.camera)
    told, untold = (encode([facts], interval=0.1, origin="town", size=(32, 64)) for facts in (frame, bare))
    assert told.validate().map_stack().shape[2] == MAP_CHANNELS
    for name in ("scenery", "ground", "texture"):
        assert told.known[name].all()
        assert told.maps[name].abs().sum() > 0
        assert not untold.known[name].any()
        assert not told.without(name).map_stack()[:, :, 20:].equal(told.map_stack()[:, :, 20:])
    assert told.without("scenery", "ground", "texture").map_stack()[:, :, :20].equal(told.map_stack()[:, :, :20])
    back = Conditions.from_arrays(told.to_arrays())
    assert (back.map_stack() - told.map_stack()).abs().max() <= 0.5 / 127 + 1e-6

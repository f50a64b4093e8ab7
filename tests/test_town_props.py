"""Animals, obstacles, traffic lights, signs and tunnels: they fill their boxes, can be told apart and stand right."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from drivesim.town import CLASSES, Town, animals, signs, tunnels
from drivesim.town.facades import FINE
from drivesim.town.paint import paint_of, seed_of
from drivesim.town.people import POSES
from drivesim.town.props import kind_of, obstacle
from drivesim.town.signals import LAMPS, lit_lamp, signal_lamp, traffic_light
from drivesim.town.slots import SLOT
from drivesim.town.stretches import SCENERY_CLASS, _bulbs, _opening, _outline, _solid
from drivesim.town.traffic import body_mesh, placed
from scenarios.facts import Camera, EgoState, FrameFacts
from scenarios.object_state import ObjectState
from scenarios.road import Road
from scenarios.scenery import KINDS, Scenery, World
from tests.meshes import met, normals, outward_share, volume

SIZES = {
    "cone": (0.5, 0.5, 0.75),
    "barrier": (0.4, 2.0, 1.0),
    "box": (0.6, 0.5, 0.55),
    "door": (0.1, 1.0, 1.2),
}
EGO = EgoState(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
BODIES = {
    **{f"animal {v} {h}": animals.animal(v, 3, POSES, h) for v in range(4) for h in (0.4, 0.8, 1.4)},
    **{f"{kind} {v}": obstacle(v, size) for kind, size in SIZES.items() for v in (0, 1)},
    "traffic light": traffic_light(),
}


def state(category: str, **changes: object) -> ObjectState:
    made = ObjectState(7, category, 12.0, 0.0, 0.0, 0.0, (0.5, 0.5, 0.75), None, (200, 60, 50), 0.0)
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize("name", BODIES)
def test_a_body_fills_its_unit_box_and_is_not_inside_out(name: str) -> None:
    mesh = BODIES[name]
    np.testing.assert_allclose(mesh.points.min(0), (-0.5, -0.5, 0), atol=1e-5)
    np.testing.assert_allclose(mesh.points.max(0), (0.5, 0.5, 1), atol=1e-5)
    assert outward_share(mesh) > 0.99
    assert volume(mesh) > 0.01


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        *((size, kind) for kind, size in SIZES.items()),
        ((2.4, 0.4, 1.0), "barrier"),
        ((1.0, 0.12, 1.1), "door"),
        ((1.5, 1.5, 1.2), "box"),
        ((0.3, 0.3, 1.0), "cone"),
    ],
)
def test_what_an_obstacle_is_follows_from_its_size(size: tuple, kind: str) -> None:
    assert kind_of(size) == kind


def test_obstacles_look_different_and_lie_along_their_longer_side() -> None:
    slots = {kind: set(obstacle(0, size).slots.tolist()) for kind, size in SIZES.items()}
    assert SLOT["orange"] in slots["cone"]
    assert {SLOT["white"], SLOT["brake"]} <= slots["barrier"]
    assert {SLOT["body"], SLOT["glass"]} <= slots["door"]
    assert SLOT["glass"] not in slots["box"]
    for size in ((0.4, 2.0, 1.0), (2.0, 0.4, 1.0)):
        mesh = obstacle(0, size).scaled(size)
        red = mesh.points[mesh.slots == SLOT["brake"]]
        assert (np.ptp(red[:, :2], axis=0) > 0.8).tolist() == [size[0] > 1, size[1] > 1]


def test_the_window_of_a_door_is_in_its_upper_half() -> None:
    mesh = obstacle(0, SIZES["door"])
    assert mesh.points[mesh.slots == SLOT["glass"], 2].min() > 0.5


@pytest.mark.parametrize("variant", range(4))
def test_an_animal_trots_with_feet_that_take_turns(variant: int) -> None:
    poses = [animals.animal(variant, pose, POSES, 0.8) for pose in range(POSES)]
    steps = [np.abs(poses[pose - 1].points - mesh.points).max() for pose, mesh in enumerate(poses)]
    assert 0.02 < max(steps) < 0.2  # of the box: points keep their numbers
    low = [mesh.points[mesh.points[:, 2] < 0.05] for mesh in (poses[POSES // 4], poses[3 * POSES // 4])]
    assert abs(low[0][:, 0].mean() - low[1][:, 0].mean()) < 0.1  # one fore and one hind foot stand at any time
    assert not np.allclose(poses[POSES // 4].points, poses[3 * POSES // 4].points, atol=0.02)


@pytest.mark.parametrize(
    ("appearance", "name"),
    [
        ((255, 0, 0), "red lamp"),
        ((230, 160, 0), "amber lamp"),
        ((0, 180, 60), "green lamp"),
        ((150, 20, 9), "red lamp"),
    ],
)
def test_the_lamp_nearest_to_the_appearance_is_lit_alone(appearance: tuple, name: str) -> None:
    paint = paint_of(state("traffic_light", appearance=appearance), 0.0)
    assert lit_lamp(appearance) == name
    assert [other for other in LAMPS if paint[SLOT[other], 3:6].max() > 0.5] == [name]


def test_lamps_shine_forward_in_the_order_of_a_traffic_light() -> None:
    mesh = traffic_light()
    heights = []
    for name, (appearance, _) in LAMPS.items():
        place, colour = signal_lamp(state("traffic_light", appearance=appearance))
        heights.append(place[2])
        assert colour.argmax() == (1 if name == "green lamp" else 0)
        shown = mesh.slots[mesh.faces].max(1) == SLOT[name]
        assert (normals(mesh)[shown, 0] > 0).all()
        assert met(mesh, (2.0, place[1] + 0.01, place[2] + 0.01), (-1, 0, 0)).size
    assert heights == sorted(heights, reverse=True)
    assert np.diff(heights).max() < -0.2


def test_z_lifts_the_body_and_the_places_in_its_box() -> None:
    low, high = (placed(state("traffic_light", z=z), 1, EGO) for z in (0.0, 5.0))
    lift = body_mesh(high).points - body_mesh(low).points
    np.testing.assert_allclose(lift, np.broadcast_to([0, 0, 5], lift.shape), atol=1e-5)
    np.testing.assert_allclose(high.to_ego(np.zeros((1, 3))), [[12, 0, 5]], atol=1e-6)


def test_the_first_tracks_of_two_clips_do_not_look_alike() -> None:
    seeds = {seed_of(state("car", appearance=colour)) % 28 for colour in ((232, 232, 228), (28, 28, 30), (150, 28, 30))}
    assert len(seeds) > 1


@pytest.mark.parametrize("variant", range(6))
def test_a_sign_shows_its_face_to_oncoming_drivers_at_the_top_of_its_pole(variant: int) -> None:
    mesh = signs.sign((0.1, 0.7, 2.6), variant)
    painted = ~np.isin(mesh.slots, (signs.POLE, signs.BACK))
    assert (normals(mesh)[painted[mesh.faces[:, 0]], 0] < 0).all()
    assert np.ptp(mesh.points[:, 1]) == pytest.approx(0.7, abs=0.03)
    assert mesh.points[:, 2].min() == 0
    assert 2.4 < mesh.points[painted, 2].max() <= 2.6 + 0.03
    assert mesh.points[painted, 2].min() > 1.8


def test_signs_differ_in_colour_and_outline() -> None:
    plates = [signs.sign((0.1, 0.7, 2.6), variant) for variant in range(len(signs.SIGNS))]
    assert len({len(mesh.points) for mesh in plates}) >= 5
    colours = [frozenset(mesh.slots.tolist()) for mesh in plates]
    assert sum(signs.BLUE in slots for slots in colours) == 2
    assert sum(signs.YELLOW in slots for slots in colours) == 1


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_mast_reaches_over_the_road_on_the_side_asked_for(side: float) -> None:
    mesh = signs.mast((0.2, 7.5, 5.9), side)
    assert (side * mesh.points[:, 1]).max() == pytest.approx(7.5, abs=0.01)
    assert (side * mesh.points[:, 1]).min() > -0.2
    assert mesh.points[:, 2].max() == pytest.approx(5.9, abs=0.01)
    far = mesh.points[side * mesh.points[:, 1] > 7]
    assert np.abs(far[:, 2] - signs.ARM_HEIGHT).max() < 0.1


def test_a_tunnel_is_open_along_and_closed_around() -> None:
    size = (24.0, 18.0, 5.5)
    mesh = tunnels.tunnel(size)
    np.testing.assert_allclose(np.ptp(mesh.points, axis=0), size, atol=1e-4)
    for y, z in ((0.0, 1.5), (6.0, 3.0), (-8.0, 0.5)):
        assert not met(mesh, (-20, y, z), (1, 0, 0)).size
    for start in ((1.0, 0.1, 1.5), (-11.9, -8.8, 0.1), (11.9, 8.8, 5.2)):
        for way in ((0.001, 1, 0.002), (0.001, -1, 0.002), (0.001, 0.002, 1)):
            assert met(mesh, start, way).tolist() in ([1], [1, 1])  # perhaps the lamp and the ceiling
    lamp = tunnels.palette(0)[tunnels.LAMP]
    assert lamp[:3].min() > 1.5  # it shines by daylight, which is about a half
    for x, y, z in tunnels.lamp_places(size):
        assert abs(x) < 12
        assert abs(y) < 9
        assert 5 < z < 5.5


@pytest.mark.parametrize("variant", [0, 1])
def test_a_portal_fills_its_box_around_an_open_mouth(variant: int) -> None:
    size, opening = (1.0, 60.0, 12.0), (18.4, 5.5)
    mesh = tunnels.portal(size, opening, variant)
    np.testing.assert_allclose(np.ptp(mesh.points, axis=0), size, atol=1e-3)
    assert mesh.points[:, 2].min() == pytest.approx(0)
    for y, z in ((0.0, 1.5), (9.1, 0.1), (-9.1, 5.4)):
        assert not met(mesh, (-20, y, z), (1, 0, 0)).size
    for y, z in ((9.5, 1.0), (-20.3, 3.1), (0.4, 6.0), (3.3, 8.0)):
        assert (met(mesh, (-20, y, z), (1, 0, 0)) > 0).any()
    assert (mesh.points[mesh.slots >= tunnels.GRASS, 2] > opening[1]).all()
    assert (normals(mesh)[mesh.slots[mesh.faces[:, 0]] >= tunnels.ROCK, 0] < 0).all()


def test_every_kind_of_scenery_has_a_class_and_a_body_in_its_place() -> None:
    world = World(Road(2, 1), 0)
    assert set(SCENERY_CLASS) == set(KINDS)
    sizes = {"signal": (0.2, 7.0, 5.9), "tunnel": (24.0, 20.0, 5.5), "portal": (1.0, 60.0, 12.0)}
    for kind in KINDS:
        thing = Scenery(kind, 1, 40.0, 40.0, -12.0, 0.0, sizes.get(kind, (3.0, 3.0, 7.0)), 3)
        mesh, paint = _solid(world, thing, FINE)
        assert paint.shape == (len(mesh.points), 7)
        assert np.abs(mesh.points[:, 0].mean() - 40) < 3
        if kind == "signal":
            assert mesh.points[:, 1].max() == pytest.approx(-5, abs=0.1)  # the road lies to its left
        assert len(_bulbs([thing])) == {"lamp": 1, "tunnel": 2}.get(kind, 0)


def test_a_tunnel_shades_all_of_its_own_ground_and_nothing_else() -> None:
    shade = _outline(Scenery("tunnel", 1, 0.0, 0.0, 0.0, 0.0, (24.0, 20.0, 5.5), 0))
    np.testing.assert_allclose(np.ptp(shade[:4], axis=0), (24, 20, 0), atol=1e-4)
    assert shade[:, 2].max() == 0


def test_the_mouth_of_a_portal_lets_carriageway_and_sidewalks_through() -> None:
    road = Road(2, 1)
    width, height = _opening(road)
    assert width == pytest.approx(road.left_edge - road.right_edge + 2 * road.sidewalk_width + 0.4)
    assert height == 5.5


def test_labels_and_depth_of_the_new_categories() -> None:
    class Bare(World):
        def scenery(self, s_from: float, s_to: float) -> tuple[Scenery, ...]:
            return ()

    camera = Camera(width=256, height=128, fx=195.0, fy=195.0, cx=128.0, cy=64.0, x=1.6, z=1.5)
    states = (
        state("animal", track_id=3, y=3.0, size=(1.1, 0.35, 0.8), heading=1.57),
        state("obstacle", track_id=4),
        state("traffic_light", track_id=5, y=-3.0, z=2.0, size=(0.35, 0.4, 1.0), heading=3.14),
    )
    facts = FrameFacts(index=0, time=0.0, daylight=1.0, weather="clear", ego=EGO, camera=camera)
    with Town(camera) as town:
        passes = town.draw(facts, states, Bare(Road(2, 1), 0), 0.0, ("instance", "semantic", "depth"))
    for thing in states:
        own = passes.instance == thing.track_id
        assert own.sum() > 20
        assert {CLASSES[index] for index in np.unique(passes.semantic[own])} == {thing.category}
        assert np.abs(passes.depth[own] - 10.4).max() < 1.0
    rows = np.nonzero(passes.instance == 5)[0]
    assert rows.max() < 64 + 195 * (1.5 - 2.0) / 10 + 2  # it hangs above the camera

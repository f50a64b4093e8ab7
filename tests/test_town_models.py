"""Bodies, houses and furniture: they fill their boxes, face outwards and move as they should."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.town import buildings, furniture, people, roofs
from drivesim.town.bodies import VARIANTS
from drivesim.town.facades import DOOR, ROOF, WALL, WALL_2, WALL_3
from drivesim.town.meshes import Mesh, box, loft, merge, patch, rotation
from drivesim.town.slots import SLOT
from drivesim.town.vehicles import vehicle
from scenarios.facts import categories
from tests.meshes import extents, normals, outward_share, volume

VEHICLES = [name for name, category in categories().items() if category.group == "vehicle"]


@pytest.mark.parametrize("category", VEHICLES)
@pytest.mark.parametrize("variant", range(0, 28, 3))
def test_a_vehicle_fills_the_box_it_is_fitted_to(category: str, variant: int) -> None:
    size = categories()[category].size
    mesh = vehicle(category, variant).fitted(size)
    np.testing.assert_allclose(extents(mesh), size, rtol=1e-5)
    np.testing.assert_allclose(mesh.points.min(0), (-size[0] / 2, -size[1] / 2, 0), atol=1e-5)


@pytest.mark.parametrize("category", VEHICLES)
def test_the_usual_shape_of_a_vehicle_is_hardly_stretched(category: str) -> None:
    stretch = np.array(categories()[category].size) / extents(vehicle(category, 0))
    assert stretch.min() > 0.8
    assert stretch.max() < 1.25


@pytest.mark.parametrize("category", VEHICLES)
@pytest.mark.parametrize("variant", range(14))
def test_head_lamps_are_at_the_front_and_brake_lamps_at_the_rear(category: str, variant: int) -> None:
    mesh = vehicle(category, variant)
    lamps = [name for name in ("tail", "brake") if (mesh.slots == SLOT[name]).any()]
    assert mesh.points[mesh.slots == SLOT["head"], 0].min() > 0
    assert lamps
    assert all(mesh.points[mesh.slots == SLOT[name], 0].max() < 0 for name in lamps)


@pytest.mark.parametrize(("category", "least"), [("car", 10), ("van", 5), ("truck", 8), ("bus", 5)])
def test_variants_of_a_vehicle_differ_in_shape_or_paint(category: str, least: int) -> None:
    looks = {(mesh.points.tobytes(), mesh.slots.tobytes()) for mesh in (vehicle(category, i) for i in range(VARIANTS))}
    assert len(looks) >= least


def test_left_indicators_are_on_the_left() -> None:
    mesh = vehicle("car", 0)
    assert mesh.points[mesh.slots == SLOT["left"], 1].min() > 0
    assert mesh.points[mesh.slots == SLOT["right"], 1].max() < 0


@pytest.mark.parametrize(
    "mesh",
    [
        vehicle("car", 8),
        vehicle("truck", 3),
        vehicle("bus", 0),
        *(buildings.building((20, 9, 14), variant, front=1) for variant in range(8)),
        *(furniture.tree((3, 3, 7), variant) for variant in (6, 7, 9)),
    ],
)
def test_triangles_face_where_their_normals_point(mesh: Mesh) -> None:
    assert outward_share(mesh) > 0.995


def test_a_walk_moves_the_legs_and_stays_in_the_box() -> None:
    poses = [people.pedestrian(0, pose) for pose in range(people.POSES)]
    lengths = [extents(mesh)[0] for mesh in poses]
    assert max(lengths) <= 1.0
    assert max(lengths) > 0.9
    assert min(lengths) < 0.7  # what the rucksack takes
    for mesh in poses:
        np.testing.assert_allclose((mesh.points[:, 2].min(), mesh.points[:, 2].max()), (0, 1), atol=1e-5)


def test_left_and_right_leg_take_turns() -> None:
    def front_shoe(pose: int) -> float:
        mesh = people.pedestrian(0, pose)
        shoes = mesh.points[mesh.slots == SLOT["shoes"]]
        return float(shoes[shoes[:, 0].argmax(), 1])

    quarter = people.POSES // 4
    assert front_shoe(quarter) > 0 > front_shoe(3 * quarter)


@pytest.mark.parametrize("child", [False, True])
def test_a_child_has_a_larger_head_for_its_body(child: bool) -> None:
    mesh = people.pedestrian(0, 0, is_child=child)
    chin = mesh.points[mesh.slots == SLOT["shirt"], 2].max()
    assert (1 - chin > 0.19) == child


def test_people_differ_in_what_they_wear_and_carry() -> None:
    worn = [set(people.pedestrian(variant, 0).slots.tolist()) for variant in range(VARIANTS)]
    for name in ("bag", "hat"):
        assert 0.1 < sum(SLOT[name] in slots for slots in worn) / VARIANTS < 0.9
    assert len({len(people.pedestrian(variant, 0).points) for variant in range(VARIANTS)}) > 6


@pytest.mark.parametrize("roof", roofs.RISE)
def test_a_roof_stands_on_the_walls_and_ends_at_the_top_of_its_box(roof: str) -> None:
    length, width, height = 18.0, 11.0, 12.0
    eaves = roofs.eaves_of(roof, height)
    mesh = merge(roofs.roof_of(roof, length, width, eaves, height, np.random.default_rng(0)))
    assert (np.abs(mesh.points[:, :2]).max(0) <= (length / 2 + 1e-4, width / 2 + 1e-4)).all()
    assert mesh.points[:, 2].max() == pytest.approx(height, abs=1e-4)
    assert mesh.points[:, 2].min() > eaves - 7
    assert (normals(mesh)[mesh.slots[mesh.faces[:, 0]] == ROOF, 2] >= 0).all()


def test_houses_in_a_row_have_walls_of_their_own_and_their_doors_on_the_street() -> None:
    rows = [buildings.building((24.0, 10.0, 9.0), variant, front=-1) for variant in range(20)]
    walls = [np.isin((WALL, WALL_2, WALL_3), mesh.slots).sum() for mesh in rows]
    assert sorted(set(walls)) == [1, 3]
    for mesh in rows:
        assert (mesh.slots == WALL).any()
        back = mesh.points[:, 1] > 10.0 / 2 - 0.3
        assert not (back & (mesh.slots == DOOR)).any()


@pytest.mark.parametrize("variant", range(8))
@pytest.mark.parametrize("size", [(10.0, 8.0, 7.0), (25.0, 12.0, 18.0), (9.0, 9.0, 33.0), (30.0, 8.0, 12.0)])
def test_a_house_stays_in_its_box_and_is_as_tall(size: tuple, variant: int) -> None:
    mesh = buildings.building(size, variant, front=-1)
    assert (np.abs(mesh.points[:, :2]).max(0) <= np.array(size[:2]) / 2 + 1e-4).all()
    assert mesh.points[:, 2].max() == pytest.approx(size[2], abs=1e-4)
    assert len(buildings.palette(variant)) > mesh.slots.max()
    assert 0.4 < volume(mesh) / np.prod(size) < 1.3  # closed above its base, and not inside out


def test_a_lamp_reaches_over_the_road_on_the_side_asked_for() -> None:
    size = (0.3, 0.3, 7.5)
    for side in (1, -1):
        mesh = furniture.lamp(size, side)
        assert (side * mesh.points[:, 1]).max() == pytest.approx(furniture.ARM)
        assert furniture.bulb(size, side)[1] * side > 1
        assert mesh.points[:, 2].max() == pytest.approx(7.5, abs=0.02)


def test_a_patch_leaves_holes_and_paints_cells() -> None:
    mesh = patch([(0, 0, 0), (2, 0, 0), (2, 0, 1), (0, 0, 1)], (0, 0.5, 1), (0, 1), [[3, 255]])
    assert len(mesh.faces) == 2
    assert mesh.points[:, 0].max() == 1.0
    np.testing.assert_allclose(mesh.normals, np.tile([0, -1, 0], (4, 1)), atol=1e-6)


def test_a_loft_along_x_faces_outwards() -> None:
    square = [(1, -1), (1, 1), (-1, 1), (-1, -1)]
    mesh = loft([[(x, y, z) for y, z in square] for x in (0, 3)], 0, caps=False)
    assert (np.einsum("nc,nc->n", mesh.points - (1.5, 0, 0), mesh.normals) > 0).all()


def test_stretching_keeps_normals_upright_on_their_faces() -> None:
    slope = patch([(0, -1, 0), (1, -1, 1), (1, 1, 1), (0, 1, 0)], (0, 1), (0, 1), 0).scaled((2, 1, 1))
    np.testing.assert_allclose(slope.normals[0], np.array([-1, 0, 2]) / np.sqrt(5), atol=1e-6)


def test_merging_and_turning_keep_triangles_on_their_points() -> None:
    cube = box((0, 0, 0), (1, 1, 1), 0)
    both = merge([cube, cube.moved((5, 0, 0))]).turned(np.pi / 2)
    assert both.faces.max() == 2 * len(cube.points) - 1
    np.testing.assert_allclose(both.points[len(cube.points) :].min(0), (-1, 5, 0), atol=1e-5)
    np.testing.assert_allclose(rotation(np.pi / 2) @ np.array([1, 0, 0]), (0, 1, 0), atol=1e-6)

"""Bodies, houses and furniture: they fill their boxes, face outwards and move as they should."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.town import buildings, furniture, people
from drivesim.town.meshes import Mesh, box, loft, merge, patch, rotation
from drivesim.town.vehicles import SLOT, vehicle
from scenarios.facts import categories

VEHICLES = [name for name in categories() if name != "pedestrian"]


def extents(mesh: Mesh) -> np.ndarray:
    return mesh.points.max(0) - mesh.points.min(0)


def outward_share(mesh: Mesh) -> float:
    """The share of triangles whose winding agrees with their stored normals."""
    a, b, c = (mesh.points[mesh.faces[:, i]] for i in range(3))
    facing = np.einsum("nc,nc->n", np.cross(b - a, c - a), mesh.normals[mesh.faces].mean(1))
    return float((facing > -1e-9).mean())


@pytest.mark.parametrize("category", VEHICLES)
@pytest.mark.parametrize("variant", [0, 1, 2])
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
def test_head_lamps_are_at_the_front_and_brake_lamps_at_the_rear(category: str) -> None:
    mesh = vehicle(category, 0)
    lamps = [name for name in ("tail", "brake") if (mesh.slots == SLOT[name]).any()]
    assert mesh.points[mesh.slots == SLOT["head"], 0].min() > 0
    assert lamps
    assert all(mesh.points[mesh.slots == SLOT[name], 0].max() < 0 for name in lamps)


def test_left_indicators_are_on_the_left() -> None:
    mesh = vehicle("car", 0)
    assert mesh.points[mesh.slots == SLOT["left"], 1].min() > 0
    assert mesh.points[mesh.slots == SLOT["right"], 1].max() < 0


@pytest.mark.parametrize(
    "mesh",
    [vehicle("car", 0), vehicle("bus", 0), buildings.building((12, 9, 14), 4, front=1), furniture.tree((4, 4, 7), 9)],
)
def test_triangles_face_where_their_normals_point(mesh: Mesh) -> None:
    assert outward_share(mesh) > 0.995


def test_a_walk_moves_the_legs_and_stays_in_the_box() -> None:
    poses = [people.pedestrian(0, pose) for pose in range(people.POSES)]
    lengths = [extents(mesh)[0] for mesh in poses]
    assert max(lengths) <= 1.0
    assert max(lengths) > 0.9
    assert min(lengths) < 0.6
    for mesh in poses:
        np.testing.assert_allclose((mesh.points[:, 2].min(), mesh.points[:, 2].max()), (0, 1), atol=1e-5)


def test_left_and_right_leg_take_turns() -> None:
    def front_shoe(pose: int) -> float:
        mesh = people.pedestrian(0, pose)
        shoes = mesh.points[mesh.slots == SLOT["shoes"]]
        return float(shoes[shoes[:, 0].argmax(), 1])

    quarter = people.POSES // 4
    assert front_shoe(quarter) > 0 > front_shoe(3 * quarter)


@pytest.mark.parametrize("variant", range(6))
@pytest.mark.parametrize("size", [(10.0, 8.0, 7.0), (25.0, 12.0, 18.0), (9.0, 9.0, 33.0)])
def test_a_house_stays_in_its_box_and_is_as_tall(size: tuple, variant: int) -> None:
    mesh = buildings.building(size, variant, front=-1)
    assert (np.abs(mesh.points[:, :2]).max(0) <= np.array(size[:2]) / 2 + 1e-4).all()
    assert mesh.points[:, 2].max() == pytest.approx(size[2], abs=1e-4)
    assert len(buildings.palette(variant)) > mesh.slots.max()


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

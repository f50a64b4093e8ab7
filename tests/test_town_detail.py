"""What is far away is drawn with less detail: as large, alike in all passes, and by its distance alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from drivesim.town import Town, buildings
from drivesim.town.facades import COARSE, FINE, PANE, PLAIN
from drivesim.town.geometry_pass import _moved
from drivesim.town.layers import over
from drivesim.town.meshes import Mesh, cross
from drivesim.town.people import POSES, pedestrian
from drivesim.town.slots import SLOT
from drivesim.town.traffic import COARSE_FROM, body_mesh, placed
from drivesim.town.vehicles import COARSE as COARSE_VEHICLES
from drivesim.town.vehicles import vehicle
from scenarios import Timeline, compile, load
from tests.meshes import extents, outward_share


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    return compile(load("dense_traffic"), fps=1.0)


def pane_area(mesh: Mesh) -> float:
    panes = mesh.faces[mesh.slots[mesh.faces[:, 0]] >= PANE]
    a, b, c = (mesh.points[panes[:, corner]].astype(float) for corner in range(3))
    return float(np.linalg.norm(cross(b - a, c - a), axis=1).sum() / 2)


@pytest.mark.parametrize("category", COARSE_VEHICLES)
@pytest.mark.parametrize("variant", range(7))
def test_a_coarse_vehicle_is_as_large_and_has_few_triangles(category: str, variant: int) -> None:
    fine, coarse = vehicle(category, variant), vehicle(category, variant, is_coarse=True)
    np.testing.assert_allclose(extents(coarse), extents(fine), atol=0.02)
    assert len(coarse.faces) < 0.7 * len(fine.faces)
    for slot in ("body", "glass", "head", "tail", "brake"):
        assert (SLOT[slot] in coarse.slots) == (SLOT[slot] in fine.slots)
    assert outward_share(coarse) > 0.99


@pytest.mark.parametrize("variant", range(4))
def test_a_coarse_person_has_few_triangles_whose_points_keep_their_numbers(variant: int) -> None:
    poses = [pedestrian(variant, pose, is_coarse=True) for pose in range(POSES)]
    fine = pedestrian(variant, 0)
    assert len(poses[0].faces) < 0.6 * len(fine.faces)
    np.testing.assert_allclose(extents(poses[0])[1:], extents(fine)[1:], atol=0.02)
    assert max(np.abs(poses[pose - 1].points - mesh.points).max() for pose, mesh in enumerate(poses)) < 0.2


def test_the_detail_of_a_body_follows_from_its_distance(timeline: Timeline) -> None:
    ego = timeline.ego(0)
    state = next(state for state in timeline.track(0) if state.category == "car")
    near, far = (placed(dataclasses.replace(state, x=ego.x, y=ego.y + COARSE_FROM + by), 1, ego) for by in (-0.1, 0.1))
    assert (near.is_coarse, far.is_coarse) == (False, True)
    assert len(far.shape.mesh.faces) < len(near.shape.mesh.faces)


def test_flow_follows_the_points_of_the_detail_that_is_seen_now(timeline: Timeline) -> None:
    ego = timeline.ego(0)
    state = next(state for state in timeline.track(0) if state.category == "car")
    now = dataclasses.replace(state, x=ego.x, y=ego.y + COARSE_FROM + 0.1)
    then = dataclasses.replace(now, y=now.y - 1.0)
    before, after = placed(now, 1, ego), placed(then, 1, ego)
    assert (before.is_coarse, after.is_coarse) == (True, False)
    (moved,) = _moved([before], [body_mesh(before)], [then], ego)
    way = (after.x - before.x, after.y - before.y, 0.0)
    np.testing.assert_allclose(moved, body_mesh(before).points + np.array(way), atol=1e-4)


def test_colours_and_labels_are_of_the_same_triangles_and_far_ground_has_few(timeline: Timeline) -> None:
    with Town(timeline.camera, width=64, height=32) as town:
        town.render(timeline, 5)
        faces = [
            batch.path.node().get_geom(0).get_primitive(0).get_num_faces()
            for batch in (town._traffic._colour, town._traffic._label)
        ]
        seen = [stretch for stretch in town._street._shown if stretch.parts]
        sizes = [sum(len(part.faces) for part in stretch.parts if part.pool == "asphalt") for stretch in seen]
    assert faces[0] == faces[1] > 0
    assert min(sizes) < 0.5 * max(sizes)
    assert sizes[-1] == min(sizes)


@pytest.mark.parametrize("variant", range(12))
def test_a_coarse_house_has_as_much_glass_and_a_plain_one_the_same_outline(variant: int) -> None:
    fine, coarse, plain = (
        buildings.building((25.0, 12.0, 14.0), variant, front=1, detail=detail) for detail in (FINE, COARSE, PLAIN)
    )
    assert len(plain.faces) < len(coarse.faces) < len(fine.faces)
    np.testing.assert_allclose(extents(coarse), extents(fine), atol=1e-4)
    np.testing.assert_allclose(extents(plain), extents(fine), atol=1e-4)
    assert pane_area(coarse) == pytest.approx(pane_area(fine), rel=0.02)


def test_a_picture_lies_over_its_background_as_its_alpha_tells() -> None:
    picture = np.array([[(10, 20, 30, 255), (10, 20, 30, 0), (50, 50, 50, 102)]], np.uint8)
    background = np.full((1, 3, 4), (100, 150, 200, 255), np.uint8)
    found = over(picture, background)[0, :, :3].astype(int)
    expected = [(10, 20, 30), (110, 170, 230), (50 + 60, 50 + 90, 50 + 120)]
    np.testing.assert_allclose(found, expected, atol=1)

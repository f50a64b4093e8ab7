"""The rasteriser agrees with `scenarios.camera` to a pixel and carries labels without loss."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.town.classes import CLASSES, MAX_OBJECTS, classes, codes, label_colour, slots
from drivesim.town.engine import Canvas, Layer
from drivesim.town.meshes import box
from scenarios.camera import project_box, project_points
from scenarios.facts import Camera

STRAIGHT = Camera(width=256, height=128, fx=190.0, fy=190.0, cx=128.0, cy=64.0)
SKEWED = Camera(width=256, height=128, fx=170.0, fy=210.0, cx=110.0, cy=75.0, x=1.2, y=0.3, z=1.7, pitch=0.08)


def lit_pixels(camera: Camera, size: float, place: tuple[float, float, float]) -> np.ndarray:
    """Rows and columns (2 n) where a white cube of ``size`` m at ``place`` (ego frame) is seen."""
    canvas = Canvas(camera, camera.width, camera.height)
    half = size / 2
    cube = box((-half,) * 3, (half,) * 3, 0).moved(place)
    batch = canvas.batch(Layer(40, depth="solid"))
    batch.shape(cube.points, cube.faces)
    batch.colours(np.full((len(cube.points), 4), 255, np.uint8))
    picture = canvas.draw()[::-1].copy()
    canvas.close()
    return np.array(np.nonzero(picture[..., 0] > 127))


@pytest.mark.parametrize("camera", [STRAIGHT, SKEWED])
@pytest.mark.parametrize("place", [(20.0, 0.0, 1.0), (14.0, 5.0, 0.5), (11.0, -3.0, 3.0)])
def test_a_small_cube_is_drawn_where_the_camera_model_projects_it(camera: Camera, place: tuple) -> None:
    rows, columns = lit_pixels(camera, 0.4, place)
    (pixel,), _ = project_points(camera, np.array([place]))
    middle = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
    assert np.abs(np.array(middle) - pixel).max() < 0.75


@pytest.mark.parametrize("camera", [STRAIGHT, SKEWED])
def test_the_edges_of_a_cube_are_those_of_its_geometric_box(camera: Camera) -> None:
    rows, columns = lit_pixels(camera, 2.0, (9.0, 1.0, 1.0))
    found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    expected = project_box(camera, (9.0, 1.0, 1.0), (2.0, 2.0, 2.0), 0.0).box
    assert np.abs(found - expected).max() <= 1.0  # the rasteriser fills every pixel that an edge touches


def test_nearer_triangles_hide_farther_ones_whatever_the_order() -> None:
    canvas = Canvas(STRAIGHT, 64, 32)
    for x, shade in ((10.0, 200), (20.0, 90)):
        cube = box((x, -3, -3), (x + 1, 3, 5), 0)
        batch = canvas.batch(Layer(40, depth="solid"))
        batch.shape(cube.points, cube.faces)
        batch.colours(np.full((len(cube.points), 4), shade, np.uint8))
    picture = canvas.draw().copy()
    canvas.close()
    assert abs(int(picture[16, 32, 0]) - 200) <= 1


@pytest.mark.parametrize("slot", [0, 1, 31, 32, 517, MAX_OBJECTS])
def test_labels_survive_the_rasteriser(slot: int) -> None:
    canvas = Canvas(STRAIGHT, 64, 32)
    wall = box((10, -50, -50), (11, 50, 50), 0)
    batch = canvas.batch(Layer(40, depth="solid"))
    batch.shape(wall.points, wall.faces)
    batch.colours(np.tile(np.array(label_colour(len(CLASSES) - 1, slot), np.uint8), (len(wall.points), 1)))
    labels = codes(canvas.draw())
    canvas.close()
    assert np.unique(classes(labels)).tolist() == [len(CLASSES) - 1]
    assert np.unique(slots(labels)).tolist() == [slot]

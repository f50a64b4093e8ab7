"""The camera against hand-worked numbers and brute-force sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scenarios.camera import (
    box_corners,
    in_front,
    occlusions,
    project_box,
    project_line,
    project_points,
    project_polygon,
)
from scenarios.facts import Camera

CAMERA = Camera(width=1000, height=500, fx=500, fy=500, cx=500, cy=250, x=0.0, y=0.0, z=1.0)


def test_point_left_and_below_lands_left_and_below():
    pixels, depth = project_points(CAMERA, np.array([[10.0, 2.0, 0.0]]))
    assert pixels.tolist() == [[500 - 500 * 2 / 10, 250 + 500 * 1 / 10]]
    assert depth.tolist() == [10.0]


def test_camera_pitched_down_sees_the_ground_ahead_at_its_centre():
    camera = Camera(width=1000, height=500, fx=500, fy=500, cx=500, cy=250, x=0.0, z=1.0, pitch=math.atan2(1.0, 10.0))
    pixels, depth = project_points(camera, np.array([[10.0, 0.0, 0.0]]))
    assert pixels[0] == pytest.approx([500, 250])
    assert depth[0] == pytest.approx(math.hypot(10, 1))


def test_point_behind_the_camera_has_no_pixel():
    pixels, _ = project_points(CAMERA, np.array([[-5.0, 0.0, 1.0]]))
    assert np.isnan(pixels).all()


def test_box_ahead_has_the_size_of_its_near_face():
    seen = project_box(CAMERA, center=(11.0, 0.0, 1.0), size=(2.0, 2.0, 2.0), heading=0.0)
    # near face at x = 10: half width 1 m -> 50 px either side, top and bottom alike
    assert seen.box == pytest.approx((450, 200, 550, 300))
    assert seen.truncation == 0.0
    assert seen.depth == pytest.approx(11.0)


def test_box_half_out_of_the_image_is_half_truncated():
    # A thin plate at depth 10 whose centre lies on the left image border (y = +10 m -> x = 0 px)
    seen = project_box(CAMERA, center=(10.0, 10.0, 1.0), size=(1e-6, 2.0, 2.0), heading=0.0)
    assert seen.truncation == pytest.approx(0.5, abs=1e-3)
    assert seen.box[0] == 0.0


def test_box_around_the_near_plane_keeps_its_far_edges():
    seen = project_box(CAMERA, center=(1.0, -1.5, 1.0), size=(4.0, 1.0, 1.0), heading=0.0)
    assert seen.box[2] == 1000.0
    assert seen.box[0] == pytest.approx(500 + 500 * 1.0 / 3.0, abs=1e-3)  # the far face's left edge, at x = 3 m


def test_box_behind_is_not_seen():
    assert project_box(CAMERA, center=(-10.0, 0.0, 1.0), size=(2.0, 2.0, 2.0), heading=0.0) is None


@pytest.mark.parametrize("seed", range(20))
def test_box_holds_all_its_sampled_points(seed):
    rng = np.random.default_rng(seed)
    center, size, heading = rng.uniform((3, -6, 0), (40, 6, 2)), rng.uniform(0.5, 6, 3), rng.uniform(-3, 3)
    seen = project_box(CAMERA, center, size, heading)
    unit = rng.uniform(-0.5, 0.5, (4000, 3)) * size
    cos, sin = math.cos(heading), math.sin(heading)
    points = (
        np.stack([cos * unit[:, 0] - sin * unit[:, 1], sin * unit[:, 0] + cos * unit[:, 1], unit[:, 2]], 1) + center
    )
    pixels, depth = project_points(CAMERA, points)
    inside = pixels[(depth > 0.1) & (pixels >= 0).all(1) & (pixels[:, 0] <= 1000) & (pixels[:, 1] <= 500)]
    if seen is None:
        assert len(inside) == 0
        return
    x1, y1, x2, y2 = seen.box
    assert (inside >= np.array([x1, y1]) - 1e-3).all()
    assert (inside <= np.array([x2, y2]) + 1e-3).all()


def test_corners_turn_counter_clockwise_with_heading():
    corners = box_corners((0.0, 0.0, 0.0), (4.0, 2.0, 1.0), math.pi / 2)
    assert corners[0] == pytest.approx([-1.0, 2.0, -0.5])  # front left: the front now points to +y


def test_nearer_car_hides_the_lower_half_of_a_wall():
    wall = project_box(CAMERA, (20.0, 0.0, 1.0), (1e-3, 4.0, 4.0), 0.0)
    low = project_box(CAMERA, (10.0, 0.0, 0.0), (1e-3, 4.0, 2.0), 0.0)  # its top is at the horizon, its sides wider
    assert occlusions([wall, low]) == [pytest.approx(0.5, abs=1e-3), 0.0]


def test_long_house_beside_the_road_does_not_hide_the_car_before_its_far_end():
    # The house's centre is nearer than the car, yet the car stands between the camera and the house's far end.
    house = project_box(CAMERA, (25.0, 9.0, 4.0), (40.0, 4.0, 8.0), 0.0)
    car = project_box(CAMERA, (30.0, 5.0, 0.8), (4.5, 1.8, 1.5), 0.0)
    assert house.depth < car.depth
    assert in_front(car, house)
    assert occlusions([car], [house]) == [0.0]


def test_hiders_count_as_well_as_things():
    car = project_box(CAMERA, (30.0, 0.0, 0.8), (4.5, 1.8, 1.5), 0.0)
    tower = project_box(CAMERA, (10.0, 0.0, 5.0), (4.0, 4.0, 10.0), 0.0)
    assert occlusions([car], [tower]) == [1.0]


def test_line_is_cut_at_the_near_plane():
    (line,) = project_line(CAMERA, np.array([[-5.0, 0.0, 0.0], [10.0, 0.0, 0.0]]))
    assert line[-1] == pytest.approx([500, 300])
    assert line[0] == pytest.approx([500, 250 + 500 / 0.1])


def test_ground_polygon_reaches_below_the_image():
    square = np.array([[-5.0, 2.0, 0.0], [-5.0, -2.0, 0.0], [20.0, -2.0, 0.0], [20.0, 2.0, 0.0]])
    polygon = project_polygon(CAMERA, square)
    assert polygon[:, 1].max() > 500
    assert polygon[:, 1].min() == pytest.approx(250 + 500 / 20)

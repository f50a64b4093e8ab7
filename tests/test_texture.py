"""Noise that is fixed to the surfaces of the world, and the loss that makes a network use it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from conditioning.surfaces import Surfaces
from conditioning.surroundings import draw_faces
from conditioning.texture import SPOTS, TEXTURE_CHANNELS, texture_maps
from drivesim.training.losses import contrast_l1, pyramid_l1
from scenarios import compile, load
from scenarios.camera import project_points
from scenarios.facts import Camera, EgoState, SceneryFacts

CAMERA, SIZE = Camera(), (512, 1024)


def at(x: float, y: float, heading: float) -> EgoState:
    return EgoState(x, y, heading, speed=10.0)


def seen(ego: EgoState, things: list[tuple[float, float, float]] = ()) -> np.ndarray:
    """The noise from a pose, with a house (4 x 4 x 6 m) at each place (x, y, heading) of the world."""
    scenery = []
    for x, y, heading in things:
        east, north = x - ego.x, y - ego.y
        cos, sin = math.cos(ego.heading), math.sin(ego.heading)
        place = (cos * east + sin * north, cos * north - sin * east, 3.0)
        scenery.append(SceneryFacts("building", place, (4.0, 4.0, 6.0), heading - ego.heading))
    return texture_maps(Surfaces.seen(draw_faces(scenery, CAMERA, SIZE), ego, CAMERA, SIZE))


def looked_at(maps: np.ndarray, ego: EgoState, point: tuple[float, float, float]) -> np.ndarray:
    """The noise at a point of the world."""
    x, y = point[0] - ego.x, point[1] - ego.y
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    pixels, _ = project_points(CAMERA, np.array([[cos * x + sin * y, cos * y - sin * x, point[2]]]))
    column, row = np.floor(pixels[0]).astype(int)
    return maps[:, row, column]


def test_noise_stays_on_the_ground_and_on_walls_while_the_ego_goes_by_and_turns():
    house = (220.0, 106.0, 0.3)
    cos, sin = math.cos(0.3), math.sin(0.3)
    front = [
        (house[0] - 2.0 * cos - aside * sin, house[1] - 2.0 * sin + aside * cos, height)
        for aside in (-1.5, 0.0, 1.0)
        for height in (1.0, 2.5)
    ]
    ground = [(210.0, 99.0, 0.0), (211.5, 101.0, 0.0), (213.0, 98.0, 0.0)]
    first, then = at(200.0, 100.0, 0.0), at(200.5, 100.05, 0.02)
    one, two = seen(first, [house]), seen(then, [house])
    for point in ground + front:
        assert looked_at(one, first, point) == pytest.approx(looked_at(two, then, point), abs=0.2)
    spread = np.std([looked_at(one, first, point) for point in ground + front], axis=0)
    assert (spread > 0.2).all()  # they agree, and differ from place to place


def test_the_sky_has_none_and_the_ground_as_much_near_as_far():
    maps = seen(at(3.0, 4.0, 1.0))
    assert not maps[:, :256].any()
    for rows in (slice(270, 300), slice(330, 390), slice(430, 512)):
        assert maps[0, rows].std() == pytest.approx(0.35, abs=0.1)
    horizon = maps[:, 257]  # a cell covers hundreds of metres there
    assert not horizon.any()
    assert len(maps) == len(SPOTS) == len(TEXTURE_CHANNELS)
    assert np.abs(maps).max() <= 1


@pytest.mark.parametrize("rows", [slice(280, 300), slice(400, 420)])
def test_spots_are_as_many_cells_tall_as_they_are_called_wherever_they_lie(rows):
    """On the ground, which is seen flat, a spot is longest to the sides; its height is what cells can just show."""
    maps = seen(at(3.0, 4.0, 1.0))
    for noise, cells in zip(maps, SPOTS, strict=True):
        apart = [np.corrcoef(noise[rows].ravel(), noise[rows.start + k : rows.stop + k].ravel())[0, 1] for k in (1, 9)]
        assert apart[0] == pytest.approx(math.exp(-((2.5 / cells) ** 2) / 4), abs=0.2)  # of Gaussians cells / 2.5 wide
        assert abs(apart[1]) < (0.3 if cells < 8 else 1.0)


def test_far_from_the_origin_it_is_as_fine():
    """The noise repeats every 1,638.4 m, so many of that away the same is to be seen."""
    one, other = seen(at(1.0, 2.0, 0.0)), seen(at(1.0 + 1638.4e2, 2.0 - 1638.4e2, 0.0))
    assert np.abs(one - other)[:, 300:].max() < 0.05


def test_every_frame_of_the_town_has_some_of_each_size():
    timeline = compile(load("curved_road"), fps=7.5)
    facts = timeline[20]
    faces = draw_faces(facts.scenery, facts.camera, (128, 256))
    maps = texture_maps(Surfaces.seen(faces, facts.ego, facts.camera, (128, 256)))
    assert maps.shape == (3, 128, 256)
    assert (maps.std((1, 2)) > 0.05).all()


# --- the loss


def test_contrast_asks_for_as_much_grain_but_not_for_the_same():
    generator = torch.Generator().manual_seed(0)
    plain = torch.zeros(1, 3, 64, 64)
    grain, other = (0.1 * torch.randn(plain.shape, generator=generator) for _ in range(2))
    assert pyramid_l1(other, grain) > pyramid_l1(plain, grain)  # by pixels none at all is nearer
    far = contrast_l1(plain, grain, coarser=1)
    assert contrast_l1(other, grain, coarser=1) < 0.3 * far
    assert contrast_l1(0.5 * other, grain, coarser=1) < far


def test_contrast_of_equal_pictures_is_zero_and_of_plain_ones_has_a_slope():
    x = torch.zeros(1, 3, 32, 32, requires_grad=True)
    loss = contrast_l1(x, x.detach(), coarser=2)
    loss.backward()
    assert loss == 0
    assert torch.isfinite(x.grad).all()


def test_contrast_by_hand_and_not_within_what_is_reduced():
    """Stripes of one pixel, +-a: blurred they keep 0.4 - 2 * 0.25 + 2 * 0.05 = 0 of a, so all is contrast."""
    stripes = 0.1 * (-1.0) ** torch.arange(64).expand(1, 3, 64, 64)
    plain = torch.zeros_like(stripes)
    expected = ((0.1**2 + 0.004**2) ** 0.5 - 0.004) / 2  # of the first of two sizes; the halved ones are plain
    assert contrast_l1(stripes, plain, coarser=1).item() == pytest.approx(expected, rel=0.02)
    assert contrast_l1(stripes, plain, coarser=2) == 0

import numpy as np
import pytest

from conditioning.layout import (
    BOX_CHANNELS,
    KINDS,
    MAX_TOKENS,
    ROAD_CHANNELS,
    TOKEN_PARTS,
    box_maps,
    box_tokens,
    road_maps,
)
from scenarios.facts import Camera, LaneLine, Lights, ObjectFacts, RoadFacts

IMAGE = (512, 1024)  # 16 px to a cell of a 32 x 64 map
BOX = {name: index for index, name in enumerate(BOX_CHANNELS)}
ROAD = {name: index for index, name in enumerate(ROAD_CHANNELS)}


def part(token: np.ndarray, name: str) -> list[float]:
    start = 0
    for other, length in TOKEN_PARTS.items():
        if other == name:
            return token[start : start + length].tolist()
        start += length
    raise KeyError(name)


def test_a_box_fills_its_cells_and_no_others():
    car = ObjectFacts(1, "car", (160, 256, 320, 336))  # columns 10 to 20, rows 16 to 21
    vehicle = box_maps([car], IMAGE, (32, 64))[BOX["vehicle"]]
    expected = np.zeros((32, 64))
    expected[16:21, 10:20] = 1.0
    np.testing.assert_array_equal(vehicle, expected)


@pytest.mark.parametrize("size", [(8, 16), (16, 32), (32, 64), (128, 256)])
def test_coverage_sums_to_the_area_of_the_box_at_any_size(size):
    person = ObjectFacts(1, "pedestrian", (100.3, 201.7, 131.9, 287.2))
    cells_per_px2 = size[0] * size[1] / (512 * 1024)
    total = box_maps([person], IMAGE, size)[BOX["person"]].sum()
    assert total == pytest.approx((131.9 - 100.3) * (287.2 - 201.7) * cells_per_px2, rel=1e-4)


def test_near_covers_far_and_occlusion_fades():
    far = ObjectFacts(1, "car", (0, 0, 320, 320), depth=50.0)
    near = ObjectFacts(2, "pedestrian", (160, 0, 320, 320), depth=10.0)
    maps = box_maps([near, far], IMAGE, (32, 64))
    assert maps[BOX["vehicle"], 5, 15] == 0.0
    assert maps[BOX["person"], 5, 15] == 1.0
    assert maps[BOX["inverse_distance"], 5, [5, 15]].tolist() == pytest.approx([5 / 50, 5 / 10])
    hidden = box_maps([ObjectFacts(1, "car", (0, 0, 320, 320), occlusion=0.75)], IMAGE, (32, 64))
    assert hidden[BOX["vehicle"], 5, 5] == pytest.approx(0.25)


def test_the_outline_is_one_cell_wide():
    outline = box_maps([ObjectFacts(1, "bus", (160, 160, 320, 320))], IMAGE, (32, 64))[BOX["outline"]]
    assert outline.sum() == 10 * 10 - 8 * 8
    assert outline[10, 15] == 1.0
    assert outline[11, 15] == 0.0


def test_lamps_colour_and_heading_are_painted_where_known_and_zero_where_not():
    told = dict(center=(10.0, 10.0, 1.0), heading=np.pi / 4, lights=Lights(brake=True), appearance=(255, 0, 255))
    known = box_maps([ObjectFacts(1, "car", (0, 0, 320, 320), **told)], IMAGE, (32, 64))[:, 5, 5]
    # the line of sight to (10, 10) points at 45 degrees, so this car shows exactly its back
    assert known[BOX["heading_sin"]] == pytest.approx(0.0, abs=1e-6)
    assert known[BOX["heading_cos"]] == pytest.approx(1.0)
    assert known[[BOX["rear_light"], BOX["head_light"]]].tolist() == [1.0, -1.0]
    assert known[[BOX["red"], BOX["green"], BOX["blue"]]].tolist() == [1.0, -1.0, 1.0]
    unknown = box_maps([ObjectFacts(1, "car", (0, 0, 320, 320))], IMAGE, (32, 64))[:, 5, 5]
    assert {name for name, value in zip(BOX_CHANNELS, unknown, strict=True) if value} == {"vehicle"}


@pytest.mark.parametrize(
    ("category", "kind"),
    [("bus", "vehicle"), ("bicycle", "two_wheeler"), ("pedestrian", "person")]
    + [(name, "other") for name in ("animal", "obstacle", "traffic_light")],
)
def test_every_category_is_of_one_kind(category, kind):
    maps = box_maps([ObjectFacts(1, category, (0, 0, 320, 320))], IMAGE, (32, 64))
    assert {name: maps[BOX[name], 5, 5] for name in KINDS} == {name: float(name == kind) for name in KINDS}


def test_the_kinds_are_the_first_channels():
    assert tuple(BOX_CHANNELS)[: len(KINDS)] == KINDS


def test_a_traffic_light_tells_its_colour_and_has_no_lamps():
    light = ObjectFacts(1, "traffic_light", (0, 0, 320, 320), appearance=(255, 51, 0))
    painted = box_maps([light], IMAGE, (32, 64))[:, 5, 5]
    assert painted[[BOX["red"], BOX["green"], BOX["blue"]]].tolist() == pytest.approx([1.0, -0.6, -1.0])
    assert painted[[BOX["rear_light"], BOX["head_light"]]].tolist() == [0.0, 0.0]
    (token, *_), _ = box_tokens([light], IMAGE)
    assert part(token, "category") == [0] * 9 + [1]
    assert part(token, "colour") == pytest.approx([1.0, -0.6, -1.0])


def test_tokens_are_the_largest_visible_boxes_in_order_of_size():
    cars = [ObjectFacts(i, "car", (0, 0, 10 + i, 10)) for i in range(MAX_TOKENS + 3)]
    hidden = ObjectFacts(99, "truck", (0, 0, 900, 400), occlusion=1.0)
    tokens, mask = box_tokens([*cars, hidden], IMAGE)
    assert mask.all()
    right_edges = (tokens[:, 2] + 1) / 2 * 1024
    assert right_edges.tolist() == pytest.approx([10 + i for i in range(MAX_TOKENS + 2, 2, -1)], abs=1e-3)


def test_a_token_says_which_of_its_parts_are_unknown():
    bare = ObjectFacts(1, "bicycle", (256, 128, 768, 384))
    told = ObjectFacts(
        1, "bicycle", (256, 128, 768, 384), occlusion=0.0, center=(10, 0, 1), heading=0.0, depth=10.0,
        lights=Lights(head=True, indicator="left"), appearance=(255, 255, 255),
    )  # fmt: skip
    for thing, known in ((bare, 0.0), (told, 1.0)):
        tokens, mask = box_tokens([thing], IMAGE)
        assert mask.sum() == 1
        assert part(tokens[0], "box") == [-0.5, -0.5, 0.5, 0.5]
        assert part(tokens[0], "category") == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
        for name in TOKEN_PARTS:
            if name.endswith("_known"):
                assert part(tokens[0], name) == [known], name
    assert part(tokens[0], "heading") == [0.0, 1.0]
    assert part(tokens[0], "lights") == [0.5, 1.0, 1.0, 0.0]
    assert part(tokens[0], "inverse_distance") == [0.5]


def test_the_road_is_drawn_where_the_camera_sees_it():
    camera = Camera(x=0.0, z=1.5)  # a point 10 m ahead on the ground is 1.5 / 10 * 780 = 117 px below the middle
    ground = ((1.0, 50.0), (100.0, 50.0), (100.0, -50.0), (1.0, -50.0))
    line = LaneLine("dashed", "yellow", ((1.0, 0.0), (100.0, 0.0)))
    maps = road_maps(RoadFacts((line,), ground), camera, (32, 64))
    horizon = int((256 + 1.5 / 100 * 780) / 16)  # row of the far end of the ground
    assert maps[ROAD["drivable"], :horizon].max() == 0.0
    assert maps[ROAD["drivable"], horizon + 1 :].min() == pytest.approx(1.0, abs=0.02)
    assert maps[ROAD["solid"]].max() == 0.0
    np.testing.assert_array_equal(maps[ROAD["dashed"]], maps[ROAD["yellow"]])
    across = maps[ROAD["dashed"], 24]  # the line runs down the middle, between columns 31 and 32
    assert across[31] == pytest.approx(across[32], abs=0.02)
    assert across[31] > 0.2
    assert np.delete(across, [31, 32]).max() == 0.0


def test_a_zebra_crossing_covers_its_cells():
    # 1.5 m below the camera: 10 m ahead is row (256 + 117) / 16 = 23.3, 15 m ahead row (256 + 78) / 16 = 20.9
    camera = Camera(x=0.0, z=1.5)
    zebra = ((10.0, -40.0), (15.0, -40.0), (15.0, 40.0), (10.0, 40.0))
    maps = road_maps(RoadFacts((), (), (zebra, ((-9.0, 1.0), (-5.0, 1.0), (-5.0, -1.0)))), camera, (32, 64))
    down = maps[ROAD["crossing"]].mean(axis=1)
    assert down[21:23].tolist() == pytest.approx([1.0, 1.0], abs=0.01)
    assert down.sum() == pytest.approx((117 - 78) / 16, abs=0.5)  # OpenCV fills the fine rows on the border, too
    assert np.delete(down, [20, 21, 22, 23]).max() == 0.0
    assert maps[ROAD["drivable"]].max() == 0.0


def test_a_stop_line_is_a_solid_line():
    line = LaneLine("stop", "white", ((10.0, -40.0), (10.0, 40.0)))  # row 23.3
    maps = road_maps(RoadFacts((line,), ()), Camera(x=0.0, z=1.5), (32, 64))
    assert maps[ROAD["solid"], 23].min() > 0.4
    assert maps[ROAD["solid"], :22].max() == 0.0
    assert maps[[ROAD["dashed"], ROAD["yellow"]]].max() == 0.0


def test_a_road_behind_the_camera_draws_nothing():
    behind = RoadFacts((LaneLine("solid", "white", ((-20.0, 0.0), (-5.0, 0.0))),), ((-20, 5), (-5, 5), (-5, -5)))
    assert road_maps(behind, Camera(), (32, 64)).max() == 0.0

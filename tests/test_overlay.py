"""Drawing: boxes stand where the facts say, unknown facts draw nothing, text stays legible and inside."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.overlay import Label, draw, event_colours, labels, storyboard
from drivesim.overlay.ground import area_pixels, beside, dashes, line_pixels, rectangles, to_ego
from drivesim.overlay.pen import (
    ACTOR_COLOURS,
    COLOURS,
    INK,
    Names,
    clock,
    fill,
    stroke,
    text_size,
    write,
)
from scenarios import compile, load
from scenarios.camera import box_corners, project_box, project_line, project_points, project_polygon
from scenarios.facts import Camera, Crowdedness, EgoState, FrameFacts, LaneLine, ObjectFacts, RoadFacts, categories

BLACK = np.zeros((512, 1024, 3), np.uint8)
CAMERA = Camera()


def car(occlusion: float = 0.0) -> ObjectFacts:
    center, size = (15.0, 0.0, 0.75), (4.5, 1.8, 1.5)
    seen = project_box(CAMERA, center, size, 0.0)
    return ObjectFacts(
        1, "car", seen.box, occlusion=occlusion, truncation=0.0, center=center, size=size, heading=0.0, depth=seen.depth
    )


def frame_facts(**known) -> FrameFacts:
    return FrameFacts(0, 12.3, **known)


def bounds(picture: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(picture.any(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


@pytest.fixture(scope="module")
def timeline():
    return compile(load("cut_in"), fps=2)


def test_unknown_facts_draw_nothing_but_the_strip():
    assert np.array_equal(draw(BLACK, frame_facts(), strip=False), BLACK)
    strip = draw(BLACK, frame_facts())
    assert strip[:24].any()
    assert not strip[30:].any()


def test_the_frame_that_is_drawn_on_stays_as_it_was():
    frame = BLACK.copy()
    draw(frame, frame_facts(daylight=1.0))
    assert not frame.any()


def test_a_3d_box_fills_its_projected_bounds():
    thing = car()
    picture = draw(BLACK, frame_facts(camera=CAMERA, objects=(thing,)), strip=False)
    picture[: int(thing.box[1]) - 2] = 0  # the name above it
    assert np.abs(np.array(bounds(picture)) - thing.box).max() <= 3


def test_a_box_without_a_camera_is_drawn_flat_in_the_frames_own_pixels():
    thing = ObjectFacts(1, "bus", (100.0, 50.0, 200.0, 150.0))
    picture = draw(np.zeros((180, 320, 3), np.uint8), frame_facts(objects=(thing,)), strip=False)
    assert picture[100, 100].any()
    assert picture[149:152, 150].any()
    assert not picture[100, 150].any()  # inside it


def test_boxes_follow_the_frame_when_it_is_smaller_than_the_camera():
    thing = car()
    facts = frame_facts(camera=CAMERA, objects=(thing,))
    small = draw(np.zeros((128, 256, 3), np.uint8), facts, strip=False)
    left, _, right, bottom = bounds(small)
    assert right == pytest.approx(thing.box[2] / 4, abs=2) or right > thing.box[2] / 4  # its name may be wider
    assert left == pytest.approx(thing.box[0] / 4, abs=2)
    assert bottom == pytest.approx(thing.box[3] / 4, abs=2)


def test_hidden_road_users_are_dim_and_the_fully_hidden_are_not_drawn():
    brightest = [
        int(draw(BLACK, frame_facts(camera=CAMERA, objects=(car(share),)), strip=False).max())
        for share in (0.0, 0.6, 0.95)
    ]
    assert brightest[0] > brightest[1] + 50 > 50
    assert brightest[2] == 0


def test_only_road_users_that_count_as_seen_are_named():
    named, small = (
        draw(BLACK, frame_facts(objects=(ObjectFacts(1, "car", (500.0, 250.0, 560.0, 250.0 + tall)),)), strip=False)
        for tall in (60, 10)
    )
    assert named[230:246].any()
    assert not small[230:246].any()


def test_lane_lines_are_drawn_in_their_colour_at_their_place():
    road = RoadFacts(
        (LaneLine("solid", "yellow", ((5.0, 0.0), (60.0, 0.0))),), ((5.0, -3.0), (60.0, -3.0), (60.0, 3.0))
    )
    picture = draw(BLACK, frame_facts(camera=CAMERA, road=road), strip=False)
    red, green, blue = picture[400, 512]  # straight ahead: x = cx
    assert red > 200
    assert green > 150
    assert blue < 120


def test_every_category_is_drawn_in_a_colour_of_its_own():
    assert len({COLOURS[name] for name in categories()}) == len(categories())


def test_the_outline_of_a_zebra_crossing_is_drawn():
    zebra = ((10.0, -3.0), (13.0, -3.0), (13.0, 3.0), (10.0, 3.0))
    behind = ((-13.0, -3.0), (-10.0, -3.0), (-10.0, 3.0))
    picture = draw(BLACK, frame_facts(camera=CAMERA, road=RoadFacts((), (), (zebra, behind))), strip=False)
    corners, _ = project_points(CAMERA, np.array([[*corner, 0.0] for corner in zebra]))
    assert bounds(picture) == pytest.approx((*corners.min(axis=0), *corners.max(axis=0)), abs=1.5)
    assert not picture[round(corners[:, 1].mean()), 512].any()  # inside


def test_the_strip_says_more_when_more_is_known():
    full = frame_facts(daylight=0.5, weather="rainy", crowdedness=Crowdedness(2, 1), ego=EgoState(0, 0, 0, 10.0))
    assert not np.array_equal(draw(BLACK, full)[:24], draw(BLACK, frame_facts())[:24])
    assert bounds(draw(BLACK, full))[2] < 1000  # it all fits into the width


def test_words_are_kept_inside_the_picture():
    picture = np.zeros((40, 200, 3), np.uint8)
    write(picture, "car 12", 195, -20, size=13, back=(0, 0, 255))
    width, height = text_size("car 12", 13)
    assert bounds(picture) == (200 - width, 0, 199, height - 1)
    assert (picture.max(axis=(0, 1)) > 200).all()  # white words


def test_words_wider_than_the_picture_are_cut_off():
    picture = np.zeros((20, 30, 3), np.uint8)
    write(picture, "far too long for this", 0, 0, size=13)
    assert picture[:, 20:].any()


def test_larger_letters_take_more_room_and_all_words_of_a_size_are_equally_tall():
    assert text_size("ego", 20)[0] > 1.3 * text_size("ego", 13)[0]
    assert text_size("a", 13)[1] == text_size("gj|", 13)[1] == text_size("", 13)[1]


def test_names_give_way_to_those_before_them():
    picture = np.zeros((100, 100, 3), np.uint8)
    names = Names(picture, 13)
    for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200)):
        names.write("walker", 10, 10, colour, down=True)
    tops = [np.argwhere((picture == colour).all(axis=2))[:, 0].min() for colour in np.eye(3, dtype=int) * 200]
    assert np.diff(tops).tolist() == [text_size("walker", 13)[1] + 1] * 2


def test_lines_and_areas_far_outside_the_picture_do_not_overflow():
    picture = np.zeros((100, 100, 3), np.uint8)
    fill(picture, np.array([[50.0, -1e6], [1e6, -1e6], [1e6, 1e6], [50.0, 1e6]]), (9, 9, 9))
    assert (picture[:, 52:] == 9).all()
    assert not picture[:, :48].any()
    stroke(picture, (200, 0, 0), np.array([[-1e6, 10.0], [1e6, 10.0]]))
    assert (picture[10, :, 0] > 100).all()


def test_quick_projection_equals_the_cameras_own():
    ahead = np.array([[5.0, 1.0, 0.0], [20.0, 2.0, 0.0], [20.0, -2.0, 0.0]])
    there_and_back = np.array([[-5.0, 1.0, 0.0], [9.0, 2.0, 0.0], [20.0, 2.0, 0.0], [-3.0, -1.0, 0.0], [4.0, 0.0, 0.0]])
    for points in (ahead, ahead - [10.0, 0.0, 0.0], ahead - [30.0, 0.0, 0.0], there_and_back):
        ours, theirs = line_pixels(CAMERA, points), project_line(CAMERA, points)
        assert len(ours) == len(theirs)
        assert all(np.allclose(a, b) for a, b in zip(ours, theirs, strict=True))
        area, expected = area_pixels(CAMERA, points), project_polygon(CAMERA, points)
        apart = np.abs(area[:, None] - expected[None]).max(axis=2)
        assert max(apart.min(axis=0, initial=0).max(initial=0), apart.min(axis=1, initial=9e9).max(initial=0)) < 1e-3
    assert [len(line) for line in line_pixels(CAMERA, ahead, ahead[:2], there_and_back)] == [3, 2, 4, 2]


def test_outlines_from_above_are_those_of_the_cameras_boxes():
    outline = rectangles(np.array([[3.0, 4.0, 0.7]]), np.array([[4.5, 1.8]]))[0]
    assert np.allclose(outline, box_corners((3.0, 4.0, 0.0), (4.5, 1.8, 1.0), 0.7)[:4, :2])


def test_the_sidewalks_lie_beside_the_road(timeline):
    road = timeline[0].road
    wide = beside(road, 2.0)
    across = [points[:, 1].max() - points[:, 1].min() for points in (wide, np.array(road.drivable))]
    assert across[0] == pytest.approx(across[1] + 4.0)


def test_world_points_turn_into_the_ego_frame():
    ego = EgoState(10.0, 5.0, np.pi / 2, 0.0)  # looking north
    assert np.allclose(to_ego(ego, np.array([[10.0, 8.0], [9.0, 5.0]])), [[3.0, 0.0], [0.0, 1.0]])


def test_dashes_stay_in_place_while_the_ego_moves():
    line = np.array([[0.0, 0.0], [30.0, 0.0]])
    first = [part[:, 0].tolist() for part in dashes(line, start=0.0)]
    moved = [(part[:, 0] + 4.0).tolist() for part in dashes(line, start=4.0)]
    assert first == [[0, 3], [9, 12], [18, 21], [27, 30]]
    assert moved[:3] == first[1:]


def test_actors_are_labelled_in_the_order_of_the_file():
    scenario = load("two_minutes")
    assert labels(scenario) == {1: Label("cutter", ACTOR_COLOURS[0]), 2: Label("walker", ACTOR_COLOURS[1])}
    assert event_colours(scenario) == {"cut_in": ACTOR_COLOURS[0], "leave": ACTOR_COLOURS[0], "cross": ACTOR_COLOURS[1]}


def test_of_an_actor_the_box_has_its_colour_and_its_name_and_other_boxes_are_plain():
    facts = frame_facts(camera=CAMERA, objects=(car(),))
    actor, other = (
        draw(BLACK, facts, strip=False, labels={track: Label("cutter", (255, 0, 0))}).astype(int) for track in (1, 2)
    )
    above = slice(0, int(car().box[1]) - 2)
    assert (actor[above] == (255, 0, 0)).all(axis=2).sum() > 100
    assert (actor[above] == INK).all(axis=2).any()
    assert actor[..., 1].max() < 30
    assert not other[above].any()
    assert np.ptp(other, axis=2).max() < 20
    assert other.max() > 150


def test_storyboard_lays_stills_in_rows_with_labels_below():
    frames = [np.full((50, 100, 3), 40 * k, np.uint8) for k in range(1, 6)]
    sheet = storyboard(frames, [f"still {k}" for k in range(5)], columns=2, width=400)
    assert sheet.shape[1] == 2 * (400 + 6) + 6
    places = [(50, 50), (50, 500)]
    assert [int(sheet[y, x, 0]) for y, x in places] == [40, 80]
    assert sheet[6 + 200 : 6 + 200 + 16, 6:100].max() > 200  # words under the first
    with pytest.raises(ValueError, match="5 frames and 1 labels"):
        storyboard(frames, ["one"])


def test_clock_counts_minutes():
    assert [clock(t) for t in (0.0, 9.96, 60.0, 83.25)] == ["0:00.0", "0:09.9", "1:00.0", "1:23.2"]

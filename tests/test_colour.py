"""CIEDE2000 against the published pairs, CIELAB against known colours, and the colour of tracks."""

from __future__ import annotations

import numpy as np
import pytest

from drivesim.metrics.colour import CLOTHES, box_colour, ciede2000, lab, track_colours
from scenarios.facts import FrameFacts, ObjectFacts

# Sharma, Wu and Dalal 2005, table 1: L1 a1 b1, L2 a2 b2, difference. They try every branch of the formula.
PUBLISHED = np.array([float(number) for number in """
50.0000   2.6772 -79.7751  50.0000   0.0000 -82.7485   2.0425
50.0000   3.1571 -77.2803  50.0000   0.0000 -82.7485   2.8615
50.0000   2.8361 -74.0200  50.0000   0.0000 -82.7485   3.4412
50.0000  -1.3802 -84.2814  50.0000   0.0000 -82.7485   1.0000
50.0000  -1.1848 -84.8006  50.0000   0.0000 -82.7485   1.0000
50.0000  -0.9009 -85.5211  50.0000   0.0000 -82.7485   1.0000
50.0000   0.0000   0.0000  50.0000  -1.0000   2.0000   2.3669
50.0000  -1.0000   2.0000  50.0000   0.0000   0.0000   2.3669
50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0009   7.1792
50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0010   7.1792
50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0011   7.2195
50.0000   2.4900  -0.0010  50.0000  -2.4900   0.0012   7.2195
50.0000  -0.0010   2.4900  50.0000   0.0009  -2.4900   4.8045
50.0000  -0.0010   2.4900  50.0000   0.0010  -2.4900   4.8045
50.0000  -0.0010   2.4900  50.0000   0.0011  -2.4900   4.7461
50.0000   2.5000   0.0000  50.0000   0.0000  -2.5000   4.3065
50.0000   2.5000   0.0000  73.0000  25.0000 -18.0000  27.1492
50.0000   2.5000   0.0000  61.0000  -5.0000  29.0000  22.8977
50.0000   2.5000   0.0000  56.0000 -27.0000  -3.0000  31.9030
50.0000   2.5000   0.0000  58.0000  24.0000  15.0000  19.4535
50.0000   2.5000   0.0000  50.0000   3.1736   0.5854   1.0000
50.0000   2.5000   0.0000  50.0000   3.2972   0.0000   1.0000
50.0000   2.5000   0.0000  50.0000   1.8634   0.5757   1.0000
50.0000   2.5000   0.0000  50.0000   3.2592   0.3350   1.0000
60.2574 -34.0099  36.2677  60.4626 -34.1751  39.4387   1.2644
63.0109 -31.0961  -5.8663  62.8187 -29.7946  -4.0864   1.2630
61.2901   3.7196  -5.3901  61.4292   2.2480  -4.9620   1.8731
35.0831 -44.1164   3.7933  35.0232 -40.0716   1.5901   1.8645
22.7233  20.0904 -46.6940  23.0331  14.9730 -42.5619   2.0373
36.4612  47.8580  18.3852  36.2715  50.5065  21.2231   1.4146
90.8027  -2.0831   1.4410  91.1528  -1.6435   0.0447   1.4441
90.9257  -0.5406  -0.9208  88.6381  -0.8985  -0.7239   1.5381
 6.7747  -0.2908  -2.4247   5.8714  -0.0985  -2.2286   0.6377
 2.0776   0.0795  -1.1350   0.9033  -0.0636  -0.5514   0.9082
""".split()]).reshape(34, 7)  # fmt: skip


def test_ciede2000_gives_the_34_published_differences_both_ways() -> None:
    first, second, wanted = PUBLISHED[:, :3], PUBLISHED[:, 3:6], PUBLISHED[:, 6]
    assert ciede2000(first, second).round(4).tolist() == wanted.tolist()
    assert ciede2000(second, first).round(4).tolist() == wanted.tolist()


def test_equal_colours_do_not_differ_and_lightness_can_count_less() -> None:
    colour = lab(np.array([10, 200, 90]))
    assert ciede2000(colour, colour) == 0
    dark, light = np.array([40.0, 0, 0]), np.array([60.0, 0, 0])
    assert ciede2000(dark, light, lightness=2) == pytest.approx(ciede2000(dark, light) / 2)
    assert ciede2000(dark, light) == pytest.approx(20)  # S_L is 1 in the middle


@pytest.mark.parametrize(
    ("rgb", "wanted"),
    [((255, 255, 255), (100, 0, 0)), ((0, 0, 0), (0, 0, 0)), ((0, 0, 255), (32.30, 79.19, -107.86)),
     ((0, 255, 0), (87.73, -86.18, 83.18)), ((119, 119, 119), (50.03, 0, 0))],
)  # fmt: skip
def test_cielab_of_known_colours(rgb, wanted) -> None:
    assert lab(np.array(rgb)) == pytest.approx(np.array(wanted), abs=0.02)


def seen(colour, k=0, *, track=1, asked=(200, 30, 30), category="car", box=(20, 20, 60, 60), **facts):
    """A grey picture with one box, coloured where a vehicle has its body, and its facts."""
    frame = np.full((100, 200, 3), 128, np.uint8)
    x1, y1, x2, y2 = box
    frame[y1:y2, x1:x2] = (0, 0, 90)
    frame[y1 + 20 : y1 + 32, x1 + 8 : x2 - 8] = colour
    thing = ObjectFacts(track, category, box, appearance=asked, **facts)
    return frame, FrameFacts(k, k / 30, objects=(thing,))


def test_the_middle_of_a_box_gives_its_colour() -> None:
    frame, facts = seen((200, 30, 30))
    assert box_colour(frame, facts.objects[0].box).tolist() == [200, 30, 30]
    assert box_colour(frame, facts.objects[0].box, CLOTHES).tolist() == [0, 0, 90]
    assert box_colour(frame, (5.0, 5.0, 5.4, 5.4)) is None
    assert box_colour(frame, (-300, 0, -200, 50)) is None


def test_a_track_of_the_asked_colour_has_no_error_and_one_bad_frame_of_three_does_not_matter() -> None:
    (row,) = track_colours([seen((200, 30, 30), 0), seen((30, 30, 200), 1), seen((200, 30, 30), 2)])
    assert (row.track_id, row.category, row.frames, row.error) == (1, "car", 3, 0.0)
    assert row.seen == row.asked == (200, 30, 30)
    (blue,) = track_colours([seen((30, 30, 200), k) for k in range(2)])
    apart = ciede2000(lab(np.array([30, 30, 200])), lab(np.array([200, 30, 30])), lightness=2)
    assert blue.error == pytest.approx(float(apart))
    assert blue.error > 40


@pytest.mark.parametrize("category", ["pedestrian", "bicycle", "motorcycle"])
def test_of_people_and_riders_the_upper_body_is_looked_at(category) -> None:
    (row,) = track_colours([seen((200, 30, 30), category=category)])
    assert row.seen == (0, 0, 90)


def test_what_is_hidden_small_cut_or_of_unknown_colour_is_left_out() -> None:
    for facts in ({"occlusion": 0.3}, {"truncation": 0.5}, {"asked": None}, {"category": "traffic_light"}):
        assert track_colours([seen((200, 30, 30), **facts)]) == []
    assert track_colours([seen((200, 30, 30), box=(20, 20, 60, 27))]) == []
    assert track_colours([(np.zeros((4, 4, 3), np.uint8), FrameFacts(0, 0.0))]) == []

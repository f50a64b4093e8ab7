import pytest

from drivesim.errors import UserError
from drivesim.rollout import check_camera, obeyed
from scenarios import loads
from scenarios.facts import Camera
from tests.tiny_weights import CARD, STREET


def test_a_scenarios_fields_are_told_by_the_worst_of_their_conditions():
    conditions = {**CARD["conditions"], "boxes": {"status": "obeyed"}, "weather": {"status": "not learned"}}
    rows = obeyed(loads(STREET), {**CARD, "conditions": conditions})
    assert {row.field: row.status for row in rows} == {
        "camera": "weak", "road": "weak", "environment.daylight": "weak", "environment.weather": "not learned",
        "ego": "weak", "actors": "obeyed",
    }  # fmt: skip
    assert str(rows[0]).split(maxsplit=2) == ["camera", "weak", "camera: gain 0.25"]


def test_weather_that_training_never_showed_is_not_learned():
    foggy = loads(STREET.replace("rainy", "foggy"))
    row = next(row for row in obeyed(foggy, CARD) if row.field == "environment.weather")
    assert row.status == "not learned"
    assert str(row).endswith("never seen in training: foggy")


def test_a_card_that_does_not_speak_of_a_condition_is_an_error():
    with pytest.raises(UserError, match="None of camera"):
        obeyed(loads(STREET), {**CARD, "conditions": {}})


def test_what_training_never_knew_of_cameras_is_refused():
    check_camera(Camera(), CARD)
    with pytest.raises(UserError, match="none that is known"):
        check_camera(Camera(), {"trained_range": {}})
    with pytest.raises(UserError, match="twice as wide as high"):
        check_camera(Camera(width=1920, height=1080, fx=1462.5), CARD)

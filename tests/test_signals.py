import math

import pytest

from conditioning.signals import SIGNALS, interval_signal, signals
from scenarios.facts import Camera, Crowdedness, EgoState, FrameFacts


def test_every_signal_has_its_length_and_meaning():
    frame = FrameFacts(
        0, 0.0, daylight=0.5, weather="rainy", crowdedness=Crowdedness(0, 6),
        ego=EgoState(9.0, 9.0, 1.0, speed=15.0, acceleration=-5.0, yaw_rate=0.25),
        camera=Camera(width=1000, fx=750.0, z=1.0, pitch=0.1),
    )  # fmt: skip
    found = signals(frame, interval=1 / 7.5, origin="real")
    assert {name: len(value) for name, value in found.items()} == SIGNALS
    assert found["daylight"] == (0.0,)
    assert found["weather"] == (0, 0, 1, 0, 0)
    assert found["crowdedness"] == pytest.approx((0.0, math.log(7) / 3))
    assert found["ego"] == pytest.approx((0.5, -1.0, 0.5))
    assert found["camera"] == pytest.approx((0.75, 0.5, 0.5))
    assert found["interval"] == pytest.approx((0.5,))
    assert found["origin"] == (0, 1, 0)


def test_facts_that_are_unknown_stay_unknown():
    found = signals(FrameFacts(0, 0.0), interval=0.1, origin=None)
    assert {name for name, value in found.items() if value is not None} == {"interval"}


def test_the_ladder_of_rates_is_evenly_spaced():
    assert [interval_signal(1 / fps) for fps in (30, 7.5, 1.875)] == pytest.approx([0.0, 0.5, 1.0])


@pytest.mark.parametrize("bad", [{"interval": 0.0, "origin": None}, {"interval": 0.1, "origin": "moon"}])
def test_a_bad_interval_or_origin_is_an_error(bad):
    with pytest.raises(ValueError, match="expected"):
        signals(FrameFacts(0, 0.0), **bad)

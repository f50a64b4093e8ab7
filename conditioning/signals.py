"""What is true of a frame as a whole, as a few numbers each, scaled to about [-1, 1]. ``None`` is unknown."""

from __future__ import annotations

import math

from scenarios.facts import WEATHERS, FrameFacts

ORIGINS = ("town", "real", "rollout")  # where a clip comes from: it decides what the pictures look like
SIGNALS = {
    "daylight": 1,
    "weather": len(WEATHERS),
    "crowdedness": 2,
    "ego": 3,
    "camera": 3,
    "interval": 1,
    "origin": len(ORIGINS),
}

Numbers = tuple[float, ...]


def signals(frame: FrameFacts, *, interval: float, origin: str | None) -> dict[str, Numbers | None]:
    """The numbers of each of `SIGNALS` for one frame; ``None`` where the fact is unknown.

    Args:
        frame: the facts.
        interval: seconds from one frame of the sequence to the next.
        origin: one of `ORIGINS`, or ``None`` if unknown.

    Raises:
        ValueError: the interval is not positive or the origin is not one of `ORIGINS`.
    """
    if origin is not None and origin not in ORIGINS:
        raise ValueError(f"origin is {origin!r}, expected one of {ORIGINS}")
    ego, camera, seen = frame.ego, frame.camera, frame.crowdedness
    return {
        "daylight": None if frame.daylight is None else (2.0 * frame.daylight - 1.0,),
        "weather": None if frame.weather is None else _one_hot(frame.weather, WEATHERS),
        "crowdedness": None if seen is None else (math.log1p(seen.vehicles) / 3.0, math.log1p(seen.people) / 3.0),
        # 30 m/s, 5 m/s2 and 0.5 rad/s are about the most a road asks for
        "ego": None if ego is None else (ego.speed / 30.0, ego.acceleration / 5.0, ego.yaw_rate / 0.5),
        # focal length in image widths, height over the ground in units of 2 m, pitch in units of 0.2 rad
        "camera": None if camera is None else (camera.fx / camera.width, camera.z / 2.0, camera.pitch / 0.2),
        "interval": (interval_signal(interval),),
        "origin": None if origin is None else _one_hot(origin, ORIGINS),
    }


def interval_signal(seconds: float) -> float:
    """A frame interval as a signal: octaves from 1/30 s, a quarter each.

    >>> [interval_signal(1 / fps) for fps in (30, 7.5, 1.875)]
    [0.0, 0.5, 1.0]
    """
    if not seconds > 0.0:
        raise ValueError(f"interval is {seconds} s, expected a positive number")
    return math.log2(seconds * 30.0) / 4.0


def _one_hot(name: str, names: tuple[str, ...]) -> Numbers:
    return tuple(float(name == other) for other in names)

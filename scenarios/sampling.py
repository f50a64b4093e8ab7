"""Random training scenarios that cover the conditions evenly.

Every quantity runs through its own stratified sequence: the i-th scenario of a seed takes the i-th point of a shifted
van der Corput sequence in a prime base of its own (Halton 1960), so that any run of consecutive indices covers each
range evenly, and the index alone decides the scenario, whoever draws it and in whichever order.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeVar

from scenarios.facts import WEATHERS
from scenarios.randomness import generator, key, van_der_corput
from scenarios.schema import Scenario
from scenarios.story_checks import check

T = TypeVar("T")
DURATION = 8.0  # s
_BASES = {
    "daylight": 2,
    "traffic": 3,
    "weather": 5,
    "lanes": 7,
    "event": 11,
    "speed": 13,
    "bend": 17,
    "focal": 19,
    "height": 23,
    "pitch": 29,
    "transition": 31,
    "crowd": 37,
    "feature": 41,
    "parking": 43,
}


def sample(seed: int, index: int, *, duration: float = DURATION) -> Scenario:
    """The ``index``-th random scenario of ``seed``, ``duration`` s long.

    Daylight is night, dusk or day with a third each (a fifth of the scenarios changes it); weather, traffic level,
    lanes, bends and speed are even over their ranges; two thirds have a cut-in, a braking leader, a crossing, or an
    animal or obstacle; half have a junction, a zebra crossing, a tunnel or lanes that change; the camera's focal length
    (650 to 950 px), height (1.2 to 1.9 m) and pitch (-2 to 2 degrees) vary. Raises ``ValueError`` where ``index`` is
    negative.

    >>> sample(0, 3).name
    'sample_0_3'
    >>> sample(0, 3) == sample(0, 3) != sample(1, 3)
    True
    """
    if index < 0:
        raise ValueError(f"index is {index}, expected 0 or more")
    draw = _Draw(seed, index)
    lanes, oncoming = draw.pick("lanes", ((1, 1), (2, 1), (2, 2), (3, 2), (2, 0), (3, 1)))
    event = draw.pick("event", ("none", "cut_in", "thing", "brake", "none", "cross"))
    speed = round(draw.between("speed", 5.0, 18.0), 2)
    ego_lane = draw.dice.randrange(lanes if event != "cut_in" else max(lanes - 1, 1))
    scenario = Scenario.model_validate(
        {
            "schema": "drivesim.scenario/1",
            "name": f"sample_{seed}_{index}",
            "tags": ["sample", event],
            "clock": {"duration": duration},
            "camera": _camera(draw),
            "road": {
                "lanes": lanes,
                "oncoming": oncoming,
                "ego_lane": ego_lane,
                **_road(draw, lanes, speed * duration),
            },
            "environment": _environment(draw, duration),
            "traffic": {"classes": _classes(draw), "parked": round(draw.dice.uniform(0.3, 1.0), 2), "turning": 0.3},
            "ego": {"initial": {"speed": speed}},
            **_story(event if event != "cut_in" or lanes > 1 else "brake", draw, speed, duration),
            "seed": key(seed, "sample.timeline", index),
        }
    )
    check(scenario)
    return scenario


class _Draw:
    """Numbers for one scenario: a low-discrepancy one per named quantity, and ``dice`` for what need not be even."""

    def __init__(self, seed: int, index: int) -> None:
        self.seed, self.index = seed, index
        self.dice = generator(seed, "sample", index)

    def share(self, name: str) -> float:
        """A number in [0, 1)."""
        shift = generator(self.seed, f"sample.{name}").random()
        return (van_der_corput(self.index, _BASES[name]) + shift) % 1.0

    def between(self, name: str, low: float, high: float) -> float:
        return low + (high - low) * self.share(name)

    def pick(self, name: str, choices: Sequence[T]) -> T:
        return choices[int(self.share(name) * len(choices))]


def _camera(draw: _Draw) -> dict[str, Any]:
    focal = round(draw.between("focal", 650.0, 950.0), 1)
    mount = {"z": round(draw.between("height", 1.2, 1.9), 3), "pitch": round(draw.between("pitch", -0.035, 0.035), 4)}
    return {
        "width": 1024,
        "height": 512,
        "intrinsics": {"fx": focal, "fy": focal, "cx": 512.0, "cy": 256.0},
        "mount": mount,
    }


def _road(draw: _Draw, lanes: int, way: float) -> dict[str, Any]:
    """Bends, parking lanes, and perhaps one feature within the ``way`` m that the ego drives or what it then sees."""
    features = ("none", "junction", "none", "signals", "none", "zebra", "none", "tunnel", "none", "lanes")
    feature, dice = draw.pick("feature", features), draw.dice
    parking = draw.pick("parking", ("none", "right", "none", "both", "left", "none"))
    at = round(dice.uniform(35.0, 45.0 + way), 1)
    arms = dice.choice(("both", "both", "both", "left", "right"))
    junction = {"at": at, "lanes": dice.choice((1, 1, 2)), "arms": arms, "zebra": dice.random() < 0.7}
    if feature == "junction":
        return {"parking": parking, "junctions": [junction]}
    if feature == "signals":
        phases = {"green": 14.0, "amber": 3.0, "red": 16.0, "offset": round(dice.uniform(0.0, 33.0), 1)}
        return {"parking": parking, "junctions": [{**junction, "signals": phases}]}
    if feature == "zebra":
        return {"parking": parking, "curvature": _curvature(draw), "crossings": [{"at": at}]}
    if feature == "tunnel":
        return {
            "curvature": _curvature(draw),
            "tunnels": [{"from": at, "to": at + round(dice.uniform(60.0, 160.0), 1)}],
        }
    if feature == "lanes":
        lane = 0 if lanes > 1 and dice.random() < 0.5 else None
        width = 0.0 if lane == 0 else round(dice.uniform(2.8, 3.2), 2)
        change = {"at": at + 40.0, "width": width, "over": 40.0, **({"lane": 0} if lane == 0 else {})}
        return {"parking": parking, "curvature": _curvature(draw), "changes": [change]}
    return {"parking": parking, "curvature": _curvature(draw)}


def _curvature(draw: _Draw) -> list[list[float]]:
    """A third straight; else a bend up to 1/80 m to either side that comes, stays and goes."""
    share = draw.between("bend", -1.5, 1.5)
    bend = round(0.0125 * max(0.0, abs(share) - 0.5) * (1 if share > 0 else -1), 5)
    start = round(draw.dice.uniform(-40.0, 40.0), 1)
    stay = round(draw.dice.uniform(30.0, 120.0), 1)
    return [[start, 0.0], [start + 40.0, bend], [start + 40.0 + stay, bend], [start + 80.0 + stay, 0.0]]


def _environment(draw: _Draw, duration: float) -> dict[str, Any]:
    share = draw.share("daylight") * 3.0
    spread = share % 1.0
    daylight = (
        round(0.25 * spread * (spread > 0.6), 3),
        round(0.36 + 0.28 * spread, 3),
        round(1.0 - 0.25 * spread**2, 3),
    )
    initial = {
        "daylight": daylight[int(share)],
        "weather": draw.pick("weather", WEATHERS),
        "traffic_level": draw.pick("traffic", ("none", "low", "medium", "medium", "high")),
    }
    changes: list[dict[str, Any]] = []
    if draw.share("transition") < 0.2:
        end = round(draw.dice.random(), 3)
        changes.append({"at": 0.2 * duration, "daylight": end, "over": 0.6 * duration, "shape": "smooth"})
    return {"initial": initial, "timeline": changes}


def _classes(draw: _Draw) -> dict[str, float]:
    """More of the rare classes than there are on real roads, so that each is learned."""
    rare = {"van": 0.13, "truck": 0.1, "bus": 0.08, "motorcycle": 0.1, "bicycle": 0.14}
    factor = draw.between("crowd", 0.3, 1.7)
    return {"car": 0.6, **{name: round(weight * factor, 3) for name, weight in rare.items()}}


def _story(event: str, draw: _Draw, speed: float, duration: float) -> dict[str, Any]:
    """Actors and events of ``event``: "none", "cut_in", "brake", "cross" or "thing"."""
    dice = draw.dice
    if event == "cut_in":
        category = dice.choice(("car", "car", "van", "truck", "motorcycle"))
        ahead, delta = round(dice.uniform(6.0, 14.0), 2), round(dice.uniform(0.5, 3.0), 2)
        initial = {"lane": 1, "ahead": ahead, "speed": {"relative_to": "ego", "delta": delta}}
        do = {"change_lane": {"to_lane_of": "ego", "over": round(dice.uniform(2.0, 4.0), 2)}}
        when = {"time": round(dice.uniform(0.05, 0.35) * duration, 2)}
    elif event == "brake":
        category = dice.choice(("car", "car", "van", "truck", "bus", "motorcycle"))
        initial = {"lane": 0, "ahead": round(14.0 + speed * dice.uniform(0.8, 2.0), 2)}
        do = {"brake": {"to": round(dice.uniform(0.0, 0.5) * speed, 2), "rate": round(dice.uniform(2.0, 6.0), 2)}}
        when = {"time": round(dice.uniform(0.1, 0.5) * duration, 2)}
    elif event == "cross":
        category = "pedestrian"
        initial = {"side": dice.choice(("left", "right")), "ahead": round(dice.uniform(15.0, 30.0) + 1.5 * speed, 2)}
        do = {"cross": {"speed": round(dice.uniform(1.0, 2.2), 2)}}
        when = {"time": round(dice.uniform(0.0, 0.2) * duration, 2)}
    elif event == "thing":
        return _thing(dice, speed, duration)
    else:
        return {}
    actor = {"id": "actor", "class": category, "initial": initial}
    return {"actors": [actor], "events": [{"id": event, "actor": "actor", "when": when, "do": do}]}


def _thing(dice: random.Random, speed: float, duration: float) -> dict[str, Any]:
    """An animal that runs over the road, or a few obstacles along the edge of the lane on the right."""
    ahead = round(dice.uniform(15.0, 30.0) + 1.5 * speed, 2)
    if dice.random() < 0.5:
        initial = {"side": dice.choice(("left", "right")), "ahead": ahead}
        when, do = (
            {"time": round(dice.uniform(0.0, 0.2) * duration, 2)},
            {"cross": {"speed": round(dice.uniform(1.5, 4.0), 2)}},
        )
        animal = {"id": "animal", "class": "animal", "initial": initial}
        return {"actors": [animal], "events": [{"id": "run", "actor": "animal", "when": when, "do": do}]}
    sizes: tuple[dict[str, Any], ...] = ({}, {}, {"size": [0.4, 1.6, 1.0]}, {"size": [0.8, 0.8, 0.8]})
    look = dice.choice(sizes)
    obstacles = [
        {
            "id": f"obstacle_{i}",
            "class": "obstacle",
            **look,
            "initial": {"side": "right", "ahead": round(ahead + 4.0 * i, 2)},
        }
        for i in range(dice.randint(1, 4))
    ]
    return {"actors": obstacles}

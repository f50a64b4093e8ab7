"""What the stage of a scenario must obey beyond its keys: lanes exist, times increase, nobody is born in another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from scenarios.behaviour import Body
from scenarios.casting import cast
from scenarios.schema import Scenario
from scenarios.story import VEHICLES, Actor, ActorInitial
from scenarios.triggers import touch
from scenarios.when import Path

CHANGING = ("daylight", "weather", "traffic_level")


class Problem(NamedTuple):
    """``path``: keys and indices to the place. ``message``: found and expected. ``severity``: error or warning."""

    path: Path
    message: str
    severity: str = "error"


def stage_problems(scenario: Scenario) -> Iterator[Problem]:
    """All that is wrong with the road, the environment, the traffic and the places of the actors."""
    yield from _road(scenario)
    yield from _environment(scenario)
    yield from _traffic(scenario)
    yield from _actors(scenario)


def near_miss(word: str, known: Iterable[str]) -> str:
    """A hint at the one of ``known`` that ``word`` may stand for, or nothing.

    >>> near_miss("durration", ["duration", "name"])
    " (did you mean 'duration'?)"
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near and near[0] != word else ""


def _road(scenario: Scenario) -> Iterator[Problem]:
    road = scenario.road
    if road.ego_lane >= road.lanes:
        yield Problem(
            ("road", "ego_lane"), f"found lane {road.ego_lane}, expected less than lanes, which is {road.lanes}"
        )
    if not road.curvature:
        yield Problem(("road", "curvature"), "found no points, expected at least one [s, 1/m]")
    for i, (before, after) in enumerate(zip(road.curvature, road.curvature[1:], strict=False), start=1):
        if after[0] <= before[0]:
            message = f"found s = {after[0]:g} after {before[0]:g}, expected strictly increasing s"
            yield Problem(("road", "curvature", i), message)


def _environment(scenario: Scenario) -> Iterator[Problem]:
    changes = scenario.environment.timeline
    for i, change in enumerate(changes):
        path = ("environment", "timeline", i, "at")
        if i and change.at <= changes[i - 1].at:
            yield Problem(
                path, f"found {change.at:g} s after {changes[i - 1].at:g} s, expected strictly increasing times"
            )
        for before in changes[:i]:
            both = [key for key in CHANGING if getattr(before, key) is not None and getattr(change, key) is not None]
            if both and before.at < change.at < before.at + before.over:
                end = before.at + before.over
                message = (
                    f"found {change.at:g} s, expected {end:g} s or later, when the change of {both[0]} before is over"
                )
                yield Problem(path, message, "warning")
        if change.at >= scenario.clock.duration:
            yield Problem(
                path,
                f"found {change.at:g} s, expected a time before the end at {scenario.clock.duration:g} s",
                "warning",
            )


def _traffic(scenario: Scenario) -> Iterator[Problem]:
    for name in scenario.traffic.classes:
        if name not in VEHICLES:
            yield Problem(("traffic", "classes", name), f"found class {name!r}, expected {one_of(name, VEHICLES)}")
    if sum(scenario.traffic.classes.values()) <= 0:
        yield Problem(("traffic", "classes"), "found no weight above 0, expected at least one")


def _actors(scenario: Scenario) -> Iterator[Problem]:
    lanes: dict[str, int | None] = {"ego": scenario.road.ego_lane}
    found = False
    for i, actor in enumerate(scenario.actors):
        if actor.id in lanes:
            reason = "the name of the ego" if actor.id == "ego" else "another actor's"
            yield Problem(("actors", i, "id"), f"found id {actor.id!r}, {reason}, expected one of its own")
        lanes.setdefault(actor.id, None)
        if actor.track is not None and actor.track.points is None:
            message = f"found file {actor.track.file!r} that was not read, expected points; scenarios.load reads files"
            yield Problem(("actors", i, "track", "file"), message)
            found = True
        if actor.initial is not None:
            problem = placed(actor.initial, actor, lanes, scenario, ("actors", i, "initial"))
            if problem is None and actor.initial.side is None and actor.initial.parked is None:
                lanes[actor.id] = (lanes[actor.initial.relative_to] or 0) + (actor.initial.lane or 0)
            if problem is not None:
                found = True
                yield problem
    if not found and not list(_road(scenario)):
        yield from _overlaps(scenario)


def placed(
    initial: ActorInitial, actor: Actor, lanes: Mapping[str, int | None], scenario: Scenario, path: Path
) -> Problem | None:
    """What is wrong with a place, if anything. ``lanes``: of those whom it may be told from, None beside the road."""
    road = scenario.road
    if initial.relative_to not in lanes or initial.relative_to == actor.id:
        others = [name for name in lanes if name != actor.id]
        message = f"found {initial.relative_to!r}, expected one before it: {one_of(initial.relative_to, others)}"
        return Problem((*path, "relative_to"), message)
    if initial.parked is not None and road.parking not in (initial.parked, "both"):
        message = f"found {initial.parked!r}, where the road has no parking lane, expected one (road.parking)"
        return Problem((*path, "parked"), message)
    if initial.side is not None or initial.parked is not None:
        return None
    start = lanes[initial.relative_to]
    if start is None:
        return Problem(
            (*path, "relative_to"), f"found {initial.relative_to!r}, which has no lane, expected one that has"
        )
    lowest, highest = 0, road.lanes + road.oncoming - 1
    if actor.category == "bicycle":
        lowest, highest = -1, highest + (road.oncoming > 0)
    lane = start + (initial.lane or 0)
    if road.ego_lane < road.lanes and not lowest <= lane <= highest:
        span = f"{lowest - start:+d} .. {highest - start:+d}"
        whose = "the ego's" if initial.relative_to == "ego" else f"that of {initial.relative_to!r},"
        message = f"found lane {initial.lane or 0:+d}, expected {span} beside {whose} lane {start}"
        return Problem((*path, "lane"), message)
    if abs(initial.offset) > road.lane_width:
        return Problem(
            (*path, "offset"), f"found {initial.offset:g} m, expected at most a lane's width, {road.lane_width:g} m"
        )
    return None


def _overlaps(scenario: Scenario) -> Iterator[Problem]:
    bodies = cast(scenario, scenario.geometry(), scenario.seed)
    there: list[tuple[str, Body]] = [("the ego", bodies["ego"])]
    for i, actor in enumerate(scenario.actors):
        body = bodies[actor.id]
        if not body.present:
            continue
        for name, other in there:
            if touch(body, other):
                place = "initial" if actor.initial is not None else "track"
                yield Problem(
                    ("actors", i, place), f"found {actor.id!r} inside {name} at the start, expected free space"
                )
        there.append((repr(actor.id), body))


def one_of(word: str, known: Iterable[str]) -> str:
    """``one of a, b, c``, with a hint at the one that ``word`` may stand for."""
    names = sorted(known)
    return f"one of {', '.join(names)}{near_miss(word, names)}"

"""What the stage of a scenario must obey beyond its keys: lanes exist, times increase, nobody is born in another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scenarios.behaviour import Body
from scenarios.casting import cast
from scenarios.junctions import ARM_REACH
from scenarios.problem import Problem, one_of
from scenarios.road_checks import road_problems
from scenarios.schema import Scenario
from scenarios.story import VEHICLES, Actor, ActorInitial
from scenarios.triggers import touch
from scenarios.when import Path

CHANGING = ("daylight", "weather", "traffic_level")


def stage_problems(scenario: Scenario) -> Iterator[Problem]:
    """All that is wrong with the road, the environment, the traffic and the places of the actors."""
    yield from road_problems(scenario.road)
    yield from _environment(scenario)
    yield from _traffic(scenario)
    yield from _actors(scenario)


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
            if problem is None and takes_lane(actor, actor.initial):
                lanes[actor.id] = (lanes[actor.initial.relative_to] or 0) + (actor.initial.lane or 0)
            if problem is not None:
                found = True
                yield problem
    if not found and not list(road_problems(scenario.road)):
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
    if initial.arm is not None:
        return _on_arm(initial, scenario, path)
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


def takes_lane(actor: Actor, initial: ActorInitial) -> bool:
    """Whether an actor at such a place drives in a lane."""
    elsewhere = initial.side is not None or initial.parked is not None or initial.arm is not None
    return not elsewhere and actor.category in VEHICLES


def _on_arm(initial: ActorInitial, scenario: Scenario, path: Path) -> Problem | None:
    """What is wrong with a place on an arm of a junction, if anything."""
    junctions = scenario.road.junctions
    if initial.junction >= len(junctions):
        message = f"found junction {initial.junction}, expected one of the {len(junctions)} of the road, from 0"
        return Problem((*path, "junction"), message)
    arms = junctions[initial.junction].arms
    if arms not in ("both", initial.arm):
        message = f"found the arm on the {initial.arm}, expected one that is there: {arms}"
        return Problem((*path, "arm"), message)
    if not 6.0 <= initial.away <= ARM_REACH:
        return Problem((*path, "away"), f"found {initial.away:g} m, expected 6 .. {ARM_REACH:g} m from the kerb")
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

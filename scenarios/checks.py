"""What a scenario must obey beyond its keys: references resolve, times increase, nobody is born inside another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import shapely

from scenarios.facts import categories
from scenarios.road import Road
from scenarios.schema import Scenario
from scenarios.simulation import EGO_SIZE, REAR_AXLE
from scenarios.story import VEHICLES, Actor, Event


class Problem(NamedTuple):
    """``path``: keys and indices to the place. ``message``: found and expected. ``severity``: error or warning."""

    path: tuple[str | int, ...]
    message: str
    severity: str = "error"


def problems(scenario: Scenario) -> list[Problem]:
    """All that is wrong with ``scenario``, in the order of the file."""
    found = [*_road(scenario), *_environment(scenario), *_traffic(scenario), *_actors(scenario)]
    return [*found, *_events(scenario)] if not found else found


def check(scenario: Scenario) -> None:
    """Raise ``ValueError`` with the first error of ``scenario``; for files see `scenarios.loading`."""
    for problem in problems(scenario):
        if problem.severity == "error":
            raise ValueError(f"{'.'.join(map(str, problem.path))}: {problem.message}")


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
        if change.at >= scenario.clock.duration:
            yield Problem(
                path,
                f"found {change.at:g} s, expected a time before the end at {scenario.clock.duration:g} s",
                "warning",
            )


def _traffic(scenario: Scenario) -> Iterator[Problem]:
    for name in scenario.traffic.classes:
        if name not in VEHICLES:
            yield Problem(("traffic", "classes", name), f"found class {name!r}, expected {_one_of(name, VEHICLES)}")
    if sum(scenario.traffic.classes.values()) <= 0:
        yield Problem(("traffic", "classes"), "found no weight above 0, expected at least one")


def _actors(scenario: Scenario) -> Iterator[Problem]:
    road = scenario.road
    seen = {"ego"}
    for i, actor in enumerate(scenario.actors):
        if actor.id in seen:
            reason = "the name of the ego" if actor.id == "ego" else "another actor's"
            yield Problem(("actors", i, "id"), f"found id {actor.id!r}, {reason}, expected one of its own")
        seen.add(actor.id)
        if actor.track is not None and actor.track.points is None:
            message = f"found file {actor.track.file!r} that was not read, expected points; scenarios.load reads files"
            yield Problem(("actors", i, "track", "file"), message)
            return
        if actor.initial is not None and actor.category in VEHICLES and road.ego_lane < road.lanes:
            strip = actor.category == "bicycle"
            lowest, highest = (-1, road.lanes + road.oncoming) if strip else (0, road.lanes + road.oncoming - 1)
            if strip and road.oncoming == 0:
                highest = road.lanes - 1
            lane = road.ego_lane + (actor.initial.lane or 0)
            if not lowest <= lane <= highest:
                span = f"{lowest - road.ego_lane:+d} .. {highest - road.ego_lane:+d}"
                message = f"found lane {actor.initial.lane:+d}, expected {span} beside the ego's lane {road.ego_lane}"
                yield Problem(("actors", i, "initial", "lane"), message)
                return
    if road.ego_lane < road.lanes:
        yield from _overlaps(scenario)


def _overlaps(scenario: Scenario) -> Iterator[Problem]:
    road = Road(scenario.road.lanes, scenario.road.oncoming, lane_width=scenario.road.lane_width)
    length, width, _ = EGO_SIZE
    d = road.lane_center(scenario.road.ego_lane)
    bodies = [("the ego", shapely.box(REAR_AXLE - length / 2, d - width / 2, REAR_AXLE + length / 2, d + width / 2))]
    for i, actor in enumerate(scenario.actors):
        s, d = _birthplace(actor, scenario, road)
        length, width, _ = actor.size or categories()[actor.category].size
        body = shapely.box(s - length / 2, d - width / 2, s + length / 2, d + width / 2)
        for name, other in bodies:
            if body.intersects(other):
                place = "initial" if actor.initial is not None else "track"
                yield Problem(
                    ("actors", i, place), f"found {actor.id!r} inside {name} at the start, expected free space"
                )
        bodies.append((repr(actor.id), body))


def _birthplace(actor: Actor, scenario: Scenario, road: Road) -> tuple[float, float]:
    if actor.track is not None:
        assert actor.track.points is not None
        return actor.track.points[0][1:]
    assert actor.initial is not None
    s = REAR_AXLE + actor.initial.ahead
    if actor.initial.side is not None:
        return s, road.left_edge + 1.2 if actor.initial.side == "left" else road.right_edge - 1.2
    return s, road.lane_center(scenario.road.ego_lane + (actor.initial.lane or 0))


def _events(scenario: Scenario) -> Iterator[Problem]:
    actors = {actor.id: actor for actor in scenario.actors}
    ids = [event.id for event in scenario.events]
    for i, event in enumerate(scenario.events):
        path = ("events", i)
        if event.id in ids[:i]:
            yield Problem((*path, "id"), f"found id {event.id!r} twice, expected one of its own")
        yield from _references(event, path, {"ego", *actors}, set(ids))
        if event.actor == "ego" or event.actor in actors:
            yield from _suits(event, path, actors.get(event.actor))
            yield from _lanes(event, (*path, "do"), actors.get(event.actor), scenario)
        if event.when.time is not None and event.when.time >= scenario.clock.duration:
            message = f"found {event.when.time:g} s, expected a time before the end at {scenario.clock.duration:g} s"
            yield Problem((*path, "when", "time"), message, "warning")
    yield from _cycles(scenario)


def _references(event: Event, path: tuple[str | int, ...], actors: set[str], events: set[str]) -> Iterator[Problem]:
    when, do = event.when, event.do
    named: list[tuple[tuple[str, ...], str | None]] = [
        (("actor",), event.actor),
        (("when", "headway", "to"), when.headway.to if when.headway else None),
        (("when", "distance", "to"), when.distance.to if when.distance else None),
        (("do", "follow", "target"), do.follow.target if do.follow else None),
        (("do", "change_lane", "to_lane_of"), do.change_lane.to_lane_of if do.change_lane else None),
    ]
    for keys, name in named:
        if name is not None and name not in actors:
            yield Problem((*path, *keys), f"found {name!r}, expected {_one_of(name, actors)}")
        elif name == event.actor and keys != ("actor",):
            yield Problem((*path, *keys), f"found the actor {name!r} itself, expected another one")
    if when.after is not None and when.after not in events:
        yield Problem((*path, "when", "after"), f"found {when.after!r}, expected {_one_of(when.after, events)}")


def _one_of(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    return f"one of {', '.join(names)}{near_miss(word, names)}"


def _suits(event: Event, path: tuple[str | int, ...], actor: Actor | None) -> Iterator[Problem]:
    """Whether the actor (None: the ego) can do what the event asks for."""
    do, place = event.do, (*path, "do")
    is_vehicle = actor is None or actor.category in VEHICLES
    who = "the ego" if actor is None else f"{actor.id!r}, a {actor.category}"
    if do.cross is not None and is_vehicle:
        yield Problem(place, f"found cross for {who}, expected it for a pedestrian")
    if do.cross is None and not is_vehicle:
        yield Problem(place, f"found a driver's action for {who}, expected cross")
    if do.change_lane is not None and actor is None:
        yield Problem(place, "found change_lane for the ego, expected it for an actor")
    if do.change_lane is not None and actor is not None and actor.track is not None:
        yield Problem(place, f"found change_lane for {who} on a track, expected an actor with initial")


def _lanes(event: Event, place: tuple[str | int, ...], actor: Actor | None, scenario: Scenario) -> Iterator[Problem]:
    """Whether the lane that the event speaks of is there and leads the actor's way."""
    do = event.do
    target = do.change_lane.to_lane_of if do.change_lane else None
    of = next((other for other in scenario.actors if other.id == target), None)
    if of is not None and (of.category not in VEHICLES or of.track is not None):
        yield Problem(
            (*place, "change_lane", "to_lane_of"), f"found {target!r}, which has no lane, expected one that has"
        )
    if do.change_lane is not None or do.follow is not None:
        other = do.follow.target if do.follow else target
        partner = next((body for body in scenario.actors if body.id == other), None)
        if _is_oncoming(actor, scenario) != _is_oncoming(partner, scenario):
            message = f"found {event.actor!r} and {other or 'its new lane'!r} of opposite directions, expected the same"
            yield Problem(place, message)
    lane = do.change_lane.to if do.change_lane else None
    if lane is not None and not 0 <= lane < scenario.road.lanes:
        message = f"found lane {lane}, expected 0 .. {scenario.road.lanes - 1}, the lanes of the own direction"
        yield Problem((*place, "change_lane", "to"), message)


def _is_oncoming(actor: Actor | None, scenario: Scenario) -> bool:
    if actor is None or actor.initial is None:
        return False
    return scenario.road.ego_lane + (actor.initial.lane or 0) >= scenario.road.lanes


def _cycles(scenario: Scenario) -> Iterator[Problem]:
    after = {event.id: event.when.after for event in scenario.events}
    for i, event in enumerate(scenario.events):
        name, chain = event.when.after, {event.id}
        while name in after and name not in chain:
            chain.add(name)
            name = after[name]
        if name == event.id:
            yield Problem(
                ("events", i, "when", "after"), f"found {event.id!r} waiting for itself, expected an event before it"
            )

"""What the story of a scenario must obey: names resolve, actors can do what is asked, nothing waits for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scenarios.checks import placed, stage_problems, takes_lane
from scenarios.problem import Problem, one_of
from scenarios.routes import way_out
from scenarios.schema import Scenario
from scenarios.story import Actor, ChangeLane, Do, Event
from scenarios.when import Path, When

_DRIVING = {"set_speed", "brake", "stop", "follow", "change_lane", "lane_offset", "follow_track", "signal", "turn"}
_WALKING = {"set_speed", "stop", "follow_track", "cross"}
_COMING = {"appear", "disappear"}


def problems(scenario: Scenario) -> list[Problem]:
    """All that is wrong with ``scenario``; the story is looked at once the stage is in order."""
    found = list(stage_problems(scenario))
    if any(problem.severity == "error" for problem in found):
        return found
    return [*found, *_events(scenario), *_ends(scenario)]


def check(scenario: Scenario) -> None:
    """Raise ``ValueError`` with the first error of ``scenario``; for files see `scenarios.loading`."""
    for problem in problems(scenario):
        if problem.severity == "error":
            raise ValueError(f"{'.'.join(map(str, problem.path))}: {problem.message}")


def _events(scenario: Scenario) -> Iterator[Problem]:
    actors = {actor.id: actor for actor in scenario.actors}
    ids = [event.id for event in scenario.events]
    for i, event in enumerate(scenario.events):
        path = ("events", i)
        if event.id in ids[:i]:
            yield Problem((*path, "id"), f"found id {event.id!r} twice, expected one of its own")
        yield from _references(event, path, {"ego", *actors})
        yield from _condition(event.when, (*path, "when"), scenario)
        if event.actor == "ego" or event.actor in actors:
            actor = actors.get(event.actor)
            yield from _suits(event.do, (*path, "do"), actor)
            yield from _lanes(event, (*path, "do"), actor, scenario)
            yield from _turns(event.do, (*path, "do", "turn"), actor, scenario)
    yield from _cycles(scenario)


def _ends(scenario: Scenario) -> Iterator[Problem]:
    """The stop condition and the expectations."""
    if scenario.stop is not None:
        yield from _condition(scenario.stop, ("stop",), scenario)
    ids = [check.id for check in scenario.expect]
    for i, check in enumerate(scenario.expect):
        path = ("expect", i)
        if check.id in ids[:i]:
            yield Problem((*path, "id"), f"found id {check.id!r} twice, expected one of its own")
        for key in ("always", "eventually", "never"):
            if (when := getattr(check, key)) is not None:
                yield from _condition(when, (*path, key), scenario)
        if check.visible is not None:
            yield from _known(check.visible.actor, (*path, "visible", "actor"), [a.id for a in scenario.actors])
        if check.within is not None and check.within[0] >= scenario.clock.duration:
            message = f"found {check.within[0]:g} s, expected a time before the end at {scenario.clock.duration:g} s"
            yield Problem((*path, "within"), message)


def _known(name: str, path: Path, known: Iterable[str]) -> Iterator[Problem]:
    names = list(known)
    if name not in names:
        yield Problem(
            path, f"found {name!r}, expected {one_of(name, names) if names else 'an actor, of whom there are none'}"
        )


def _condition(when: When, path: Path, scenario: Scenario) -> Iterator[Problem]:
    """Whether the names in a condition resolve, and its times come before the end."""
    bodies = ["ego", *(actor.id for actor in scenario.actors)]
    for place, name in when.named(path):
        yield from _known(name, place, bodies)
    for place, part in when.parts(path):
        if part.after is not None:
            yield from _known(part.after, (*place, "after"), [event.id for event in scenario.events])
        if part.time is not None and part.time >= scenario.clock.duration:
            message = f"found {part.time:g} s, expected a time before the end at {scenario.clock.duration:g} s"
            yield Problem((*place, "time"), message, "warning")
        lane = part.in_lane.lane if part.in_lane is not None else None
        last = scenario.road.lanes + scenario.road.oncoming - 1
        if lane is not None and not 0 <= lane <= last:
            yield Problem((*place, "in_lane", "lane"), f"found lane {lane}, expected 0 .. {last}")


def _references(event: Event, path: Path, bodies: set[str]) -> Iterator[Problem]:
    """Whether the bodies that an event names are there, and are not its own actor."""
    do = event.do
    yield from _known(event.actor, (*path, "actor"), bodies)
    named: list[tuple[Path, str | None]] = [
        (("when", *place), name) for place, name in event.when.named() if place[-1] != "of" and place[-1] != "collision"
    ]
    named.append((("do", "follow", "target"), do.follow.target if do.follow else None))
    named.append((("do", "change_lane", "to_lane_of"), do.change_lane.to_lane_of if do.change_lane else None))
    if do.set_speed is not None and not isinstance(do.set_speed.to, float):
        yield from _known(do.set_speed.to.relative_to, (*path, "do", "set_speed", "to", "relative_to"), bodies)
    explicit = {place[:-1] for place, _ in event.when.named() if place[-1] == "of"}
    for keys, name in named:
        if keys[0] == "do" and name is not None:
            yield from _known(name, (*path, *keys), bodies)
        if name == event.actor and not (keys[0] == "when" and keys[1:-1] in explicit):
            yield Problem((*path, *keys), f"found the actor {name!r} itself, expected another one")


def _suits(do: Do, place: Path, actor: Actor | None) -> Iterator[Problem]:
    """Whether the actor (None: the ego) can do what is asked."""
    if actor is None:
        who, can = "the ego", _DRIVING - {"turn"} | {"set_environment"}
    elif actor.track is not None:
        who, can = f"{actor.id!r} on a track", {"signal", "disappear"}
    elif actor.category == "obstacle":
        who, can = f"{actor.id!r}, an obstacle", _COMING
    elif actor.category == "animal" and (actor.initial is None or actor.initial.side is None):
        who, can = f"{actor.id!r}, an animal on the road", {"follow_track"} | _COMING
    elif actor.initial is not None and actor.initial.arm is not None:
        who, can = f"{actor.id!r}, on an arm of a junction", {"set_speed", "brake", "stop", "signal", "turn"} | _COMING
    elif actor.initial is not None and actor.initial.side is not None:
        who, can = f"{actor.id!r}, a {actor.category} on the sidewalk", _WALKING | _COMING
    elif actor.initial is not None and actor.initial.parked is not None:
        who, can = f"{actor.id!r}, a parked {actor.category}", _DRIVING - {"lane_offset", "follow", "turn"} | _COMING
    else:
        who, can = f"{actor.id!r}, a {actor.category}", _DRIVING | _COMING
    if do.kind == "set_environment" and actor is not None:
        yield Problem(place, f"found set_environment for {who}, expected an event without an actor")
    elif do.kind not in can:
        yield Problem(place, f"found {do.kind} for {who}, expected one of {', '.join(sorted(can))}")


def _lanes(event: Event, place: Path, actor: Actor | None, scenario: Scenario) -> Iterator[Problem]:
    """Whether the lane that the event speaks of is there and leads the actor's way."""
    do = event.do
    if do.appear is not None and actor is not None:
        others = {other.id: lane_of(other, scenario) for other in scenario.actors if other is not actor}
        problem = placed(do.appear, actor, {"ego": scenario.road.ego_lane, **others}, scenario, (*place, "appear"))
        if problem is not None:
            yield problem
    target = do.change_lane.to_lane_of if do.change_lane else None
    of = next((other for other in scenario.actors if other.id == target), None)
    if of is not None and lane_of(of, scenario) is None:
        yield Problem(
            (*place, "change_lane", "to_lane_of"), f"found {target!r}, which has no lane, expected one that has"
        )
    other = do.follow.target if do.follow else target
    if actor is not None and actor.initial is not None and actor.initial.parked is not None:
        pass  # it may pull out into either direction's lane
    elif other is not None or (do.change_lane is not None and do.change_lane.to is not None):
        partner = next((body for body in scenario.actors if body.id == other), None)
        if _is_oncoming(actor, scenario) != _is_oncoming(partner, scenario):
            message = f"found {event.actor!r} and {other or 'its new lane'!r} of opposite directions, expected the same"
            yield Problem(place, message)
    if do.change_lane is not None:
        yield from _new_lane(do.change_lane, (*place, "change_lane"), actor, scenario)


def _new_lane(do: ChangeLane, place: Path, actor: Actor | None, scenario: Scenario) -> Iterator[Problem]:
    lanes, oncoming = scenario.road.lanes, scenario.road.oncoming
    if do.to is not None and not 0 <= do.to < lanes:
        message = f"found lane {do.to}, expected 0 .. {lanes - 1}, the lanes of the own direction"
        yield Problem((*place, "to"), message)
    if do.by is not None and abs(do.by) >= max(lanes, oncoming):
        message = f"found {do.by:+d} lanes, expected fewer than {max(lanes, oncoming)}, which are all of one direction"
        yield Problem((*place, "by"), message)


def _turns(do: Do, place: Path, actor: Actor | None, scenario: Scenario) -> Iterator[Problem]:
    """Whether a junction is there and the turn leads somewhere."""
    junctions = scenario.road.junctions
    if do.turn is None or actor is None or actor.initial is None:
        return
    if do.turn.junction >= len(junctions):
        message = f"found junction {do.turn.junction}, expected one of the {len(junctions)} of the road, from 0"
        yield Problem((*place, "junction"), message)
        return
    initial = actor.initial
    if initial.arm is not None and initial.junction != do.turn.junction:
        message = f"found junction {do.turn.junction}, expected {initial.junction}, on whose arm {actor.id!r} is"
        yield Problem((*place, "junction"), message)
        return
    arm = {"left": 1, "right": -1, None: 0}[initial.arm]
    direction = -1 if _is_oncoming(actor, scenario) else 1
    shape = scenario.road.junction(do.turn.junction)
    try:
        way_out(arm, direction, do.turn.to, shape.arms, scenario.road.oncoming)
    except ValueError as error:
        yield Problem((*place, "to"), str(error))


def lane_of(actor: Actor, scenario: Scenario) -> int | None:
    """The lane in which an actor starts; None beside the road or on a track."""
    if actor.initial is None or not takes_lane(actor, actor.initial):
        return None
    start: int | None = scenario.road.ego_lane
    if actor.initial.relative_to != "ego":
        start = next((lane_of(a, scenario) for a in scenario.actors if a.id == actor.initial.relative_to), None)
    return None if start is None else start + (actor.initial.lane or 0)


def _is_oncoming(actor: Actor | None, scenario: Scenario) -> bool:
    lane = None if actor is None else lane_of(actor, scenario)
    return lane is not None and lane >= scenario.road.lanes


def _cycles(scenario: Scenario) -> Iterator[Problem]:
    """Events that wait for themselves, through whichever of the parts of their conditions."""
    after = {event.id: [part.after for _, part in event.when.parts() if part.after] for event in scenario.events}
    for i, event in enumerate(scenario.events):
        for place, part in event.when.parts(("events", i, "when")):
            if part.after is not None and _leads_to(part.after, event.id, after):
                message = f"found {event.id!r} waiting for itself, expected an event before it"
                yield Problem((*place, "after"), message)


def _leads_to(start: str, goal: str, after: dict[str, list[str]]) -> bool:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            waiting += after.get(name, [])
    return False

"""Actors come to the stage, and what an event asks of them becomes an action."""

from __future__ import annotations

import math
from collections.abc import Mapping

from scenarios import actions, story
from scenarios.behaviour import Action, Body
from scenarios.facts import categories
from scenarios.randomness import generator
from scenarios.road import Road
from scenarios.routes import FollowRoute, Turn, route
from scenarios.schema import Scenario
from scenarios.traffic import paint, usual_size

EGO_SIZE = (4.6, 1.85, 1.5)
REAR_AXLE = 1.35  # m from the centre of the ego's body back to its rear axle
_FROM_KERB = 1.2  # m from the kerb to somebody waiting on the sidewalk
BEYOND_KERB = 1.8  # m from the kerb to where a walk across the road ends


def cast(scenario: Scenario, road: Road, seed: int) -> dict[str, Body]:
    """The ego and the actors by name as they are at time 0; who is to appear later is not present."""
    lane, speed = scenario.road.ego_lane, scenario.ego.initial.speed
    ego = Body(0, "car", EGO_SIZE, (0, 0, 0), REAR_AXLE, round(road.lane_center(lane), 4), speed, 0.0)
    ego.cruise = scenario.ego.cruise_speed
    ego.lane = ego.from_lane = lane
    bodies = {"ego": ego}
    later = {event.actor for event in scenario.events if event.do.appear is not None}
    for number, actor in enumerate(scenario.actors, start=1):
        dice = generator(seed, "actor", number)
        size = actor.size or usual_size(actor.category, dice)
        colour = actor.colour or paint(actor.category, dice)
        body = Body(number, actor.category, size, colour, 0.0, 0.0, 0.0, 0.0)
        if actor.track is not None:
            assert actor.track.points is not None
            _, body.s, body.d = actor.track.points[0]
            body.actions["path"] = actions.FollowTrack(actor.track.points)
        else:
            assert actor.initial is not None
            place(body, actor.initial, bodies, road)
        body.present = actor.id not in later
        bodies[actor.id] = body
    return bodies


def place(body: Body, initial: story.ActorInitial, bodies: Mapping[str, Body], road: Road) -> None:
    """Put ``body`` where ``initial`` says, seen from one of ``bodies``. Raises ``ValueError`` for a lane not there."""
    other = bodies[initial.relative_to]
    body.s = round(other.s + initial.ahead, 4)
    if initial.arm is not None:
        _place_on_arm(body, initial, bodies, road)
        return
    moves = categories()[body.category].group == "vehicle"
    stands = initial.side is not None or initial.parked is not None or not moves
    speed = initial.speed if initial.speed is not None or stands else bodies["ego"].speed
    body.speed = body.cruise = 0.0 if speed is None else resolved(speed, bodies)
    if initial.parked is not None:
        side = 1 if initial.parked == "left" else -1
        body.d = round(road.parking_center(side) + initial.offset, 4)
        body.lane = body.from_lane = None
        body.direction = -1 if side > 0 and road.oncoming else 1
    elif initial.side is not None:
        side = 1 if initial.side == "left" else -1
        kerb = road.left_edge if side > 0 else road.right_edge
        body.d = round(kerb + side * _FROM_KERB, 4)
        body.lane = body.from_lane = None
        body.direction = 1 if initial.facing == "along" else -1
    else:
        lane = (other.lane or 0) + (initial.lane or 0)
        body.d = round(road.lane_center(lane) + initial.offset, 4)
        body.lane = body.from_lane = lane if moves else None  # a thing takes the room that it has, not the lane
        body.direction = road.direction(lane)
    body.turn = 0.0 if body.direction > 0 else round(math.pi, 4)


def _place_on_arm(body: Body, initial: story.ActorInitial, bodies: Mapping[str, Body], road: Road) -> None:
    """On an arm of a junction, driving towards it and straight on; where it leads nowhere, to the right."""
    side, junction = 1 if initial.arm == "left" else -1, road.junctions[initial.junction]
    edge = road.left_edge if side > 0 else -road.right_edge
    body.s, body.d = round(junction.lane_s(-side), 4), round(side * (edge + initial.away), 4)
    body.speed = body.cruise = resolved(bodies["ego"].speed if initial.speed is None else initial.speed, bodies)
    body.lane = body.from_lane = None
    body.direction, body.turn = 1, round(-side * 0.5 * math.pi, 4)
    turn: Turn = "straight" if junction.arm(-side) else "right"
    body.actions["path"] = FollowRoute(route(road, junction, body, turn), initial.yields)


def resolved(speed: float | story.RelativeSpeed, bodies: Mapping[str, Body]) -> float:
    """A speed in m/s, at least 0; a relative one by what the other drives right now."""
    if isinstance(speed, float):
        return speed
    return max(0.0, round(bodies[speed.relative_to].speed * speed.factor + speed.delta, 4))


def begun(do: story.Do, body: Body, bodies: Mapping[str, Body], road: Road) -> Action:
    """What ``body`` begins to do. `Do`s that are over at once (appear, disappear, set_environment) have no action."""
    if do.set_speed is not None:
        return _set_speed(do.set_speed, body, bodies)
    if do.brake is not None:
        return actions.Brake(do.brake.to, do.brake.rate, do.brake.hold, body.cruise)
    if do.stop is not None:
        rate = max(0.1, body.speed * body.speed / (2.0 * do.stop.within))
        return actions.Brake(0.0, rate, do.stop.hold, body.cruise)
    if do.follow is not None:
        return actions.Follow(bodies[do.follow.target], do.follow.headway)
    if do.change_lane is not None:
        lane = _lane(do.change_lane, body, bodies, road)
        return actions.ChangeLane(lane, body.d, road.lane_center(lane), do.change_lane.over)
    if do.lane_offset is not None:
        assert body.lane is not None
        end = road.lane_center(body.lane) + body.direction * do.lane_offset.to
        return actions.ChangeLane(body.lane, body.d, end, do.lane_offset.over)
    if do.follow_track is not None:
        return _track(do.follow_track, body)
    if do.signal is not None:
        return actions.Signal(do.signal.indicator)
    if do.turn is not None:
        body.cruise = do.turn.speed
        return FollowRoute(route(road, road.junctions[do.turn.junction], body, do.turn.to), do.turn.yields)
    assert do.cross is not None
    beyond = road.left_edge + BEYOND_KERB if body.d < 0 else road.right_edge - BEYOND_KERB
    return actions.Cross(round(beyond, 4), do.cross.speed)


def can_turn(do: story.Turn, body: Body, road: Road) -> bool:
    """Whether a junction is still ahead of a body in a lane, or of one that has not left its arm."""
    junction = road.junctions[do.junction]
    if body.lane is not None:
        return "sideways" not in body.actions and body.direction * (junction.s - body.s) > junction.reach
    return junction.arm(1 if body.d > 0 else -1) and not road.right_edge < body.d < road.left_edge


def _set_speed(do: story.SetSpeed, body: Body, bodies: Mapping[str, Body]) -> Action:
    to = resolved(do.to, bodies)
    if do.over is not None and do.shape == "smooth":
        return actions.RampSpeed(body.speed, to, do.over)
    rate = do.rate or 2.0
    if do.over is not None:
        rate = abs(to - body.speed) / do.over
    elif do.distance is not None:
        rate = abs(to * to - body.speed * body.speed) / (2.0 * do.distance)
    return actions.SetSpeed(to, max(rate, 0.1))


def _lane(do: story.ChangeLane, body: Body, bodies: Mapping[str, Body], road: Road) -> int:
    """The number of the lane to move to; where there is none, the present one."""
    if do.to is not None:
        return do.to
    lane = bodies[do.to_lane_of].lane if do.to_lane_of is not None else None
    if lane is not None:
        return lane
    outermost = 0 if body.d < 0 else road.lanes + road.oncoming - 1  # beside a parked car
    return (outermost if body.lane is None else body.lane) + body.direction * (do.by or 0)


def _track(do: story.FollowTrack, body: Body) -> Action:
    """The points in road coordinates, from where the body is now."""
    cos, sin = math.cos(body.turn), math.sin(body.turn)
    points = [(0.0, body.s, body.d)]
    for time, forward, left in do.points:
        s, d = body.s + forward * cos - left * sin, body.d + forward * sin + left * cos
        points.append((time, round(s, 4), round(d, 4)))
    return actions.FollowTrack(points, drives_on=body.lane is not None)

"""The simulation: 120 steps per second whatever the output rate; triggers, actors, background traffic.

State is rounded to 1e-4 (m, m/s, rad) at every step. Drivers decide 30 times per second, bodies move 120 times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from scenarios import story
from scenarios.behaviour import (
    HARDEST,
    Action,
    Body,
    Brake,
    ChangeLane,
    Cross,
    Follow,
    FollowTrack,
    SetSpeed,
    bend_speed,
    drive,
    following_acceleration,
    free_acceleration,
)
from scenarios.environment import EnvironmentCourse
from scenarios.facts import INDICATORS, categories
from scenarios.randomness import generator
from scenarios.road import Road
from scenarios.schema import Scenario
from scenarios.traffic import Traffic, paint, usual_size

RATE = 120  # steps per second
EGO_SIZE = (4.6, 1.85, 1.5)
REAR_AXLE = 1.35  # m from the centre of the ego's body back to its rear axle
_DT = 1.0 / RATE
_DECIDE_EVERY = 4
_REFILL_EVERY = 30
_BRAKE_LIGHTS = -0.7  # m/s2


class FiredEvent(NamedTuple):
    """An event's action began at ``time`` s."""

    time: float
    id: str


class Look(NamedTuple):
    """What stays the same of a track: category, size (length, width, height) in m, colour (r, g, b)."""

    category: str
    size: tuple[float, float, float]
    colour: tuple[int, int, int]


@dataclass
class Recording:
    """The states at the steps asked for.

    ``ego``: (n 6) s, d of the rear axle, turn, speed, acceleration, yaw rate. ``bodies``: per frame (m 8) track id, s,
    d, turn, speed, travelled, brake lights, index of the indicator. ``looks``: by track id.
    """

    ego: list[tuple[float, ...]] = field(default_factory=list)
    bodies: list[np.ndarray] = field(default_factory=list)
    looks: dict[int, Look] = field(default_factory=dict)
    events: list[FiredEvent] = field(default_factory=list)


def simulate(scenario: Scenario, road: Road, seed: int, steps: Sequence[int]) -> Recording:
    """Run ``scenario`` on ``road`` and record it at ``steps`` (increasing numbers of 1/120 s)."""
    simulation = _Simulation(scenario, road, seed)
    recording = Recording()
    wanted = set(steps)
    for step in range(max(wanted, default=-1) + 1):
        simulation.decide(step)
        if step in wanted:
            simulation.record(recording)
        simulation.move()
    recording.events = simulation.fired
    return recording


class _Simulation:
    def __init__(self, scenario: Scenario, road: Road, seed: int) -> None:
        self.scenario, self.road = scenario, road
        self.course = EnvironmentCourse(scenario.environment)
        lane = scenario.road.ego_lane
        speed = scenario.ego.initial.speed
        self.ego = Body(0, "car", EGO_SIZE, (0, 0, 0), REAR_AXLE, round(road.lane_center(lane), 4), speed, 0.0)
        self.ego.cruise = scenario.ego.cruise_speed
        self.ego.lane = self.ego.from_lane = lane
        self.actors = {"ego": self.ego}
        for number, actor in enumerate(scenario.actors, start=1):
            self.actors[actor.id] = _born(actor, number, self.ego, scenario, road, seed)
        self.cast = [body for name, body in self.actors.items() if name != "ego"]
        self.traffic = Traffic(scenario, road, seed, ego=self.ego, actors=self.cast)
        self.traffic.refill(self.course.at(0.0).traffic_level, at_start=True)
        self.pending = list(scenario.events)
        self.running: list[tuple[str, Body, Action]] = [
            (f"{name}.track", body, body.actions["path"])
            for name, body in self.actors.items()
            if "path" in body.actions
        ]
        self.completed: dict[str, float] = {}
        self.fired: list[FiredEvent] = []
        self.time = 0.0

    # --- deciding ---

    def decide(self, step: int) -> None:
        self.time = step / RATE
        if self.pending:
            self._fire()
        if step and step % _REFILL_EVERY == 0:
            self.traffic.refill(self.course.at(self.time).traffic_level)
        if step % _DECIDE_EVERY == 0:
            self._accelerate()

    def _fire(self) -> None:
        for event in list(self.pending):
            actor = self.actors[event.actor]
            if not self._holds(event.when, actor):
                continue
            action = self._action(event.do, actor)
            if isinstance(action, ChangeLane) and not self._is_beside_nobody(actor, action.lane):
                continue
            if isinstance(action, Cross) and not self._all_can_stop_for(actor):
                continue
            self.pending.remove(event)
            self.fired.append(FiredEvent(round(self.time, 4), event.id))
            actor.actions[action.channel] = action
            self.running.append((event.id, actor, action))

    def _holds(self, when: story.When, actor: Body) -> bool:
        if when.time is not None:
            return self.time >= when.time
        if when.after is not None:
            return self.time >= self.completed.get(when.after, math.inf) + (when.delay or 0.0)
        compare = when.headway or when.distance
        assert compare is not None
        other = self.actors[compare.to]
        apart = abs(actor.s - other.s) - 0.5 * (actor.size[0] + other.size[0])
        if when.headway is not None:
            rear, sign = (other, 1.0) if actor.s >= other.s else (actor, -1.0)
            value = sign * max(apart, 0.0) / max(rear.speed, 0.1)
        else:
            value = max(apart, 0.0)
        return value > compare.above if compare.above is not None else value < (compare.below or 0.0)

    def _action(self, do: story.Do, actor: Body) -> Action:
        if do.set_speed is not None:
            return SetSpeed(do.set_speed.to, do.set_speed.rate)
        if do.brake is not None:
            return Brake(do.brake.to, do.brake.rate, do.brake.hold, actor.cruise)
        if do.follow is not None:
            return Follow(self.actors[do.follow.target], do.follow.headway)
        if do.change_lane is not None:
            target = do.change_lane.to_lane_of
            lane = do.change_lane.to if target is None else self.actors[target].lane
            assert lane is not None
            return ChangeLane(lane, actor.d, self.road.lane_center(lane), do.change_lane.over)
        assert do.cross is not None
        beyond = self.road.left_edge + 1.8 if actor.d < 0 else self.road.right_edge - 1.8
        return Cross(round(beyond, 4), do.cross.speed)

    def _is_beside_nobody(self, actor: Body, lane: int) -> bool:
        others = (body for body in (self.ego, *self.cast, *self.traffic.vehicles) if body is not actor)
        return not any(
            lane in (body.lane, body.from_lane) and abs(body.s - actor.s) < 0.5 * (body.size[0] + actor.size[0]) + 1.5
            for body in others
        )

    def _all_can_stop_for(self, person: Body) -> bool:
        """Whether nobody drives past right now or would have to brake by more than two thirds of the hardest."""
        for body in (self.ego, *self.cast, *self.traffic.vehicles):
            gap = body.gap_to(person)
            if body.lane is not None and -body.size[0] - 1.0 < gap < 1.0 + 0.75 * body.speed * body.speed / HARDEST:
                return False
        return True

    def _accelerate(self) -> None:
        """Everybody in a lane follows whoever is ahead there; in a lane change, ahead in both lanes."""
        lanes: dict[int, list[Body]] = {}
        for body in (self.ego, *self.cast, *self.traffic.vehicles):
            if body.lane is None or "path" in body.actions:
                continue
            cruise = min(body.cruise, bend_speed(self.road, body))
            body.acceleration, body.held = free_acceleration(body.speed, cruise, body.rate), 0.0
            if body.target is not None:
                self._follow(body, body.target.speed, body.gap_to(body.target))
            lanes.setdefault(body.lane, []).append(body)
            if body.from_lane is not None and body.from_lane != body.lane:
                lanes.setdefault(body.from_lane, []).append(body)
        obstacles = [body for body in self.cast if body.lane is None or "path" in body.actions]
        for lane, bodies in lanes.items():
            direction = self.road.direction(lane)
            bodies.sort(key=lambda body: -direction * body.s)
            for leader, follower in pairwise(bodies):
                gap = direction * (leader.s - follower.s) - 0.5 * (leader.size[0] + follower.size[0])
                self._follow(follower, leader.speed, gap)
            for thing in obstacles:
                self._yield(lane, bodies, thing)
        for bodies in lanes.values():
            for body in bodies:
                body.acceleration = max(-HARDEST, body.acceleration + body.held)
                body.held = 0.0  # a body in two lanes comes by twice
        for body in self.cast:
            if body.lane is None and "path" not in body.actions:
                body.acceleration = free_acceleration(body.speed, body.cruise, body.rate)

    def _yield(self, lane: int, bodies: list[Body], thing: Body) -> None:
        """Brake for a body that is in ``lane``, or will be within 1.6 s, without being bound to a lane."""
        sideways = thing.speed * math.sin(thing.turn) if "path" in thing.actions else 0.0
        low, high = sorted((thing.d, thing.d + 1.6 * sideways))
        reach = 0.5 * (self.road.lane_width + thing.size[1])
        if not low - reach < self.road.lane_center(lane) < high + reach:
            return
        for body in bodies:
            gap = body.gap_to(thing)
            if gap > -0.5:
                self._follow(body, max(0.0, body.direction * thing.speed * math.cos(thing.turn)), gap)

    @staticmethod
    def _follow(body: Body, leader_speed: float, gap: float) -> None:
        body.held = min(body.held, following_acceleration(body.speed, gap, leader_speed, body.headway))

    # --- moving ---

    def move(self) -> None:
        for name, body, action in list(self.running):
            if body.actions.get(action.channel) is not action:
                self._complete(name, body, action)  # another action took its place
        for name, body, action in list(self.running):
            if action.step(body, _DT):
                del body.actions[action.channel]
                self._complete(name, body, action)
        for body in (self.ego, *self.cast, *self.traffic.vehicles, *self.traffic.people):
            if "path" not in body.actions:
                drive(body, self.road, _DT)

    def _complete(self, name: str, body: Body, action: Action) -> None:
        self.running.remove((name, body, action))
        self.completed[name] = self.time

    # --- recording ---

    def record(self, recording: Recording) -> None:
        ego = self.ego
        bend = self.road.curvature(ego.s)
        yaw_rate = ego.speed * bend / (1.0 - bend * ego.d)
        rear = round(ego.s - REAR_AXLE, 4)
        recording.ego.append((rear, ego.d, ego.turn, ego.speed, round(ego.acceleration, 4), round(yaw_rate, 4)))
        rows = []
        for body in (*self.cast, *self.traffic.vehicles, *self.traffic.people):
            if body.track_id not in recording.looks:
                recording.looks[body.track_id] = Look(body.category, body.size, body.colour)
            brakes = body.lane is not None and (body.acceleration < _BRAKE_LIGHTS or body.speed < 0.3)
            indicator = INDICATORS.index(body.indicator)
            row = (body.track_id, body.s, body.d, body.turn, body.speed, body.travelled, float(brakes), indicator)
            rows.append(row)
        recording.bodies.append(np.array(rows, dtype=np.float64).reshape(-1, 8))


def _born(actor: story.Actor, number: int, ego: Body, scenario: Scenario, road: Road, seed: int) -> Body:
    """The body of a scenario's actor at time 0."""
    dice = generator(seed, "actor", number)
    size = actor.size or usual_size(actor.category, dice)
    colour = actor.colour or paint(actor.category, dice)
    if actor.track is not None:
        assert actor.track.points is not None
        _, s, d = actor.track.points[0]
        body = Body(number, actor.category, size, colour, s, d, 0.0, 0.0)
        body.actions["path"] = FollowTrack(actor.track.points)
        return body
    assert actor.initial is not None
    initial = actor.initial
    s = round(ego.s + initial.ahead, 4)
    if categories()[actor.category].group == "person":
        speed = 0.0 if initial.speed is None else start_speed(actor, scenario)
        d = road.left_edge + 1.2 if initial.side == "left" else road.right_edge - 1.2
        return Body(number, actor.category, size, colour, s, round(d, 4), speed, speed)
    speed = start_speed(actor, scenario)
    lane = scenario.road.ego_lane + (initial.lane or 0)
    direction = road.direction(lane)
    body = Body(number, actor.category, size, colour, s, round(road.lane_center(lane), 4), speed, speed, direction)
    body.lane = body.from_lane = lane
    body.turn = 0.0 if direction > 0 else round(math.pi, 4)
    return body


def start_speed(actor: story.Actor, scenario: Scenario) -> float:
    """An actor's speed at time 0, m/s."""
    assert actor.initial is not None
    speed = actor.initial.speed
    if isinstance(speed, float):
        return speed
    return max(0.0, scenario.ego.initial.speed + (speed.delta if speed is not None else 0.0))

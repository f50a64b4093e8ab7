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
from scenarios.actions import ChangeLane, Cross, FollowTrack
from scenarios.behaviour import (
    HARDEST,
    Action,
    Body,
    bend_speed,
    drive,
    following_acceleration,
    free_acceleration,
)
from scenarios.casting import REAR_AXLE, begun, cast, place
from scenarios.environment import Conditions, EnvironmentCourse
from scenarios.expect import Expect
from scenarios.facts import INDICATORS
from scenarios.lane_changes import better_lane
from scenarios.parked import ParkedCars
from scenarios.road import Road
from scenarios.schema import Scenario
from scenarios.traffic import Traffic
from scenarios.triggers import Moment, Trigger, touch

RATE = 120  # steps per second
_DT = 1.0 / RATE
_DECIDE_EVERY = 4
_REFILL_EVERY = 30
_LOOK_EVERY = 45  # decisions: every 1.5 s
_LANE_CHANGE = 3.5  # s
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
class Held:
    """When, s, an expected condition was first seen to hold, and first seen not to."""

    true_at: float | None = None
    false_at: float | None = None


class Watch(NamedTuple):
    """An expectation, its condition with its memory, and what was seen of it."""

    check: Expect
    trigger: Trigger
    held: Held

    def look(self, now: Moment) -> None:
        """Note whether the condition holds, where that is asked for."""
        holds = self.trigger.holds(now)
        if not self.check.applies(now.time):
            return
        if holds and self.held.true_at is None:
            self.held.true_at = now.time
        if not holds and self.held.false_at is None:
            self.held.false_at = now.time


@dataclass
class Recording:
    """The states at the steps asked for.

    ``course``: of the environment, with what events changed. ``events``: in order of time. ``watched``: by id of the
    expectation.
    ``ego``: (n 6) s, d of the rear axle, turn, speed, acceleration, yaw rate. ``bodies``: per frame (m 9) track id, s,
    d, turn, speed, travelled, brake lights, index of the indicator, lit. ``looks``: by track id.
    """

    course: EnvironmentCourse
    ego: list[tuple[float, ...]] = field(default_factory=list)
    bodies: list[np.ndarray] = field(default_factory=list)
    looks: dict[int, Look] = field(default_factory=dict)
    events: list[FiredEvent] = field(default_factory=list)
    watched: dict[str, Held] = field(default_factory=dict)


def simulate(scenario: Scenario, road: Road, seed: int, steps: Sequence[int]) -> Recording:
    """Run ``scenario`` on ``road`` and record it at ``steps`` (increasing numbers of 1/120 s), until it stops."""
    simulation = _Simulation(scenario, road, seed)
    recording = simulation.recording
    wanted = set(steps)
    for step in range(max(wanted, default=-1) + 1):
        if simulation.decide(step) and recording.ego:
            break
        if step in wanted:
            simulation.record()
        simulation.move()
    return recording


class _Simulation:
    def __init__(self, scenario: Scenario, road: Road, seed: int) -> None:
        self.road, self.time = road, 0.0
        self.recording = Recording(EnvironmentCourse(scenario.environment))
        self.actors = cast(scenario, road, seed)
        self.ego = self.actors["ego"]
        self.cast = [body for body in self.actors.values() if body is not self.ego and body.present]
        self.traffic = Traffic(scenario, road, seed, ego=self.ego, actors=self.cast)
        self.traffic.refill(self._environment().traffic_level, at_start=True)
        self.parked = ParkedCars(road, seed, scenario.traffic.parked, self.cast)
        self.pending = [(event, Trigger.of(event.when, event.actor)) for event in scenario.events]
        self.stop = Trigger.of(scenario.stop, "ego") if scenario.stop is not None else None
        self.watched = [
            Watch(check, Trigger.of(check.condition, "ego"), self.recording.watched.setdefault(check.id, Held()))
            for check in scenario.expect
            if check.condition is not None
        ]
        self.running: list[tuple[str, Body, Action]] = [
            (f"{name}.track", body, body.actions["path"])
            for name, body in self.actors.items()
            if "path" in body.actions
        ]
        self.completed: dict[str, float] = {}
        self.turn_before = self.ego.turn
        self.beside: list[Body] = []

    # --- deciding ---

    def decide(self, step: int) -> bool:
        """Let everybody decide what to do next; True when the scenario is to stop."""
        self.time = step / RATE
        if self.pending:
            self._fire()
        if step and step % _REFILL_EVERY == 0:
            self.traffic.refill(self._environment().traffic_level)
        if step % _DECIDE_EVERY:
            return False
        self.beside = self.parked.near(self.ego.s)
        self._accelerate()
        now = self._moment()
        for watch in self.watched:
            watch.look(now)
        return self.stop is not None and self.stop.holds(now)

    def _environment(self) -> Conditions:
        return self.recording.course.at(self.time)

    def _moment(self) -> Moment:
        everybody = (self.ego, *self.cast, *self.traffic.vehicles, *self.traffic.people, *self.beside)
        return Moment(self.time, self.actors, self.completed, self._environment().daylight, everybody)

    def _fire(self) -> None:
        now = self._moment()
        for row in list(self.pending):
            event, trigger = row
            if not trigger.holds(now) or not self._begin(event):
                continue
            self.pending.remove(row)
            self.recording.events.append(FiredEvent(round(self.time, 4), event.id))

    def _begin(self, event: story.Event) -> bool:
        """Begin what an event asks for, unless its actor is not there or the way is not free."""
        do, actor = event.do, self.actors[event.actor]
        if do.set_environment is not None:
            self.recording.course.change(do.set_environment, self.time)
            self.completed[event.id] = self.time
            return True
        if do.appear is not None:
            return not actor.present and self._appear(event.id, actor, do.appear)
        if not actor.present:
            return False
        if do.disappear is not None:
            actor.present = False
            self.cast.remove(actor)
            self.completed[event.id] = self.time
            return True
        action = begun(do, actor, self.actors, self.road)
        if isinstance(action, ChangeLane) and not self._is_free(actor, action.lane):
            return False
        if isinstance(action, Cross) and not self._all_can_stop_for(actor):
            return False
        actor.actions[action.channel] = action
        self.running.append((event.id, actor, action))
        return True

    def _appear(self, name: str, actor: Body, where: story.ActorInitial) -> bool:
        place(actor, where, self.actors, self.road)
        if any(touch(actor, other) for other in self._moment().everybody):
            return False
        actor.present = True
        self.cast.append(actor)
        self.completed[name] = self.time
        return True

    def _is_free(self, actor: Body, lane: int) -> bool:
        """Whether ``lane`` is there, leads the actor's way, and nobody is in it beside the actor."""
        if not self.road.has_lane(lane) or self.road.direction(lane) != actor.direction:
            return False
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
        obstacles = [body for body in (self.ego, *self.cast) if body.lane is None or "path" in body.actions]
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
        self._change_lanes(lanes)

    def _change_lanes(self, lanes: dict[int, list[Body]]) -> None:
        """Let the background traffic change lanes, each driver looking around once in `_LOOK_EVERY` steps."""
        turn = round(self.time * RATE) // _DECIDE_EVERY
        for body in self.traffic.vehicles:
            if (turn + body.track_id) % _LOOK_EVERY or body.category == "bicycle":
                continue
            lane = better_lane(body, lanes, self.road)
            if lane is not None and not self.traffic.is_stage(lane, body.s):
                action = ChangeLane(lane, body.d, self.road.lane_center(lane), _LANE_CHANGE)
                body.actions[action.channel] = action
                lanes.setdefault(lane, []).append(body)  # whoever looks next sees it there
                self.running.append((f"lane change of {body.track_id}", body, action))

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
        self.turn_before = self.ego.turn
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
        if isinstance(action, FollowTrack) and action.drives_on and "path" not in body.actions:
            self._take_lane(body)

    def _take_lane(self, body: Body) -> None:
        """Go on in the lane in which a track has ended; beside the road, stand."""
        lane = self.road.lane_at(body.d)
        if lane is None or self.road.direction(lane) * math.cos(body.turn) <= 0.5:
            body.lane, body.from_lane, body.cruise, body.speed = None, None, 0.0, 0.0
            return
        body.lane = body.from_lane = lane
        body.direction, body.cruise = self.road.direction(lane), body.speed
        body.turn = 0.0 if body.direction > 0 else round(math.pi, 4)

    # --- recording ---

    def record(self) -> None:
        ego, recording = self.ego, self.recording
        cos, sin = math.cos(ego.turn), math.sin(ego.turn)
        bend = self.road.curvature(ego.s)
        yaw_rate = ego.speed * bend / (1.0 - bend * ego.d) + (ego.turn - self.turn_before) * RATE
        rear = round(ego.s - REAR_AXLE * cos, 4), round(ego.d - REAR_AXLE * sin, 4)
        recording.ego.append((*rear, ego.turn, ego.speed, round(ego.acceleration, 4), round(yaw_rate, 4)))
        rows = []
        for body in (*self.cast, *self.traffic.vehicles, *self.traffic.people, *self.parked.near(ego.s)):
            if body.track_id not in recording.looks:
                recording.looks[body.track_id] = Look(body.category, body.size, body.colour)
            brakes = body.lane is not None and (body.acceleration < _BRAKE_LIGHTS or body.speed < 0.3)
            indicator = INDICATORS.index(body.indicator)
            lit = float(body.lane is not None or body.speed > 0.0)  # those who park have their lights off
            row = (body.track_id, body.s, body.d, body.turn, body.speed, body.travelled, float(brakes), indicator, lit)
            rows.append(row)
        recording.bodies.append(np.array(rows, dtype=np.float64).reshape(-1, 9))

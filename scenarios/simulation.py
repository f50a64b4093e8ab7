"""The simulation: 120 steps per second whatever the output rate; triggers, actors, background traffic.

Drivers decide 30 times per second, bodies move 120 times. Accelerations are rounded to 1e-4 m/s2 when chosen, states
to 1e-4 (m, m/s, rad) when recorded, and actions round what they compute by sines and roots: what libraries of
mathematics compute differently in the last bit ends there. Driving along a lane only adds and multiplies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from scenarios import story
from scenarios.actions import ChangeLane, Cross, FollowTrack
from scenarios.behaviour import HARDEST, Action, Body, drive, look_at_bend
from scenarios.casting import REAR_AXLE, begun, can_turn, cast, place
from scenarios.crossing_traffic import CrossingTraffic, Walkers
from scenarios.driving import Driving, can_stop_for
from scenarios.environment import Conditions, EnvironmentCourse
from scenarios.facts import INDICATORS
from scenarios.parked import ParkedCars
from scenarios.recording import FiredEvent, Held, Look, Recording, Watch
from scenarios.road import Road
from scenarios.routes import FollowRoute
from scenarios.schema import Scenario
from scenarios.traffic import Traffic
from scenarios.triggers import Moment, Trigger, touch

RATE = 120  # steps per second
_DT = 1.0 / RATE
_DECIDE_EVERY = 4
_REFILL_EVERY = 30
_LOOK_EVERY = 45  # decisions: every 1.5 s
_LANE_CHANGE = 3.5  # s
_TRUST = HARDEST * 2 / 3  # m/s2 that actors on foot trust drivers to brake by
_BRAKE_LIGHTS = -0.7  # m/s2


def simulate(scenario: Scenario, road: Road, seed: int, steps: Sequence[int]) -> Recording:
    """Run ``scenario`` on ``road`` and record it at ``steps`` (increasing numbers of 1/120 s), until it stops."""
    simulation = Simulation(scenario, road, seed)
    recording = simulation.recording
    wanted = set(steps)
    for step in range(max(wanted, default=-1) + 1):
        if simulation.decide(step) and recording.ego:
            break
        if step in wanted:
            simulation.record()
        simulation.move()
    return recording


class Simulation:
    """A scenario on its way: `decide`, then `record` if wanted, then `move`, step by step.

    ``ego``, ``cast`` (actors that are there), ``traffic``, ``crossing``, ``parked`` hold the bodies.
    """

    def __init__(self, scenario: Scenario, road: Road, seed: int) -> None:
        self.road, self.time, self.spec = road, 0.0, scenario.traffic
        self.recording = Recording(EnvironmentCourse(scenario.environment))
        self.actors = cast(scenario, road, seed)
        self.ego = self.actors["ego"]
        self.cast = [body for body in self.actors.values() if body is not self.ego and body.present]
        self.traffic = Traffic(scenario, road, seed, ego=self.ego, actors=self.cast)
        self.crossing = CrossingTraffic(road, seed, scenario.traffic.turning)
        self.walkers, self.driving = Walkers(road, seed), Driving(road)
        self._refill(0)
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
            if "path" in body.actions and body.present
        ]
        self.completed: dict[str, float] = {}
        self.turn_before = self.ego.turn
        self.bends = any(bend for _, bend in scenario.road.curvature)
        self.beside: list[Body] = []

    # --- deciding ---

    def decide(self, step: int) -> bool:
        """Let everybody decide what to do next; True when the scenario is to stop."""
        self.time = step / RATE
        if self.pending:
            self._fire()
        if step and step % _REFILL_EVERY == 0:
            self._refill(step // _REFILL_EVERY)
        if step % _DECIDE_EVERY:
            return False
        self.beside = self.parked.near(self.ego.s)
        if self.bends:
            for body in chain(self._vehicles(), self.traffic.people):
                look_at_bend(body, self.road)
        if self.road.junctions or self.road.crossings:
            self._turn_off_and_cross()
        self.driving.accelerate(self._vehicles(), self.traffic.people, self.time)
        self._change_lanes()
        now = self.moment()
        for watch in self.watched:
            watch.look(now)
        return self.stop is not None and self.stop.holds(now)

    def _refill(self, tick: int) -> None:
        level = self._environment().traffic_level
        self.traffic.refill(level, at_start=tick == 0)
        if self.spec.vehicles.count != 0:
            self.crossing.refill(level, self.ego, tick)

    def _environment(self) -> Conditions:
        return self.recording.course.at(self.time)

    def moment(self) -> Moment:
        """What conditions can see of the present."""
        everybody = (*self._vehicles(), *self.traffic.people, *self.beside)
        return Moment(self.time, self.actors, self.completed, self.recording.course, everybody)

    def _fire(self) -> None:
        now = self.moment()
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
        if do.turn is not None and not can_turn(do.turn, actor, self.road):
            return False
        if do.turn is not None:
            actor.actions.pop("speed", None)  # it has a speed of its own
        action = begun(do, actor, self.actors, self.road)
        if isinstance(action, ChangeLane) and not self._is_free(actor, action.lane):
            return False
        if isinstance(action, Cross) and not all(can_stop_for(actor, body, _TRUST) for body in self._vehicles()):
            return False
        self._start(event.id, actor, action)
        return True

    def _appear(self, name: str, actor: Body, where: story.ActorInitial) -> bool:
        place(actor, where, self.actors, self.road)
        if any(touch(actor, other) for other in self.moment().everybody):
            return False
        actor.present = True
        self.cast.append(actor)
        if "path" in actor.actions:
            self.running.append((f"{name}.path", actor, actor.actions["path"]))
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

    def _change_lanes(self) -> None:
        """Let the background traffic change lanes, each driver looking around once in `_LOOK_EVERY` decisions.

        The ego and the actors do so only where their lane ends.
        """
        turn = round(self.time * RATE) // _DECIDE_EVERY
        looking = [
            body
            for body in self.traffic.vehicles
            if (turn + body.track_id) % _LOOK_EVERY == 0 and body.category != "bicycle"
        ]
        if self.road.widths:
            looking += [body for body in (self.ego, *self.cast) if self.driving.must_merge(body)]
        for body, lane in self.driving.who_can_move_over(looking):
            if not self.traffic.is_stage(lane, body.s) or self.driving.must_merge(body):
                action = ChangeLane(lane, body.d, self.road.lane_center(lane), _LANE_CHANGE)
                self.driving.lanes.setdefault(lane, []).append(body)  # whoever looks next sees it there
                self._start(f"lane change of {body.track_id}", body, action)

    def _turn_off_and_cross(self) -> None:
        """Background vehicles turn off at junctions, background people step onto zebra crossings."""
        for body, route in self.crossing.turning_off(self.traffic.vehicles, self.ego):
            self._start(f"turn of {body.track_id}", body, route)
        vehicles = list(self._vehicles())
        for body, cross in self.walkers.decide(self.traffic.people, vehicles, self.ego, self.time):
            self._start(f"crossing of {body.track_id}", body, cross)

    def _start(self, name: str, body: Body, action: Action) -> None:
        body.actions[action.channel] = action
        self.running.append((name, body, action))

    def _vehicles(self) -> Iterator[Body]:
        """All that drive, actors who walk among them."""
        return chain((self.ego,), self.cast, self.traffic.vehicles, self.crossing.vehicles)

    # --- moving ---

    def move(self) -> None:
        """Move everybody by one step."""
        self.turn_before = self.ego.turn
        for name, body, action in list(self.running):
            if body.actions.get(action.channel) is not action:
                self._complete(name, body, action)  # another action took its place
        for name, body, action in list(self.running):
            if action.step(body, _DT):
                del body.actions[action.channel]
                self._complete(name, body, action)
        for body in list(self.crossing.vehicles):
            route = body.actions["path"]
            if route.step(body, _DT):
                del body.actions["path"]
                self._leave_route(body)
        for body in (self.ego, *self.cast, *self.traffic.vehicles, *self.traffic.people):
            if "path" not in body.actions:
                drive(body, _DT)

    def _complete(self, name: str, body: Body, action: Action) -> None:
        self.running.remove((name, body, action))
        self.completed[name] = self.time
        if isinstance(action, FollowRoute) and "path" not in body.actions:
            self._leave_route(body)
        if isinstance(action, FollowTrack) and action.drives_on and "path" not in body.actions:
            self._take_lane(body)

    def _leave_route(self, body: Body) -> None:
        """Go on in the lane of the main road that a route has led to, or be gone at the far end of an arm."""
        lane = self.road.lane_at(body.d)
        if lane is not None and abs(math.sin(body.turn)) < 0.5:
            wanted = body.cruise
            self._take_lane(body)
            body.cruise = wanted
            if body in self.crossing.vehicles:
                self.crossing.vehicles.remove(body)
                self.traffic.vehicles.append(body)
                body.cruise = self.traffic.base_speed
            return
        body.present = False
        for group in (self.cast, self.traffic.vehicles, self.crossing.vehicles):
            if body in group:
                group.remove(body)

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
        """Keep the present states."""
        ego, recording = self.ego, self.recording
        cos, sin = math.cos(ego.turn), math.sin(ego.turn)
        bend = self.road.curvature(ego.s)
        yaw_rate = ego.speed * bend / (1.0 - bend * ego.d) + (ego.turn - self.turn_before) * RATE
        rear = round(ego.s - REAR_AXLE * cos, 4), round(ego.d - REAR_AXLE * sin, 4)
        recording.ego.append((*rear, ego.turn, round(ego.speed, 4), round(ego.acceleration, 4), round(yaw_rate, 4)))
        rows = []
        for body in self._told():
            if body.track_id not in recording.looks:
                recording.looks[body.track_id] = Look(body.category, body.size, body.colour)
            drives = body.lane is not None or "path" in body.actions
            brakes = drives and (body.acceleration < _BRAKE_LIGHTS or body.speed < 0.3)
            indicator = INDICATORS.index(body.indicator)
            lit = float(drives or body.speed > 0.0)  # those who park have their lights off
            speed, travelled = round(body.speed, 4), round(body.travelled, 4)
            s, d = round(body.s, 4), round(body.d, 4)
            row = (body.track_id, s, d, body.turn, speed, travelled, float(brakes), indicator, lit)
            rows.append(row)
        recording.bodies.append(np.array(rows, dtype=np.float64).reshape(-1, 9))

    def _told(self) -> Iterator[Body]:
        """Everybody but the ego."""
        parked = self.parked.near(self.ego.s)
        return chain(self.cast, self.traffic.vehicles, self.crossing.vehicles, self.traffic.people, parked)

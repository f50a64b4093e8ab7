"""A scenario simulated at a seed and sampled at a frame rate: one `FrameFacts` per frame."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import overload

from scenarios.camera import Box3, Projection, occlusions, project_boxes
from scenarios.crowdedness import crowdedness
from scenarios.facts import INDICATORS, EgoState, FrameFacts, Lights, ObjectFacts, categories
from scenarios.light_heads import light_heads
from scenarios.object_state import ObjectState
from scenarios.recording import FiredEvent, Held, Recording
from scenarios.road_facts import road_facts
from scenarios.scenery import REACH, World
from scenarios.schema import Scenario
from scenarios.simulation import RATE, simulate
from scenarios.story_checks import check
from scenarios.surroundings import may_be_seen, surroundings

HEAD_LIGHTS_BELOW = 0.4  # daylight
HEAD_LIGHTS_IN = ("rainy", "foggy", "snowy")  # whatever the daylight
TUNNEL_LIGHT, TUNNEL_RAMP = 0.2, 20.0  # share of daylight, m
SIGHT = 250.0  # m ahead: beyond, a bus is less than 10 px high
_KEPT = 256  # frames whose road users are remembered: who draws a frame asks for them once more


class Timeline(Sequence[FrameFacts]):
    """The frames of a simulated scenario; `compile` makes one.

    Objects up to `SIGHT` m ahead are told. Frames are made when they are asked for, in any order; only the simulated
    states are kept (about 72 bytes per road user and frame). ``events``: the events that fired. ``world``: the road and
    the scenery beside it. ``begins``: when frame 0 is in the drive, s (`since`).
    """

    def __init__(self, scenario: Scenario, *, fps: float, seed: int) -> None:
        """Simulate ``scenario``; see `compile`."""
        if not 0.0 < fps <= RATE:
            raise ValueError(f"fps is {fps}, expected a number above 0 and at most {RATE}")
        check(scenario)
        self.scenario, self.fps, self.seed = scenario, fps, seed
        self.camera = scenario.camera_facts()
        self.world = World(scenario.geometry(), seed)
        self._heads = light_heads(self.world.road)
        rate = Fraction(fps).limit_denominator(10**6)
        count = max(1, math.floor(Fraction(scenario.clock.duration).limit_denominator(10**6) * rate))
        self._steps = [math.floor(k * RATE / rate + Fraction(1, 2)) for k in range(count)]
        self.begins = 0.0
        self._tracks: dict[int, tuple[ObjectState, ...]] = {}
        self._recording: Recording = simulate(scenario, self.world.road, seed, self._steps)
        del self._steps[len(self._recording.ego) :]  # a stop condition came true

    @property
    def events(self) -> tuple[FiredEvent, ...]:
        """The events that fired, in order of time."""
        return tuple(self._recording.events)

    @property
    def watched(self) -> Mapping[str, Held]:
        """When the conditions of the expectations held, by the expectation's id."""
        return self._recording.watched

    def first(self, frames: int) -> Timeline:
        """The same drive, of which only the first ``frames`` are asked for; all of them if there are no more.

        Raises ``ValueError`` for fewer than one.

        >>> from scenarios import compile, load
        >>> timeline = compile(load("cut_in"), fps=7.5)
        >>> len(timeline.first(16)), timeline.first(16)[15] == timeline[15]
        (16, True)
        """
        if frames < 1:
            raise ValueError(f"found {frames} frames, expected 1 or more")
        made = copy.copy(self)
        made._steps = self._steps[:frames]
        return made

    def since(self, frame: int) -> Timeline:
        """The same drive from ``frame`` on, which is frame 0 then, at 0 s; ``begins`` says when that is in the drive.

        Raises ``ValueError`` for a frame that it does not have.

        >>> from scenarios import compile, load
        >>> timeline = compile(load("cut_in"), fps=7.5)
        >>> late = timeline.since(90)
        >>> len(late), late.begins, late[15].time, late[15].objects == timeline[105].objects
        (60, 12.0, 2.0, True)
        """
        if not 0 <= frame < len(self):
            raise ValueError(f"found frame {frame}, expected 0 to {len(self) - 1}")
        made = copy.copy(self)
        made._steps, made._tracks = self._steps[frame:], {}
        made.begins = self._steps[frame] / RATE
        states = self._recording
        made._recording = dataclasses.replace(states, ego=states.ego[frame:], bodies=states.bodies[frame:])
        return made

    def __len__(self) -> int:
        """The number of frames: duration times fps, rounded down; fewer where the scenario's ``stop`` came true."""
        return len(self._steps)

    @overload
    def __getitem__(self, k: int) -> FrameFacts: ...
    @overload
    def __getitem__(self, k: slice) -> list[FrameFacts]: ...
    def __getitem__(self, k: int | slice) -> FrameFacts | list[FrameFacts]:
        """The facts of frame ``k``, or of a slice of frames."""
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(len(self)))]
        return self._frame(range(len(self))[k])

    def __iter__(self) -> Iterator[FrameFacts]:
        """The frames in order."""
        return (self[k] for k in range(len(self)))

    def ego(self, k: int) -> EgoState:
        """The ego's pose (rear axle) and motion at frame ``k``, in the world."""
        s, d, turn, speed, acceleration, yaw_rate = self._recording.ego[k]
        x, y, heading = self.world.road.pose(s, d)
        turn += self.world.road.slope(s, d)
        return EgoState(round(x, 4), round(y, 4), _angle(heading + turn), speed, acceleration, yaw_rate, round(s, 4))

    def ego_s(self, k: int) -> float:
        """Where the ego's rear axle is along the road at frame ``k``, m."""
        return self._recording.ego[k][0]

    def daylight(self, k: int) -> float:
        """Daylight in [0, 1] at frame ``k``: what of the outdoors' reaches the ego, in a tunnel little."""
        outdoors = self._recording.course.at(self._steps[k] / RATE).daylight
        return round(outdoors * tunnel_light(self.world.road.tunnels, self.ego_s(k)), 4)

    def track(self, k: int) -> tuple[ObjectState, ...]:
        """All simulated road users at frame ``k`` in the world, sorted by track id, also those outside the image."""
        if k not in self._tracks:
            self._tracks[k] = self._states(k)
            if len(self._tracks) > _KEPT:
                del self._tracks[next(iter(self._tracks))]
        return self._tracks[k]

    def _states(self, k: int) -> tuple[ObjectState, ...]:
        weather = self._recording.course.at(self._steps[k] / RATE).weather
        head = self.daylight(k) < HEAD_LIGHTS_BELOW or weather in HEAD_LIGHTS_IN
        states = []
        for number, s, d, turn, speed, travelled, brake, indicator, lit in self._recording.bodies[k].tolist():
            look = self._recording.looks[int(number)]
            x, y, heading = self.world.road.pose(s, d)
            is_vehicle = categories()[look.category].group == "vehicle"
            lights = Lights(head and bool(lit), bool(brake), INDICATORS[int(indicator)]) if is_vehicle else None
            pose = round(x, 4), round(y, 4), _angle(heading + turn + self.world.road.slope(s, d))
            states.append(
                ObjectState(int(number), look.category, *pose, speed, look.size, lights, look.colour, travelled)
            )
        return tuple(sorted([*states, *self._lights(k)], key=lambda state: state.track_id))

    def _lights(self, k: int) -> Iterator[ObjectState]:
        """The heads of the traffic lights that the ego may see, as they are at frame ``k``."""
        time, ego_s = self._steps[k] / RATE, self.ego_s(k)
        for head in self._heads:
            if -5.0 < head.s - ego_s < SIGHT:
                yield head.state(self.world.road, time)

    def _frame(self, k: int) -> FrameFacts:
        time = self._steps[k] / RATE
        now = self._recording.course.at(time)
        ego = self.ego(k)
        objects = self._objects(k, ego)
        return FrameFacts(
            index=k,
            time=round(time - self.begins, 4),
            daylight=self.daylight(k),
            weather=now.weather,
            crowdedness=crowdedness(objects, self.camera.height),
            ego=ego,
            camera=self.camera,
            road=road_facts(self.world.road, ego, self.ego_s(k)),
            scenery=surroundings(self.world, ego, self.camera, self.ego_s(k)),
            objects=objects,
        )

    def _objects(self, k: int, ego: EgoState) -> tuple[ObjectFacts, ...]:
        """Everybody with a part in the image, with what nearer bodies and houses hide of them."""
        near: list[tuple[ObjectState, tuple[float, float, float], float]] = []
        for state in self.track(k):
            x, y = _to_ego(ego, state.x, state.y)
            center, heading = (
                (round(x, 4), round(y, 4), round(state.z + state.size[2] / 2, 4)),
                _angle(state.heading - ego.heading),
            )
            if may_be_seen(self.camera, center, state.size, within=SIGHT):
                near.append((state, center, heading))
        found = project_boxes(self.camera, [(center, state.size, heading) for state, center, heading in near])
        seen = [(*row, projection) for row, projection in zip(near, found, strict=True) if projection is not None]
        projections = [projection for *_, projection in seen]
        shares = occlusions(projections, self._houses(k, ego) if seen else ())
        return tuple(
            ObjectFacts(
                track_id=state.track_id,
                category=state.category,
                box=projection.box,
                amodal_box=projection.amodal_box,
                occlusion=share,
                truncation=projection.truncation,
                center=center,
                size=state.size,
                heading=heading,
                speed=state.speed,
                depth=projection.depth,
                lights=state.lights,
                appearance=state.appearance,
            )
            for (state, center, heading, projection), share in zip(seen, shares, strict=True)
        )

    def _houses(self, k: int, ego: EgoState) -> list[Projection]:
        s = self.ego_s(k)
        boxes: list[Box3] = []
        for thing in self.world.scenery(s - REACH, s + SIGHT):
            if thing.kind == "building":
                x, y = _to_ego(ego, thing.x, thing.y)
                center = (x, y, thing.size[2] / 2)
                if may_be_seen(self.camera, center, thing.size, within=SIGHT):
                    boxes.append((center, thing.size, thing.heading - ego.heading))
        return [projection for projection in project_boxes(self.camera, boxes) if projection is not None]


def tunnel_light(tunnels: Sequence[tuple[float, float]], s: float) -> float:
    """The share of daylight at ``s`` m: `TUNNEL_LIGHT` from `TUNNEL_RAMP` m behind a tunnel's mouth, 1 outside."""
    inside = max((min(s - low, high - s) for low, high in tunnels), default=0.0)
    return 1.0 - (1.0 - TUNNEL_LIGHT) * min(1.0, max(0.0, inside / TUNNEL_RAMP))


def compile(scenario: Scenario, *, fps: float = 30.0, seed: int | None = None) -> Timeline:
    """The timeline of ``scenario`` at ``fps`` frames per second; ``seed`` None means the scenario's own.

    The simulation runs at 120 steps/s whatever ``fps`` is. Frame k shows step ``floor(120 k / fps + 1/2)``: exact where
    fps divides 120 (1.875, 7.5, 30, ...), else the nearest step. So frame k at 7.5 frames/s is frame 4 k at 30. Raises
    ``ValueError`` for an fps outside (0, 120] and for a scenario that contradicts itself.

    >>> from scenarios import compile, load
    >>> timeline = compile(load("cut_in"), fps=7.5)
    >>> len(timeline), timeline[30].time
    (150, 4.0)
    """
    return Timeline(scenario, fps=fps, seed=scenario.seed if seed is None else seed)


def _to_ego(ego: EgoState, x: float, y: float) -> tuple[float, float]:
    cos, sin = math.cos(ego.heading), math.sin(ego.heading)
    return cos * (x - ego.x) + sin * (y - ego.y), -sin * (x - ego.x) + cos * (y - ego.y)


def _angle(value: float) -> float:
    """``value`` rad brought into (-pi, pi], rounded."""
    return round(math.atan2(math.sin(value), math.cos(value)), 4)

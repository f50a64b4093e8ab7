"""The scenario file as typed models: every key a person may write, its bounds and its default.

Numbers are SI; a string with a unit (``"80 km/h"``, ``"3 s"``) is turned into SI as it is read. Unknown keys are
errors. `scenarios.loading` reads files into these models and says where in the file a mistake is.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr, model_validator

from scenarios.expect import Expect
from scenarios.facts import Camera
from scenarios.parameters import Parameter
from scenarios.quantities import (
    Angle,
    Daylight,
    Duration,
    Length,
    Name,
    Pixels,
    PositiveDuration,
    Speed,
    Strict,
    TrafficLevel,
    Weather,
    Weight,
)
from scenarios.road import Road
from scenarios.road_spec import RoadSpec
from scenarios.story import Actor, Event, SetEnvironment
from scenarios.variations import Variations
from scenarios.when import When

CAMERA_PRESETS = {"front_1024x512": Camera()}
USUAL_MIX = {"car": 0.68, "van": 0.10, "truck": 0.06, "bus": 0.04, "motorcycle": 0.05, "bicycle": 0.07}


class Clock(Strict):
    """``duration``: length of the clip, s. The frame rate is an argument of `scenarios.compile`."""

    duration: PositiveDuration


class Intrinsics(Strict):
    """Focal lengths and principal point, px."""

    fx: Annotated[float, Field(gt=0)]
    fy: Annotated[float, Field(gt=0)]
    cx: float
    cy: float


class Mount(Strict):
    """Position in the ego frame, m, and pitch, rad, positive looking down."""

    x: Length = 1.6
    y: Length = 0.0
    z: Length = 1.5
    pitch: Angle = 0.0


class CameraSpec(Strict):
    """Either ``preset`` or ``width``, ``height``, ``intrinsics`` and, if it differs, ``mount``."""

    preset: Literal["front_1024x512"] | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    intrinsics: Intrinsics | None = None
    mount: Mount = Mount()

    @model_validator(mode="after")
    def _preset_or_explicit(self) -> CameraSpec:
        explicit = self.width, self.height, self.intrinsics
        whole = None not in explicit
        if (self.preset is None) != whole or (self.preset is not None and any(part is not None for part in explicit)):
            raise ValueError("expected either preset or all of width, height, intrinsics")
        if self.preset is not None and "mount" in self.model_fields_set and self.mount != Mount():
            raise ValueError("expected no mount beside preset")
        return self


class Surroundings(Strict):
    """What it is like at the start."""

    daylight: Daylight = 1.0
    weather: Weather = "clear"
    traffic_level: TrafficLevel = "low"


class Change(SetEnvironment):
    """From ``at`` seconds on, the named values go to the given ones ``over`` seconds. Weather switches half-way."""

    at: Duration


class Environment(Strict):
    """The surroundings at the start and how they change."""

    initial: Surroundings = Surroundings()
    timeline: tuple[Change, ...] = ()


class Amount(Strict):
    """How many: ``from: traffic_level`` follows the environment; ``count`` keeps that many around the ego."""

    source: Literal["traffic_level"] | None = Field(default=None, alias="from")
    count: Annotated[StrictInt, Field(ge=0, le=200)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Amount:
        if (self.source is None) == (self.count is None):
            raise ValueError("expected exactly one of from, count")
        return self


class TrafficSpec(Strict):
    """The background traffic: amounts and the mix of vehicle classes (weights, scaled to a sum of 1).

    ``parked``: the share of places in parking lanes that are taken. ``turning``: the share of vehicles that turn off at
    a junction where they can.
    """

    vehicles: Amount = Amount.model_validate({"from": "traffic_level"})
    pedestrians: Amount = Amount.model_validate({"from": "traffic_level"})
    classes: dict[str, Weight] = Field(default_factory=lambda: dict(USUAL_MIX))
    parked: Annotated[float, Field(ge=0, le=1)] = 0.7
    turning: Annotated[float, Field(ge=0, le=1)] = 0.2


class EgoInitial(Strict):
    """The ego's speed at the start, m/s."""

    speed: Speed = 12.0


class EgoSpec(Strict):
    """The ego starts with ``initial.speed`` and drives at ``cruise`` (by default the same) where it can."""

    initial: EgoInitial = EgoInitial()
    cruise: Speed | None = None

    @property
    def cruise_speed(self) -> float:
        """The speed the ego wants, m/s."""
        return self.initial.speed if self.cruise is None else self.cruise


class Generation(Strict):
    """Defaults of its clips; the command line goes before them.

    ``fps``: frames per second. ``steps``: of a rollout's denoiser per window; without it, what the weights' card says.
    ``seed``: of a rollout's noise; without it, the scenario's.
    """

    fps: Annotated[float, Field(gt=0, le=120)] = 30.0
    steps: Annotated[StrictInt, Field(ge=1, le=1000)] | None = None
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] | None = None


class Scenario(Strict):
    """One scenario: what happens, to whom, in which surroundings, seen from where."""

    schema_: Literal["drivesim.scenario/1"] = Field(alias="schema")
    name: Name
    description: StrictStr = ""
    tags: tuple[StrictStr, ...] = ()
    parameters: dict[Name, Parameter] = Field(default_factory=dict)
    clock: Clock
    camera: CameraSpec = CameraSpec(preset="front_1024x512")
    road: RoadSpec = RoadSpec()
    environment: Environment = Environment()
    traffic: TrafficSpec = TrafficSpec()
    ego: EgoSpec = EgoSpec()
    actors: tuple[Actor, ...] = ()
    events: tuple[Event, ...] = ()
    stop: When | None = None
    expect: tuple[Expect, ...] = ()
    variations: Variations | None = None
    generation: Generation = Generation()
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 0

    def geometry(self) -> Road:
        """The road as a shape."""
        return self.road.geometry()

    def camera_facts(self) -> Camera:
        """The camera in the terms of the frames' facts."""
        spec = self.camera
        if spec.preset is not None:
            return CAMERA_PRESETS[spec.preset]
        assert spec.width is not None
        assert spec.height is not None
        assert spec.intrinsics is not None
        return Camera(spec.width, spec.height, **spec.intrinsics.model_dump(), **spec.mount.model_dump())

    def canonical_json(self) -> str:
        """The resolved scenario, defaults written out, with sorted keys and no white space.

        ``parameters`` and ``variations`` are not in it: every value is concrete.
        """
        tree = self.model_dump(mode="json", by_alias=True, exclude={"parameters", "variations"})
        return json.dumps(tree, sort_keys=True, separators=(",", ":"))

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) of `canonical_json`."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()

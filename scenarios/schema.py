"""The scenario file as typed models: every key a person may write, its unit, its bounds and its default.

Numbers are SI; a string with a unit (``"80 km/h"``, ``"3 s"``) is turned into SI as it is read. Unknown keys are errors.
`scenarios.loading` reads files into these models and says where in the file a mistake is.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, model_validator

from scenarios.facts import Camera, categories

UNITS: dict[str, dict[str, float]] = {
    "speed": {"m/s": 1.0, "km/h": 1 / 3.6, "mph": 0.44704},
    "length": {"m": 1.0, "km": 1000.0, "cm": 0.01},
    "duration": {"s": 1.0, "ms": 0.001, "min": 60.0},
    "acceleration": {"m/s2": 1.0, "m/s^2": 1.0, "g": 9.80665},
    "angle": {"rad": 1.0, "deg": 0.017453292519943295},
    "curvature": {"1/m": 1.0},
}
DAYLIGHT = {"night": 0.0, "dawn_dusk": 0.5, "day": 1.0}
TRAFFIC_LEVELS = ("none", "low", "medium", "high")
CAMERA_PRESETS = {"front_1024x512": Camera()}
VEHICLES = tuple(name for name, category in categories().items() if category.group == "vehicle")
MAX_CURVATURE = 0.02  # 1/m; a tighter bend would fold the houses on its inner side over each other
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S+)\s*")


def _quantity(kind: str) -> BeforeValidator:
    units = UNITS[kind]

    def read(value: Any) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
        if match and match[2] in units:
            return float(match[1]) * units[match[2]]
        raise ValueError(
            f"expected a {kind}: a number of {next(iter(units))} or text with a unit of {', '.join(units)}"
        )

    return BeforeValidator(read)


def _daylight(value: Any) -> float:
    if isinstance(value, str) and value in DAYLIGHT:
        return DAYLIGHT[value]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"expected one of {', '.join(DAYLIGHT)} or a number in [0, 1]")


Speed = Annotated[float, _quantity("speed"), Field(ge=0, le=70)]
SpeedDifference = Annotated[float, _quantity("speed"), Field(ge=-70, le=70)]
Length = Annotated[float, _quantity("length")]
Duration = Annotated[float, _quantity("duration"), Field(ge=0, le=3600)]
Acceleration = Annotated[float, _quantity("acceleration"), Field(gt=0, le=10)]
Angle = Annotated[float, _quantity("angle")]
Curvature = Annotated[float, _quantity("curvature"), Field(ge=-MAX_CURVATURE, le=MAX_CURVATURE)]
Daylight = Annotated[float, BeforeValidator(_daylight)]
Weather = Literal["clear", "overcast", "rainy", "foggy"]
TrafficLevel = Literal["none", "low", "medium", "high"]
Name = Annotated[StrictStr, Field(pattern=r"^[a-z0-9_]{1,64}$")]
Pixels = Annotated[StrictInt, Field(ge=16, le=8192)]
Weight = Annotated[float, Field(ge=0)]


class Strict(BaseModel):
    """A frozen model without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def _exactly_one(self, *keys: str) -> None:
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(keys)}, not {', '.join(given) or 'none'}")


class Clock(Strict):
    """``duration``: length of the clip, s. The frame rate is an argument of `scenarios.compile`."""

    duration: Annotated[float, _quantity("duration"), Field(gt=0, le=3600)]


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


class RoadSpec(Strict):
    """``lanes`` own and ``oncoming`` lanes of ``lane_width`` m; the ego is in ``ego_lane``, 0 being the rightmost.

    ``curvature``: ``[s, 1/m]`` pairs, linear in between, left positive; constant before the first and after the last.
    The ego starts at s = 0.
    """

    lanes: Annotated[StrictInt, Field(ge=1, le=6)] = 2
    oncoming: Annotated[StrictInt, Field(ge=0, le=6)] = 1
    lane_width: Annotated[float, _quantity("length"), Field(ge=2.5, le=5)] = 3.5
    ego_lane: Annotated[StrictInt, Field(ge=0)] = 0
    curvature: tuple[tuple[Length, Curvature], ...] = ((0.0, 0.0),)


class Surroundings(Strict):
    """What it is like at the start."""

    daylight: Daylight = 1.0
    weather: Weather = "clear"
    traffic_level: TrafficLevel = "low"


class Change(Strict):
    """From ``at`` seconds on, the named values go to the given ones ``over`` seconds. Weather switches half-way."""

    at: Duration
    daylight: Daylight | None = None
    weather: Weather | None = None
    traffic_level: TrafficLevel | None = None
    over: Duration = 0.0
    shape: Literal["linear", "smooth"] = "linear"

    @model_validator(mode="after")
    def _changes_something(self) -> Change:
        if self.daylight is None and self.weather is None and self.traffic_level is None:
            raise ValueError("expected at least one of daylight, weather, traffic_level")
        return self


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
    """The background traffic: amounts and the mix of vehicle classes (weights, scaled to a sum of 1)."""

    vehicles: Amount = Amount(**{"from": "traffic_level"})
    pedestrians: Amount = Amount(**{"from": "traffic_level"})
    classes: dict[str, Weight] = {
        "car": 0.68,
        "van": 0.10,
        "truck": 0.06,
        "bus": 0.04,
        "motorcycle": 0.05,
        "bicycle": 0.07,
    }


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


class RelativeSpeed(Strict):
    """The ego's initial speed plus ``delta`` m/s."""

    relative_to: Literal["ego"]
    delta: SpeedDifference = 0.0


class ActorInitial(Strict):
    """Where an actor starts.

    ``lane``: for vehicles, lanes to the left of the ego's (negative: to the right); past the own lanes it is an oncoming one.
    ``side``: for people, the sidewalk. ``ahead``: m from the ego's centre to the actor's, along the road.
    ``speed``: m/s; by default vehicles drive at the ego's initial speed and people stand.
    """

    lane: StrictInt | None = None
    side: Literal["left", "right"] | None = None
    ahead: Length = 0.0
    speed: Speed | RelativeSpeed | None = None


class Track(Strict):
    """An explicit path: ``points`` or a CSV ``file`` in the scenario's folder with columns ``time,s,d``.

    ``time``: s. ``s``: m along the road from the ego's start. ``d``: m left of the divider between the directions.
    Linear in between; the actor stays at the last point. A file becomes ``points`` when the scenario is loaded.
    """

    file: StrictStr | None = None
    points: tuple[tuple[Duration, Length, Length], ...] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Track:
        self._exactly_one("file", "points")
        times = [point[0] for point in self.points or ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))]
        if len(times) < 2 or any(b <= a for a, b in zip(times, times[1:], strict=False)):
            raise ValueError("expected at least two points with strictly increasing times")
        return self


class Actor(Strict):
    """A named road user with a part to play. ``size``: length, width, height, m. ``colour``: r, g, b in 0..255."""

    id: Name
    category: Literal["car", "van", "truck", "bus", "motorcycle", "bicycle", "pedestrian"] = Field(alias="class")
    size: tuple[Length, Length, Length] | None = None
    colour: tuple[StrictInt, StrictInt, StrictInt] | None = None
    initial: ActorInitial | None = None
    track: Track | None = None

    @model_validator(mode="after")
    def _is_placed(self) -> Actor:
        self._exactly_one("initial", "track")
        if self.size is not None and not all(0.1 <= side <= 30 for side in self.size):
            raise ValueError("expected a size of three lengths between 0.1 and 30 m")
        if self.colour is not None and not all(0 <= channel <= 255 for channel in self.colour):
            raise ValueError("expected a colour of three whole numbers in 0..255")
        wrong = "side" if self.category in VEHICLES else "lane"
        if self.initial is not None and getattr(self.initial, wrong) is not None:
            raise ValueError(f"expected no {wrong} for a {self.category}")
        if self.initial is not None and self.category not in VEHICLES and self.initial.side is None:
            raise ValueError("expected a side of the road (left or right) for a pedestrian")
        return self


class Compare(Strict):
    """``to`` whom (an actor's id or ``ego``), and a bound ``above`` or ``below``."""

    to: Name
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Compare:
        self._exactly_one("above", "below")
        return self


class HeadwayCompare(Compare):
    """Bounds in s. Headway: gap between the bodies / speed of the rear one; negative where the actor is the rear one."""

    above: Annotated[float, _quantity("duration")] | None = None
    below: Annotated[float, _quantity("duration")] | None = None


class DistanceCompare(Compare):
    """Bounds in m. Distance: gap between the bodies along the road, 0 where they are side by side."""

    above: Length | None = None
    below: Length | None = None


class When(Strict):
    """The trigger: ``time``, ``headway``, ``distance``, or ``after`` another event is complete, plus ``delay``."""

    time: Duration | None = None
    headway: HeadwayCompare | None = None
    distance: DistanceCompare | None = None
    after: Name | None = None
    delay: Duration | None = None

    @model_validator(mode="after")
    def _one_trigger(self) -> When:
        self._exactly_one("time", "headway", "distance", "after")
        if self.delay is not None and self.after is None:
            raise ValueError("expected delay only beside after")
        return self


class SetSpeed(Strict):
    """Cruise at ``to`` m/s from now on, changing speed by ``rate`` m/s2. Complete when reached."""

    to: Speed
    rate: Acceleration = 2.0


class Brake(Strict):
    """Slow to ``to`` m/s by ``rate`` m/s2, hold that for ``hold`` s (without it: for good), then cruise as before."""

    to: Speed = 0.0
    rate: Acceleration = 6.0
    hold: Duration | None = None


class Follow(Strict):
    """Keep ``headway`` s behind ``target``, whichever lane it drives in, at up to 1.3 times the cruise speed."""

    target: Name
    headway: Annotated[float, _quantity("duration"), Field(ge=0.3, le=10)] = 1.5


class ChangeLane(Strict):
    """Move into a lane ``over`` s, as soon as nobody is beside: ``to_lane_of`` an actor or the ego, or ``to`` a lane number."""

    to_lane_of: Name | None = None
    to: StrictInt | None = None
    over: Annotated[float, _quantity("duration"), Field(ge=0.5, le=20)] = 3.0

    @model_validator(mode="after")
    def _one_target(self) -> ChangeLane:
        self._exactly_one("to_lane_of", "to")
        return self


class Cross(Strict):
    """Walk straight across the road to the other sidewalk at ``speed`` m/s."""

    speed: Annotated[float, _quantity("speed"), Field(gt=0, le=5)] = 1.4


class Do(Strict):
    """The action: exactly one of these."""

    set_speed: SetSpeed | None = None
    brake: Brake | None = None
    follow: Follow | None = None
    change_lane: ChangeLane | None = None
    cross: Cross | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Do:
        self._exactly_one("set_speed", "brake", "follow", "change_lane", "cross")
        return self


class Event(Strict):
    """When something is so, an actor (or ``ego``) does something, once."""

    id: Name
    actor: Name
    when: When
    do: Do


class Scenario(Strict):
    """One scenario: what happens, to whom, in which surroundings, seen from where."""

    schema_: Literal["drivesim.scenario/1"] = Field(alias="schema")
    name: Name
    description: StrictStr = ""
    tags: tuple[StrictStr, ...] = ()
    clock: Clock
    camera: CameraSpec = CameraSpec(preset="front_1024x512")
    road: RoadSpec = RoadSpec()
    environment: Environment = Environment()
    traffic: TrafficSpec = TrafficSpec()
    ego: EgoSpec = EgoSpec()
    actors: tuple[Actor, ...] = ()
    events: tuple[Event, ...] = ()
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 0

    def camera_facts(self) -> Camera:
        """The camera in the terms of the frames' facts."""
        spec = self.camera
        if spec.preset is not None:
            return CAMERA_PRESETS[spec.preset]
        assert spec.width is not None and spec.height is not None and spec.intrinsics is not None
        return Camera(spec.width, spec.height, **spec.intrinsics.model_dump(), **spec.mount.model_dump())

    def canonical_json(self) -> str:
        """The resolved scenario, defaults written out, with sorted keys and no white space."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) of `canonical_json`."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()

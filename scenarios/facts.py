"""FrameFacts: all that is true of one frame of driving video, as small validated dataclasses.

Frames of reference, used throughout the project (right-handed):

* **world**: x east, y north, z up, metres; heading counter-clockwise from x, radians.
* **ego**: origin at the ego's rear axle on the ground, x forward, y left, z up, metres; heading counter-clockwise
  from x.
* **camera**: x right, y down, z forward, metres.
* **image**: x right, y down, pixels, half-open: a full frame is ``(0, 0, width, height)``.

Every fact may be unknown: ``None`` always means *unknown*, never *none there* (an empty tuple says "none there").
Nothing here needs torch; a frame of real footage and a simulated one are the same type.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from scenarios.still_facts import STRICT, require
from scenarios.still_facts import LaneLine as LaneLine
from scenarios.still_facts import Point as Point
from scenarios.still_facts import RoadFacts as RoadFacts
from scenarios.still_facts import SceneryFacts as SceneryFacts

FACTS_SCHEMA = "drivesim.facts/1"
WEATHERS = ("clear", "overcast", "rainy", "foggy", "snowy")
INDICATORS = ("off", "left", "right", "both")
TIMES_OF_DAY = ("night", "dawn_dusk", "day")

Box = tuple[float, float, float, float]
DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of thing in the road: its group and usual size ``(length, width, height)`` in metres.

    ``group``: "vehicle", "person" or "other", which is neither.
    """

    name: str
    group: str
    size: tuple[float, float, float]


@cache
def categories() -> Mapping[str, Category]:
    """The kinds of things by name, in the fixed order in which networks and detectors number them.

    >>> list(categories())
    ['car', 'van', 'truck', 'bus', 'motorcycle', 'bicycle', 'pedestrian', 'animal', 'obstacle', 'traffic_light']
    """
    rows = yaml.safe_load((DATA / "categories.yaml").read_text(encoding="utf-8"))
    return MappingProxyType({name: Category(name, row["group"], tuple(row["size"])) for name, row in rows.items()})


TIME_BORDERS = (1 / 3, 2 / 3)  # of daylight, between the times of day


def time_of_day(daylight: float) -> str:
    """The class of a daylight in [0, 1]; the classes split at 1/3 and 2/3.

    >>> time_of_day(0.0), time_of_day(0.5), time_of_day(1.0)
    ('night', 'dawn_dusk', 'day')
    """
    require(0.0 <= daylight <= 1.0, f"daylight is {daylight}, expected a number in [0, 1]")
    return TIMES_OF_DAY[sum(daylight >= border for border in TIME_BORDERS)]


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera fixed to the ego.

    ``width, height``: pixels. ``fx, fy, cx, cy``: pixels. ``x, y, z``: position in the ego frame, metres.
    ``pitch``: radians, positive looks down.
    """

    __pydantic_config__ = STRICT

    width: int = 1024
    height: int = 512
    fx: float = 780.0
    fy: float = 780.0
    cx: float = 512.0
    cy: float = 256.0
    x: float = 1.6
    y: float = 0.0
    z: float = 1.5
    pitch: float = 0.0

    def __post_init__(self) -> None:
        require(self.width > 0 and self.height > 0, f"camera size is {self.width} x {self.height}, expected positive")
        require(self.fx > 0 and self.fy > 0, f"focal length is ({self.fx}, {self.fy}) px, expected positive")

    def resized(self, width: int, height: int) -> Camera:
        """The same camera with its image scaled to ``width`` x ``height`` pixels."""
        sx, sy = width / self.width, height / self.height
        return dataclasses.replace(
            self, width=width, height=height, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy
        )


@dataclass(frozen=True, slots=True)
class EgoState:
    """The ego's pose in the world (m, rad) and motion: speed m/s, acceleration m/s2, yaw rate rad/s (left positive).

    ``odometer``: how far along its road its origin is, m, from a place that is the same for the whole clip; of the town
    the s of its street.
    """

    __pydantic_config__ = STRICT

    x: float
    y: float
    heading: float
    speed: float
    acceleration: float = 0.0
    yaw_rate: float = 0.0
    odometer: float | None = None


@dataclass(frozen=True, slots=True)
class Lights:
    """The lamps of a vehicle: head lights on, brake lights on, indicator."""

    __pydantic_config__ = STRICT

    head: bool = False
    brake: bool = False
    indicator: str = "off"

    def __post_init__(self) -> None:
        require(self.indicator in INDICATORS, f"indicator is {self.indicator!r}, expected one of {INDICATORS}")


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """One road user, or another thing in the road, in one frame.

    ``track_id``: the same number on every frame of the clip; negative where it is unknown who it is. ``category``: a
    key of `categories`.
    ``center``: geometric centre of the 3-D box (x, y, z), ego frame, m. ``size``: (length, width, height), m.
    ``heading``: ego frame, rad. ``speed``: m/s along its heading. ``depth``: distance of the centre along the optical
    axis, m.
    ``box``: the box clipped to the image (x1, y1, x2, y2), px. ``amodal_box``: the same, not clipped to the image
    border.
    ``occlusion``: share of the clipped box hidden behind nearer bodies. ``truncation``: share of the amodal box
    outside the image.
    ``lights``: lamps. ``appearance``: body colour of the track, (r, g, b) in 0..255; of a
    traffic light the colour that is lit.
    """

    __pydantic_config__ = STRICT

    track_id: int
    category: str
    box: Box
    amodal_box: Box | None = None
    occlusion: float | None = None
    truncation: float | None = None
    center: tuple[float, float, float] | None = None
    size: tuple[float, float, float] | None = None
    heading: float | None = None
    speed: float | None = None
    depth: float | None = None
    lights: Lights | None = None
    appearance: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        require(self.category in categories(), f"category is {self.category!r}, expected one of {tuple(categories())}")
        x1, y1, x2, y2 = self.box
        require(x1 <= x2 and y1 <= y2, f"box of track {self.track_id} is {self.box}, expected x1 <= x2 and y1 <= y2")
        for name in ("occlusion", "truncation"):
            share = getattr(self, name)
            require(share is None or 0.0 <= share <= 1.0, f"{name} is {share}, expected a number in [0, 1]")

    @property
    def group(self) -> str:
        """``"vehicle"``, ``"person"`` or ``"other"``."""
        return categories()[self.category].group


@dataclass(frozen=True, slots=True)
class Crowdedness:
    """What is seen: the counts of visible vehicles and of visible people (the rule is in `scenarios.crowdedness`)."""

    __pydantic_config__ = STRICT

    vehicles: int
    people: int


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """All that is true of one frame. ``index``: frame number from 0. ``time``: seconds since the clip's start.

    ``daylight`` in [0, 1]: night 0, dawn or dusk 0.5, day 1. ``weather``: one of `WEATHERS`. Objects are sorted by
    track id and hold every road user whose clipped box is not empty, hidden ones too (``occlusion`` tells).
    """

    __pydantic_config__ = STRICT

    index: int
    time: float
    daylight: float | None = None
    weather: str | None = None
    crowdedness: Crowdedness | None = None
    ego: EgoState | None = None
    camera: Camera | None = None
    road: RoadFacts | None = None
    scenery: tuple[SceneryFacts, ...] | None = None
    objects: tuple[ObjectFacts, ...] | None = None

    def __post_init__(self) -> None:
        require(self.index >= 0, f"frame index is {self.index}, expected 0 or more")
        require(math.isfinite(self.time), f"frame time is {self.time}, expected a finite number of seconds")
        if self.daylight is not None:
            time_of_day(self.daylight)
        require(
            self.weather is None or self.weather in WEATHERS, f"weather is {self.weather!r}, expected one of {WEATHERS}"
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown facts are left out."""
        return _plain(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> FrameFacts:
        """The inverse of `to_dict`. Raises ``ValueError`` on an unknown key or a value out of range.

        >>> facts = FrameFacts(index=3, time=0.1, daylight=1.0, ego=EgoState(0, 0, 0, 12.5))
        >>> FrameFacts.from_dict(facts.to_dict()) == facts
        True
        """
        row = dict(row)
        nested = {
            "crowdedness": lambda v: _build(Crowdedness, v),
            "ego": lambda v: _build(EgoState, v),
            "camera": lambda v: _build(Camera, v),
            "road": _road_from_dict,
            "scenery": lambda v: tuple(_build(SceneryFacts, _with_tuples(item)) for item in v),
            "objects": lambda v: tuple(_object_from_dict(item) for item in v),
        }
        for key, build in nested.items():
            if row.get(key) is not None:
                row[key] = build(row[key])
        return _build(cls, row)

    @classmethod
    def from_json(cls, data: bytes) -> FrameFacts:
        """`from_dict` of a JSON text, with every type checked, in less than half the time.

        Raises ``ValueError`` on what is no JSON, an unknown key, a value of another type, out of range or not finite.

        >>> FrameFacts.from_json(b'{"index": 0, "time": "now"}')
        Traceback (most recent call last):
        ValueError: time is 'now': Input should be a valid number, expected a frame's facts
        """
        try:
            return _reader().validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == "value_error":
                raise ValueError(str(first["ctx"]["error"])) from error
            place = ".".join(map(str, first["loc"])) or "line"
            found = first["input"] if isinstance(first["input"], str | int | float) else type(first["input"]).__name__
            raise ValueError(f"{place} is {str(found)[:80]!r}: {first['msg']}, expected a frame's facts") from error


@cache
def _reader() -> TypeAdapter[FrameFacts]:
    return TypeAdapter(FrameFacts)


def _road_from_dict(row: Mapping[str, Any]) -> RoadFacts:
    lines = tuple(_build(LaneLine, {**line, "points": _points(line.get("points", ()))}) for line in row["lines"])
    return RoadFacts(lines, _points(row["drivable"]), tuple(_points(area) for area in row.get("crossings", ())))


def _object_from_dict(row: Mapping[str, Any]) -> ObjectFacts:
    row = _with_tuples(row)
    if row.get("lights") is not None:
        row["lights"] = _build(Lights, row["lights"])
    return _build(ObjectFacts, row)


def _with_tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def _points(rows: Any) -> tuple[Point, ...]:
    return tuple((x, y) for x, y in rows)


def _build(kind: type, row: Mapping[str, Any]) -> Any:
    try:
        return kind(**row)
    except TypeError as error:
        fields = [field.name for field in dataclasses.fields(kind)]
        raise ValueError(f"{kind.__name__} got {sorted(row)}, expected keys of {fields}") from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: _plain(item) for name, item in pairs if item is not None}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value

"""Typed values of the scenario file: numbers with units, names, and the strict model that all others derive from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr

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


def quantity(value: Any, *, si: str | None = None) -> float:
    """A number, which is SI, or text with any unit that we know, in SI. Raises ``ValueError``.

    ``si``: only units of what this SI unit measures.

    >>> quantity("36 km/h"), quantity(2)
    (10.0, 2.0)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    kinds = [known for known in UNITS.values() if si is None or si in known]
    units = {unit: factor for known in kinds for unit, factor in known.items()}
    if match and match[2] in units:
        return float(match[1]) * units[match[2]]
    raise ValueError(f"expected a number in SI or text with a unit of {', '.join(units)}")


def _daylight(value: Any) -> float:
    if isinstance(value, str) and value in DAYLIGHT:
        return DAYLIGHT[value]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"expected one of {', '.join(DAYLIGHT)} or a number in [0, 1]")


Quantity = Annotated[float, BeforeValidator(quantity)]
Speed = Annotated[float, _quantity("speed"), Field(ge=0, le=70)]
SignedSpeed = Annotated[float, _quantity("speed"), Field(ge=-140, le=140)]
SpeedDifference = Annotated[float, _quantity("speed"), Field(ge=-70, le=70)]
Length = Annotated[float, _quantity("length")]
PositiveLength = Annotated[float, _quantity("length"), Field(gt=0, le=1000)]
Duration = Annotated[float, _quantity("duration"), Field(ge=0, le=3600)]
Seconds = Annotated[float, _quantity("duration")]
PositiveDuration = Annotated[float, _quantity("duration"), Field(gt=0, le=3600)]
ManoeuvreDuration = Annotated[float, _quantity("duration"), Field(ge=0.5, le=20)]
HeadwayKept = Annotated[float, _quantity("duration"), Field(ge=0.3, le=10)]
WalkingSpeed = Annotated[float, _quantity("speed"), Field(gt=0, le=8)]  # also of those who ride across
LaneWidth = Annotated[float, _quantity("length"), Field(ge=2.5, le=5)]
Acceleration = Annotated[float, _quantity("acceleration"), Field(gt=0, le=10)]
Angle = Annotated[float, _quantity("angle")]
Curvature = Annotated[float, _quantity("curvature"), Field(ge=-MAX_CURVATURE, le=MAX_CURVATURE)]
Daylight = Annotated[
    float,
    Field(ge=0, le=1),
    BeforeValidator(_daylight, json_schema_input_type=Literal["night", "dawn_dusk", "day"] | float),
]
Weather = Literal["clear", "overcast", "rainy", "foggy", "snowy"]
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

    def _at_most_one(self, *keys: str) -> None:
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"expected at most one of {', '.join(keys)}, not {', '.join(given)}")

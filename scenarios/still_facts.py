"""What stands still around the ego, as facts: the road and the scenery beside it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict

LINE_KINDS = ("solid", "dashed", "edge", "stop")
LINE_COLOURS = ("white", "yellow")
SCENERY_KINDS = ("building", "tree", "pole", "wall")

Point = tuple[float, float]
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)  # for `FrameFacts.from_json`


@dataclass(frozen=True, slots=True)
class LaneLine:
    """One painted or physical line; of the kinds, "edge" is a kerb and "stop" lies across the lanes.

    ``points``: ((x, y), ...) on the ground in the ego frame, metres, near to far.
    """

    __pydantic_config__ = STRICT

    kind: str
    colour: str
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        require(self.kind in LINE_KINDS, f"lane line kind is {self.kind!r}, expected one of {LINE_KINDS}")
        require(self.colour in LINE_COLOURS, f"lane line colour is {self.colour!r}, expected one of {LINE_COLOURS}")
        require(len(self.points) >= 2, f"a lane line has {len(self.points)} points, expected at least 2")


@dataclass(frozen=True, slots=True)
class RoadFacts:
    """The road around the ego, in the ego frame, metres: its lines, and areas as polygons ``((x, y), ...)``.

    ``drivable``: the carriageway, with the mouths of roads that cross it. ``crossings``: zebra crossings.
    """

    __pydantic_config__ = STRICT

    lines: tuple[LaneLine, ...]
    drivable: tuple[Point, ...]
    crossings: tuple[tuple[Point, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class SceneryFacts:
    """A box that something standing beside the road fills, in the ego frame, m and rad.

    ``kind``: one of `SCENERY_KINDS`; a tree is its crown, trunks, lamps, signs and masts are poles, the sides and roofs
    of tunnels walls.
    ``center``: of the box (x, y, z). ``size``: (length, width, height). ``heading``: of its length.
    """

    __pydantic_config__ = STRICT

    kind: str
    center: tuple[float, float, float]
    size: tuple[float, float, float]
    heading: float

    def __post_init__(self) -> None:
        require(self.kind in SCENERY_KINDS, f"scenery kind is {self.kind!r}, expected one of {SCENERY_KINDS}")
        require(min(self.size) > 0, f"the size of scenery is {self.size}, expected positive")


def require(condition: bool, message: str) -> None:
    """Raise ``ValueError`` with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)

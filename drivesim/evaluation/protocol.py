"""The named protocol: every rule that a score depends on, and its hash."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from scenarios.crowdedness import VisibleRule, crowdedness_classes, visible_rule
from scenarios.facts import categories

Range = tuple[float | None, float | None]  # low <= value < high; None: no bound

ROAD_USERS = tuple(name for name, category in categories().items() if category.group != "other")
KINDS = {"group": ("vehicle", "person"), "category": tuple(categories())}


@dataclass(frozen=True)
class Protocol:
    """The rules of the detection benchmark. Two results compare only if their protocols are equal.

    ``by``: scores are taken per ``"group"`` (vehicle, person) or per ``"category"``. ``every``: every how many-th frame
    is scored. ``visible``: which true boxes count; the others are ignored. ``iou``: lowest overlap of a hit.
    ``score``: lowest score of a detection for recall, false detections, counts, examples (average precision uses all).
    ``most``: detections of a kind that count in a frame, those of the highest scores (COCO's maximum).
    ``sizes``, ``distances``, ``occlusions``: the slices of boxes as ranges of a box's height (share of the image's),
    distance (m) and hidden share. ``crowdedness``: the classes of frames, each with its lowest count of visible road
    users.
    ``window``: length of a time window, s. ``draws`` and ``seed``: of the bootstrap over clips.

    >>> Protocol(every=1).sha256() == Protocol(every=2).sha256()
    False
    """

    name: str = "drivesim.detection/2"
    by: str = "group"
    every: int = 6
    visible: VisibleRule = field(default_factory=visible_rule)
    iou: float = 0.5
    score: float = 0.3
    most: int = 100
    sizes: tuple[Range, ...] = ((0.05, 0.1), (0.1, None), (0.1, 0.2), (0.2, 0.4), (0.4, None))
    distances: tuple[Range, ...] = ((None, 10.0), (10.0, 20.0), (20.0, 40.0), (40.0, None))
    occlusions: tuple[Range, ...] = ((None, 0.1), (0.1, 0.3), (0.3, None))
    crowdedness: tuple[tuple[str, int], ...] = field(default_factory=crowdedness_classes)
    window: float = 2.0
    draws: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no protocol."""
        if self.by not in KINDS:
            raise ValueError(f"scores are asked for by {self.by!r}, expected one of {tuple(KINDS)}")
        if self.every < 1:
            raise ValueError(f"every is {self.every}, expected 1 or more")
        if not 1 <= self.most <= 100:  # COCO's own evaluation takes no more
            raise ValueError(f"most is {self.most}, expected 1 to 100")

    def kinds(self, findable: Collection[str] = ()) -> tuple[str, ...]:
        """What is scored apart: the groups, or the categories of road users and the other ones that are ``findable``.

        >>> Protocol().kinds(), Protocol(by="category").kinds(["car", "animal"])[-2:]
        (('vehicle', 'person'), ('pedestrian', 'animal'))
        """
        left_out = {name for name in categories() if name not in ROAD_USERS and name not in findable}
        return tuple(kind for kind in KINDS[self.by] if kind not in left_out)

    def to_dict(self) -> dict[str, Any]:
        """All rules, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Protocol:
        """The inverse of `to_dict`, from JSON too. Raises ``ValueError`` on rules that are not those of this version.

        >>> Protocol.from_dict(json.loads(json.dumps(Protocol(every=2).to_dict()))) == Protocol(every=2)
        True
        """
        try:
            visible = VisibleRule(**row["visible"])
            return cls(**{**{name: _tuples(value) for name, value in row.items()}, "visible": visible})
        except (KeyError, TypeError) as error:
            raise ValueError(f"found rules {sorted(row)}, expected those of {cls.name}") from error

    def sha256(self) -> str:
        """The hash of the rules."""
        return rules_hash(self.to_dict())


def rules_hash(rules: Mapping[str, Any]) -> str:
    """The sha256 of the rules' canonical JSON."""
    return hashlib.sha256(json.dumps(rules, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

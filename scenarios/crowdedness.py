"""Crowdedness: what is seen in a frame. One function for scenarios, town, real footage, detections and scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from scenarios.facts import DATA, Crowdedness, ObjectFacts


@cache
def _rule() -> dict[str, Any]:
    return yaml.safe_load((DATA / "crowdedness.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class VisibleRule:
    """When an object counts as seen: lowest box height (share of the image's), highest occlusion and truncation."""

    min_height: float
    max_occlusion: float
    max_truncation: float


@cache
def visible_rule() -> VisibleRule:
    """The project's own rule, from its data file.

    >>> visible_rule()
    VisibleRule(min_height=0.05, max_occlusion=0.5, max_truncation=0.6)
    """
    return VisibleRule(**_rule()["visible"])


def is_visible(thing: ObjectFacts, image_height: int, rule: VisibleRule | None = None) -> bool:
    """Whether an object is seen: tall enough (share of ``image_height`` px), not too occluded, not too truncated.

    An unknown occlusion or truncation counts as none of it: detections carry neither. Without ``rule``, `visible_rule`.
    """
    rule = rule or visible_rule()
    return (
        thing.box[3] - thing.box[1] >= rule.min_height * image_height
        and (thing.occlusion or 0.0) <= rule.max_occlusion
        and (thing.truncation or 0.0) <= rule.max_truncation
    )


def crowdedness(objects: Iterable[ObjectFacts], image_height: int) -> Crowdedness:
    """The counts of visible vehicles and of visible people among ``objects`` in an image ``image_height`` px high.

    >>> car = ObjectFacts(1, "car", (0, 0, 80, 40), occlusion=0.2)
    >>> crowdedness([car], image_height=512)
    Crowdedness(vehicles=1, people=0)
    """
    groups = [thing.group for thing in objects if is_visible(thing, image_height)]
    return Crowdedness(vehicles=groups.count("vehicle"), people=groups.count("person"))


@cache
def crowdedness_classes() -> tuple[tuple[str, int], ...]:
    """The classes, emptiest first, each with its lowest count of visible vehicles plus people.

    >>> crowdedness_classes()
    (('empty', 0), ('low', 1), ('medium', 4), ('high', 9))
    """
    return tuple(_rule()["classes"].items())


def crowdedness_class(seen: Crowdedness, classes: Sequence[tuple[str, int]] = crowdedness_classes()) -> str:
    """The class of a crowdedness: ``empty``, ``low``, ``medium`` or ``high``, by edges in one data file.

    >>> crowdedness_class(Crowdedness(vehicles=3, people=2))
    'medium'
    """
    count = seen.vehicles + seen.people
    return [name for name, lowest in classes if count >= lowest][-1]

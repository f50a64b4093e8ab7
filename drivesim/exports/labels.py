"""Which boxes of a frame an export writes, and under which class: what all formats have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from drivesim.clips.agreement import Agreement
from drivesim.errors import UserError
from scenarios.facts import FrameFacts, ObjectFacts, categories

POLICIES = ("keep", "flag", "drop")
MAPS = Path(__file__).parent / "class_maps"


@dataclass(frozen=True)
class LabelRule:
    """What becomes of a rollout's boxes that no judge found, and how small or hidden a thing is written at all.

    ``policy``: "keep" writes them as any other; "flag" writes them with the format's mark for what a detector need not
    find; "drop" leaves them out. ``overlap``: a judge found a box from this IoU on. ``least``: px, width and height
    from which on a box is written. ``hidden``: occlusion from which on it is not: nothing of the thing is to be seen.
    """

    policy: str = "flag"
    overlap: float = 0.5
    least: float = 1.0
    hidden: float = 0.95

    def __post_init__(self) -> None:
        """Raises `UserError` on an unknown policy or an overlap outside (0, 1]."""
        if self.policy not in POLICIES:
            raise UserError(f"policy is {self.policy!r}, expected one of {', '.join(POLICIES)}")
        if not 0 < self.overlap <= 1:
            raise UserError(f"overlap is {self.overlap}, expected a number above 0, up to 1")


class Label(NamedTuple):
    """An object to be written. ``name``: its class in the format. ``flagged``: a detector need not find it."""

    thing: ObjectFacts
    name: str
    flagged: bool


@cache
def class_map(form: str) -> dict[str, str | None]:
    """The classes of a format by our category; None: the format has none, it is an area to ignore or is left out.

    The maps are data files beside this module, one per format; each names every category.
    """
    rows: dict[str, str | None] = yaml.safe_load((MAPS / f"{form}.yaml").read_text(encoding="utf-8"))
    assert list(rows) == list(categories()), f"{form}.yaml names {list(rows)}"
    return rows


def labels(facts: FrameFacts, form: str, agreement: Agreement | None, rule: LabelRule) -> Iterator[Label]:
    """The objects of a frame that the format has a class for, by the rule. Raises `UserError` if they are unknown."""
    if facts.objects is None:
        raise UserError(f"frame {facts.index}: its objects are unknown, expected a labelled clip")
    names = class_map(form)
    for thing in facts.objects:
        name = names[thing.category]
        x1, y1, x2, y2 = thing.box
        hidden = thing.occlusion is not None and thing.occlusion >= rule.hidden
        if name is None or hidden or min(x2 - x1, y2 - y1) < rule.least:
            continue
        overlap = agreement.best(facts.index, thing.track_id) if agreement is not None else None
        doubted = overlap is not None and overlap < rule.overlap
        if doubted and rule.policy == "drop":
            continue
        yield Label(thing, name, doubted and rule.policy == "flag")

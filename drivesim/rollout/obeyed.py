"""What the weights have learned to obey, told before a rollout; cameras they were never shown are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drivesim.errors import UserError
from scenarios.facts import Camera
from scenarios.schema import Scenario

STATUSES = ("obeyed", "weak", "not learned")

# Field of a scenario file -> the conditions through which the networks hear of it.
HEARD_AS = {
    "camera": ("camera",),
    "road": ("road",),
    "environment.daylight": ("daylight",),
    "environment.weather": ("weather",),
    "environment.traffic_level": ("crowdedness",),
    "traffic": ("boxes",),
    "ego": ("ego",),
    "actors": ("boxes",),
    "events": ("boxes", "ego"),
}
TOLERANCE = 1e-3  # of trained ranges, which the card rounds


@dataclass(frozen=True)
class Obedience:
    """How a field is followed: its ``status``, one of `STATUSES`, and the card's ``evidence`` by condition."""

    field: str
    status: str
    evidence: Mapping[str, Any]

    def __str__(self) -> str:
        """One line: field, status, evidence."""
        said = "; ".join(f"{name}: {in_words(value)}" for name, value in self.evidence.items())
        return f"{self.field:26}{self.status:13}{said}".rstrip()


def obeyed(scenario: Scenario, card: Mapping[str, Any]) -> list[Obedience]:
    """How each field that ``scenario`` uses is followed, by the weights' ``card``.

    ``card["conditions"][name]`` is ``{"status": ..., "evidence": ...}``. A field heard through several
    conditions has the worst status of them. Raises `UserError` if the card does not speak of a condition, or
    not in these terms.
    """
    rows = []
    for name in used_fields(scenario):
        learned = {condition: card["conditions"].get(condition, {}) for condition in HEARD_AS[name]}
        for condition, row in learned.items():
            if row.get("status") not in STATUSES:
                raise UserError(f"the card says {row.get('status')!r} of {condition}, expected one of {STATUSES}")
        worst = max((row["status"] for row in learned.values()), key=STATUSES.index)
        evidence = {key: row["evidence"] for key, row in learned.items() if row.get("evidence")}
        if name == "environment.weather" and (unseen := _unseen_weather(scenario, card)):
            worst, evidence = STATUSES[-1], {**evidence, "never seen in training": ", ".join(unseen)}
        rows.append(Obedience(name, worst, evidence))
    return rows


def used_fields(scenario: Scenario) -> list[str]:
    """The fields of `HEARD_AS` that a scenario states, changes or fills; the camera and the road are always used."""
    changes = scenario.environment.timeline
    stated = {f"environment.{name}" for name in scenario.environment.initial.model_fields_set}
    stated |= {f"environment.{name}" for change in changes for name in change.model_fields_set}
    stated |= {name for name in ("traffic", "ego", "actors", "events") if name in scenario.model_fields_set}
    return [name for name in HEARD_AS if name in stated | {"camera", "road"}]


def check_camera(camera: Camera, card: Mapping[str, Any]) -> None:
    """Refuse a camera outside the ``card["trained_range"]``, or with a picture of another shape than the clip's.

    That has "focal_length" in image widths, "height" in m and "pitch" in rad, each ``[least, most]``; what it
    leaves out was unknown in training. Raises `UserError` naming the first that is outside.
    """
    if camera.width != 2 * camera.height:
        raise UserError(f"the camera's picture is {camera.width} x {camera.height} px, expected twice as wide as high")
    found = {"focal_length": camera.fx / camera.width, "height": camera.z, "pitch": camera.pitch}
    units = {"focal_length": "image widths", "height": "m", "pitch": "rad"}
    for name, value in found.items():
        trained = card["trained_range"].get(name)
        if trained is None or not trained[0] - TOLERANCE <= value <= trained[1] + TOLERANCE:
            known = "none that is known" if trained is None else f"{trained[0]:.3g} to {trained[1]:.3g}"
            raise UserError(
                f"the camera's {name.replace('_', ' ')} is {value:.3g} {units[name]}, expected {known}: the "
                "weights have seen no other (a rollout with an untrained camera must be allowed explicitly)"
            )


def _unseen_weather(scenario: Scenario, card: Mapping[str, Any]) -> list[str]:
    environment = scenario.environment
    asked = {environment.initial.weather, *(change.weather for change in environment.timeline if change.weather)}
    return sorted(asked - set(card["trained_range"].get("weather", ())))


def in_words(evidence: Any) -> str:
    """The evidence of one condition in words; a card without measurements has words already."""
    if not isinstance(evidence, Mapping):
        return str(evidence)
    heard, seen = evidence["heard"], evidence["seen"]
    if isinstance(heard, Mapping):
        low, high = heard["interval"]
        heard = f"told wrongly, the loss changes by {heard['gain']:+.1%} ({low:+.1%} to {high:+.1%})"
    if isinstance(seen, Mapping):
        place = seen["place"]
        seen = "nothing to see" if place is None else f"seen {place:.0%} of the way from chance to the town"
    return f"{heard}, {seen}"

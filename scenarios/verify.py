"""Whether a simulated scenario played as its author meant: its expectations, its events, its actors in the picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from scenarios.crowdedness import is_visible, visible_rule
from scenarios.expect import CountBounds, Expect
from scenarios.facts import FrameFacts
from scenarios.problem import Problem
from scenarios.timeline import Timeline


class Outcome(NamedTuple):
    """Whether the expectation ``id`` was ``met``, and what was seen, in words."""

    id: str
    met: bool
    told: str


def outcomes(timeline: Timeline) -> tuple[Outcome, ...]:
    """What became of each expectation of the scenario, in the order of the file.

    >>> from scenarios import compile, load
    >>> from scenarios.verify import outcomes
    >>> all(outcome.met for outcome in outcomes(compile(load("cut_in"), fps=7.5)))
    True
    """
    return _outcomes(timeline, list(timeline) if any(c.condition is None for c in timeline.scenario.expect) else [])


def _outcomes(timeline: Timeline, frames: list[FrameFacts]) -> tuple[Outcome, ...]:
    return tuple(
        _watched(check, timeline) if check.condition is not None else _looked_at(check, timeline, frames)
        for check in timeline.scenario.expect
    )


def play_problems(timeline: Timeline) -> Iterator[Problem]:
    """Expectations that were not met (errors), and events and actors that came to nothing (warnings)."""
    frames = list(timeline)
    for i, outcome in enumerate(_outcomes(timeline, frames)):
        if not outcome.met:
            yield Problem(("expect", i), f"found {outcome.id!r} not met: {outcome.told}")
    fired = {event.id for event in timeline.events}
    for i, event in enumerate(timeline.scenario.events):
        if event.id not in fired:
            yield Problem(("events", i), f"found {event.id!r} that never happens, expected it to", "warning")
    shown = {body.track_id for facts in frames for body in facts.objects or ()}
    for i, actor in enumerate(timeline.scenario.actors):
        if i + 1 not in shown:
            yield Problem(
                ("actors", i), f"found {actor.id!r} that is never in the picture, expected it to be", "warning"
            )


def _watched(check: Expect, timeline: Timeline) -> Outcome:
    held = timeline.watched[check.id]
    if held.true_at is None and held.false_at is None:
        return Outcome(check.id, False, "the scenario ended before that time")
    if check.always is not None:
        met = held.false_at is None
        return Outcome(check.id, met, "always so" if met else f"not so at {held.false_at:.2f} s")
    so = held.true_at is not None
    told = f"so at {held.true_at:.2f} s" if so else "at no time so"
    return Outcome(check.id, so if check.eventually is not None else not so, told)


def _looked_at(check: Expect, timeline: Timeline, frames: list[FrameFacts]) -> Outcome:
    rows = [facts for facts in frames if check.applies(facts.time)]
    if not rows:
        return Outcome(check.id, False, "the scenario ended before that time")
    if check.visible is not None:
        number = 1 + [actor.id for actor in timeline.scenario.actors].index(check.visible.actor)
        height = timeline.camera.height
        rule = dataclasses.replace(visible_rule(), min_height=check.visible.min_height_px / height)
        hits = [
            any(b.track_id == number and is_visible(b, height, rule) for b in facts.objects or ()) for facts in rows
        ]
        share = check.visible.share
    else:
        assert check.seen is not None
        hits = [_is_seen(facts, check.seen.vehicles, check.seen.people) for facts in rows]
        share = check.seen.share
    reached = sum(hits) / len(hits)
    met = reached >= share if share is not None else reached > 0.0
    return Outcome(check.id, met, f"so on {reached:.0%} of the frames")


def _is_seen(facts: FrameFacts, vehicles: CountBounds, people: CountBounds) -> bool:
    assert facts.crowdedness is not None
    pairs = ((vehicles, facts.crowdedness.vehicles), (people, facts.crowdedness.people))
    return all(
        bounds.at_least <= count and (bounds.at_most is None or count <= bounds.at_most) for bounds, count in pairs
    )

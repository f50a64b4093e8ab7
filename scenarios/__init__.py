"""Scenarios: what happens on the road, from a YAML file to the facts of every frame. No torch here."""

from scenarios.loading import load, loads, shipped
from scenarios.schema import Scenario
from scenarios.timeline import ObjectState, Timeline, compile

__all__ = ["ObjectState", "Scenario", "Timeline", "compile", "load", "loads", "shipped"]

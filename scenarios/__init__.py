"""Scenarios: what happens on the road, from a YAML file to the facts of every frame. No torch here.

>>> from scenarios import compile, load
>>> timeline = compile(load("cut_in"), fps=7.5)
>>> timeline[0].weather
'clear'
"""

from scenarios.findings import Finding, ScenarioError
from scenarios.loading import Template, Variant, load, loads, shipped, template, validate
from scenarios.object_state import ObjectState
from scenarios.sampling import sample
from scenarios.schema import Scenario
from scenarios.timeline import Timeline, compile

__all__ = [
    "Finding",
    "ObjectState",
    "Scenario",
    "ScenarioError",
    "Template",
    "Timeline",
    "Variant",
    "compile",
    "load",
    "loads",
    "sample",
    "shipped",
    "template",
    "validate",
]

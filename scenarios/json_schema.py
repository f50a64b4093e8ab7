"""The JSON Schema of the scenario file, for completion and checks in editors."""

from __future__ import annotations

import json
from typing import Any

from scenarios.facts import DATA
from scenarios.parameters import UNTOUCHED
from scenarios.quantities import UNITS
from scenarios.schema import Scenario

FILE = DATA / "scenario.schema.json"
_UNITS = sorted((unit for units in UNITS.values() for unit in units), key=len, reverse=True)
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}  # pydantic's own names
_TEXTS = {
    "Substituted": {"type": "string", "pattern": r"^\$", "description": "$name of a parameter, or $(arithmetic)"},
    "WithUnit": {
        "type": "string",
        "pattern": r"^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*("
        + "|".join(unit.replace("^", r"\^") for unit in _UNITS)
        + r")\s*$",
        "description": "a number with a unit, such as 80 km/h",
    },
}


def json_schema() -> dict[str, Any]:
    """The schema as plain data: that of the models, and wherever they take a value, ``$`` text and units as well."""
    made = Scenario.model_json_schema(by_alias=True)
    fixed = _reachable(made, UNTOUCHED)
    made["properties"] = {
        key: _widened(node, replaced=key not in UNTOUCHED) for key, node in made["properties"].items()
    }
    widened = {name: _widened(node, replaced=name not in fixed) for name, node in made["$defs"].items()}
    made["$defs"] = {**widened, **_TEXTS}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def text() -> str:
    """The schema as the text of its file."""
    return json.dumps(json_schema(), indent=1, sort_keys=True) + "\n"


def _widened(node: Any, *, replaced: bool) -> Any:
    """A copy of a schema in which numbers may have units and, if ``replaced``, values may be ``$`` text."""
    if isinstance(node, list):
        return [_widened(item, replaced=replaced) for item in node]
    if not isinstance(node, dict):
        return node
    is_number = node.get("type") == "number"
    if is_number or (replaced and (node.get("type") in ("integer", "boolean") or "enum" in node or "pattern" in node)):
        told = {key: node[key] for key in ("title", "description", "default") if key in node}
        plain = {_BOUNDS.get(key, key): value for key, value in node.items() if key not in told}
        also = ["WithUnit"] * is_number + ["Substituted"] * replaced
        return {**told, "anyOf": [plain, *({"$ref": f"#/$defs/{name}"} for name in also)]}
    kept = ("default", "const", "required")
    return {key: value if key in kept else _widened(value, replaced=replaced) for key, value in node.items()}


def _reachable(made: dict[str, Any], keys: tuple[str, ...]) -> set[str]:
    """The definitions that only what is never replaced leads to."""

    def named(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"].rsplit("/", 1)[1]} if "$ref" in node else set()
            return own.union(*(named(value) for value in node.values()))
        return set().union(*(named(item) for item in node)) if isinstance(node, list) else set()

    found: set[str] = set()
    waiting = named([node for key, node in made["properties"].items() if key in keys])
    while waiting:
        found |= waiting
        waiting = named([made["$defs"][name] for name in waiting]) - found
    return found

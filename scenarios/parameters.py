"""Parameters of a scenario file: typed, bounded values that ``$name`` and ``$(arithmetic)`` stand for.

Any value of the file that is text beginning with ``$`` is replaced before the file is read into the models, except in
``parameters``, ``variations``, ``name``, ``description`` and ``tags``. Numbers are SI there as everywhere: a parameter
of 80 km/h counts 22.2 in arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import StrictStr, model_validator

from scenarios.expressions import ExpressionError, evaluate
from scenarios.quantities import Strict, quantity
from scenarios.when import Path

Value = float | int | bool | str
UNTOUCHED = ("schema", "name", "description", "tags", "parameters", "variations")
_NAME = re.compile(r"\$([a-z_][a-z0-9_]*)")


class Parameter(Strict):
    """One parameter. ``default`` is used where nothing else is asked for; ``min`` and ``max`` bound every value.

    ``unit``: the SI unit that numbers are in; text such as "80 km/h" is turned into it. ``values``: the only ones
    allowed. ``description``: for people.
    """

    type: Literal["float", "int", "bool", "str"] = "float"
    default: Any
    min: Any = None
    max: Any = None
    unit: Literal["m/s", "m", "s", "m/s2", "rad", "1/m"] | None = None
    values: tuple[Any, ...] | None = None
    description: StrictStr = ""

    @model_validator(mode="after")
    def _consistent(self) -> Parameter:
        if self.type not in ("float", "int") and any(x is not None for x in (self.min, self.max, self.unit)):
            raise ValueError(f"expected no min, max and unit beside the type {self.type}")
        self.read(self.default)
        return self

    def read(self, value: Any) -> Value:
        """``value`` as this parameter, numbers in SI. Raises ``ValueError`` where it does not fit."""
        read = self._typed(value)
        for bound, wrong, word in (
            (self.min, lambda a, b: a < b - 1e-6 * abs(b), "at least"),  # units do not convert exactly
            (self.max, lambda a, b: a > b + 1e-6 * abs(b), "at most"),
        ):
            if bound is not None and wrong(read, self._typed(bound)):
                raise ValueError(f"expected {word} {bound}, not {value!r}")
        if self.values is not None and read not in [self._typed(known) for known in self.values]:
            raise ValueError(f"expected one of {', '.join(map(str, self.values))}, not {value!r}")
        return read

    def _typed(self, value: Any) -> Value:
        if self.type == "float":
            return quantity(value, si=self.unit)
        if type(value).__name__ != self.type:
            raise ValueError(f"expected a value of the type {self.type}, not {value!r}")
        typed: Value = value
        return typed


class SubstitutionError(ValueError):
    """A value that cannot be replaced; ``path`` tells where it stands."""

    def __init__(self, path: Path, message: str) -> None:
        """Say ``message`` about the value at ``path``."""
        super().__init__(message)
        self.path = path


def substituted(tree: Any, values: Mapping[str, Value], path: Path = ()) -> Any:
    """A copy of ``tree`` (plain data) in which text such as ``$speed`` or ``$(2 * speed)`` is replaced.

    Raises `SubstitutionError`.

    >>> substituted({"ahead": "$(2 * gap + 1)", "speed": "$v", "note": "a $ b"}, {"gap": 3, "v": 10.0})
    {'ahead': 7, 'speed': 10.0, 'note': 'a $ b'}
    """
    if isinstance(tree, dict):
        return {
            key: value if not path and key in UNTOUCHED else substituted(value, values, (*path, key))
            for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [substituted(value, values, (*path, i)) for i, value in enumerate(tree)]
    if not isinstance(tree, str) or not tree.startswith("$"):
        return tree
    match = _NAME.fullmatch(tree)
    if not match and not (tree.startswith("$(") and tree.endswith(")")):
        raise SubstitutionError(path, f"found {tree!r}, expected $name or $(arithmetic)")
    try:
        return evaluate(match[1] if match else tree[2:-1], values)
    except ExpressionError as error:
        raise SubstitutionError(path, f"{error}, in {tree!r}") from error


def overridden(tree: dict[str, Any], place: str, value: Any) -> None:
    """Put ``value`` at the dotted ``place`` of ``tree``; items of lists go by their number or their ``id``.

    Raises `SubstitutionError` where the place is none.

    >>> tree = {"actors": [{"id": "van", "initial": {"ahead": 5}}]}
    >>> overridden(tree, "actors.van.initial.ahead", 9)
    >>> tree
    {'actors': [{'id': 'van', 'initial': {'ahead': 9}}]}
    """
    node: Any = tree
    *parents, last = place.split(".")
    for part in parents:
        if isinstance(node, dict):
            node = node.setdefault(part, {})
        else:
            node = node[_index(node, part, place)]
    if isinstance(node, dict):
        node[last] = value
    else:
        node[_index(node, last, place)] = value


def _index(node: Any, part: str, place: str) -> int:
    """The number of the item of the list ``node`` that ``part`` of ``place`` means."""
    if not isinstance(node, list):
        raise SubstitutionError((), f"found {place!r}, which leads into {node!r}, expected the place of a value")
    ids = [item.get("id") if isinstance(item, dict) else None for item in node]
    if part in ids:
        return ids.index(part)
    if part.isdigit() and int(part) < len(node):
        return int(part)
    known = ", ".join(str(name) for name in ids if name) or f"0 .. {len(node) - 1}"
    raise SubstitutionError((), f"found {part!r} in {place!r}, expected one of {known}")
